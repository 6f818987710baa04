#include "tests/wire/native/harness.h"

#include <cstring>

namespace tandem::wire::native::test {

std::string take_bytes(Outbox& outbox) {
  std::vector<Bytes> pieces;
  outbox.gather(pieces, 1'000'000);
  std::string bytes;
  for (const Bytes piece : pieces) bytes += text_of(piece);
  outbox.consume(bytes.size());
  return bytes;
}

std::vector<Said> read_frames(std::string_view bytes) {
  std::vector<Said> frames;
  while (!bytes.empty()) {
    frame::View view;
    REQUIRE(frame::judge(bytes_of(bytes), view, nullptr) == frame::Judgement::whole);
    Said said;
    said.words = std::make_shared<std::vector<std::uint64_t>>(view.envelope.size() / 8 + 1);
    std::memcpy(said.words->data(), view.envelope.data(), view.envelope.size());
    said.payload = text_of(view.payload);
    flatbuffers::Verifier verifier(reinterpret_cast<const std::uint8_t*>(said.words->data()),
                                   view.envelope.size());
    REQUIRE(fb::VerifyEnvelopeBuffer(verifier));
    frames.push_back(std::move(said));
    bytes.remove_prefix(view.size_bytes);
  }
  return frames;
}

std::string hello_frame(std::uint16_t version_min, std::uint16_t version_max, std::uint32_t heartbeat_ms,
                        const char* user, const char* client_name, const char* password) {
  FlatBufferBuilder b;
  const auto hello = fb::CreateHelloDirect(b, version_min, version_max, client_name, heartbeat_ms, user, password);
  return frame_of(b, hello, 5);
}

std::string stored_message(std::string_view exchange, std::string_view routing_key, std::string_view body,
                           const Properties& properties) {
  std::vector<std::byte> encoded;
  append_properties(encoded, properties);
  std::vector<std::byte> stored;
  append_message(stored, {exchange, routing_key, encoded, bytes_of(body)});
  return std::string(text_of(Bytes(stored)));
}

Body body_of(std::string_view text) {
  const auto owner = std::make_shared<std::string>(text);
  return {bytes_of(*owner), owner, ErrorCode::none};
}

}  // namespace tandem::wire::native::test
