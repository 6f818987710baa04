#include "tests/wire/native/harness.h"

#include <algorithm>

#include "broker/base/limits.h"
#include "broker/wire/native/asked.h"

using namespace tandem;
using namespace tandem::wire::native::test;
namespace fb = tandem::wire::fb;
using wire::native::Asked;
using wire::native::pack;

namespace {

void publish(Conversation& c, std::uint64_t first_seq, const std::vector<std::string>& messages,
             std::uint32_t flags = 0) {
  std::string payload;
  std::vector<fb::PublishItem> items;
  for (const std::string& message : messages) {
    items.emplace_back(static_cast<std::uint32_t>(message.size()), flags);
    payload += message;
  }
  c.request(
      [&](FlatBufferBuilder& b) { return fb::CreatePublish(b, first_seq, b.CreateVectorOfStructs(items)); },
      0, 3, payload);
}

void check_nack(const Said& said, std::uint64_t seq, ErrorCode code) {
  const auto& confirmed = said.as<fb::Confirmed>();
  CHECK(said.channel() == 3);
  CHECK(confirmed.nack());
  CHECK(confirmed.code() == static_cast<std::uint16_t>(code));
  CHECK(confirmed.text()->size() > 0);
  REQUIRE(confirmed.ranges()->size() == 1);
  CHECK(confirmed.ranges()->Get(0)->first() == seq);
  CHECK(confirmed.ranges()->Get(0)->last() == seq);
}

}  // namespace

TEST_CASE("each message of a Publish is staged as it came and submitted with its seq") {
  Conversation c;
  c.open();
  Properties persistent;
  persistent.delivery_mode = 2;
  persistent.priority = 4;
  const std::vector messages{stored_message("ex", "key", "one", persistent), stored_message("", "queue", "")};
  std::vector<std::uint64_t> seqs;
  c.expect<core::PublishMany>([&](const core::PublishMany& p) {
    CHECK(p.who.channel == ChannelId{Conversation::connection, 3});
    for (const auto& one : p.messages) {
      seqs.push_back(one.confirm_seq);
      CHECK(one.request == pack(Asked::publish, one.confirm_seq));
      CHECK(one.mandatory);
      const std::string& stored = messages.at(seqs.size() - 1);
      CHECK(c.port.staged_at(one.message.body) == stored);
      CHECK(one.message.size_bytes == stored.size());
    }
    const core::MessageView& first = p.messages.front().message;
    CHECK(first.exchange == "ex");
    CHECK(first.routing_key == "key");
    CHECK(first.body_size_bytes == 3);
    CHECK(first.properties.persistent);
    CHECK(first.properties.priority == 4);
  });
  publish(c, 10, messages, static_cast<std::uint32_t>(fb::PublishFlag::mandatory));
  CHECK(seqs == std::vector<std::uint64_t>{10, 11});
  CHECK(c.said().empty());
}

