// tandem publish
#include <mutex>

#include "client/cli/bodies.h"
#include "client/cli/context.h"

namespace tandem::cli {
namespace {

struct PublishOptions {
  std::string exchange, key, queue, content_type, expiration, message_id, correlation_id, reply_to, type;
  int priority = -1;
  std::vector<std::string> headers;
  bool transient = false, mandatory = false;
  Bodies bodies;

  Properties properties() const {
    Properties all = persistent();
    if (transient) all.delivery_mode = std::uint8_t{1};
    const auto set = [](std::optional<std::string>& to, const std::string& from) {
      if (!from.empty()) to = from;
    };
    set(all.content_type, content_type);
    set(all.message_id, message_id);
    set(all.correlation_id, correlation_id);
    set(all.reply_to, reply_to);
    set(all.type, type);
    if (!expiration.empty()) all.expiration = std::to_string(duration_option("--ttl", expiration));
    if (priority >= 0) all.priority = static_cast<std::uint8_t>(priority);
    if (!headers.empty()) all.headers = arguments_of(headers);
    return all;
  }
};

void publish(Context& context, const PublishOptions& options) {
  std::mutex mutex;
  std::uint64_t confirmed = 0, failed = 0;
  Error first_failure;
  PublisherOptions publisher_options;
  publisher_options.on_outcome = [&](const PublishOutcome& outcome) {
    std::lock_guard lock(mutex);
    (outcome.confirmed ? confirmed : failed) += outcome.last - outcome.first + 1;
    if (!outcome.confirmed && first_failure.text.empty()) first_failure = outcome.error;
  };
  publisher_options.on_returned = [&](const Returned& returned) {
    std::lock_guard lock(mutex);
    if (first_failure.text.empty()) first_failure = returned.error;
  };
  auto publisher = need(Publisher::open(context.client(), std::move(publisher_options)));
  const EncodedProperties properties(options.properties());
  const std::string key = options.queue.empty() ? options.key : options.queue;
  const auto mandatory = options.mandatory || !options.queue.empty() ? Mandatory::yes : Mandatory::no;
  const auto stopped = send_each(options.bodies, [&](std::string_view body) -> Result<> {
    const auto posted = publisher.post(MessageParts{options.exchange, key, properties.bytes(), bytes_of(body)}, mandatory);
    if (!posted) return posted.error();
    return Done{};
  });
  const auto flushed = publisher.flush();
  std::lock_guard lock(mutex);
  if (stopped) fail_stopped(*stopped, confirmed, "confirmed");
  if (flushed && first_failure.text.empty()) {
    context.say(count_of(confirmed, "message") + " confirmed");
    return;
  }
  Error error = first_failure.text.empty() ? flushed.error() : first_failure;
  if (error.code == ErrorCode::unroutable && !options.queue.empty())
    error = {ErrorCode::not_found, "there is no queue '" + options.queue + "'"};
  throw Failure{
      confirmed > 0 && failed > 0 ? exit_partly_done : exit_status_of(error.code),
      error.text + " (" + std::to_string(confirmed) + " confirmed, " + std::to_string(failed) + " not)"};
}

}  // namespace

void add_publish(CLI::App& app, Context& context) {
  auto options = make_options<PublishOptions>();
  auto* verb = app.add_subcommand("publish",
                                  "Publish messages and wait until they are confirmed.\n"
                                  "  tandem publish --queue work 'resize cat.png'\n"
                                  "  tandem publish --exchange events --key order.paid --file events.jsonl");
  auto* exchange = verb->add_option("--exchange", options->exchange, "to the queues and topics that are bound to it");
  auto* key = verb->add_option("--key", options->key, "routing key");
  verb->add_option("--queue", options->queue, "straight to this queue")->excludes(exchange)->excludes(key);
  verb->add_flag("--mandatory", options->mandatory, "fail if no queue takes it (always so with --queue)");
  verb->add_flag("--transient", options->transient, "need not survive a restart");
  verb->add_option("--header", options->headers, "KEY=VALUE, may be repeated")->allow_extra_args(false);
  verb->add_option("--ttl", options->expiration, "how long it may wait (30s)");
  verb->add_option("--priority", options->priority, "of a queue with --priority-max; higher ones are delivered first")
      ->check(CLI::Range(0, 255));
  verb->add_option("--content-type", options->content_type, "what the body is, for consumers: application/json");
  verb->add_option("--message-id", options->message_id, "for consumers, as the other properties below");
  verb->add_option("--correlation-id", options->correlation_id, "which request this answers");
  verb->add_option("--reply-to", options->reply_to, "the queue where an answer is awaited");
  verb->add_option("--type", options->type, "what kind of message it is");
  add_bodies(*verb, options->bodies, "messages");
  verb->callback([options, &context] {
    if (options->exchange.empty() && options->queue.empty())
      fail_usage("publish wants --queue NAME or --exchange NAME --key KEY");
    publish(context, *options);
  });
}

}  // namespace tandem::cli
