// The metrics face under arbitrary bytes: every request is answered or ends the connection, and what is said begins as an
// HTTP answer does. The first byte chooses how the rest is cut.
// Run: tandem_fuzz_metrics_session CORPUS_DIR
#include <algorithm>
#include <cstdlib>
#include <string>

#include "broker/wire/face.h"
#include "tests/fuzz/granting_port.h"

namespace {

using namespace tandem;

class Port final : public fuzz::GrantingPort<Port> {
 public:
  template <class Asked>
  void grant(const Asked&) {}
  void grant(const core::Describe& asked) {
    core::Described described;
    described.who = asked.who;
    described.subject = asked.subject;
    described.queues.resize(3);
    face->send(described, {});
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  Port port;
  const auto face = wire::make_metrics_face({ConnectionId{1}, &port, "fuzz:1", true});
  port.face = face.get();
  const std::size_t piece_max = data[0] == 0 ? size : std::size_t{data[0]};
  Bytes rest = std::as_bytes(std::span(data + 1, size - 1));
  std::vector<std::byte> waiting;
  while (!rest.empty() && !face->closing()) {
    const Bytes piece = rest.first(std::min(rest.size(), piece_max));
    rest = rest.subspan(piece.size());
    waiting.insert(waiting.end(), piece.begin(), piece.end());
    const std::size_t consumed = face->receive(waiting);
    if (consumed > waiting.size() || !face->reading()) std::abort();  // everything is granted at once
    waiting.erase(waiting.begin(), waiting.begin() + static_cast<std::ptrdiff_t>(consumed));
    if (!face->closing() && waiting.size() >= face->input_size_wanted_bytes()) std::abort();
  }
  std::vector<Bytes> pieces;
  face->outbox().gather(pieces, 1);
  if (!pieces.empty() && !text_of(pieces[0]).starts_with("HTTP/1.1 ")) std::abort();
  return 0;
}
