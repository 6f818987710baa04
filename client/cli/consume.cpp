// tandem consume
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <iterator>
#include <limits>

#include "client/cli/context.h"
#include "client/cli/progress.h"
#include "client/cli/queue_name.h"

namespace tandem::cli {
namespace {

constexpr std::size_t batch_messages = 256;  // printed, then settled together
constexpr std::uint64_t unsettled_max = 262'144;  // the broker's limit for a channel

struct ConsumeOptions {
  std::string queue, timeout;
  std::uint64_t count = 0;
  std::uint32_t prefetch = 2'048;  // several batches: the next ones are on their way while one is printed
  bool ack = false, requeue = false, reject = false, no_ack = false;
};

Row row_of(const Delivery& delivery) {
  const auto decoded = delivery.properties();
  const Properties properties = decoded ? *decoded : Properties{};
  return {{"seq", delivery.queue_seq()},
          {"exchange", std::string(delivery.parts().exchange)},
          {"routing_key", std::string(delivery.parts().routing_key)},
          {"redelivered", delivery.redelivered()},
          {"properties", to_json(properties)},
          {"headers", properties.headers ? to_json(*properties.headers) : Row::object()},
          {"body", std::string(delivery.body())}};
}

/// Bodies alone, a line each, unless JSON was asked for: what the next program in a pipe wants.
void print(const Delivery& delivery, const std::string& output) {
  if (output == "json" || output == "jsonl") {
    print_streamed(row_of(delivery), Format::jsonl);
  } else if (output == "tsv") {
    print_streamed(row_of(delivery), Format::tsv);
  } else {
    std::fwrite(delivery.body().data(), 1, delivery.body().size(), stdout);
    std::fputc('\n', stdout);
  }
}

/// The first `count` of them.
void settle(std::vector<Delivery>& printed, std::size_t count, const ConsumeOptions& options) {
  const auto end = printed.begin() + static_cast<std::ptrdiff_t>(count);
  std::vector<Delivery> batch(std::make_move_iterator(printed.begin()), std::make_move_iterator(end));
  printed.erase(printed.begin(), end);
  for (auto& delivery : batch) {
    if (options.requeue)
      delivery.requeue();
    else if (options.reject)
      delivery.reject();
  }
  if (options.ack) Consumer::ack_all(batch);
}

void consume(Context& context, const ConsumeOptions& options) {
  const std::int64_t timeout_ms =
      options.timeout.empty() ? -1 : duration_option("--timeout", options.timeout);
  std::uint32_t prefetch = options.prefetch;
  std::uint64_t count = options.count;
  // What goes back at once would come again at once, until the queue's delivery limit drops it: all is held until the end.
  if (options.requeue) {
    if (count == 0) count = prefetch == 0 ? unsettled_max : prefetch;
    if (count > unsettled_max)
      fail_usage("--requeue holds what it prints, " + std::to_string(unsettled_max) + " messages at most");
    prefetch = static_cast<std::uint32_t>(count);
  } else if (count != 0 && (prefetch == 0 || prefetch > count)) {
    prefetch = static_cast<std::uint32_t>(std::min<std::uint64_t>(count, std::numeric_limits<std::uint32_t>::max()));
  }
  Client& client = context.client();
  auto consumer = need_queue(
      client, options.queue,
      Consumer::open(client, {.queue = options.queue, .prefetch = prefetch, .no_ack = options.no_ack}),
      read_instead(options.queue));
  std::vector<Delivery> batch, printed;
  std::uint64_t taken = 0, settled = 0;
  // Each that is settled lets the broker send another: so that no message beyond the count is ever on its way, the last ones
  // wait until nothing more is wanted.
  const auto settle_printed = [&](bool all) {
    const std::uint64_t may_be_settled = count == 0 || all ? taken : std::min(taken, count - prefetch);
    if (may_be_settled <= settled) return;
    settle(printed, static_cast<std::size_t>(may_be_settled - settled), options);
    settled = may_be_settled;
  };
  Progress progress("received", Progress::Beside::output);
  auto last = std::chrono::steady_clock::now();
  while (count == 0 || taken < count) {
    const std::size_t wanted = count == 0 ? batch_messages : std::min<std::uint64_t>(batch_messages, count - taken);
    auto received = consumer.receive_many(batch, wanted, Milliseconds(100));
    if (!received && received.error().code != ErrorCode::timed_out) fail(received.error());
    if (batch.empty()) {
      progress.add(0);  // shown also while nothing comes
      const auto quiet = std::chrono::steady_clock::now() - last;
      if (timeout_ms >= 0 && quiet >= Milliseconds(timeout_ms)) break;
      continue;
    }
    last = std::chrono::steady_clock::now();
    for (const auto& delivery : batch) print(delivery, context.output);
    flush_stdout();  // printed before it is settled: a message is never lost between the two
    taken += batch.size();
    progress.add(batch.size());
    std::move(batch.begin(), batch.end(), std::back_inserter(printed));
    batch.clear();
    settle_printed(false);
  }
  need(consumer.stop());
  settle_printed(true);
  need(consumer.flush());
  need(consumer.close());
  if (options.count != 0 && taken < options.count)
    throw Failure{taken == 0 ? exit_failed : exit_partly_done,
                  std::to_string(taken) + " of " + std::to_string(options.count) + " messages came in time"};
}

}  // namespace

void add_consume(CLI::App& app, Context& context) {
  auto options = make_options<ConsumeOptions>();
  auto* verb = app.add_subcommand("consume",
                                  "Print messages of a queue, a line each, as they come.\n"
                                  "  tandem consume work --count 10 --ack");
  verb->add_option("QUEUE", options->queue, "it must be there: `tandem queue declare`")->required();
  verb->add_option("--count", options->count, "stop after so many; 0 = never")
      ->check(not_negative())
      ->capture_default_str();
  verb->add_option("--timeout", options->timeout, "stop when nothing came for so long (5s)");
  verb->add_option("--prefetch", options->prefetch, "messages in hand at most; 0 = as many as the broker gives")
      ->check(not_negative())
      ->capture_default_str();
  auto* ack = verb->add_flag("--ack", options->ack, "take them off the queue");
  auto* requeue = verb->add_flag("--requeue", options->requeue, "give them back in the end; --prefetch of them, without --count")->excludes(ack);
  auto* reject = verb->add_flag("--reject", options->reject, "dead-letter or drop them")
                     ->excludes(ack)
                     ->excludes(requeue);
  verb->add_flag("--no-ack", options->no_ack, "they count as taken when they leave the broker")
      ->excludes(ack)
      ->excludes(requeue)
      ->excludes(reject);
  verb->callback([options, &context] {
    if (!options->ack && !options->requeue && !options->reject && !options->no_ack)
      fail_usage("consume wants one of --ack, --requeue, --reject, --no-ack: what becomes of the messages");
    consume(context, *options);
  });
}

}  // namespace tandem::cli
