#include "schemas/frame.h"

#include <doctest/doctest.h>

using namespace tandem;
using frame::Judgement;

namespace {

std::vector<std::byte> frame_of(std::string_view envelope, std::string_view payload) {
  std::vector<std::byte> out;
  frame::append_header(out, envelope.size(), payload.size());
  for (const std::string_view part : {envelope, payload}) {
    const Bytes bytes = bytes_of(part);
    out.insert(out.end(), bytes.begin(), bytes.end());
  }
  return out;
}

Judgement judge_header(std::uint32_t frame_size, std::uint32_t envelope_size, std::size_t* wanted = nullptr) {
  std::vector<std::byte> header;
  for (const std::uint32_t number : {frame_size, envelope_size})
    for (int shift = 0; shift < 32; shift += 8) header.push_back(static_cast<std::byte>(number >> shift));
  frame::View view;
  return frame::judge(header, view, wanted);
}

}  // namespace

TEST_CASE("a whole frame gives its envelope, its payload and its size") {
  auto bytes = frame_of("envelope", "payload!!");
  bytes.push_back(std::byte{1});  // of the next frame
  frame::View view;
  CHECK(frame::judge(bytes, view, nullptr) == Judgement::whole);
  CHECK(text_of(view.envelope) == "envelope");
  CHECK(text_of(view.payload) == "payload!!");
  CHECK(view.size_bytes == 8 + 8 + 9);
}

TEST_CASE("every beginning of a frame is incomplete and says what to wait for") {
  const auto bytes = frame_of("envelope", "payload");
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    frame::View view;
    std::size_t wanted = 0;
    CHECK(frame::judge(Bytes(bytes).first(size), view, &wanted) == Judgement::incomplete);
    CHECK(wanted == (size < frame::header_size_bytes ? frame::header_size_bytes : bytes.size()));
  }
}

TEST_CASE("a frame may be empty but for its header") {
  const auto bytes = frame_of("", "");
  frame::View view;
  CHECK(frame::judge(bytes, view, nullptr) == Judgement::whole);
  CHECK(view.size_bytes == frame::header_size_bytes);
  CHECK(view.envelope.empty());
}

TEST_CASE("sizes that no frame can have are broken") {
  CHECK(judge_header(3, 0) == Judgement::broken);  // does not hold its own envelope size
  CHECK(judge_header(0, 0) == Judgement::broken);
  CHECK(judge_header(10, 7) == Judgement::broken);          // envelope beyond the frame
  CHECK(judge_header(0xffffffff, 8) == Judgement::broken);  // over the limit
  CHECK(judge_header(frame::frame_size_max_bytes - 3, 8) == Judgement::broken);
}

TEST_CASE("a frame of exactly the limit is waited for") {
  std::size_t wanted = 0;
  CHECK(judge_header(frame::frame_size_max_bytes - 4, 8, &wanted) == Judgement::incomplete);
  CHECK(wanted == frame::frame_size_max_bytes);
}
