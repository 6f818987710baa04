// The one node: what clients are told of it.
#include "broker/wire/kafka/messages_admin.h"
#include "tests/wire/kafka/kafka_world.h"

namespace tandem::wire::kafka::test {

TEST_CASE("kafka: clients are told to connect to what their listener says, else to what the broker says") {
  for (const bool own : {false, true}) {
    World world(true, own ? Advertised{"outside.test", 29094} : Advertised{});
    world.on<core::Describe>([](const core::Describe& input) -> core::Send {
      return core::Described{.who = input.who, .subject = core::Subject::topics};
    });
    const std::string host = own ? "outside.test" : "broker.test";
    const std::int32_t port = own ? 29094 : 9092;
    const auto metadata = world.ask<MetadataResponse>(3, 12, MetadataRequest{});
    CHECK(metadata.nodes.at(0).host == host);
    CHECK(metadata.nodes.at(0).port == port);
    const auto cluster = world.ask<DescribeClusterResponse>(60, 1, DescribeClusterRequest{});
    CHECK(cluster.nodes.at(0).host == host);
    CHECK(cluster.nodes.at(0).port == port);
    const auto found = world.ask<FindCoordinatorResponse>(10, 4, FindCoordinatorRequest{"", 0, {"g"}});
    CHECK(found.coordinators.at(0).host == host);
    CHECK(found.coordinators.at(0).port == port);
    DescribeConfigsRequest request;
    request.resources.push_back({4, "1", std::vector<std::string_view>{"advertised.listeners"}});
    const auto configs = world.ask<DescribeConfigsResponse>(32, 4, request).resources.at(0).configs;
    CHECK(configs.at(0).value == "PLAINTEXT://" + host + ":" + std::to_string(port));
  }
}

TEST_CASE("kafka: values of a configuration have the types that Kafka gives them") {
  World world;
  world.on<core::Describe>([](const core::Describe& input) -> core::Send {
    core::Described answer{.who = input.who, .subject = core::Subject::topics};
    answer.topics.push_back({topic_named("t"), {}});
    return answer;
  });
  DescribeConfigsRequest request;
  request.resources = {{2, "t", {}}, {4, "1", {}}};
  const auto resources = world.ask<DescribeConfigsResponse>(32, 4, request).resources;
  const auto type_of = [&](std::size_t resource, std::string_view name) {
    for (const auto& config : resources.at(resource).configs)
      if (config.name == name) return static_cast<int>(config.type);
    return -1;
  };
  CHECK(type_of(0, "preallocate") == 1);                // BOOLEAN
  CHECK(type_of(0, "compression.type") == 2);           // STRING
  CHECK(type_of(0, "segment.bytes") == 3);              // INT
  CHECK(type_of(0, "max.message.bytes") == 3);
  CHECK(type_of(0, "retention.bytes") == 5);            // LONG
  CHECK(type_of(0, "segment.ms") == 5);
  CHECK(type_of(0, "min.cleanable.dirty.ratio") == 6);  // DOUBLE
  CHECK(type_of(0, "cleanup.policy") == 7);             // LIST
  CHECK(type_of(1, "broker.id") == 3);
  CHECK(type_of(1, "log.retention.ms") == 5);
  CHECK(type_of(1, "advertised.listeners") == 7);
}

}  // namespace tandem::wire::kafka::test