TEST_CASE("a long Publish goes to the core in parts, in order") {
  Conversation c;
  c.open();
  std::vector<std::uint64_t> seqs;
  std::size_t largest = 0;
  c.expect<core::PublishMany>([&](const core::PublishMany& p) {
    largest = std::max(largest, p.messages.size());
    for (const auto& one : p.messages) seqs.push_back(one.confirm_seq);
  });
  publish(c, 1, std::vector<std::string>(1'000, stored_message("", "q", "a")));
  REQUIRE(seqs.size() == 1'000);
  CHECK(std::is_sorted(seqs.begin(), seqs.end()));
  CHECK(c.port.inputs.size() > 1);
  CHECK(largest < 1'000);
}

TEST_CASE("large messages of a Publish share a turn only up to a size") {
  Conversation c;
  c.open();
  publish(c, 1, std::vector<std::string>(3, stored_message("", "q", std::string(300'000, 'x'))));
  CHECK(c.port.inputs.size() == 3);
}

TEST_CASE("without confirms every message is submitted with seq 0") {
  Conversation c;
  c.open();
  int count = 0;
  c.expect<core::PublishMany>([&](const core::PublishMany& p) {
    for (const auto& one : p.messages) {
      ++count;
      CHECK(one.confirm_seq == 0);
    }
  });
  publish(c, 0, {stored_message("", "q", "a"), stored_message("", "q", "b")});
  CHECK(count == 2);
}

TEST_CASE("a malformed message is nacked with its reason and its neighbours are published") {
  Conversation c;
  c.open();
  std::vector<std::uint64_t> seqs;
  c.expect<core::PublishMany>([&](const core::PublishMany& p) {
    for (const auto& one : p.messages) seqs.push_back(one.confirm_seq);
  });
  publish(c, 1, {stored_message("", "q", "a"), std::string(1, '\xff'), stored_message("", "q", "c")});
  CHECK(seqs == std::vector<std::uint64_t>{1, 3});
  CHECK(c.port.staged.size() == 2);
  check_nack(c.only_said(), 2, ErrorCode::corrupt);
  CHECK_FALSE(c.face->closing());
}

TEST_CASE("malformed properties and a foreign user_id are nacked") {
  Conversation c;
  c.open();
  const std::string bad_properties("\0\0\2\0\0\0\0\1", 8);  // flag bit 0
  Properties foreign;
  foreign.user_id = "alice";
  publish(c, 1, {bad_properties, stored_message("", "q", "a", foreign)});
  const auto said = c.said();
  REQUIRE(said.size() == 2);
  check_nack(said[0], 1, ErrorCode::corrupt);
  check_nack(said[1], 2, ErrorCode::access_refused);
  CHECK(c.port.staged.empty());
}

TEST_CASE("a message over the limit is nacked") {
  Conversation c;
  c.open();
  publish(c, 1, {stored_message("", "q", std::string(limits::message_size_max_bytes, 'x'))});
  check_nack(c.only_said(), 1, ErrorCode::too_large);
}

TEST_CASE("a malformed message without confirm is refused without a correlation") {
  Conversation c;
  c.open();
  publish(c, 0, {std::string(1, '\xff')});
  const Said said = c.only_said();
  CHECK(said.correlation() == 0);
  CHECK(said.as<fb::Refused>().code() == static_cast<std::uint16_t>(ErrorCode::corrupt));
}

TEST_CASE("sizes that do not add up to the payload end the connection") {
  Conversation c;
  c.open();
  FlatBufferBuilder b;
  const fb::PublishItem item(5, 0);
  const auto items = b.CreateVectorOfStructs(&item, 1);
  c.receive(frame_of(b, fb::CreatePublish(b, 1, items), 0, 0, "four"));
  CHECK(c.only_said().as<fb::Goodbye>().code() == static_cast<std::uint16_t>(ErrorCode::corrupt));
  CHECK(c.face->closing());
  CHECK(c.port.inputs.empty());
}

TEST_CASE("more messages than a frame may have end the connection") {
  Conversation c;
  c.open();
  FlatBufferBuilder b;
  const std::vector<fb::PublishItem> many(frame::publish_items_max + 1, fb::PublishItem(0, 0));
  const auto items = b.CreateVectorOfStructs(many);
  c.receive(frame_of(b, fb::CreatePublish(b, 1, items), 0, 0, ""));
  CHECK(c.only_said().as<fb::Goodbye>().code() == static_cast<std::uint16_t>(ErrorCode::limit_reached));
  CHECK(c.face->closing());
  CHECK(c.port.inputs.empty());
}

TEST_CASE("a publish that the core refuses is nacked with the core's reason") {
  Conversation c;
  c.open();
  c.send(core::Refused{c.caller(pack(Asked::publish, 6), 3),
                       {ErrorCode::not_found, core::ObjectKind::exchange, "ex", "", "", "", ""}});
  check_nack(c.only_said(), 6, ErrorCode::not_found);
}

TEST_CASE("confirms of a burst travel as ranges in one frame") {
  Conversation c;
  c.open();
  for (const std::uint64_t seq : {1, 2, 3, 5, 6})
    c.send(core::Confirmed{{Conversation::connection, 3}, seq, seq, false});
  const Said said = c.only_said();
  const auto& ranges = *said.as<fb::Confirmed>().ranges();
  REQUIRE(ranges.size() == 2);
  CHECK(ranges.Get(0)->first() == 1);
  CHECK(ranges.Get(0)->last() == 3);
  CHECK(ranges.Get(1)->first() == 5);
  CHECK(ranges.Get(1)->last() == 6);
  CHECK_FALSE(said.as<fb::Confirmed>().nack());
}

TEST_CASE("confirms, nacks and channels are not mixed in one frame") {
  Conversation c;
  c.open();
  c.send(core::Confirmed{{Conversation::connection, 3}, 1, 1, false});
  c.send(core::Confirmed{{Conversation::connection, 3}, 2, 2, true});
  c.send(core::Confirmed{{Conversation::connection, 4}, 3, 3, false});
  const auto said = c.said();
  REQUIRE(said.size() == 3);
  CHECK_FALSE(said[0].as<fb::Confirmed>().nack());
  check_nack(said[1], 2, ErrorCode::rejected_by_queue);
  CHECK(said[2].channel() == 4);
}

TEST_CASE("a nack while publishers are held names the alarm") {
  Conversation c;
  c.open();
  c.face->publishers_held(true, "disk is short");
  c.said();
  c.send(core::Confirmed{{Conversation::connection, 3}, 2, 2, true});
  check_nack(c.only_said(), 2, ErrorCode::resource_alarm);
}

TEST_CASE("a returned message comes back before its confirm") {
  Conversation c;
  c.open();
  c.send(core::Confirmed{{Conversation::connection, 3}, 1, 1, false});
  c.send(core::Returned{{Conversation::connection, 3}, 2, {}, 0}, {body_of("the message")});
  c.send(core::Confirmed{{Conversation::connection, 3}, 2, 2, false});
  const auto said = c.said();
  REQUIRE(said.size() == 3);
  CHECK(said[1].as<fb::Returned>().seq() == 2);
  CHECK(said[1].as<fb::Returned>().code() == static_cast<std::uint16_t>(ErrorCode::unroutable));
  CHECK(said[1].payload == "the message");
  CHECK(said[2].as<fb::Confirmed>().ranges()->Get(0)->first() == 2);
}

namespace {

std::string large_message(char letter) {
  return stored_message("", "queue", std::string(limits::large_message_min_bytes, letter));
}

std::string publish_frame(std::uint64_t first_seq, const std::vector<std::string>& messages) {
  FlatBufferBuilder b;
  std::string payload;
  std::vector<fb::PublishItem> items;
  for (const std::string& message : messages) {
    items.emplace_back(static_cast<std::uint32_t>(message.size()), 0u);
    payload += message;
  }
  const auto message = fb::CreatePublish(b, first_seq, b.CreateVectorOfStructs(items));
  return frame_of(b, message, 0, 3, payload);
}

/// What is submitted: seqs, and the first letter of each body.
struct Submitted {
  explicit Submitted(Conversation& c) {
    c.expect<core::PublishMany>([this, &c](const core::PublishMany& p) {
      for (const auto& one : p.messages) {
        const auto parts = parse_message(bytes_of(c.port.staged_at(one.message.body)));
        text += std::to_string(one.confirm_seq) + std::string(text_of(parts->body).substr(0, 1)) + " ";
        CHECK(one.message.size_bytes == c.port.staged_at(one.message.body).size());
      }
    });
  }
  std::string text;
};

}  // namespace

TEST_CASE("a large message is staged alone, nothing is read meanwhile, and all keep their order") {
  const std::string small = stored_message("", "queue", "s");
  Conversation c;
  c.open();
  Submitted submitted(c);
  c.port.large.wait = true;
  const std::string input = publish_frame(1, {small, large_message('a'), small, large_message('b'), small}) + publish_frame(6, {small});
  CHECK(c.receive(input) == 0);
  CHECK_FALSE(c.face->reading());
  CHECK(submitted.text == "1s ");
  c.port.large.stage_first(c.port);
  CHECK_FALSE(c.face->reading());
  CHECK(submitted.text == "1s 2a 3s ");
  c.port.large.stage_first(c.port);
  CHECK(c.face->reading());
  CHECK(submitted.text == "1s 2a 3s 4b 5s ");
  CHECK(c.receive(input) == input.size());
  CHECK(submitted.text == "1s 2a 3s 4b 5s 6s ");
  CHECK(c.port.large.given == 2);
}

TEST_CASE("a large message that is staged at once needs no second look") {
  const std::string small = stored_message("", "queue", "s");
  Conversation c;
  c.open();
  Submitted submitted(c);
  const std::string input = publish_frame(1, {large_message('a'), large_message('b'), small});
  CHECK(c.receive(input) == input.size());
  CHECK(c.face->reading());
  CHECK(submitted.text == "1a 2b 3s ");
  CHECK(c.port.large.given == 2);
}

TEST_CASE("a large message that does not lie at the input's front is staged with the others: it would not stay where it is") {
  Conversation c;
  c.open();
  Submitted submitted(c);
  c.port.large.wait = true;
  const std::string input = publish_frame(1, {stored_message("", "queue", "s")}) + publish_frame(2, {large_message('a')});
  CHECK(c.receive(input) == input.size());
  CHECK(submitted.text == "1s 2a ");
  CHECK(c.port.large.given == 0);
}

TEST_CASE("a large message that is refused is not staged, and one of a connection that has ended is not published") {
  {
    Conversation c;
    c.open();
    Properties someone_else;
    someone_else.user_id = "somebody";
    const std::string input =
        publish_frame(1, {stored_message("", "queue", std::string(limits::large_message_min_bytes, 'x'), someone_else)});
    CHECK(c.receive(input) == input.size());
    CHECK(c.port.large.given == 0);
    check_nack(c.only_said(), 1, ErrorCode::access_refused);
  }
  Conversation c;
  c.open();
  Submitted submitted(c);
  c.port.large.wait = true;
  const std::string input = publish_frame(1, {large_message('a')});
  CHECK(c.receive(input) == 0);
  c.face->shut_down("the broker stops");
  c.port.large.stage_first(c.port);
  CHECK(submitted.text.empty());
  CHECK(c.face->closing());
}

TEST_CASE("who waits for a large message is not silent") {
  Conversation c;
  c.open(1'000);
  c.port.large.wait = true;
  const std::string input = publish_frame(1, {large_message('a')});
  CHECK(c.receive(input) == 0);
  for (int i = 0; i < 20; ++i) {
    c.port.now_ms += 500;
    c.face->tick(c.port.now_ms);
  }
  CHECK_FALSE(c.face->closing());
}
