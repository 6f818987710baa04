// The AMQP face under arbitrary bytes: after a proper login, whatever comes must be answered or end the
// connection, and what the face says must be whole frames. Run: tandem_fuzz_amqp_session CORPUS_DIR
#include <cstdlib>
#include <string>

#include "broker/wire/amqp/codec.h"
#include "broker/wire/amqp/frame.h"
#include "broker/wire/face.h"
#include "tests/fuzz/granting_port.h"

namespace {

using namespace tandem;
using namespace tandem::wire::amqp;

class Port final : public fuzz::GrantingPort<Port> {
 public:
  void grant(const auto& asked) { face->send(core::Ok{asked.who}, {}); }
  void grant(const core::DeclareQueue& asked) {
    face->send(
        core::QueueOk{asked.who, std::string(asked.name.empty() ? asked.chosen_name : asked.name), 0, 0}, {});
  }
  void grant(const core::PurgeQueue& asked) { face->send(core::QueueOk{asked.who, {}, 0, 0}, {}); }
  void grant(const core::DeleteQueue& asked) { face->send(core::QueueOk{asked.who, {}, 0, 0}, {}); }
  void grant(const core::Transaction& asked) { face->send(core::Committed{asked.who, {}}, {}); }
  void grant(const core::Get& asked) { face->send(core::GotNothing{asked.who}, {}); }
  void grant(const core::Publish& asked) {
    if (asked.confirm_seq != 0)
      face->send(core::Confirmed{asked.who.channel, asked.confirm_seq, asked.confirm_seq}, {});
  }
};

std::vector<std::byte> login() {
  std::vector<std::byte> out;
  for (const char c : std::string_view("AMQP\0\0\x09\x01", 8)) out.push_back(static_cast<std::byte>(c));
  append_method(out, 0, Method::connection_start_ok,
                {Bytes{}, "PLAIN", std::string_view("\0guest\0guest", 12), "en_US"});
  append_method(out, 0, Method::connection_tune_ok, {2047, 131072, 0});
  append_method(out, 0, Method::connection_open, {"/"});
  append_method(out, 1, Method::channel_open, {});
  return out;
}

void must_be_frames(wire::Outbox& outbox) {
  std::vector<Bytes> pieces;
  outbox.gather(pieces, 1'000'000);
  std::vector<std::byte> said;
  for (const Bytes piece : pieces) said.insert(said.end(), piece.begin(), piece.end());
  for (Bytes rest = said; !rest.empty();) {
    Frame frame;
    std::size_t wanted = 0;
    if (judge_frame(rest, said.size(), frame, wanted) != FrameJudgement::whole) std::abort();
    rest = rest.subspan(frame.size_bytes());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Port port;
  const auto face = wire::make_amqp_face({ConnectionId{1}, &port, "fuzz", true});
  port.face = face.get();
  static const std::vector<std::byte> greeting = login();
  if (face->receive(greeting) != greeting.size()) std::abort();
  const Bytes input = std::as_bytes(std::span(data, size));
  if (face->receive(input) > input.size()) std::abort();
  must_be_frames(face->outbox());
  return 0;
}
