// Frames, headers, versions, and the order of responses.
#include "broker/wire/kafka/error.h"
#include "broker/wire/kafka/kafka_face.h"
#include "broker/wire/kafka/messages_group.h"
#include "broker/wire/kafka/messages_topic.h"
#include "tests/wire/kafka/kafka_world.h"

namespace tandem::wire::kafka::test {
namespace {

ListOffsetsRequest latest_of(std::string_view topic) {
  ListOffsetsRequest request;
  request.topics.push_back({topic, {{.index = 0, .timestamp = -1}}});
  return request;
}

core::Send listed(const core::Caller& who, Offset offset) {
  core::OffsetListed answer;
  answer.who = who;
  answer.offset = offset;
  return answer;
}

}  // namespace

TEST_CASE("kafka: every way to cut the input gives the same responses") {
  const std::string bytes = frame_of(18, 3, 1, ApiVersionsRequest{"tester", "1"}) +
                            frame_of(2, 5, 2, latest_of("t")) +
                            frame_of(3, 9, 3, MetadataRequest{std::nullopt});
  const auto prepare = [](World& world) {
    world.port.on_submit = [&world](const core::Input& input) {
      if (const auto* list = std::get_if<core::ListOffset>(&input)) world.face->send(listed(list->who, 5), {});
      if (const auto* describe = std::get_if<core::Describe>(&input)) {
        core::Described described;
        described.who = describe->who;
        described.topics.push_back({topic_named("t"), {}});
        world.face->send(described, {});
      }
    };
  };
  World whole;
  prepare(whole);
  CHECK(whole.receive(bytes) == bytes.size());
  const std::string expected = whole.take_bytes();
  for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
    World world;
    prepare(world);
    const std::size_t consumed = world.receive(std::string_view(bytes).substr(0, cut));
    CHECK(world.face->input_size_wanted_bytes() <= bytes.size());
    CHECK(world.receive(std::string_view(bytes).substr(consumed)) == bytes.size() - consumed);
    CHECK(world.take_bytes() == expected);
  }
}

TEST_CASE("kafka: responses leave in the order of requests") {
  World world;
  std::vector<core::Caller> asked;
  world.port.on_submit = [&](const core::Input& input) { asked.push_back(std::get<core::ListOffset>(input).who); };
  for (int i = 0; i < 3; ++i) world.request(2, 1, latest_of("t"), 100 + i);
  REQUIRE(asked.size() == 3);
  world.face->send(listed(asked[2], 2), {});
  world.face->send(listed(asked[1], 1), {});
  CHECK(world.said().empty());
  world.face->send(listed(asked[0], 0), {});
  const auto said = world.said();
  REQUIRE(said.size() == 3);
  for (int i = 0; i < 3; ++i) {
    CHECK(said[static_cast<std::size_t>(i)].correlation() == 100 + i);
    CHECK(said[static_cast<std::size_t>(i)].as<ListOffsetsResponse>(2, 1).topics[0].partitions[0].offset == i);
  }
}

TEST_CASE("kafka: an answer to a request that is answered already is nobody's") {
  World world;
  core::Caller who;
  world.on<core::ListOffset>([&](const core::ListOffset& input) {
    who = input.who;
    return listed(input.who, 3);
  });
  world.ask<ListOffsetsResponse>(2, 1, latest_of("t"));
  world.face->send(listed(who, 4), {});
  who.request += 1u << 21;  // of a request that never was
  world.face->send(listed(who, 5), {});
  CHECK(world.said().empty());
}

TEST_CASE("kafka: ApiVersions lists every request, and Produce from version 0 on") {
  for (std::int16_t version = 0; version <= 4; ++version) {
    World world;
    const auto response = world.ask<ApiVersionsResponse>(18, version, ApiVersionsRequest{"tester", "1"});
    CHECK(response.error == error::none);
    REQUIRE(response.apis.size() == apis().size());
    CHECK(response.apis[0].key == key::produce);
    CHECK(response.apis[0].version_min == 0);
    for (const auto& api : response.apis) CHECK(api.version_min <= api.version_max);
  }
}

