// Metadata, produce, fetch and offsets of partitions: what the core is asked, and how its answers are told.
#include "broker/base/limits.h"
#include "broker/wire/kafka/error.h"
#include "broker/wire/kafka/messages_topic.h"
#include "schemas/batch_fields.h"
#include "tests/wire/kafka/kafka_world.h"

namespace tandem::wire::kafka::test {
namespace {

std::string batch_of(std::string_view value) {
  BatchBuilder builder;
  builder.add(1'000, std::nullopt, bytes_of(value));
  const auto batch = builder.finish();
  REQUIRE(batch.ok());
  return std::string(text_of(*batch));
}

std::string keyed_batch_of(std::size_t value_size_bytes, Codec codec) {
  BatchBuilder builder;
  builder.add(1'000, bytes_of("key"), bytes_of(std::string(value_size_bytes, 'v')));
  return std::string(text_of(Bytes(builder.finish(codec).value())));
}

ProduceRequest produce_of(std::string_view batch, std::int16_t acks = 1) {
  ProduceRequest request;
  request.acks = acks;
  request.topics.push_back({"t", {{3, Records{bytes_of(batch), nullptr, true}}}});
  return request;
}

ProduceResponse::Partition first_of(const ProduceResponse& response) {
  REQUIRE(response.topics.size() == 1);
  CHECK(response.topics[0].name == "t");
  REQUIRE(response.topics[0].partitions.size() == 1);
  CHECK(response.topics[0].partitions[0].index == 3);
  return response.topics[0].partitions[0];
}

core::Refused refused(const core::Caller& who, ErrorCode code) {
  return {who, {.code = code, .object = core::ObjectKind::partition, .name = "t/3"}};
}

FetchRequest fetch_of(std::string_view topic, Offset offset) {
  FetchRequest request;
  request.wait_max_ms = 500;
  request.size_min_bytes = 1;
  request.size_max_bytes = 1 << 20;
  request.topics.push_back({topic, {}, {{.index = 0, .offset = offset, .size_max_bytes = 1'000}}});
  return request;
}

}  // namespace

TEST_CASE("kafka: while a batch is judged by another thread its connection waits, and goes on where it was") {
  World world;
  world.port.rules.needs_keys = true;
  world.port.apart.wait = true;
  const std::string plain = keyed_batch_of(1'000, Codec::none), bomb = keyed_batch_of(5'000'000, Codec::zstd);
  std::vector<std::pair<PartitionIndex, std::uint32_t>> appended;
  world.on<core::Append>([&](const core::Append& input) -> core::Send {
    appended.emplace_back(input.partition, input.batch.size_bytes);
    return core::AppendedOk{.who = input.who, .base_offset = static_cast<Offset>(appended.size()), .append_time = -1};
  });
  ProduceRequest request;
  request.acks = -1;
  request.topics.push_back({"t", {}});
  for (const std::string* batch : {&plain, &bomb, &plain, &bomb}) {
    auto& partitions = request.topics[0].partitions;
    partitions.push_back({static_cast<std::int32_t>(partitions.size()), Records{bytes_of(*batch), nullptr, true}});
  }
  const std::string first = frame_of(0, 9, 1, request), second = frame_of(0, 9, 2, produce_of(plain));
  const auto offer = [&] { return world.receive(first + second); };

  CHECK(offer() == 0);
  CHECK(appended.size() == 1);
  CHECK_FALSE(world.face->reading());
  CHECK(world.face->kept_bytes() >= bomb.size());
  world.port.apart.do_first();
  CHECK(world.face->reading());
  CHECK(offer() == 0);
  CHECK(appended.size() == 3);
  CHECK(world.said().empty());
  world.port.apart.do_first();
  CHECK(offer() == first.size() + second.size());
  CHECK(world.face->reading());

  const std::vector<std::pair<PartitionIndex, std::uint32_t>> in_order = {
      {0, plain.size()}, {1, bomb.size()}, {2, plain.size()}, {3, bomb.size()}, {3, plain.size()}};
  CHECK(appended == in_order);
  const auto said = world.said();
  REQUIRE(said.size() == 2);
  CHECK(said[0].correlation() == 1);
  const auto answered = said[0].as<ProduceResponse>(0, 9);
  for (std::size_t i = 0; i < 4; ++i) CHECK(answered.topics[0].partitions[i].base_offset == static_cast<Offset>(i + 1));
  CHECK(said[1].correlation() == 2);
  CHECK(world.face->kept_bytes() == 0);
}

TEST_CASE("kafka: a produced batch is staged as it is and appended") {
  const std::string batch = batch_of("hello");
  for (std::int16_t version = 3; version <= 11; ++version) {
    World world;
    world.on<core::Append>([&](const core::Append& input) -> core::Send {
      CHECK(input.topic == "t");
      CHECK(input.partition == 3);
      CHECK(input.batch.record_count == 1);
      CHECK(input.wants_reply);
      return core::AppendedOk{.who = input.who, .base_offset = 41, .append_time = -1, .start = 2};
    });
    const auto partition = first_of(world.ask<ProduceResponse>(0, version, produce_of(batch, -1)));
    CHECK(partition.error == error::none);
    CHECK(partition.base_offset == 41);
    if (version >= 5) CHECK(partition.start == 2);
    CHECK(world.port.staged == std::vector<std::string>{batch});
  }
}

TEST_CASE("kafka: with acks=0 there is no response, and an error ends the connection") {
  World world;
  world.port.on_submit = [](const core::Input& input) {
    CHECK_FALSE(std::get<core::Append>(input).wants_reply);
  };
  const std::string batch = batch_of("x");
  world.request(0, 7, produce_of(batch, 0));
  CHECK(world.said().empty());
  CHECK(world.port.inputs == 1);

  std::string damaged = batch;
  damaged.back() ^= 1;
  world.request(0, 7, produce_of(damaged, 0));
  CHECK(world.face->closing());
  CHECK(world.port.inputs == 1);
}

TEST_CASE("kafka: a batch that is not whole and right is refused without being stored") {
  World world;
  const std::string batch = batch_of("hello");
  std::string bad = batch;
  std::int16_t expected = error::corrupt_message;
  SUBCASE("a wrong checksum") { bad.back() ^= 1; }
  SUBCASE("a wrong length") { bad += "x"; }
  SUBCASE("cut short") { bad.pop_back(); }
  SUBCASE("an old magic") {
    bad[16] = 1;
    expected = error::unsupported_for_message_format;
  }
  SUBCASE("nothing at all") {
    bad.clear();
    expected = error::invalid_record;
  }
  SUBCASE("two batches") { bad += batch; }
  SUBCASE("a control batch") {
    bad = text_of(make_marker_batch(1, 0, true, 1'000));
    expected = error::invalid_record;
  }
  const auto partition = first_of(world.ask<ProduceResponse>(0, 9, produce_of(bad)));
  CHECK(partition.error == expected);
  CHECK(partition.error_message.has_value());
  CHECK(partition.base_offset == -1);
  CHECK(world.port.inputs == 0);
  CHECK(world.port.staged.empty());
}

TEST_CASE("kafka: a record that is malformed under a right checksum is told by its number") {
  BatchBuilder builder;
  for (int i = 0; i < 3; ++i) builder.add(1'000, std::nullopt, bytes_of("value"));
  std::vector<std::byte> batch = builder.finish().value();
  const std::size_t record_size = (batch.size() - batch_header_size_bytes) / 3;
  batch[batch_header_size_bytes + record_size + 3] = std::byte{8};  // the second one's offset is four behind the first
  batch_fields::seal(batch);
  World world;
  const auto partition = first_of(world.ask<ProduceResponse>(0, 9, produce_of(text_of(batch))));
  CHECK(partition.error == error::invalid_record);
  REQUIRE(partition.record_errors.size() == 1);
  CHECK(partition.record_errors[0].index == 1);
  CHECK(world.port.inputs == 0);
}

TEST_CASE("kafka: acks and versions that nobody should use are refused") {
  World world;
  CHECK(first_of(world.ask<ProduceResponse>(0, 7, produce_of(batch_of("x"), 2))).error ==
        error::invalid_required_acks);
  CHECK(first_of(world.ask<ProduceResponse>(0, 2, produce_of(batch_of("x")))).error ==
        error::unsupported_for_message_format);
}

TEST_CASE("kafka: the core's refusals have their numbers") {
  const std::vector<std::pair<ErrorCode, std::int16_t>> expected = {
      {ErrorCode::not_found, error::unknown_topic_or_partition},
      {ErrorCode::too_large, error::message_too_large},
      {ErrorCode::out_of_order_sequence, error::out_of_order_sequence},
      {ErrorCode::duplicate_sequence, error::duplicate_sequence},
      {ErrorCode::fenced, error::invalid_producer_epoch},
      {ErrorCode::resource_alarm, error::storage_error},
      {ErrorCode::not_authorized, error::topic_authorization_failed},
      {ErrorCode::invalid_transaction_state, error::invalid_transaction_state}};
  for (const auto& [code, number] : expected) {
    World world;
    world.on<core::Append>([&](const core::Append& input) -> core::Send { return refused(input.who, code); });
    CHECK(first_of(world.ask<ProduceResponse>(0, 8, produce_of(batch_of("x")))).error == number);
  }
}

TEST_CASE("kafka: a fetch passes on what it is asked and what it is given") {
  for (std::int16_t version = 4; version <= 12; ++version) {
    World world;
    core::Caller who;
    world.port.on_submit = [&](const core::Input& input) {
      const auto& fetch = std::get<core::Fetch>(input);
      who = fetch.who;
      REQUIRE(fetch.partitions.size() == 1);
      CHECK(fetch.partitions[0].topic == "t");
      CHECK(fetch.partitions[0].offset == 17);
      CHECK(fetch.partitions[0].size_max_bytes == 1'000);
      CHECK(fetch.wait_max == 500);
      CHECK(fetch.size_max_bytes == 1 << 20);
      CHECK(fetch.isolation == core::Isolation::read_committed);
    };
    FetchRequest request = fetch_of("t", 17);
    request.isolation = 1;
    world.request(1, version, request);
    CHECK(world.said().empty());

    const auto bytes = std::make_shared<std::string>(batch_of("hello"));
    core::FetchedPartition read;
    read.topic = "t";
    read.start = 3;
    read.high_watermark = 20;
    read.last_stable = 19;
    read.aborted = {{.producer_id = 9, .first = 5, .last = 6}};
    const Body body{bytes_of(*bytes), bytes, ErrorCode::none};
    world.face->send(core::Fetched{who, 0, {read}}, {&body, 1});
    const auto said = world.said();  // the records are views into it
    REQUIRE(said.size() == 1);
    const auto response = said[0].as<FetchResponse>(1, version);
    CHECK(response.session == 0);
    const auto& partition = response.topics.at(0).partitions.at(0);
    CHECK(partition.error == error::none);
    CHECK(partition.high_watermark == 20);
    CHECK(partition.last_stable == 19);
    CHECK(text_of(partition.records.bytes) == *bytes);
    REQUIRE(partition.aborted);
    CHECK(partition.aborted->at(0).producer_id == 9);
    CHECK(partition.aborted->at(0).first_offset == 5);
  }
}

TEST_CASE("kafka: a fetch names topics by id from version 13 on, and an id that nothing has is told so") {
  for (std::int16_t version = 13; version <= 18; ++version) {
    World world;
    core::Caller who;
    world.port.on_submit = [&](const core::Input& input) {
      const auto& fetch = std::get<core::Fetch>(input);
      who = fetch.who;
      REQUIRE(fetch.partitions.size() == 3);
      CHECK(fetch.partitions[0].uuid_high == 7);
      CHECK(fetch.partitions[0].uuid_low == 8);
      CHECK(fetch.partitions[2].uuid_low == 10);
      CHECK(fetch.partitions[2].topic.empty());
    };
    FetchRequest request = fetch_of("", 0);
    request.topics[0].id = {7, 8};
    request.topics[0].partitions.push_back({.index = 5});
    request.topics.push_back({"", {9, 10}, {{.index = 0}}});
    world.request(1, version, request);

    std::vector<core::FetchedPartition> read(3);
    read[0].partition = {TopicId(1), 0};
    read[0].high_watermark = 4;
    read[1].partition = {TopicId(1), 5};
    read[1].error = ErrorCode::not_found;
    read[2].error = ErrorCode::not_found;
    world.face->send(core::Fetched{who, 0, read}, std::vector<Body>(3));
    const auto said = world.said();
    REQUIRE(said.size() == 1);
    const auto response = said[0].as<FetchResponse>(1, version);
    REQUIRE(response.topics.size() == 2);
    CHECK(response.topics[0].id == Uuid{7, 8});
    CHECK(response.topics[0].partitions.at(0).error == error::none);
    CHECK(response.topics[0].partitions.at(0).high_watermark == 4);
    CHECK(response.topics[0].partitions.at(1).error == error::unknown_topic_or_partition);
    CHECK(response.topics[1].id == Uuid{9, 10});
    CHECK(response.topics[1].partitions.at(0).error == error::unknown_topic_id);
  }
}

TEST_CASE("kafka: what is local begins where the partition begins, and nothing lies elsewhere") {
  for (const std::int64_t mark : {-4, -5}) {
    World world;
    world.on<core::ListOffset>([&](const core::ListOffset& input) -> core::Send {
      CHECK(input.at == static_cast<std::int64_t>(core::OffsetSpec::earliest));
      return core::OffsetListed{.who = input.who, .offset = 12, .timestamp = -1};
    });
    ListOffsetsRequest request;
    request.topics.push_back({"t", {{.index = 0, .timestamp = mark}}});
    const auto partition = world.ask<ListOffsetsResponse>(2, 10, request).topics.at(0).partitions.at(0);
    CHECK(partition.error == error::none);
    CHECK(partition.offset == (mark == -4 ? 12 : -1));
  }
}

TEST_CASE("kafka: one fetch at a time; the next is read when the first is answered") {
  World world;
  core::Caller who;
  world.port.on_submit = [&](const core::Input& input) { who = std::get<core::Fetch>(input).who; };
  const std::string first = frame_of(1, 11, 1, fetch_of("t", 0)), second = frame_of(1, 11, 2, fetch_of("t", 5));
  CHECK(world.receive(first + second) == first.size());
  CHECK(world.port.inputs == 1);
  CHECK_FALSE(world.face->reading());
  world.face->send(core::Fetched{who, 0, {{}}}, std::vector<Body>(1));
  CHECK(world.said().size() == 1);
  CHECK(world.face->reading());
  CHECK(world.receive(second) == second.size());
  CHECK(world.port.inputs == 2);
}

TEST_CASE("kafka: who does not read its responses gets no more of them, however many fetches it sends at once") {
  World world;
  const auto bytes = std::make_shared<std::string>(limits::outbox_high_bytes, 'b');
  world.port.on_submit = [&](const core::Input& input) {
    const Body body{bytes_of(*bytes), bytes, ErrorCode::none};
    world.face->send(core::Fetched{std::get<core::Fetch>(input).who, 0, {{}}}, {&body, 1});
  };
  const std::string fetch = frame_of(1, 11, 1, fetch_of("t", 0));
  std::string requests = fetch + fetch + fetch;
  for (int answered = 1; answered <= 3; ++answered) {
    CHECK(world.receive(requests) == fetch.size());
    CHECK(world.port.inputs == answered);
    CHECK(world.face->reading() == (answered == 3));
    requests.erase(0, fetch.size());
    CHECK_FALSE(world.face->wants_room());
    CHECK(world.said().size() == 1);
    CHECK(world.face->reading());
    CHECK(world.face->wants_room() == (answered < 3));  // so it is offered the rest without a word from its client
  }
}

TEST_CASE("kafka: a fetch session that is not known is refused, and so is an epoch from the future") {
  World world;
  FetchRequest request = fetch_of("t", 0);
  request.session = 5;
  CHECK(world.ask<FetchResponse>(1, 11, request).error == error::fetch_session_not_found);
  CHECK(world.port.inputs == 0);

  request.session = 0;
  request.topics[0].partitions[0].leader_epoch = 1;
  world.port.on_submit = [&](const core::Input& input) {
    const auto& fetch = std::get<core::Fetch>(input);
    CHECK(fetch.partitions.empty());
    CHECK(fetch.wait_max == 0);
    world.face->send(core::Fetched{fetch.who, 0, {}}, {});
  };
  const auto response = world.ask<FetchResponse>(1, 11, request);
  CHECK(response.topics.at(0).partitions.at(0).error == error::unknown_leader_epoch);
}

TEST_CASE("kafka: a fetch that names no partition waits for nothing") {
  World world;
  world.on<core::Fetch>([](const core::Fetch& input) -> core::Send {
    CHECK(input.partitions.empty());
    CHECK(input.wait_max == 0);
    return core::Fetched{input.who, 0, {}};
  });
  FetchRequest request = fetch_of("t", 0);
  request.topics.clear();
  const auto response = world.ask<FetchResponse>(1, 11, request);
  CHECK(response.error == error::none);
  CHECK(response.topics.empty());
}

TEST_CASE("kafka: unreadable and missing partitions are told one by one") {
  World world;
  FetchRequest request = fetch_of("t", 0);
  request.topics.push_back({"u", {}, {{.index = 0}, {.index = 1}}});
  world.port.on_submit = [&](const core::Input& input) {
    const auto& fetch = std::get<core::Fetch>(input);
    REQUIRE(fetch.partitions.size() == 3);
    std::vector<core::FetchedPartition> read(3);
    read[1].error = ErrorCode::not_found;
    read[2].error = ErrorCode::out_of_range;
    read[2].start = 4;
    std::vector<Body> bodies(3);
    bodies[0].error = ErrorCode::corrupt;
    world.face->send(core::Fetched{fetch.who, 0, read}, bodies);
  };
  const auto response = world.ask<FetchResponse>(1, 7, request);
  CHECK(response.topics.at(0).partitions.at(0).error == error::corrupt_message);
  CHECK(response.topics.at(1).partitions.at(0).error == error::unknown_topic_or_partition);
  CHECK(response.topics.at(1).partitions.at(1).error == error::offset_out_of_range);
  CHECK(response.topics.at(1).partitions.at(1).start == 4);
}

TEST_CASE("kafka: metadata creates a topic when broker and client want it") {
  const auto ask = [](World& world, bool client_wants) {
    MetadataRequest request;
    request.topics.emplace().push_back({{}, "new"});
    request.allow_auto_topic_creation = client_wants;
    world.port.on_submit = [&world](const core::Input& input) {
      if (const auto* describe = std::get_if<core::Describe>(&input)) {
        core::Described nothing;
        nothing.who = describe->who;
        world.face->send(nothing, {});
      } else {
        const auto& create = std::get<core::CreateTopic>(input);
        CHECK(create.partitions == 2);
        world.face->send(core::TopicOk{create.who, topic_named("new", create.partitions)}, {});
      }
    };
    return world.ask<MetadataResponse>(3, 10, request);
  };
  World both;
  const auto created = ask(both, true);
  CHECK(created.nodes.at(0).host == "broker.test");
  CHECK(created.cluster_id == "cluster");
  CHECK(created.topics.at(0).error == error::none);
  CHECK(created.topics.at(0).partitions.size() == 2);
  CHECK(created.topics.at(0).id == Uuid{0x1111, 0x2222});
  World client_not;
  CHECK(ask(client_not, false).topics.at(0).error == error::unknown_topic_or_partition);
  World broker_not;
  broker_not.port.facts["kafka_auto_create_topics"] = "false";
  CHECK(ask(broker_not, true).topics.at(0).error == error::unknown_topic_or_partition);
}

TEST_CASE("kafka: metadata finds topics by id, and knows a name that cannot be") {
  World world;
  MetadataRequest request;
  request.topics.emplace();
  request.topics->push_back({Uuid{0x1111, 0x2222}, std::nullopt});
  request.topics->push_back({Uuid{1, 1}, std::nullopt});
  request.topics->push_back({{}, "not a name"});
  world.on<core::Describe>([](const core::Describe& input) -> core::Send {
    core::Described described;
    described.who = input.who;
    described.topics.push_back({topic_named("found"), {}});
    return described;
  });
  const auto response = world.ask<MetadataResponse>(3, 12, request);
  CHECK(response.topics.at(0).name == "found");
  CHECK(response.topics.at(1).error == error::unknown_topic_id);
  CHECK(response.topics.at(2).error == error::invalid_topic);
}

}  // namespace tandem::wire::kafka::test
