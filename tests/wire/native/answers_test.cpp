#include "tests/wire/native/harness.h"

using namespace tandem;
using namespace tandem::wire::native::test;
namespace fb = tandem::wire::fb;

namespace {

/// What one send to correlation 4, channel 2 becomes.
template <class Make>
Said said_for(Make make, std::vector<Body> bodies = {}) {
  Conversation c;
  c.open();
  c.send(make(c.caller(4, 2)), std::move(bodies));
  const Said said = c.only_said();
  CHECK(said.correlation() == 4);
  CHECK(said.channel() == 2);
  return said;
}

}  // namespace

TEST_CASE("a refusal carries its code, a text for people and what it is about") {
  const Said said = said_for([](auto who) {
    return core::Refused{who, {ErrorCode::not_found, core::ObjectKind::queue, "orders", "", "", "", ""}, 3};
  });
  const auto& refused = said.as<fb::Refused>();
  CHECK(refused.code() == static_cast<std::uint16_t>(ErrorCode::not_found));
  CHECK(refused.text()->string_view().find("orders") != std::string_view::npos);
  CHECK(refused.object()->string_view() == "queue");
  CHECK(refused.name()->string_view() == "orders");
  CHECK(refused.operation() == 3);
}

TEST_CASE("answers to requests without correlation are not said") {
  Conversation c;
  c.open();
  c.send(core::Ok{c.caller(0)});
  c.send(core::QueueOk{c.caller(0), "q"});
  c.send(core::AppendedOk{c.caller(0)});
  CHECK(c.said().empty());
}

TEST_CASE("queue and topic answers carry names and counts") {
  const Said queue = said_for([](auto who) { return core::QueueOk{who, "q", 12, 3}; });
  CHECK(queue.as<fb::QueueOk>().name()->string_view() == "q");
  CHECK(queue.as<fb::QueueOk>().ready() == 12);
  CHECK(queue.as<fb::QueueOk>().consumers() == 3);
  core::TopicCreated created;
  created.name = "t";
  created.partitions = 6;
  created.uuid_high = 1;
  created.uuid_low = 2;
  const Said topic = said_for([&](auto who) { return core::TopicOk{who, created}; });
  CHECK(topic.as<fb::TopicOk>().partitions() == 6);
  CHECK(topic.as<fb::TopicOk>().uuid_low() == 2);
}

TEST_CASE("appended, listed and trimmed say where the partition stands") {
  const Said appended = said_for([](auto who) { return core::AppendedOk{who, 50, 1234, 10, true}; });
  CHECK(appended.as<fb::Appended>().base_offset() == 50);
  CHECK(appended.as<fb::Appended>().append_time() == 1234);
  CHECK(appended.as<fb::Appended>().start() == 10);
  CHECK(appended.as<fb::Appended>().duplicate());
  core::OffsetListed listed;
  listed.offset = 7;
  listed.timestamp = 99;
  const Said list = said_for([&](auto who) {
    listed.who = who;
    return listed;
  });
  CHECK(list.as<fb::OffsetListed>().offset() == 7);
  CHECK(list.as<fb::OffsetListed>().timestamp() == 99);
  CHECK(said_for([](auto who) { return core::TrimmedOk{who, 8}; }).as<fb::TrimmedOk>().start() == 8);
  const Said producer = said_for([](auto who) { return core::ProducerOk{who, 17, 2}; });
  CHECK(producer.as<fb::ProducerOk>().producer_id() == 17);
  CHECK(producer.as<fb::ProducerOk>().epoch() == 2);
}