TEST_CASE("kafka: ApiVersions of an unknown version is answered in version 0, with the list") {
  World world;
  world.receive(frame_of(18, 99, 5, ApiVersionsRequest{"tester", "1"}));
  const auto response = world.only<ApiVersionsResponse>(18, 0);
  CHECK(response.error == error::unsupported_version);
  CHECK(response.apis.size() == apis().size());
  CHECK_FALSE(world.face->closing());
}

TEST_CASE("kafka: what cannot be answered ends the connection") {
  const std::string good = frame_of(2, 1, 1, latest_of("t"));
  World world;
  SUBCASE("a frame larger than any request") { world.receive(std::string("\x7f\xff\xff\xff", 4)); }
  SUBCASE("a TLS handshake") { world.receive(std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11)); }
  SUBCASE("a negative size") { world.receive(std::string("\xff\xff\xff\xff", 4)); }
  SUBCASE("a frame too short for a header") { world.receive(framed(std::string("\0\2\0\1", 4))); }
  SUBCASE("an unknown key") { world.receive(frame_of(999, 0, 1, latest_of("t"))); }
  SUBCASE("a version from the future") { world.receive(frame_of(2, 99, 1, latest_of("t"))); }
  SUBCASE("a version from the past") { world.receive(frame_of(2, 0, 1, latest_of("t"))); }
  SUBCASE("a body that ends early") { world.receive(framed(good.substr(4, good.size() - 5))); }
  SUBCASE("an array of two billion") {
    world.receive(framed(good.substr(4, 8 + 8 + 4) + std::string("\x7f\xff\xff\xff", 4)));
  }
  CHECK(world.face->closing());
  CHECK(world.port.inputs == 0);
  CHECK(world.said().empty());
}

TEST_CASE("kafka: bytes behind a request's body are passed over, as librdkafka 2.3 sends them for all topics") {
  World world;
  world.port.on_submit = [&](const core::Input& input) {
    world.face->send(core::Described{.who = std::get<core::Describe>(input).who, .subject = core::Subject::topics}, {});
  };
  world.receive(framed(frame_of(3, 12, 1, MetadataRequest{std::nullopt}).substr(4) + std::string("\1\0\0", 3)));
  CHECK(world.only<MetadataResponse>(3, 12).nodes.size() == 1);
  CHECK_FALSE(world.face->closing());
}

TEST_CASE("kafka: the connection is introduced once, with its client's name") {
  World world;
  std::string name;
  world.receive(frame_of(18, 0, 1, ApiVersionsRequest{}));
  world.receive(frame_of(18, 0, 2, ApiVersionsRequest{}));
  CHECK(world.port.opened == 1);
}

TEST_CASE("kafka: a thousand requests in flight are enough, then the connection is not read") {
  World world;
  std::vector<core::Caller> asked;
  world.port.on_submit = [&](const core::Input& input) { asked.push_back(std::get<core::ListOffset>(input).who); };
  std::string bytes;
  for (int i = 0; i < 1'001; ++i) bytes += frame_of(2, 1, i, latest_of("t"));
  const std::size_t consumed = world.receive(bytes);
  CHECK(asked.size() == AnswerLine::requests_max);
  CHECK(consumed < bytes.size());
  CHECK_FALSE(world.face->reading());
  world.face->send(listed(asked[0], 0), {});
  CHECK(world.face->reading());
  CHECK(world.receive(std::string_view(bytes).substr(consumed)) == bytes.size() - consumed);
  CHECK(asked.size() == 1'001);
}

TEST_CASE("kafka: silence ends a connection, but not one that waits for an answer") {
  World silent;
  silent.face->tick(silent.face->next_due() - 1);
  CHECK_FALSE(silent.face->closing());
  silent.face->tick(silent.face->next_due());
  CHECK(silent.face->closing());

  World waiting;
  waiting.request(2, 1, latest_of("t"));
  const TimestampMs due = waiting.face->next_due();
  CHECK(due == waiting.port.now_ms + KafkaFace::idle_max_ms);
  waiting.face->tick(due);
  CHECK_FALSE(waiting.face->closing());
}

}  // namespace tandem::wire::kafka::test
