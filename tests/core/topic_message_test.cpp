// Messages that come to topics through exchanges.
#include "schemas/murmur2.h"
#include "tests/core/topic_fixture.h"

namespace tandem::core {
namespace {

Table key_rule(std::string rule) {
  return {{"x-key", Value(std::move(rule))}};
}

void bind_topic(TopicFixture& at, const Table& arguments, std::string_view routing_key = "") {
  at.ask<Ok>(Bind{.who = at.caller(),
                  .source = "amq.fanout",
                  .destination_kind = DestinationKind::topic,
                  .destination = "orders",
                  .routing_key = routing_key,
                  .arguments = &arguments});
}

/// Publishes with these properties and returns what was appended.
Appended published(TopicFixture& at, const Properties& properties, std::string_view routing_key = "route") {
  std::vector<std::byte> encoded;
  append_properties(encoded, properties);
  const auto glance = glance_properties(encoded);
  REQUIRE(glance);
  MessageView message{
      .body = BodyHandle{77}, .size_bytes = 500, .exchange = "amq.fanout", .routing_key = routing_key};
  message.properties = *glance;
  at.give(Publish{.who = at.caller(), .confirm_seq = ++at.confirm_seq, .message = message});
  Appended appended;
  for (const Record& record : at.records)
    if (const auto* found = std::get_if<Appended>(&record)) appended = *found;
  at.persist();
  at.take<Confirmed>();
  return appended;
}

}  // namespace

TEST_CASE("a message through an exchange becomes a record, its routing key the key") {
  TopicFixture at;
  at.create("orders", 7);
  bind_topic(at, {});
  const Appended first = published(at, {}), second = published(at, {});
  CHECK(first.form == AppendedForm::message);
  CHECK(first.body == BodyHandle{77});
  CHECK(first.size_bytes == 500);
  CHECK(first.record_count == 1);
  CHECK(first.max_timestamp == at.now);
  CHECK_FALSE(first.has_key);
  CHECK(first.partition.index == partition_of_key(bytes_of("route"), 7));
  CHECK(first.base_offset == 0);
  CHECK(second.base_offset == 1);
  CHECK(at.describe_topic("orders").partitions[static_cast<std::size_t>(first.partition.index)].visible_end ==
        2);
}

TEST_CASE("a message over a topic's max.message.bytes is not taken there, and its publisher gets a nack") {
  TopicFixture at;
  const std::vector<TopicConfigEntry> config = {{"max.message.bytes", "499"}};
  at.ask<TopicOk>(CreateTopic{.who = at.caller(), .name = "orders", .config = config});
  at.create("large");
  bind_topic(at, {});
  at.ask<Ok>(Bind{.who = at.caller(),
                  .source = "amq.fanout",
                  .destination_kind = DestinationKind::topic,
                  .destination = "large"});
  MessageView message{.body = BodyHandle{77}, .size_bytes = 500, .exchange = "amq.fanout"};
  CHECK(at.ask<Confirmed>(Publish{.who = at.caller(), .confirm_seq = 1, .message = message}).nack);
  CHECK(at.describe_topic("orders").partitions[0].end == 0);
  CHECK(at.describe_topic("large").partitions[0].end == 1);
  const std::vector<TransactionOp> operations = {PublishOp{.message = message}};
  const auto refused = at.ask<Refused>(Transaction{at.caller(), operations});
  CHECK(refused.refusal.code == ErrorCode::too_large);
  CHECK(refused.refusal.name == "orders");
  CHECK(refused.operation == 0);
  CHECK(at.describe_topic("large").partitions[0].end == 1);
  message.size_bytes = 499;
  CHECK_FALSE(at.ask<Confirmed>(Publish{.who = at.caller(), .confirm_seq = 2, .message = message}).nack);
  CHECK(at.describe_topic("orders").partitions[0].end == 1);
}

TEST_CASE("a binding may choose message id, correlation id or a header as key") {
  for (const std::string rule : {"message-id", "correlation-id", "header:customer"}) {
    CAPTURE(rule);
    TopicFixture at;
    at.create("orders", 7);
    bind_topic(at, key_rule(rule));
    Properties properties;
    properties.message_id = "message-id";
    properties.correlation_id = "correlation-id";
    properties.headers = Table{{"other", Value(1)}, {"customer", Value("header:customer")}};
    const Appended appended = published(at, properties);
    CHECK(appended.has_key);
    CHECK(appended.key == rule);
    CHECK(appended.partition.index == partition_of_key(bytes_of(rule), 7));
  }
}

TEST_CASE("a message without the property that its binding chose keeps its routing key as key") {
  for (const std::string rule : {"message-id", "correlation-id", "header:customer", "routing-key"}) {
    CAPTURE(rule);
    TopicFixture at;
    at.create("orders", 7);
    bind_topic(at, key_rule(rule));
    CHECK_FALSE(published(at, {}).has_key);
    Properties others;
    others.reply_to = "x";
    others.headers = Table{{"other", Value(1)}};
    CHECK(published(at, others).partition.index == partition_of_key(bytes_of("route"), 7));
  }
}

TEST_CASE("a header that is no text is a key as people write it") {
  TopicFixture at;
  at.create("orders");
  bind_topic(at, key_rule("header:customer"));
  Properties properties;
  properties.headers = Table{{"customer", Value(42)}};
  CHECK(published(at, properties).key == "42");
}

TEST_CASE("a binding with a key rule that makes no sense is refused") {
  TopicFixture at;
  at.create("orders");
  for (const Table& arguments :
       {key_rule("user-id"), key_rule("header:"), key_rule(""), Table{{"x-key", Value(7)}}}) {
    const auto refused = at.ask<Refused>(Bind{.who = at.caller(),
                                              .source = "amq.fanout",
                                              .destination_kind = DestinationKind::topic,
                                              .destination = "orders",
                                              .arguments = &arguments});
    CHECK(refused.refusal.code == ErrorCode::invalid_argument);
    CHECK(refused.refusal.argument == "x-key");
  }
}

TEST_CASE("a message through an exchange wakes readers like any other record") {
  TopicFixture at;
  at.create("orders");
  bind_topic(at, {});
  const std::vector<FetchPartition> partitions = {{.topic = "orders"}};
  at.give(Fetch{.who = at.caller(5), .partitions = partitions, .wait_max = 1000});
  CHECK_FALSE(at.has<Fetched>());
  published(at, {});
  CHECK(at.take<Fetched>().partitions[0].visible_end == 1);
}

TEST_CASE("a deleted topic takes the bindings to it along") {
  TopicFixture at;
  at.create("orders");
  bind_topic(at, {});
  at.ask<Ok>(DeleteTopic{at.caller(), "orders"});
  const auto described = at.ask<Described>(Describe{at.caller(), Subject::bindings, ""});
  CHECK(described.bindings.empty());
  CHECK(published(at, {}).partition.topic == TopicId{});
}

}  // namespace tandem::core