TEST_CASE("a fetch answers per partition, with the bytes one behind the other") {
  core::FetchedPartition first;
  first.topic = "t";
  first.partition.index = 1;
  first.start = 5;
  first.visible_end = 90;
  first.high_watermark = 91;
  first.last_stable = 89;
  core::FetchedPartition missing;
  missing.topic = "gone";
  missing.error = ErrorCode::not_found;
  core::FetchedPartition damaged = first;
  Body unreadable = body_of("damaged");
  unreadable.error = ErrorCode::corrupt;
  const Said said = said_for(
      [&](auto who) {
        return core::Fetched{who, 0, {first, missing, damaged, first}};
      },
      {body_of("batches"), {}, unreadable, body_of("more")});
  const auto& partitions = *said.as<fb::Fetched>().partitions();
  REQUIRE(partitions.size() == 4);
  CHECK(partitions.Get(0)->start() == 5);
  CHECK(partitions.Get(0)->visible_end() == 90);
  CHECK(partitions.Get(0)->high_watermark() == 91);
  CHECK(partitions.Get(0)->last_stable() == 89);
  CHECK(partitions.Get(0)->size() == 7);
  CHECK(partitions.Get(1)->code() == static_cast<std::uint16_t>(ErrorCode::not_found));
  CHECK(partitions.Get(2)->code() == static_cast<std::uint16_t>(ErrorCode::corrupt));
  CHECK(partitions.Get(2)->size() == 0);
  CHECK(said.payload == "batchesmore");
}

TEST_CASE("a fetch that would not fit a frame leaves partitions for the next one") {
  const Body large = body_of(std::string(15u << 20, 'x'));
  const Said said = said_for(
      [](auto who) {
        return core::Fetched{who, 0, std::vector<core::FetchedPartition>(4)};
      },
      {large, large, large, body_of("small")});
  const auto& partitions = *said.as<fb::Fetched>().partitions();
  CHECK(partitions.Get(1)->size() == large.bytes.size());
  CHECK(partitions.Get(2)->size() == 0);
  CHECK(partitions.Get(3)->size() == 5);
  CHECK(said.payload.size() == 2 * large.bytes.size() + 5);
}

TEST_CASE("committed and deleted offsets answer with one code per entry") {
  const std::vector errors{ErrorCode::none, ErrorCode::not_found};
  const Said committed = said_for([&](auto who) { return core::OffsetsCommittedOk{who, errors}; });
  CHECK(committed.as<fb::OffsetsCommitted>().codes()->Get(1) ==
        static_cast<std::uint16_t>(ErrorCode::not_found));
  const Said deleted = said_for([&](auto who) { return core::OffsetsDeletedOk{who, errors}; });
  CHECK(deleted.as<fb::OffsetsCommitted>().codes()->size() == 2);
}

TEST_CASE("fetched offsets carry metadata") {
  const Said said = said_for([](auto who) {
    return core::OffsetsFetched{who, {{"t", 2, 40, -1, "note", ErrorCode::none}}};
  });
  const auto* offset = said.as<fb::OffsetsFetched>().offsets()->Get(0);
  CHECK(offset->topic()->string_view() == "t");
  CHECK(offset->partition() == 2);
  CHECK(offset->offset() == 40);
  CHECK(offset->metadata()->string_view() == "note");
}

TEST_CASE("joining, syncing, beating and leaving answer with their codes") {
  core::Joined joined;
  joined.generation = 3;
  joined.protocol_name = "range";
  joined.leader = "m1";
  joined.member = "m2";
  joined.members = {{"m1", "i", "client", "host", "metadata", "assignment"}};
  const Said join = said_for([&](auto who) {
    joined.who = who;
    return joined;
  });
  CHECK(join.as<fb::Joined>().generation() == 3);
  CHECK(join.as<fb::Joined>().leader()->string_view() == "m1");
  CHECK(join.as<fb::Joined>().members()->Get(0)->metadata()->size() == 8);

  core::Synced synced;
  synced.assignment = std::string("\0\1", 2);
  const Said sync = said_for([&](auto who) {
    synced.who = who;
    return synced;
  });
  CHECK(sync.as<fb::Synced>().assignment()->size() == 2);

  const Said beat = said_for([](auto who) {
    return core::GroupHeartbeatOk{who, ErrorCode::rebalance_in_progress};
  });
  CHECK(beat.as<fb::GroupHeartbeatOk>().code() ==
        static_cast<std::uint16_t>(ErrorCode::rebalance_in_progress));
  const Said left = said_for([](auto who) {
    return core::GroupLeft{who, ErrorCode::none, {ErrorCode::unknown_member}};
  });
  CHECK(left.as<fb::GroupLeft>().code() == static_cast<std::uint16_t>(ErrorCode::unknown_member));
}

TEST_CASE("get of an empty queue says so") {
  CHECK(said_for([](auto who) { return core::GotNothing{who}; }).type() == fb::Message::GotNothing);
}
