#include <random>

#include "tests/wire/native/harness.h"

using namespace tandem;
using namespace tandem::wire::native::test;
namespace fb = tandem::wire::fb;

namespace {

/// A conversation's worth of requests, one frame behind the other.
std::string session_bytes() {
  std::string bytes = hello_frame();
  const auto add = [&](auto make, std::uint64_t correlation, std::string_view payload = {}) {
    FlatBufferBuilder b;
    const auto message = make(b);
    bytes += frame_of(b, message, correlation, 1, payload);
  };
  const std::string message = stored_message("ex", "key", "body");
  const std::vector items{fb::PublishItem(static_cast<std::uint32_t>(message.size()), 0),
                          fb::PublishItem(static_cast<std::uint32_t>(message.size()), 1)};
  const std::vector ranges{fb::Range(1, 3), fb::Range(5, 5)};
  add([](auto& b) { return fb::CreateDeclareQueueDirect(b, "queue"); }, 1);
  add([&](auto& b) { return fb::CreatePublishDirect(b, 1, &items); }, 0, message + message);
  add([](auto& b) { return fb::CreateSubscribeDirect(b, 1, "queue"); }, 2);
  add([&](auto& b) { return fb::CreateSettleDirect(b, &ranges); }, 3);
  add([](auto& b) { return fb::CreateDeclareExchangeDirect(b, "ex", "no such kind"); }, 4);
  add([](auto& b) { return fb::CreateHeartbeat(b); }, 0);
  add([](auto& b) { return fb::CreateDescribeDirect(b, fb::Subject::queues, ""); }, 5);
  return bytes;
}

struct Outcome {
  std::vector<std::size_t> inputs;
  std::vector<std::string> staged;
  std::string said;
  bool closing = false;
  friend bool operator==(const Outcome&, const Outcome&) = default;
};

/// Offers the bytes as a server does: what is not consumed is offered again with more behind it.
Outcome feed(std::string_view bytes, const std::vector<std::size_t>& cuts) {
  Conversation c;
  std::string waiting;
  std::size_t position = 0;
  const auto offer = [&](std::size_t end) {
    waiting += bytes.substr(position, end - position);
    position = end;
    const std::size_t consumed = c.receive(waiting);
    REQUIRE(consumed <= waiting.size());
    waiting.erase(0, consumed);
  };
  for (const std::size_t cut : cuts) offer(cut);
  offer(bytes.size());
  c.face->flush();
  return {c.port.inputs, c.port.staged, take_bytes(c.face->outbox()), c.face->closing()};
}

std::vector<std::size_t> every_byte(std::size_t size) {
  std::vector<std::size_t> cuts;
  for (std::size_t i = 1; i < size; ++i) cuts.push_back(i);
  return cuts;
}

}  // namespace

TEST_CASE("however a session's bytes are cut, the same happens") {
  const std::string bytes = session_bytes();
  const Outcome whole = feed(bytes, {});
  CHECK_FALSE(whole.closing);
  CHECK(whole.inputs.size() == 7);  // opened, declare, two publishes together, subscribe, two settles, describe
  CHECK(whole.staged.size() == 2);
  for (std::size_t cut = 1; cut < bytes.size(); ++cut) REQUIRE(feed(bytes, {cut}) == whole);
  CHECK(feed(bytes, every_byte(bytes.size())) == whole);
}

TEST_CASE("an envelope that does not verify ends the connection with a reason") {
  Conversation c;
  c.open();
  std::vector<std::byte> frame;
  frame::append_header(frame, 24, 0);
  frame.resize(frame.size() + 24, std::byte{0xff});
  c.receive(text_of(Bytes(frame)));
  CHECK(c.face->closing());
  CHECK(c.only_said().as<fb::Goodbye>().code() == static_cast<std::uint16_t>(ErrorCode::corrupt));
}

TEST_CASE("an envelope without a message is refused") {
  Conversation c;
  c.open();
  FlatBufferBuilder b;
  b.Finish(fb::CreateEnvelope(b, 3));
  std::vector<std::byte> header;
  frame::append_header(header, b.GetSize(), 0);
  c.receive(std::string(text_of(Bytes(header))) +
            std::string(reinterpret_cast<const char*>(b.GetBufferPointer()), b.GetSize()));
  CHECK(c.only_said().type() == fb::Message::Refused);
  CHECK_FALSE(c.face->closing());
}

TEST_CASE("an envelope that names a message and has none ends the connection") {
  Conversation c;
  c.open();
  FlatBufferBuilder b;
  b.Finish(fb::CreateEnvelope(b, 3, 0, fb::Message::Subscribe, 0));
  std::vector<std::byte> header;
  frame::append_header(header, b.GetSize(), 0);
  c.receive(std::string(text_of(Bytes(header))) +
            std::string(reinterpret_cast<const char*>(b.GetBufferPointer()), b.GetSize()));
  CHECK(c.face->closing());
}

TEST_CASE("a frame over its limit ends an open connection") {
  Conversation c;
  c.open();
  c.receive(std::string("\xff\xff\xff\x7f\x08\0\0\0", 8));
  CHECK(c.face->closing());
}

TEST_CASE("damaged sessions end in order or go on, and never say what is not a frame") {
  const std::string whole = session_bytes();
  std::mt19937 random(11);
  int ended = 0;
  for (int round = 0; round < 3'000; ++round) {
    std::string damaged = whole;
    const std::size_t changes = 1 + random() % 4;
    for (std::size_t i = 0; i < changes; ++i)
      damaged[random() % damaged.size()] = static_cast<char>(random());
    const Outcome outcome = feed(damaged, {});
    const auto frames = read_frames(outcome.said);  // verifies each
    if (!outcome.closing) continue;
    ++ended;
    REQUIRE_FALSE(frames.empty());
    REQUIRE(frames.back().type() == fb::Message::Goodbye);
  }
  CHECK(ended > 100);
}
