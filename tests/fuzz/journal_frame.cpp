// A journal frame's header and items from arbitrary bytes. The checksum is not asked first: what it would
// keep away is what is tried here.
#include "broker/storage/journal_frame.h"

#include <cstdint>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tandem;
  const Bytes bytes = std::as_bytes(std::span(data, size));
  const storage::FrameHeader header = storage::peek_frame(bytes).value_or(storage::FrameHeader{});
  (void)storage::frame_is_whole(bytes, 0);
  (void)storage::body_is_whole(bytes);
  (void)storage::decode_segment_header(bytes);
  const storage::FrameVisitor visitor{.record = [](const core::Record&, TurnNumber) { return Result<>(); },
                                      .body =
                                          [&](BodyHandle, Bytes body) {
                                            if (body.size() > size) std::abort();
                                            return Result<>();
                                          }};
  (void)storage::visit_frame(header, bytes, visitor);
  return 0;
}
