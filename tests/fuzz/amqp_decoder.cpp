// AMQP's frame and method decoder under arbitrary bytes: what is read stays inside the input.
// Run: tandem_fuzz_amqp_decoder CORPUS_DIR
#include <algorithm>
#include <cstdlib>

#include "broker/wire/amqp/codec.h"
#include "broker/wire/amqp/frame.h"
#include "schemas/byte_order.h"

namespace {

using namespace tandem;
using namespace tandem::wire::amqp;

bool lies_within(Bytes part, Bytes whole) {
  return part.empty() ||
         (part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size());
}

void must_stay_inside(const MethodInfo& info, const MethodView& method, Bytes payload) {
  for (const Field& field : info.fields()) {
    if (field.name.empty()) continue;
    if (!lies_within(bytes_of(method.text(field.name)), payload)) std::abort();
    if (!lies_within(method.table(field.name), payload)) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Bytes rest = std::as_bytes(std::span(data, size));
  Frame frame;
  std::size_t wanted = 0;
  while (judge_frame(rest, 131072, frame, wanted) == FrameJudgement::whole) {
    if (!lies_within(frame.payload, rest)) std::abort();
    rest = rest.subspan(frame.size_bytes());
    if (frame.payload.size() < 4) continue;
    const MethodInfo* info = find_method(static_cast<Method>(load_big<std::uint32_t>(frame.payload.data())));
    if (info == nullptr) continue;
    if (const auto method = decode_method(*info, frame.payload.subspan(4)))
      must_stay_inside(*info, *method, frame.payload);
  }
  return 0;
}
