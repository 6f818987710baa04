// Answers are as large as what there is to tell, however often a request names it.
#include "broker/wire/kafka/error.h"
#include "broker/wire/kafka/messages_admin.h"
#include "broker/wire/kafka/messages_group.h"
#include "broker/wire/kafka/messages_offset.h"
#include "broker/wire/kafka/messages_topic.h"
#include "broker/wire/kafka/messages_transaction.h"
#include "tests/wire/kafka/kafka_world.h"

namespace tandem::wire::kafka::test {

TEST_CASE("kafka: what a request names again is not told again") {
  World world;
  int described = 0;
  world.port.on_submit = [&](const core::Input& input) {
    if (const auto* fetch = std::get_if<core::FetchOffsets>(&input)) {
      core::OffsetsFetched fetched{fetch->who, {}};
      for (const auto& entry : fetch->entries)
        fetched.offsets.push_back({std::string(entry.topic), entry.partition, 5, -1, "", ErrorCode::none});
      return world.face->send(fetched, {});
    }
    if (const auto* create = std::get_if<core::CreateTopic>(&input))
      return world.face->send(core::TopicOk{create->who, topic_named(std::string(create->name))}, {});
    const auto& asked = std::get<core::Describe>(input);
    ++described;
    core::Described answer{.who = asked.who, .subject = asked.subject};
    if (asked.subject == core::Subject::topics) {
      answer.topics.push_back({topic_named("t"), {}});
      answer.topics.front().partitions.emplace_back();
    }
    if (asked.subject == core::Subject::groups) answer.groups.push_back({.name = "g", .state = "Empty"});
    if (asked.subject == core::Subject::producers) answer.producers.push_back({"t", 0, {}});
    if (asked.subject == core::Subject::transactions) answer.transactions.emplace_back();
    world.face->send(answer, {});
  };

  SUBCASE("topics of Metadata, by name and by id") {
    const Uuid id{0x1111, 0x2222};
    MetadataRequest by_name, by_id;
    by_name.topics = {{{}, "t"}, {{}, "t"}, {{}, "t"}};
    by_id.topics = {{id, {}}, {id, {}}};
    CHECK(world.ask<MetadataResponse>(3, 12, by_name).topics.size() == 1);
    const auto topics = world.ask<MetadataResponse>(3, 12, by_id).topics;
    REQUIRE(topics.size() == 1);
    CHECK(topics.front().name == "t");
    CHECK(described == 2);
  }
  SUBCASE("configured things") {
    DescribeConfigsRequest request;
    request.resources = {{2, "t", {}}, {2, "t", {}}, {4, "1", {}}, {4, "1", {}}};
    const auto resources = world.ask<DescribeConfigsResponse>(32, 4, request).resources;
    CHECK(resources.at(0).error == error::none);
    CHECK(resources.at(1).error == error::invalid_request);
    CHECK(resources.at(1).name == "t");
    CHECK(resources.at(1).configs.empty());
    CHECK(resources.at(2).error == error::none);
    CHECK(resources.at(3).error == error::invalid_request);
  }
  SUBCASE("groups") {
    const auto groups = world.ask<DescribeGroupsResponse>(15, 5, DescribeGroupsRequest{{"g", "g"}}).groups;
    CHECK(groups.at(0).error == error::none);
    CHECK(groups.at(1).error == error::invalid_request);
    CHECK(described == 1);
  }
  SUBCASE("groups and partitions of OffsetFetch") {
    OffsetFetchRequest request;
    for (int i = 0; i < 2; ++i)
      request.groups.push_back({.name = "g", .topics = std::vector<OffsetFetchRequest::Topic>{{"t", {0, 1, 0}}}});
    const auto groups = world.ask<OffsetFetchResponse>(9, 8, request).groups;
    CHECK(groups.at(0).topics.at(0).partitions.size() == 2);
    CHECK(groups.at(1).error == error::invalid_request);
    CHECK(groups.at(1).topics.empty());
  }
  SUBCASE("partitions of ListOffsets") {
    ListOffsetsRequest request;
    for (int i = 0; i < 2; ++i) request.topics.push_back({"t", {{.index = 0, .timestamp = 1}, {.index = 1, .timestamp = 2}}});
    world.on<core::ListOffset>([&](const core::ListOffset& asked) -> core::Send {
      ++described;
      return core::OffsetListed{.who = asked.who, .offset = 7, .timestamp = 8};
    });
    const auto topics = world.ask<ListOffsetsResponse>(2, 7, request).topics;
    CHECK(described == 2);
    CHECK(topics.at(0).partitions.at(1).offset == 7);
    CHECK(topics.at(1).partitions.at(0).error == error::invalid_request);
    CHECK(topics.at(1).partitions.at(1).error == error::invalid_request);
  }
  SUBCASE("partitions and topics of DescribeProducers") {
    DescribeProducersRequest request;
    request.topics = {{"t", {0, 0}}, {"t", {0}}};
    const auto topics = world.ask<DescribeProducersResponse>(61, 0, request).topics;
    CHECK(topics.at(0).partitions.at(0).producers.size() == 1);
    CHECK(topics.at(0).partitions.at(1).error == error::invalid_request);
    CHECK(topics.at(0).partitions.at(1).producers.empty());
    CHECK(topics.at(1).partitions.at(0).error == error::invalid_request);
    CHECK(described == 2);
  }
  SUBCASE("transactions") {
    const auto told = world.ask<DescribeTransactionsResponse>(65, 0, DescribeTransactionsRequest{{"x", "x"}});
    CHECK(told.transactions.at(0).error == error::none);
    CHECK(told.transactions.at(1).error == error::invalid_request);
  }
  SUBCASE("topics of DescribeLogDirs") {
    DescribeLogDirsRequest request;
    request.topics.emplace();
    request.topics->push_back({"t", {0, 0}});
    request.topics->push_back({"t", {0}});
    const auto directories = world.ask<DescribeLogDirsResponse>(35, 4, request).directories;
    CHECK(directories.at(0).topics.size() == 1);
    CHECK(directories.at(0).topics.at(0).partitions.size() == 1);
  }
  SUBCASE("topics of a transaction") {
    AddPartitionsToTxnRequest request;
    request.transactional_id = "tx";
    request.topics = {{"t", {0}}, {"t", {0}}};
    const auto topics = world.ask<PartitionErrorsResponse>(24, 3, request).topics;
    CHECK(topics.at(0).partitions.at(0).error == error::invalid_request);
    CHECK(topics.at(1).partitions.at(0).error == error::invalid_request);
    CHECK(described == 0);
  }
  SUBCASE("topics to create") {
    CreateTopicsRequest request;
    for (int i = 0; i < 2; ++i) request.topics.push_back({"new", 1, 1, {}, {}});
    const auto topics = world.ask<CreateTopicsResponse>(19, 7, request).topics;
    CHECK(topics.at(0).error == error::none);
    CHECK(topics.at(1).error == error::invalid_request);
  }
}

}  // namespace tandem::wire::kafka::test
