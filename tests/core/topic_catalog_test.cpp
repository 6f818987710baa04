#include "tests/core/topic_fixture.h"

#include "broker/core/topic_options.h"

namespace tandem::core {
namespace {

using Config = std::vector<TopicConfigEntry>;

Refusal refusal_of(TopicFixture& at, const Input& input) {
  return at.ask<Refused>(input).refusal;
}

CreateTopic create_with(const Config& config) {
  return {.who = TopicFixture::caller(), .name = "orders", .partitions = 1, .config = config};
}

}  // namespace

TEST_CASE("a topic is created once, has an id of its own, and is described") {
  TopicFixture at;
  const auto first = at.ask<TopicOk>(CreateTopic{.who = at.caller(), .name = "orders", .partitions = 3});
  const auto second = at.ask<TopicOk>(CreateTopic{.who = at.caller(), .name = "payments", .partitions = 1});
  CHECK(first.topic.uuid_high != 0);
  CHECK(std::pair(first.topic.uuid_high, first.topic.uuid_low) !=
        std::pair(second.topic.uuid_high, second.topic.uuid_low));
  CHECK(refusal_of(at, CreateTopic{.who = at.caller(), .name = "orders", .partitions = 3}).code ==
        ErrorCode::already_exists);
  const auto all = at.ask<Described>(Describe{at.caller(), Subject::topics, ""}).topics;
  REQUIRE(all.size() == 2);
  CHECK(all[0].topic == first.topic);
  CHECK(all[0].partitions.size() == 3);
  CHECK(all[1].topic.name == "payments");
}

TEST_CASE("the creation of a topic is not answered before it is on disk") {
  TopicFixture at;
  at.give(CreateTopic{.who = at.caller(), .name = "orders"});
  CHECK_FALSE(at.has<TopicOk>());
  at.persist();
  CHECK(at.has<TopicOk>());
}

TEST_CASE("a topic that exists but is not on disk yet is not told of either") {
  TopicFixture at;
  at.give(CreateTopic{.who = at.caller(1), .name = "orders"});
  at.give(CreateTopic{.who = at.caller(2), .name = "orders"});
  CHECK_FALSE(at.has<Refused>());
  at.persist();
  CHECK(at.has<Refused>());
}

TEST_CASE("a topic's name follows Kafka's rules") {
  TopicFixture at;
  const std::string longest(249, 'a');
  at.create("a.b_c-D9");
  at.create(longest);
  for (const std::string& bad : {std::string(), std::string("."), std::string(".."), std::string("a b"),
                                 std::string("a/b"), std::string("\xc3\xa4"), longest + "a"})
    CHECK(refusal_of(at, CreateTopic{.who = at.caller(), .name = bad}).argument == "name");
}

TEST_CASE("a topic has from 1 to 4096 partitions") {
  TopicFixture at;
  for (const std::int32_t bad : {0, -1, 4097})
    CHECK(refusal_of(at, CreateTopic{.who = at.caller(), .name = "orders", .partitions = bad}).argument ==
          "partitions");
  at.create("orders", 4096);
}

TEST_CASE("an unknown configuration key is refused by name, a bad value with what would be good") {
  TopicFixture at;
  Refusal refusal = refusal_of(at, create_with({{"retention.millis", "5"}}));
  CHECK(refusal.code == ErrorCode::invalid_argument);
  CHECK(refusal.argument == "retention.millis");
  for (const auto& [key, value] :
       std::vector<std::pair<std::string, std::string>>{{"retention.ms", "-2"},
                                                        {"retention.ms", "5x"},
                                                        {"retention.ms", "5 000"},
                                                        {"retention.ms", "+-5"},
                                                        {"retention.ms", "+"},
                                                        {"retention.ms", ""},
                                                        {"segment.bytes", "13"},
                                                        {"max.message.bytes", "16777217"},
                                                        {"cleanup.policy", "keep"},
                                                        {"cleanup.policy", ""},
                                                        {"compression.type", "brotli"},
                                                        {"preallocate", "yes"},
                                                        {"remote.storage.enable", "true"},
                                                        {"min.cleanable.dirty.ratio", "1.5"},
                                                        {"message.timestamp.type", "Now"}}) {
    refusal = refusal_of(at, create_with({{key, value}}));
    CHECK_MESSAGE(refusal.argument == key, value);
    CHECK(refusal.received == value);
    CHECK(refusal.detail != "");
  }
}

TEST_CASE("white space around a value, a boolean's case and a number's plus do not count, and are not kept") {
  TopicFixture at;
  at.ask<TopicOk>(create_with({{"preallocate", " TRUE\t"},
                               {"remote.storage.enable", "False"},
                               {"retention.ms", "\n+5000 "},
                               {"segment.bytes", "+1024"},
                               {"min.cleanable.dirty.ratio", " +0.25"},
                               {"cleanup.policy", " compact "},
                               {"message.timestamp.type", "LogAppendTime "}}));
  const TopicConfig kept = {{"cleanup.policy", "compact"},
                            {"message.timestamp.type", "LogAppendTime"},
                            {"min.cleanable.dirty.ratio", "0.25"},
                            {"preallocate", "true"},
                            {"remote.storage.enable", "false"},
                            {"retention.ms", "5000"},
                            {"segment.bytes", "1024"}};
  CHECK(at.describe_topic("orders").topic.config == kept);
  const Config set = {{"retention.ms", " +6000"}};
  CHECK(at.ask<TopicOk>(AlterTopic{.who = at.caller(), .name = "orders", .set = set}).topic.config[5].second ==
        "6000");
}

TEST_CASE("every known key takes its own default, and the keys are sorted for lookup") {
  std::string_view before;
  for (const TopicConfigKey& key : topic_config_keys()) {
    CHECK_MESSAGE(!judge_topic_config(key, key.default_value), key.name);
    CHECK(before < key.name);
    CHECK(find_topic_config_key(key.name) == &key);
    before = key.name;
  }
  CHECK(find_topic_config_key("zzz") == nullptr);
}

TEST_CASE("the defaults of the parsed options are those of the keys") {
  TopicConfig defaults;
  for (const TopicConfigKey& key : topic_config_keys()) defaults.emplace_back(key.name, key.default_value);
  const TopicOptions parsed = parse_topic_options(defaults);
  const TopicOptions implied = parse_topic_options({});
  CHECK(parsed.cleanup_by_deletion == implied.cleanup_by_deletion);
  CHECK(parsed.cleanup_by_compaction == implied.cleanup_by_compaction);
  CHECK(parsed.retention_ms == implied.retention_ms);
  CHECK(parsed.retention_size_bytes == implied.retention_size_bytes);
  CHECK(parsed.segment_size_bytes == implied.segment_size_bytes);
  CHECK(parsed.segment_ms == implied.segment_ms);
  CHECK(parsed.message_size_max_bytes == implied.message_size_max_bytes);
  CHECK(parsed.timestamp_ahead_max_ms == implied.timestamp_ahead_max_ms);
  CHECK(parsed.log_append_time == implied.log_append_time);
}

TEST_CASE("how much may come out of a compressed batch goes by the topic's largest batch, within bounds") {
  const auto allowed_with = [](const char* size) {
    return batch_rules(parse_topic_options({{"max.message.bytes", size}})).plain_size_max_bytes;
  };
  CHECK(batch_rules(TopicOptions()).plain_size_max_bytes == 32 * 1'048'588);
  CHECK(allowed_with("100000") == 3'200'000);
  CHECK(allowed_with("0") == 1 << 20);
  CHECK(allowed_with("16777216") == decompressed_size_max_bytes);
}

TEST_CASE("cleanup.policy is a list") {
  CHECK(parse_topic_options({{"cleanup.policy", "compact, delete"}}).cleanup_by_deletion);
  CHECK(parse_topic_options({{"cleanup.policy", "compact, delete"}}).cleanup_by_compaction);
  CHECK_FALSE(parse_topic_options({{"cleanup.policy", "compact"}}).cleanup_by_deletion);
}

TEST_CASE("validate_only judges and changes nothing") {
  TopicFixture at;
  CreateTopic wanted{.who = at.caller(), .name = "orders", .partitions = 2, .validate_only = true};
  CHECK(at.ask<TopicOk>(wanted).topic.partitions == 2);
  wanted.partitions = 0;
  at.ask<Refused>(wanted);
  CHECK(at.ask<Described>(Describe{at.caller(), Subject::topics, ""}).topics.empty());
}

TEST_CASE("altering a topic adds partitions and sets and removes configuration") {
  TopicFixture at;
  at.create("orders", 2);
  at.append("orders", 1);
  const Config set = {{"retention.ms", "1000"}, {"retention.bytes", "5"}, {"retention.ms", "2000"}};
  at.ask<TopicOk>(AlterTopic{.who = at.caller(), .name = "orders", .partitions = 4, .set = set});
  TopicInfo info = at.describe_topic("orders");
  CHECK(info.topic.config == TopicConfig{{"retention.bytes", "5"}, {"retention.ms", "2000"}});
  REQUIRE(info.partitions.size() == 4);
  CHECK(info.partitions[1].end == 1);

  const std::vector<std::string_view> remove = {"retention.bytes"};
  at.ask<TopicOk>(AlterTopic{.who = at.caller(), .name = "orders", .remove = remove});
  CHECK(at.describe_topic("orders").topic.config == TopicConfig{{"retention.ms", "2000"}});
}

TEST_CASE("partitions only grow, and unknown keys and topics are refused") {
  TopicFixture at;
  at.create("orders", 2);
  for (const std::int32_t bad : {1, 2, 4097, -1}) {
    const Refusal refusal =
        refusal_of(at, AlterTopic{.who = at.caller(), .name = "orders", .partitions = bad});
    CHECK(refusal.argument == "partitions");
    CHECK(refusal.current == "2");
  }
  const std::vector<std::string_view> remove = {"no.such.key"};
  CHECK(refusal_of(at, AlterTopic{.who = at.caller(), .name = "orders", .remove = remove}).argument ==
        "no.such.key");
  CHECK(refusal_of(at, AlterTopic{.who = at.caller(), .name = "payments"}).code == ErrorCode::not_found);
}

TEST_CASE("a deleted topic takes its offsets along, and a new one of its name starts anew") {
  TopicFixture at;
  at.create("orders");
  at.append("orders");
  const std::vector<OffsetCommitEntry> entries = {{.topic = "orders", .offset = 1}};
  at.ask<OffsetsCommittedOk>(CommitOffsets{.who = at.caller(), .group = "billing", .entries = entries});
  const TopicId old = at.describe_topic("orders").topic.id;

  at.give(DeleteTopic{at.caller(), "orders"});
  CHECK_FALSE(at.has<DropTopic>());
  at.persist();
  CHECK(at.take<DropTopic>().topic == old);
  at.take<Ok>();
  CHECK(refusal_of(at, DeleteTopic{at.caller(), "orders"}).code == ErrorCode::not_found);

  at.create("orders");
  CHECK(at.describe_topic("orders").topic.id != old);
  CHECK(at.describe_topic("orders").partitions[0].end == 0);
  const auto fetched =
      at.ask<OffsetsFetched>(FetchOffsets{.who = at.caller(), .group = "billing", .all = true});
  CHECK(fetched.offsets.empty());
}

}  // namespace tandem::core
