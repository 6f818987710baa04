#include "tests/wire/native/harness.h"

#include "broker/wire/native/asked.h"

using namespace tandem;
using namespace tandem::wire::native::test;
namespace fb = tandem::wire::fb;

namespace {

/// Settles `ranges` with correlation 5 on channel 1; gives the inputs it became.
std::vector<core::Settle> settle(Conversation& c, const std::vector<fb::Range>& ranges,
                                 std::uint64_t correlation = 5, fb::Outcome outcome = fb::Outcome::ack,
                                 bool multiple = false) {
  std::vector<core::Settle> inputs;
  c.expect<core::Settle>([&](const core::Settle& s) { inputs.push_back(s); });
  c.request(
      [&](FlatBufferBuilder& b) {
        return fb::CreateSettle(b, b.CreateVectorOfStructs(ranges), outcome, multiple);
      },
      correlation, 1);
  c.port.on_submit = nullptr;
  return inputs;
}

core::Refused unknown_delivery(const core::Settle& input) {
  return {input.who, {ErrorCode::unknown_delivery, core::ObjectKind::message, "", "", "", "", ""}};
}

}  // namespace

TEST_CASE("a settle of one range becomes one input that answers") {
  Conversation c;
  c.open();
  const auto inputs = settle(c, {{2, 4}}, 5, fb::Outcome::reject, true);
  REQUIRE(inputs.size() == 1);
  CHECK(inputs[0].who.channel.number == 1);
  CHECK(inputs[0].first == 2);
  CHECK(inputs[0].last == 4);
  CHECK(inputs[0].multiple);
  CHECK(inputs[0].outcome == core::Outcome::reject);
  CHECK(inputs[0].confirm);
  c.send(core::Ok{inputs[0].who});
  CHECK(c.only_said().correlation() == 5);
}

TEST_CASE("of several ranges only the last one answers") {
  Conversation c;
  c.open();
  const auto inputs = settle(c, {{1, 2}, {5, 5}, {7, 9}});
  REQUIRE(inputs.size() == 3);
  CHECK_FALSE(inputs[0].confirm);
  CHECK_FALSE(inputs[1].confirm);
  CHECK(inputs[2].confirm);
  c.send(core::Ok{inputs[2].who});
  CHECK(c.only_said().type() == fb::Message::Ok);
}

TEST_CASE("a settle whose first ranges are refused is answered once, with the refusal") {
  Conversation c;
  c.open();
  const auto inputs = settle(c, {{1, 2}, {5, 5}, {7, 9}});
  c.send(unknown_delivery(inputs[0]));
  c.send(unknown_delivery(inputs[1]));
  c.send(core::Ok{inputs[2].who});
  const Said said = c.only_said();
  CHECK(said.correlation() == 5);
  CHECK(said.as<fb::Refused>().code() == static_cast<std::uint16_t>(ErrorCode::unknown_delivery));
}

TEST_CASE("a settle whose first and last ranges are refused is answered once") {
  Conversation c;
  c.open();
  const auto inputs = settle(c, {{1, 2}, {7, 9}});
  c.send(unknown_delivery(inputs[0]));
  c.send(unknown_delivery(inputs[1]));
  CHECK(c.only_said().type() == fb::Message::Refused);
  // The correlation may be used again.
  const auto again = settle(c, {{1, 2}});
  c.send(core::Ok{again[0].who});
  CHECK(c.only_said().type() == fb::Message::Ok);
}

TEST_CASE("a settle without correlation wants no answer, but a refusal is said") {
  Conversation c;
  c.open();
  const auto inputs = settle(c, {{1, 2}, {7, 9}}, 0);
  CHECK_FALSE(inputs[1].confirm);
  c.send(unknown_delivery(inputs[0]));
  const Said said = c.only_said();
  CHECK(said.correlation() == 0);
  CHECK(said.type() == fb::Message::Refused);
}

TEST_CASE("an outcome that does not exist and a settle of nothing are refused") {
  Conversation c;
  c.open();
  CHECK(settle(c, {{1, 1}}, 5, static_cast<fb::Outcome>(9)).empty());
  CHECK(c.only_said().as<fb::Refused>().code() == static_cast<std::uint16_t>(ErrorCode::invalid_argument));
  CHECK(settle(c, {}).empty());
  CHECK(c.only_said().as<fb::Refused>().code() == static_cast<std::uint16_t>(ErrorCode::invalid_argument));
}

// FlatBuffers' verifier takes a vector that begins at any multiple of 4 bytes; a range asks for 8.
TEST_CASE("ranges that are not aligned are read like others") {
  const std::vector<fb::Range> ranges{{1, 2}, {5, 5}};
  FlatBufferBuilder b;
  b.Pad(4);
  b.StartVector(ranges.size() * sizeof(fb::Range), 1);
  b.PushBytes(reinterpret_cast<const std::uint8_t*>(ranges.data()), ranges.size() * sizeof(fb::Range));
  const flatbuffers::Offset<flatbuffers::Vector<const fb::Range*>> vector(b.EndVector(ranges.size()));
  const std::string frame = frame_of(b, fb::CreateSettle(b, vector), 5, 1);
  const auto said = read_frames(frame);
  REQUIRE(reinterpret_cast<std::uintptr_t>(said.at(0).as<fb::Settle>().ranges()->Data()) % alignof(fb::Range) == 4);

  Conversation c;
  c.open();
  std::vector<std::pair<std::uint64_t, std::uint64_t>> settled;
  c.expect<core::Settle>([&](const core::Settle& s) { settled.emplace_back(s.first, s.last); });
  CHECK(c.receive(frame) == frame.size());
  CHECK(settled == std::vector<std::pair<std::uint64_t, std::uint64_t>>{{1, 2}, {5, 5}});
}
