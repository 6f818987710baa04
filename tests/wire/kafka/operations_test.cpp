// The lists of authorized operations: what clients are told that their user may do.
#include <initializer_list>

#include "broker/wire/kafka/messages_group.h"
#include "tests/wire/kafka/kafka_world.h"

namespace tandem::wire::kafka::test {
namespace {

/// Kafka's numbers of operations as the bits of a list.
std::int32_t bits(std::initializer_list<int> operations) {
  std::int32_t all = 0;
  for (const int operation : operations) all |= 1 << operation;
  return all;
}
constexpr int op_read = 3, op_write = 4, op_create = 5, op_remove = 6, op_alter = 7, op_describe = 8, op_describe_configs = 10,
              op_alter_configs = 11, op_idempotent_write = 12;

}  // namespace

TEST_CASE("kafka: a topic's list of authorized operations is what the user may do with that topic") {
  World world;
  world.port.allowed_else = {false, false, false};
  world.port.allowed_by_name = {{"configured", {true, false, false}}, {"written", {false, true, false}},
                                {"read", {false, false, true}}, {"new", {}}};
  world.port.on_submit = [&](const core::Input& input) {
    if (const auto* created = std::get_if<core::CreateTopic>(&input))
      return world.face->send(core::TopicOk{created->who, topic_named(std::string(created->name))}, {});
    const auto& asked = std::get<core::Describe>(input);
    core::Described described{.who = asked.who, .subject = core::Subject::topics};
    for (const auto& [name, may] : world.port.allowed_by_name)
      if (name != "new" && (asked.name.empty() || asked.name == name)) described.topics.push_back({topic_named(name), {}});
    world.face->send(described, {});
  };
  const std::map<std::string, std::int32_t> expected{
      {"configured", bits({op_create, op_remove, op_alter, op_alter_configs, op_describe, op_describe_configs})},
      {"written", bits({op_write, op_describe, op_describe_configs})},
      {"read", bits({op_read, op_describe, op_describe_configs})},
      {"new", bits({op_read, op_write, op_create, op_remove, op_alter, op_alter_configs, op_describe, op_describe_configs})}};

  MetadataRequest request;
  request.include_topic_operations = true;
  SUBCASE("all topics") {}
  SUBCASE("by name, and one that is created") {
    request.topics.emplace();
    for (const char* name : {"configured", "written", "read", "new"}) request.topics->push_back({{}, name});
  }
  for (const std::int16_t version : {8, 13}) {
    const auto response = world.ask<MetadataResponse>(3, version, request);
    CHECK(response.topics.size() == (request.topics ? 4 : 3));
    for (const auto& topic : response.topics) CHECK(topic.operations == expected.at(topic.name.value_or("")));
    CHECK(response.cluster_operations == (version == 8 ? INT32_MIN : 0));
  }
}

TEST_CASE("kafka: the cluster's list of authorized operations has creation for who may create any topic") {
  World world;
  world.on<core::Describe>([](const core::Describe& input) -> core::Send {
    return core::Described{.who = input.who, .subject = core::Subject::topics};
  });
  world.port.allowed_by_name = {{"", {}}};
  for (const bool all : {true, false}) {
    world.port.allowed_else = {all, false, false};
    const std::int32_t expected =
        bits({op_describe, op_describe_configs, op_idempotent_write}) | (all ? bits({op_create}) : 0);
    MetadataRequest metadata;
    metadata.include_cluster_operations = true;
    CHECK(world.ask<MetadataResponse>(3, 10, metadata).cluster_operations == expected);
    CHECK(world.ask<DescribeClusterResponse>(60, 0, DescribeClusterRequest{true, 1}).operations == expected);
    CHECK(world.ask<DescribeClusterResponse>(60, 0, DescribeClusterRequest{false, 1}).operations == INT32_MIN);
  }
}

TEST_CASE("kafka: a group's list of authorized operations is what the user may do with that group") {
  World world;
  world.port.allowed_else = {false, false, false};
  world.port.allowed_by_name = {{"a", {true, false, false}}, {"b", {false, true, true}}};
  world.on<core::Describe>([](const core::Describe& input) -> core::Send {
    core::Described described{.who = input.who, .subject = core::Subject::groups};
    described.groups.push_back({.name = std::string(input.name), .state = "Empty"});
    return described;
  });
  const auto groups = world.ask<DescribeGroupsResponse>(15, 5, DescribeGroupsRequest{{"a", "b", "c"}, true}).groups;
  CHECK(groups.at(0).operations == bits({op_remove, op_describe}));
  CHECK(groups.at(1).operations == bits({op_read, op_describe}));
  CHECK(groups.at(2).operations == bits({op_describe}));
  const auto unasked = world.ask<DescribeGroupsResponse>(15, 5, DescribeGroupsRequest{{"a"}, false}).groups;
  CHECK(unasked.at(0).operations == INT32_MIN);
}

}  // namespace tandem::wire::kafka::test
