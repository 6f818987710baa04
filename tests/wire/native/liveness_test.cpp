#include "tests/wire/native/harness.h"

using namespace tandem;
using namespace tandem::wire::native::test;
namespace fb = tandem::wire::fb;

namespace {

constexpr std::uint32_t interval_ms = 1'000;

/// Lets time pass to the face's next duty.
void pass_to_next_duty(Conversation& c) {
  c.port.now_ms = c.face->next_due();
  c.face->tick(c.port.now_ms);
}

void say_something(Conversation& c) {
  c.request([](auto& b) { return fb::CreateHeartbeat(b); }, 0);
}

}  // namespace

TEST_CASE("a face that has nothing to say says a heartbeat at least once per interval") {
  Conversation c;
  c.open(interval_ms);
  TimestampMs last_said_at = c.port.now_ms;
  for (int round = 0; round < 20; ++round) {
    pass_to_next_duty(c);
    say_something(c);
    for (const Said& said : c.said()) {
      CHECK(said.type() == fb::Message::Heartbeat);
      CHECK(c.port.now_ms - last_said_at <= interval_ms);
      last_said_at = c.port.now_ms;
    }
  }
  CHECK(c.port.now_ms - last_said_at <= interval_ms);
  CHECK_FALSE(c.face->closing());
}

TEST_CASE("a peer that is silent for two intervals is given up with a reason") {
  Conversation c;
  c.open(interval_ms);
  const TimestampMs opened_at = c.port.now_ms;
  while (!c.face->closing()) pass_to_next_duty(c);
  CHECK(c.port.now_ms - opened_at == 2 * interval_ms);
  const auto said = c.said();
  CHECK(said.back().as<fb::Goodbye>().code() == static_cast<std::uint16_t>(ErrorCode::timed_out));
}

TEST_CASE("a peer that was left unread is given up only after two intervals from then") {
  Conversation c;
  c.open(interval_ms);
  for (int round = 0; round < 20; ++round) {
    c.face->excuse_silence(c.face->next_due());
    pass_to_next_duty(c);
  }
  CHECK_FALSE(c.face->closing());
  for (int round = 0; round < 3; ++round) pass_to_next_duty(c);
  CHECK_FALSE(c.face->closing());
  pass_to_next_duty(c);
  CHECK(c.face->closing());
}

TEST_CASE("without heartbeats nothing is ever due") {
  Conversation c;
  c.open(0);
  CHECK(c.face->next_due() == std::numeric_limits<TimestampMs>::max());
}

TEST_CASE("a client hears that publishers are held, also when it comes later") {
  Conversation c;
  c.face->publishers_held(true, "disk is short");
  CHECK(c.said().empty());
  c.receive(hello_frame());
  const auto said = c.said();
  REQUIRE(said.size() == 2);
  CHECK(said[1].as<fb::PublishersHeld>().held());
  CHECK(said[1].as<fb::PublishersHeld>().reason()->string_view() == "disk is short");
  c.face->publishers_held(false, "");
  CHECK_FALSE(c.only_said().as<fb::PublishersHeld>().held());
}
