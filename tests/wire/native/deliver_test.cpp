#include "tests/wire/native/harness.h"

using namespace tandem;
using namespace tandem::wire::native::test;
namespace fb = tandem::wire::fb;

namespace {

core::Deliver delivery(DeliveryTag tag, std::uint16_t channel = 1, std::uint16_t deliveries = 0) {
  core::Deliver deliver;
  deliver.channel = {Conversation::connection, channel};
  deliver.consumer = 9;
  deliver.tag = tag;
  deliver.deliveries = deliveries;
  deliver.seq = tag + 100;
  return deliver;
}

}  // namespace

TEST_CASE("deliveries of a burst travel in one frame, in order") {
  Conversation c;
  c.open();
  c.send(delivery(1), {body_of("one")});
  c.send(delivery(2, 1, 3), {body_of("two!")});
  const Said said = c.only_said();
  CHECK(said.channel() == 1);
  CHECK(said.payload == "onetwo!");
  const auto& items = *said.as<fb::Deliver>().items();
  REQUIRE(items.size() == 2);
  CHECK(items.Get(0)->tag() == 1);
  CHECK(items.Get(0)->seq() == 101);
  CHECK(items.Get(0)->consumer() == 9);
  CHECK(items.Get(0)->size() == 3);
  CHECK(items.Get(1)->size() == 4);
  CHECK(items.Get(1)->deliveries() == 3);
}

TEST_CASE("deliveries of two channels travel in two frames") {
  Conversation c;
  c.open();
  c.send(delivery(1, 1), {body_of("one")});
  c.send(delivery(1, 2), {body_of("two")});
  const auto said = c.said();
  REQUIRE(said.size() == 2);
  CHECK(said[0].channel() == 1);
  CHECK(said[1].channel() == 2);
}

TEST_CASE("what is said after a delivery is written after it") {
  Conversation c;
  c.open();
  c.send(delivery(1), {body_of("one")});
  c.send(core::ConsumerCancelled{{Conversation::connection, 1}, 9});
  const auto said = c.said();
  REQUIRE(said.size() == 2);
  CHECK(said[0].type() == fb::Message::Deliver);
  CHECK(said[1].as<fb::ConsumerCancelled>().consumer() == 9);
}

TEST_CASE("a burst of large messages is cut into frames of a bounded size") {
  Conversation c;
  c.open();
  const Body body = body_of(std::string(25'000, 'x'));
  for (DeliveryTag tag = 1; tag <= 10; ++tag) c.send(delivery(tag), {body});
  std::size_t count = 0;
  const auto said = c.said();
  CHECK(said.size() == 5);
  for (const Said& s : said) count += s.as<fb::Deliver>().items()->size();
  CHECK(count == 10);
}

TEST_CASE("a body without an owner is copied before the call returns") {
  Conversation c;
  c.open();
  std::string passing = "passing";
  c.send(delivery(1), {{bytes_of(passing), nullptr, ErrorCode::none}});
  passing = "changed";
  CHECK(c.only_said().payload == "passing");
}

TEST_CASE("a message that cannot be read is delivered as such, without bytes") {
  Conversation c;
  c.open();
  Body damaged = body_of("damaged");
  damaged.error = ErrorCode::corrupt;
  c.send(delivery(1), {damaged});
  c.send(delivery(2), {body_of("whole")});
  const Said said = c.only_said();
  const auto& items = *said.as<fb::Deliver>().items();
  CHECK(items.Get(0)->size() == 0);
  CHECK(items.Get(0)->flags() == static_cast<std::uint16_t>(fb::DeliverFlag::unreadable));
  CHECK(items.Get(1)->flags() == 0);
  CHECK(said.payload == "whole");
}

TEST_CASE("a got message carries its tag, its bytes and what is left") {
  Conversation c;
  c.open();
  c.send(core::GotMessage{c.caller(4, 1), 8, {}, 0, 2, 17}, {body_of("message")});
  const Said said = c.only_said();
  CHECK(said.correlation() == 4);
  const auto& got = said.as<fb::GotMessage>();
  CHECK(got.tag() == 8);
  CHECK(got.deliveries() == 2);
  CHECK(got.ready() == 17);
  CHECK(got.code() == 0);
  CHECK(said.payload == "message");
}

TEST_CASE("a got message that cannot be read says why") {
  Conversation c;
  c.open();
  Body damaged = body_of("damaged");
  damaged.error = ErrorCode::corrupt;
  c.send(core::GotMessage{c.caller(4, 1), 8, {}, 0, 2, 17}, {damaged});
  const Said said = c.only_said();
  CHECK(said.as<fb::GotMessage>().code() == static_cast<std::uint16_t>(ErrorCode::corrupt));
  CHECK(said.payload.empty());
}

TEST_CASE("a peek shows messages with their place in the queue") {
  Conversation c;
  c.open();
  core::Peeked peeked{c.caller(4), {}};
  core::QueueEntry entry;
  entry.seq = 3;
  entry.priority = 5;
  entry.deliveries = 1;
  peeked.entries = {entry, entry};
  c.send(peeked, {body_of("a"), body_of("bc")});
  const Said said = c.only_said();
  const auto& items = *said.as<fb::Peeked>().items();
  REQUIRE(items.size() == 2);
  CHECK(items.Get(0)->seq() == 3);
  CHECK(items.Get(0)->priority() == 5);
  CHECK(items.Get(1)->size() == 2);
  CHECK(said.payload == "abc");
}
