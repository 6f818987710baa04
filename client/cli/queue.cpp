// tandem queue list | show | declare | delete | purge | peek | move
#include <algorithm>
#include <cstdio>

#include "client/cli/context.h"
#include "client/cli/queue_name.h"

namespace tandem::cli {
namespace {

const std::vector<std::string> list_columns = {"name", "ready",   "unsettled", "consumers",
                                               "size", "durable", "arguments"};
const std::vector<std::string> show_columns = {
    "name",     "ready", "unsettled", "consumers",     "size",    "durable", "exclusive",   "auto_delete",
    "accepted", "acked", "expired",   "dead_lettered", "dropped", "purged",  "redelivered", "resident",
    "policy",   "arguments"};

Row row_of(const QueueInfo& info) {
  return {{"name", info.name},
          {"ready", info.ready},
          {"unsettled", info.unsettled},
          {"consumers", info.consumers},
          {"size", info.size_bytes},
          {"durable", info.durable},
          {"exclusive", info.exclusive},
          {"auto_delete", info.auto_delete},
          {"accepted", info.accepted},
          {"acked", info.acked},
          {"expired", info.expired},
          {"dead_lettered", info.dead_lettered},
          {"dropped", info.dropped},
          {"purged", info.purged},
          {"redelivered", info.redelivered},
          {"resident", info.resident},
          {"policy", info.policy},
          {"arguments", to_json(info.arguments)}};
}

void list_queues(Context& context, const std::string& name) {
  std::vector<Row> rows;
  for (const auto& info : need(context.client().ask(DescribeQueues{.name = name})))
    rows.push_back(row_of(info));
  if (!name.empty() && rows.empty()) {
    fail_if_topic(context.client(), name, exit_not_found, "`tandem topic show " + name + "` shows it");
    throw Failure{exit_not_found, "there is no queue '" + name + "'"};
  }
  print_rows(rows, name.empty() ? list_columns : show_columns, context.format(), !name.empty());
}

/// RabbitMQ's words for ages end with Y, M, D, h, m or s; the other durations here have d.
std::string age_of(const std::string& text) {
  if (text.ends_with('Y') || text.ends_with('M') || text.ends_with('D')) return text;
  return std::to_string((duration_option("--max-age", text) + 999) / 1'000) + "s";
}

struct DeclareOptions {
  DeclareQueue queue;
  bool transient = false, single_active = false;
  std::string ttl, expires, overflow, max_size, dead_letter_exchange, dead_letter_key, type, consumer_timeout, max_age;
  std::int64_t max_length = -1, priority_max = -1;
  std::int64_t delivery_limit = -2;  // not said
  std::vector<std::string> arguments;

  Table table() const {
    Table all = arguments_of(arguments);
    const auto add = [&all](const char* key, Value value) { all.emplace_back(key, std::move(value)); };
    if (!ttl.empty()) add("x-message-ttl", Value(duration_option("--ttl", ttl)));
    if (!expires.empty()) add("x-expires", Value(duration_option("--expires", expires)));
    if (max_length >= 0) add("x-max-length", Value(max_length));
    if (!max_size.empty())
      add("x-max-length-bytes", Value(static_cast<std::int64_t>(size_option("--max-size", max_size))));
    if (!overflow.empty()) add("x-overflow", Value(overflow));
    if (!dead_letter_exchange.empty()) add("x-dead-letter-exchange", Value(dead_letter_exchange));
    if (!dead_letter_key.empty()) add("x-dead-letter-routing-key", Value(dead_letter_key));
    if (priority_max >= 0) add("x-max-priority", Value(priority_max));
    if (single_active) add("x-single-active-consumer", Value(true));
    if (delivery_limit >= -1) add("x-delivery-limit", Value(delivery_limit));
    if (!consumer_timeout.empty())
      add("x-consumer-timeout", Value(duration_option("--consumer-timeout", consumer_timeout)));
    if (!max_age.empty()) add("x-max-age", Value(age_of(max_age)));
    if (!type.empty()) add("x-queue-type", Value(type));
    refuse_repeats(all);
    return all;
  }
};

void add_declare(CLI::App& noun, Context& context) {
  auto options = make_options<DeclareOptions>();
  auto* verb = noun.add_subcommand("declare",
                                   "Declare a queue; fine if it is there with the same properties.\n"
                                   "  tandem queue declare work --ttl 30s --dead-letter-exchange failed");
  verb->add_option("NAME", options->queue.name, "\"\": the broker chooses one and it is printed")->required();
  verb->add_flag("--transient", options->transient, "gone after a restart");
  verb->add_flag("--auto-delete", options->queue.auto_delete, "gone with its last consumer");
  verb->add_option("--ttl", options->ttl, "how long a message waits at most (30s)");
  verb->add_option("--expires", options->expires, "how long the queue lives unused (1h)");
  verb->add_option("--max-length", options->max_length, "messages at most")->check(not_negative());
  verb->add_option("--max-size", options->max_size, "bytes at most (64MiB)");
  verb->add_option("--overflow", options->overflow,
                   "when full: drop-head, reject-publish, reject-publish-dlx");
  verb->add_option("--dead-letter-exchange", options->dead_letter_exchange,
                   "where rejected and expired messages go");
  verb->add_option("--dead-letter-key", options->dead_letter_key, "with this routing key");
  verb->add_option("--priority-max", options->priority_max, "priorities 0 to this (255)")->check(not_negative());
  verb->add_flag("--single-active", options->single_active, "one consumer at a time");
  verb->add_option("--delivery-limit", options->delivery_limit,
                   "redeliveries before a message is dead-lettered; -1 = any number")
      ->check(CLI::Range(std::int64_t{-1}, INT64_MAX).description(""));
  verb->add_option("--consumer-timeout", options->consumer_timeout,
                   "a delivery that is not settled for so long goes to another consumer (5m)");
  verb->add_option("--type", options->type, "classic, quorum or stream (a topic)");
  verb->add_option("--max-age", options->max_age, "of a stream's records: 7d, 12h, 30m");
  verb->add_option("--argument", options->arguments, "KEY=VALUE, may be repeated")->allow_extra_args(false);
  verb->callback([options, &context] {
    options->queue.durable = !options->transient;
    options->queue.arguments = options->table();
    const auto declared = need(context.client().ask(options->queue));
    if (options->queue.name.empty()) std::puts(declared.name.c_str());  // the broker chose it
    context.say("queue '" + declared.name + "' has " + count_of(declared.ready, "message") + " ready, " +
                count_of(declared.consumers, "consumer"));
  });
}

void add_delete(CLI::App& noun, Context& context) {
  auto options = make_options<DeleteQueue>();
  auto* verb = noun.add_subcommand("delete", "Delete a queue and its messages; fine if it is not there.");
  verb->add_option("NAME", options->name)->required();
  verb->add_flag("--if-unused", options->if_unused, "only if nobody consumes from it");
  verb->add_flag("--if-empty", options->if_empty, "only if no message waits");
  verb->callback([options, &context] {
    context.confirm("Delete queue '" + options->name + "' and its messages");
    // The broker answers alike for a queue that was empty and for one that never was: it is looked for before.
    const auto named = look_up(context.client(), options->name);
    const auto gone = need(context.client().ask(*options)).ready;
    const bool was_none = gone == 0 && (named == Named::nothing || named == Named::topic);
    context.say(was_none ? "there was no queue '" + options->name + "'" : count_of(gone, "message") + " went with it");
  });
}

void add_purge(CLI::App& noun, Context& context) {
  auto name = make_options<std::string>();
  auto* verb = noun.add_subcommand("purge", "Drop all messages that wait.");
  verb->add_option("NAME", *name)->required();
  verb->callback([name, &context] {
    context.confirm("Drop all waiting messages of '" + *name + "'");
    const auto purged = need_queue(
        context.client(), *name, context.client().ask(PurgeQueue{.name = *name}),
        read_instead(*name) + ", `tandem topic trim " + *name + " --before latest` deletes them");
    context.say(count_of(purged.ready, "message") + " dropped");
  });
}

Row row_of(const PeekedMessage& peeked) {
  const Properties properties = decode_properties(peeked.message.properties).value_or(Properties{});
  return {{"seq", peeked.queue_seq},
          {"exchange", std::string(peeked.message.exchange)},
          {"routing_key", std::string(peeked.message.routing_key)},
          {"priority", peeked.priority},
          {"deliveries", peeked.earlier_deliveries},
          {"properties", to_json(properties)},
          {"headers", properties.headers ? to_json(*properties.headers) : Row::object()},
          {"body", std::string(text_of(peeked.message.body))}};
}

void add_peek(CLI::App& noun, Context& context) {
  auto options = make_options<Peek>();
  auto* verb = noun.add_subcommand("peek", "Look at waiting messages without taking them.");
  verb->add_option("NAME", options->queue)->required();
  verb->add_option("--count", options->count, "messages at most")->check(not_negative())->capture_default_str();
  verb->add_option("--skip", options->skip, "messages before the first")->check(not_negative())->capture_default_str();
  verb->callback([options, &context] {
    std::vector<Row> rows;
    const auto all = need_queue(context.client(), options->queue, context.client().ask(*options), read_instead(options->queue));
    for (const auto& peeked : all) rows.push_back(row_of(peeked));
    print_rows(rows, {"seq", "exchange", "routing_key", "priority", "deliveries", "headers", "body"},
               context.format());
  });
}

struct MoveOptions {
  std::string from, to;
  std::uint64_t count = 0;
};

/// Each batch is one transaction: a message is in one of the queues, never in both and never in none.
void move(Context& context, const MoveOptions& options) {
  if (options.from == options.to) fail_usage("FROM and TO are the same queue, '" + options.from + "'");
  Client& client = context.client();
  need(client.ask(DeclareQueue{.name = options.to, .passive = true}));
  const auto source = need(client.ask(DeclareQueue{.name = options.from, .passive = true}));
  const std::uint64_t wanted = options.count == 0 ? source.ready : std::min(options.count, source.ready);
  auto consumer = need_queue(client, options.from, Consumer::open(client, {.queue = options.from, .prefetch = 256}),
                             read_instead(options.from));
  std::uint64_t moved = 0;
  std::vector<Delivery> batch;
  while (moved < wanted) {
    auto received =
        consumer.receive_many(batch, std::min<std::uint64_t>(256, wanted - moved), Milliseconds(1'000));
    if (!received && received.error().code != ErrorCode::timed_out) fail(received.error());
    if (batch.empty()) break;
    Transaction transaction(client);
    for (auto& delivery : batch) {
      MessageParts parts = delivery.parts();
      parts.exchange = "";
      parts.routing_key = options.to;
      transaction.publish(parts).ack(std::move(delivery));
    }
    need(transaction.commit());
    moved += batch.size();
    batch.clear();
  }
  need(consumer.close());
  context.say(count_of(moved, "message") + " moved from '" + options.from + "' to '" + options.to + "'");
}

void add_move(CLI::App& noun, Context& context) {
  auto options = make_options<MoveOptions>();
  auto* verb =
      noun.add_subcommand("move",
                          "Move waiting messages to another queue, each in one of them at any moment.\n"
                          "  tandem queue move failed work --count 100");
  verb->add_option("FROM", options->from)->required();
  verb->add_option("TO", options->to)->required();
  verb->add_option("--count", options->count, "messages at most; 0 = all that wait")
      ->check(not_negative())
      ->capture_default_str();
  verb->callback([options, &context] { move(context, *options); });
}

}  // namespace

void add_queue(CLI::App& app, Context& context) {
  auto* noun = app.add_subcommand("queue", "Queues: messages that wait for consumers");
  noun->require_subcommand(1);
  noun->add_subcommand("list", "All queues")->callback([&context] { list_queues(context, ""); });
  auto name = make_options<std::string>();
  auto* show = noun->add_subcommand("show", "One queue, with all its counts");
  show->add_option("NAME", *name)->required();
  show->callback([name, &context] { list_queues(context, *name); });
  add_declare(*noun, context);
  add_delete(*noun, context);
  add_purge(*noun, context);
  add_peek(*noun, context);
  add_move(*noun, context);
}

}  // namespace tandem::cli
