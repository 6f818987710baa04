// How a request of requests.h becomes a frame, and frames its answer. For each request there are
//
//   Frame encode(Address, const Request&)
//   Result<bool> read(const Request&, const Answer&, Request::Answer& out)   true: whole, false: more frames
//   come
//
// in the ask_*.cpp files, which instantiate ask() for them. (They are static, not in an unnamed namespace, so
// that ask() finds them by their arguments.)
#pragma once

#include <memory>
#include <utility>

#include "client/driver.h"

namespace tandem::client {

/// Whether doing it twice is as good as once. Specialized for those of which it is not.
template <class Request>
inline constexpr bool repeatable = true;

/// What the client itself keeps of a request that was granted: nothing, or a remembered declaration.
template <class Request>
void granted(Session& /*session*/, const Request& /*request*/, std::uint64_t /*correlation*/,
             const Frame& /*frame*/) {}

/// How long the broker may hold the answer back on purpose.
template <class Request>
Milliseconds held_back(const Request& /*request*/) {
  return Milliseconds(0);
}

template <class Request>
Frame frame_to_remember(const Request& request, const Frame& frame) {
  if constexpr (requires { request.remember; })
    if (request.remember) return frame;
  return {};
}

/// The broker answered with another kind of message than this request can have.
inline Error unexpected_answer(const Answer& answer) {
  return {ErrorCode::corrupt,
          std::string("the broker answered with ") + fb::EnumNameMessage(answer.envelope.message_type())};
}

template <class Request>
class RequestHandler final : public AnswerHandler {
 public:
  RequestHandler(Driver& driver, Request request, const Call& call, Completion<typename Request::Answer> done)
      : driver_(driver),
        request_(std::move(request)),
        correlation_(call.correlation),
        frame_(frame_to_remember(request_, call.frame)),
        done_(std::move(done)) {}

  bool answer(const Answer& answer) override {
    auto whole = read(request_, answer, gathered_);
    if (whole && !*whole) return false;
    if (!whole) {
      done_(whole.error());
      return true;
    }
    granted(driver_.session(), request_, correlation_, frame_);
    done_(std::move(gathered_));
    return true;
  }
  void fail(Error error) override { done_(std::move(error)); }
  void restart() override { gathered_ = {}; }

 private:
  Driver& driver_;
  Request request_;
  std::uint64_t correlation_;
  Frame frame_;  // only of what is to be remembered
  typename Request::Answer gathered_{};
  Completion<typename Request::Answer> done_;
};

template <class Request>
void ask(Driver& driver, const Request& request, Completion<typename Request::Answer> done) {
  Call call;
  call.correlation = driver.next_correlation();
  call.frame = encode(Address{call.correlation, 0}, request);
  call.repeatable = repeatable<Request>;
  call.handler = std::make_unique<RequestHandler<Request>>(driver, request, call, std::move(done));
  auto patience = driver.options().request_timeout;
  if (patience.count() > 0) patience += held_back(request);
  driver.post([self = driver.shared_from_this(), call = std::move(call), patience]() mutable {
    self->ask(std::move(call), patience);
  });
}

// --- fields
// ----------------------------------------------------------------------------------------------------------------

inline flatbuffers::Offset<flatbuffers::Vector<std::uint8_t>> put_bytes(
    flatbuffers::FlatBufferBuilder& builder, Bytes bytes) {
  return builder.CreateVector(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
}
inline flatbuffers::Offset<flatbuffers::Vector<std::uint8_t>> put_table(
    flatbuffers::FlatBufferBuilder& builder, const Table& table) {
  if (table.empty()) return 0;
  std::vector<std::byte> encoded;
  append_table(encoded, table);
  return put_bytes(builder, encoded);
}
inline flatbuffers::Offset<flatbuffers::String> put_text(flatbuffers::FlatBufferBuilder& builder,
                                                         std::string_view text) {
  return builder.CreateString(text.data(), text.size());
}
inline Table table_of(const flatbuffers::Vector<std::uint8_t>* field) {
  const auto bytes = bytes_of(field);
  if (bytes.empty()) return {};
  return decode_table(bytes).value_or(Table{});
}

}  // namespace tandem::client
