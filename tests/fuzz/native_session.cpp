// The native face under arbitrary bytes: after a proper Hello, whatever comes must be answered or end the
// connection, and what the face says must be frames. Run: tandem_fuzz_native_session CORPUS_DIR
#include <cstdlib>
#include <cstring>
#include <string>

#include "broker/wire/face.h"
#include "broker/wire/native/speaker.h"
#include "schemas/frame.h"

namespace {

using namespace tandem;

class QuietPort final : public wire::BrokerPort {
 public:
  TimestampMs now() const override { return 1'000'000; }
  BodyHandle stage(std::initializer_list<Bytes>) override { return BodyHandle{++staged_}; }
  void submit(const core::Input&) override {}
  std::string random_name(std::size_t size) override { return std::string(size, 'r'); }
  std::string_view fact(std::string_view) const override { return "1"; }

 private:
  std::uint64_t staged_ = 0;
};

std::string hello() {
  flatbuffers::FlatBufferBuilder b;
  const auto hello = wire::fb::CreateHelloDirect(b, 1, 1, "fuzz");
  b.Finish(wire::fb::CreateEnvelope(b, 1, 0, wire::fb::Message::Hello, hello.Union()));
  std::vector<std::byte> header;
  frame::append_header(header, b.GetSize(), 0);
  return std::string(text_of(Bytes(header))) +
         std::string(reinterpret_cast<const char*>(b.GetBufferPointer()), b.GetSize());
}

void must_be_frames(wire::Outbox& outbox) {
  std::vector<Bytes> pieces;
  outbox.gather(pieces, 1'000'000);
  std::string said;
  for (const Bytes piece : pieces) said += text_of(piece);
  for (std::string_view rest = said; !rest.empty();) {
    frame::View view;
    if (frame::judge(bytes_of(rest), view, nullptr) != frame::Judgement::whole) std::abort();
    rest.remove_prefix(view.size_bytes);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  QuietPort port;
  const auto face = wire::make_native_face({ConnectionId{1}, &port, "fuzz", true});
  static const std::string greeting = hello();
  if (face->receive(bytes_of(greeting)) != greeting.size()) std::abort();
  const Bytes input = std::as_bytes(std::span(data, size));
  if (face->receive(input) > input.size()) std::abort();
  face->flush();
  must_be_frames(face->outbox());
  return 0;
}
