// Logging in, topics and their configuration, transactions: what the core is asked, and how its answers are
// told.
#include "broker/wire/kafka/error.h"
#include "broker/wire/kafka/messages_admin.h"
#include "broker/wire/kafka/messages_group.h"
#include "broker/wire/kafka/messages_offset.h"
#include "broker/wire/kafka/messages_transaction.h"
#include "tests/wire/kafka/kafka_world.h"

namespace tandem::wire::kafka::test {
namespace {

const std::string good_token("\0guest\0guest", 12);

core::Described described_topic(const core::Caller& who, const core::TopicCreated& topic) {
  core::Described described;
  described.who = who;
  described.subject = core::Subject::topics;
  described.topics.push_back({topic, {}});
  return described;
}

using Set = std::vector<std::pair<std::string, std::string>>;

/// Answers Describe with a topic that has `config`, and keeps what AlterTopic is asked.
struct TopicWorld : World {
  explicit TopicWorld(Set config) {
    port.on_submit = [this, config](const core::Input& input) {
      if (const auto* describe = std::get_if<core::Describe>(&input)) {
        core::TopicCreated topic = topic_named("t", 3);
        topic.config = config;
        face->send(described_topic(describe->who, topic), {});
        return;
      }
      const auto& alter = std::get<core::AlterTopic>(input);
      for (const auto& entry : alter.set) set.emplace_back(entry.key, entry.value);
      for (const auto key : alter.remove) removed.emplace_back(key);
      face->send(core::TopicOk{alter.who, topic_named("t", 3)}, {});
    };
  }
  Set set;
  std::vector<std::string> removed;
};

}  // namespace

TEST_CASE("kafka: SASL PLAIN, with and without a request around the token") {
  World around;
  CHECK(around.ask<SaslHandshakeResponse>(17, 1, SaslHandshakeRequest{"PLAIN"}).error == error::none);
  CHECK(around.ask<SaslAuthenticateResponse>(36, 2, SaslAuthenticateRequest{bytes_of(good_token)}).error ==
        error::none);
  CHECK_FALSE(around.face->closing());

  World raw;
  CHECK(raw.ask<SaslHandshakeResponse>(17, 0, SaslHandshakeRequest{"PLAIN"}).error == error::none);
  raw.receive(framed(good_token));
  CHECK(raw.take_bytes() == std::string(4, '\0'));
  CHECK(raw.ask<ApiVersionsResponse>(18, 0, ApiVersionsRequest{}).error == error::none);
}

TEST_CASE("kafka: who cannot log in is told why, and the connection ends") {
  World world;
  SUBCASE("an unknown mechanism") {
    const auto response = world.ask<SaslHandshakeResponse>(17, 1, SaslHandshakeRequest{"GSSAPI"});
    CHECK(response.error == error::unsupported_sasl_mechanism);
    CHECK(response.mechanisms == std::vector<std::string>{"PLAIN"});
  }
  SUBCASE("a wrong password") {
    world.ask<SaslHandshakeResponse>(17, 1, SaslHandshakeRequest{"PLAIN"});
    const std::string token("\0guest\0wrong", 12);
    const auto response = world.ask<SaslAuthenticateResponse>(36, 1, SaslAuthenticateRequest{bytes_of(token)});
    CHECK(response.error == error::sasl_authentication_failed);
    CHECK(response.error_message == "wrong user or password");
  }
  SUBCASE("a token without a handshake") {
    const auto response =
        world.ask<SaslAuthenticateResponse>(36, 1, SaslAuthenticateRequest{bytes_of(good_token)});
    CHECK(response.error == error::illegal_sasl_state);
  }
  SUBCASE("a raw token that is wrong") {
    world.ask<SaslHandshakeResponse>(17, 0, SaslHandshakeRequest{"PLAIN"});
    world.receive(framed("nonsense"));
  }
  CHECK(world.face->closing());
}

TEST_CASE("kafka: from another machine nothing is answered without a login, and guest has none") {
  World stranger(false);
  CHECK(stranger.ask<ApiVersionsResponse>(18, 0, ApiVersionsRequest{}).error == error::none);
  stranger.receive(frame_of(3, 1, 1, MetadataRequest{std::nullopt}));
  CHECK(stranger.face->closing());
  CHECK(stranger.port.inputs == 0);

  World guest(false);
  guest.ask<SaslHandshakeResponse>(17, 1, SaslHandshakeRequest{"PLAIN"});
  const auto response = guest.ask<SaslAuthenticateResponse>(36, 1, SaslAuthenticateRequest{bytes_of(good_token)});
  CHECK(response.error == error::sasl_authentication_failed);
  CHECK(guest.port.opened == 0);

  World large(false);
  large.receive(std::string("\x00\x00\x20\x00", 4));
  CHECK(large.face->closing());
}

TEST_CASE("kafka: topics are created with the broker's defaults where the client has none") {
  World world;
  CreateTopicsRequest request;
  request.topics.push_back({"plain", -1, -1, {}, {}});
  request.topics.push_back({"placed", -1, -1, {{1, {1}}, {0, {1}}}, {{"retention.ms", "5"}}});
  request.topics.push_back({"elsewhere", -1, -1, {{0, {2}}}, {}});
  request.topics.push_back({"many", 1, 4, {}, {}});
  request.topics.push_back({"there", 1, 1, {}, {}});
  std::vector<std::pair<std::string, std::int32_t>> asked;
  world.on<core::CreateTopic>([&](const core::CreateTopic& create) -> core::Send {
    asked.emplace_back(create.name, create.partitions);
    if (create.name == "there")
      return core::Refused{create.who, {.code = ErrorCode::already_exists, .object = core::ObjectKind::topic}};
    core::TopicCreated topic = topic_named(std::string(create.name), create.partitions);
    for (const auto& entry : create.config) topic.config.emplace_back(entry.key, entry.value);
    return core::TopicOk{create.who, topic};
  });
  const auto topics = world.ask<CreateTopicsResponse>(19, 7, request).topics;
  CHECK(asked == std::vector<std::pair<std::string, std::int32_t>>{{"plain", 2}, {"placed", 2}, {"there", 1}});
  CHECK(topics.at(0).error == error::none);
  CHECK(topics.at(0).replication == 1);
  const auto& configs = *topics.at(1).configs;
  const auto retention = std::find_if(configs.begin(), configs.end(),
                                      [](const auto& config) { return config.name == "retention.ms"; });
  REQUIRE(retention != configs.end());
  CHECK(retention->value == "5");
  CHECK(topics.at(2).error == error::invalid_replica_assignment);
  CHECK(topics.at(3).error == error::invalid_replication_factor);
  CHECK(topics.at(4).error == error::topic_already_exists);
}

TEST_CASE("kafka: AlterConfigs replaces what was set before") {
  TopicWorld world({{"cleanup.policy", "compact"}, {"retention.ms", "1"}});
  AlterConfigsRequest request;
  request.resources.push_back({2, "t", {{"retention.ms", "9"}}});
  CHECK(world.ask<AlterConfigsResponse>(33, 2, request).resources.at(0).error == error::none);
  CHECK(world.set == Set{{"retention.ms", "9"}});
  CHECK(world.removed == std::vector<std::string>{"cleanup.policy"});
}

TEST_CASE("kafka: IncrementalAlterConfigs changes keys and lists") {
  TopicWorld world({{"cleanup.policy", "delete"}, {"retention.ms", "1"}});
  using Config = IncrementalAlterConfigsRequest::Config;
  const auto alter = [&](std::int8_t type, std::string_view name, std::vector<Config> configs) {
    IncrementalAlterConfigsRequest request;
    request.resources.push_back({type, name, std::move(configs)});
    return world.ask<AlterConfigsResponse>(44, 1, request).resources.at(0).error;
  };
  CHECK(alter(2, "t", {Config{"cleanup.policy", 2, "compact"}, Config{"retention.ms", 1, {}}}) == error::none);
  CHECK(alter(2, "t", {Config{"cleanup.policy", 3, "delete"}}) == error::none);
  CHECK(alter(2, "t", {Config{"retention.ms", 2, "5"}}) == error::invalid_config);
  CHECK(alter(2, "t", {Config{"retention.ms", 0, "5"}, Config{"retention.ms", 1, {}}}) == error::invalid_request);
  CHECK(alter(4, "1", {Config{"num.partitions", 0, "5"}}) == error::invalid_request);
  CHECK(world.set == Set{{"cleanup.policy", "delete,compact"}, {"cleanup.policy", ""}});
  CHECK(world.removed == std::vector<std::string>{"retention.ms"});
}

TEST_CASE("kafka: what one request alters twice is altered once") {
  TopicWorld world({});
  AlterConfigsRequest request;
  request.resources.push_back({2, "t", {{"retention.ms", "9"}}});
  request.resources.push_back({2, "t", {{"retention.ms", "10"}}});
  const auto resources = world.ask<AlterConfigsResponse>(33, 2, request).resources;
  CHECK(resources.at(0).error == error::none);
  CHECK(resources.at(1).error == error::invalid_request);
  CHECK(resources.at(1).name == "t");
  CHECK(world.set == Set{{"retention.ms", "9"}});
}

TEST_CASE("kafka: partitions join a transaction all together or not at all") {
  const auto ask = [](World& world, std::vector<std::int32_t> partitions, int& added) {
    world.port.on_submit = [&](const core::Input& input) {
      if (const auto* describe = std::get_if<core::Describe>(&input)) {
        world.face->send(described_topic(describe->who, topic_named("t", 2)), {});
      } else {
        ++added;
        world.face->send(core::Ok{std::get<core::AddPartitionsToTransaction>(input).who}, {});
      }
    };
    AddPartitionsToTxnRequest request;
    request.transactional_id = "tx";
    request.topics.push_back({"t", partitions});
    return world.ask<PartitionErrorsResponse>(24, 3, request).topics.at(0).partitions;
  };
  World good, bad;
  int added = 0;
  CHECK(ask(good, {0, 1}, added).at(1).error == error::none);
  CHECK(added == 2);
  const auto parts = ask(bad, {0, 2}, added);
  CHECK(added == 2);
  CHECK(parts.at(0).error == error::operation_not_attempted);
  CHECK(parts.at(1).error == error::unknown_topic_or_partition);
}

TEST_CASE("kafka: a fenced producer is told in the words of its version") {
  for (const auto& [version, number] : {std::pair<std::int16_t, std::int16_t>{1, error::invalid_producer_epoch},
                                        {3, error::producer_fenced}}) {
    World world;
    world.on<core::EndTransaction>([](const core::EndTransaction& input) -> core::Send {
      return core::Refused{input.who, {.code = ErrorCode::fenced}};
    });
    CHECK(world.ask<TransactionResponse>(26, version, EndTxnRequest{"tx", 5, 1, true}).error == number);
  }
}

TEST_CASE("kafka: a member without an id is promised one from version 4 on") {
  for (const std::int16_t version : {3, 4, 9}) {
    World world;
    world.on<core::JoinGroup>([&](const core::JoinGroup& input) -> core::Send {
      CHECK(input.require_member_id == (version >= 4));
      CHECK(input.chosen_member.starts_with("tester-"));
      CHECK(input.client_host == "/127.0.0.1");
      core::Joined joined;
      joined.who = input.who;
      joined.error = ErrorCode::member_id_required;
      joined.member = input.chosen_member;
      return joined;
    });
    JoinGroupRequest request;
    request.group = "g";
    request.session_timeout_ms = 6'000;
    request.rebalance_timeout_ms = 6'000;
    request.protocol_type = "consumer";
    request.protocols.push_back({"range", bytes_of("x")});
    const auto response = world.ask<JoinGroupResponse>(11, version, request);
    CHECK(response.error == error::member_id_required);
    CHECK(response.member.starts_with("tester-"));
  }
}

TEST_CASE("kafka: joins that no group could take are refused here") {
  World world;
  JoinGroupRequest request;
  request.group = "g";
  request.session_timeout_ms = 6'000;
  std::int16_t expected = error::invalid_group_id;
  const std::string huge((1u << 20) + 1, 'm');
  const std::string name(300, 'n');
  SUBCASE("no group") { request.group = ""; }
  SUBCASE("a group with a long name") { request.group = name; }
  SUBCASE("no session timeout") {
    request.session_timeout_ms = 0;
    expected = error::invalid_session_timeout;
  }
  SUBCASE("metadata that nobody wants to keep") {
    request.protocols.push_back({"range", bytes_of(huge)});
    expected = error::invalid_request;
  }
  CHECK(world.ask<JoinGroupResponse>(11, 5, request).error == expected);
  CHECK(world.port.inputs == 0);
}

TEST_CASE("kafka: offsets of several groups, and of all topics of a group") {
  World world;
  OffsetFetchRequest request;
  request.groups.push_back({.name = "a"});
  request.groups.push_back({.name = "b", .topics = std::vector<OffsetFetchRequest::Topic>{{"t", {0, 1}}}});
  world.on<core::FetchOffsets>([](const core::FetchOffsets& input) -> core::Send {
    CHECK(input.all == (input.group == "a"));
    CHECK(input.entries.size() == (input.group == "a" ? 0 : 2));
    core::OffsetsFetched fetched{input.who, {}};
    fetched.offsets.push_back({"t", 0, 5, -1, "m", ErrorCode::none});
    fetched.offsets.push_back({"t", 1, -1, -1, "", ErrorCode::concurrent_transactions});
    return fetched;
  });
  for (const std::int16_t version : {8, 9}) {
    const auto groups = world.ask<OffsetFetchResponse>(9, version, request).groups;
    REQUIRE(groups.size() == 2);
    CHECK(groups[1].name == "b");
    CHECK(groups[1].topics.at(0).partitions.at(0).offset == 5);
    CHECK(groups[1].topics.at(0).partitions.at(1).error == error::unstable_offset_commit);
  }
}

TEST_CASE("kafka: groups are listed with their type, and only those of the types asked for") {
  World world;
  world.on<core::Describe>([](const core::Describe& input) -> core::Send {
    core::Described described{.who = input.who, .subject = core::Subject::groups};
    described.groups.push_back({.name = "g", .state = "Stable", .protocol_type = "consumer"});
    return described;
  });
  const auto all = world.ask<ListGroupsResponse>(16, 5, ListGroupsRequest{});
  REQUIRE(all.groups.size() == 1);
  CHECK(all.groups[0].type == "classic");
  CHECK(world.ask<ListGroupsResponse>(16, 5, ListGroupsRequest{{}, {"Classic"}}).groups.size() == 1);
  CHECK(world.ask<ListGroupsResponse>(16, 5, ListGroupsRequest{{}, {"consumer"}}).groups.empty());
  CHECK(world.ask<ListGroupsResponse>(16, 5, ListGroupsRequest{{"Empty"}, {}}).groups.empty());
}

TEST_CASE("kafka: a group that does not exist is dead, and since version 6 said not to be there") {
  World world;
  world.on<core::Describe>([](const core::Describe& input) -> core::Send {
    return core::Described{.who = input.who, .subject = core::Subject::groups};
  });
  for (const std::int16_t version : {5, 6}) {
    const auto group = world.ask<DescribeGroupsResponse>(15, version, DescribeGroupsRequest{{"g"}}).groups.at(0);
    CHECK(group.state == "Dead");
    CHECK(group.error == (version == 6 ? error::group_id_not_found : error::none));
    CHECK(group.error_message.has_value() == (version == 6));
  }
}

}  // namespace tandem::wire::kafka::test
