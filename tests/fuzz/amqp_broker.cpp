// AMQP connections and the real core behind them, under arbitrary bytes: two clients in turn on one broker, split where
// the input says. What they are told must be whole frames, and a broker that has heard it must still serve a new client.
// Run: tandem_fuzz_amqp_broker CORPUS_DIR
#include <cstdlib>

#include "broker/wire/amqp/frame.h"
#include "tests/wire/amqp/amqp_world.h"

namespace {

using namespace tandem;
using namespace tandem::wire::amqp;

void must_be_frames(Bytes said) {
  const std::size_t size = said.size();
  while (!said.empty()) {
    Frame frame;
    std::size_t wanted = 0;
    if (judge_frame(said, size, frame, wanted) != FrameJudgement::whole) std::abort();
    said = said.subspan(frame.size_bytes());
  }
}

void hear(test::Client& client) {
  const auto said = client.heard_bytes();
  must_be_frames(said);
}

/// A queue of its own takes a message and gives it back.
void must_serve(test::World& world) {
  test::Client client(world);
  client.declare_queue("a name that no input has guessed");
  client.publish("", "a name that no input has guessed", "still here");
  client.get("a name that no input has guessed", true);
  if (client.heard_text().find("still here") == std::string::npos) std::abort();
}

}  // namespace

/// The first octet says how the rest is cut: bits 0 to 3 its length in steps, bit 4 whether both clients speak in turn,
/// bit 5 whether the disk is slow, bit 6 whether time passes.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  test::World world;
  const std::uint8_t how = data[0];
  world.persists_at_once = (how & 0x20) == 0;
  {
    test::Client first(world), second(world);
    Bytes rest = std::as_bytes(std::span(data + 1, size - 1));
    const std::size_t step = (how & 0x0F) == 0 ? rest.size() : (how & 0x0F) * 37u;
    for (std::size_t turn = 0; !rest.empty(); ++turn) {
      const Bytes part = rest.first(std::min(step, rest.size()));
      rest = rest.subspan(part.size());
      (turn % 2 == 1 && (how & 0x10) ? second : first).feed(part);
      if (how & 0x40) {
        world.now_ms += 1000;
        world.tick();
      }
      world.persist();
    }
    hear(first);
    hear(second);
  }
  world.persists_at_once = true;
  world.persist();
  must_serve(world);
  return 0;
}
