#include "broker/wire/native/native_face.h"

#include <cstring>
#include <utility>

#include "broker/base/limits.h"
#include "broker/wire/native/handshake.h"
#include "schemas/frame.h"

namespace tandem::wire::native {
namespace {

// Everything with a size of its own travels in the payload; an envelope of this size names 10,000 partitions
// with long names. It bounds what a peer can make the verifier walk.
constexpr std::size_t envelope_size_max_bytes = 8u << 20;
constexpr std::size_t envelope_kept_max_bytes = 256 * 1024;
// The deepest message is Envelope → Transaction → OperationEntry → SettleOp.
constexpr flatbuffers::uoffset_t envelope_depth_max = 8;
constexpr flatbuffers::uoffset_t envelope_tables_max = 100'000;

/// FlatBuffers reads numbers where they lie, so the envelope must be aligned; in the input buffer it is not.
/// One copy per thread is enough: no envelope is looked at after its frame.
class AlignedEnvelope {
 public:
  explicit AlignedEnvelope(Bytes envelope) : size_(envelope.size()) {
    words().resize(size_ / sizeof(std::uint64_t) + 1);
    std::memcpy(words().data(), envelope.data(), size_);
  }
  ~AlignedEnvelope() {
    if (words().size() * sizeof(std::uint64_t) > envelope_kept_max_bytes)
      std::vector<std::uint64_t>().swap(words());
  }
  AlignedEnvelope(const AlignedEnvelope&) = delete;
  AlignedEnvelope& operator=(const AlignedEnvelope&) = delete;

  /// nullptr when it is not a whole and consistent envelope.
  const fb::Envelope* verified() const {
    const auto* data = reinterpret_cast<const std::uint8_t*>(words().data());
    flatbuffers::Verifier verifier(data, size_, envelope_depth_max, envelope_tables_max);
    if (!fb::VerifyEnvelopeBuffer(verifier)) return nullptr;
    const fb::Envelope* envelope = fb::GetEnvelope(data);
    // The verifier takes a union that names a type and has no value; message_as_…() would be null.
    const bool whole = envelope->message() != nullptr || envelope->message_type() == fb::Message::NONE;
    return whole ? envelope : nullptr;
  }

 private:
  static std::vector<std::uint64_t>& words() {
    thread_local std::vector<std::uint64_t> words;
    return words;
  }
  std::size_t size_;
};

}  // namespace

NativeFace::NativeFace(FaceContext context)
    : context_(std::move(context)),
      speaker_(outbox_),
      requests_(context_, speaker_, unanswered_),
      answers_(*context_.port, speaker_, unanswered_),
      greeting_due_at_(context_.port->now() + limits::handshake_timeout_ms),
      input_size_wanted_bytes_(frame::header_size_bytes) {
  requests_.when_staged([this] { go_on(); });
}

std::size_t NativeFace::receive(Bytes input) {
  std::size_t consumed = std::exchange(handled_bytes_, 0);
  liveness_.heard(context_.port->now());
  waits_for_room_ = false;
  while (!closing()) {
    // Without this, thousands of fetches that come at once would each put their megabytes into the outbox.
    if (!has_room()) {
      waits_for_room_ = consumed < input.size();
      break;
    }
    frame::View frame;
    std::size_t size_wanted = 0;
    const frame::Judgement judgement = frame::judge(input.subspan(consumed), frame, &size_wanted);
    if (judgement == frame::Judgement::broken) {
      end(ErrorCode::corrupt, frame::fault(input.subspan(consumed)));
      break;
    }
    if (judgement == frame::Judgement::whole) size_wanted = frame.size_bytes;
    if (stage_ == Stage::greeting && size_wanted > limits::handshake_input_max_bytes) {
      end(ErrorCode::too_large, "the first frame is over its limit of 4096 bytes");
      break;
    }
    if (judgement == frame::Judgement::incomplete) {
      input_size_wanted_bytes_ = size_wanted;
      break;
    }
    requests_.may_stage_large(consumed == 0);  // only then does it stay where it is
    receive_frame(frame.envelope, frame.payload);
    if (requests_.stages()) staged_frame_ = {frame.envelope, frame.payload, frame.size_bytes};
    if (waits()) break;
    consumed += frame.size_bytes;
    input_size_wanted_bytes_ = frame::header_size_bytes;
    if (!context_.port->may_go_on() || requests_.lists_enough()) break;
  }
  return consumed;
}

/// The frame with the large message, from its front again.
void NativeFace::go_on() {
  if (closing()) return;
  receive_frame(staged_frame_.envelope, staged_frame_.payload);
  if (requests_.stages()) return;
  handled_bytes_ = std::exchange(staged_frame_, {}).size_bytes;
}

void NativeFace::receive_frame(Bytes envelope_bytes, Bytes payload) {
  if (envelope_bytes.empty() || envelope_bytes.size() > envelope_size_max_bytes)
    return end(ErrorCode::too_large, "an envelope of " + std::to_string(envelope_bytes.size()) + " bytes, 1 … " + std::to_string(envelope_size_max_bytes) +
                                           " are allowed");
  const AlignedEnvelope aligned(envelope_bytes);
  const fb::Envelope* envelope = aligned.verified();
  if (!envelope) return end(ErrorCode::corrupt, "an envelope is not what the native protocol says");
  if (stage_ == Stage::greeting) return greet(*envelope);
  receive_message(*envelope, payload);
}

void NativeFace::greet(const fb::Envelope& envelope) {
  const fb::Hello* hello = envelope.message_as_Hello();
  if (!hello) return end(ErrorCode::wrong_state, "the first frame must be Hello");
  auto agreement = judge_hello(*hello, context_);
  if (!agreement) return end(agreement.error().code, agreement.error().text);

  stage_ = Stage::open;
  liveness_.start(context_.port->now(), agreement->heartbeat);
  requests_.introduce(agreement->user, agreement->client_name);
  say_hello(speaker_, envelope.correlation(), *agreement, *context_.port);
  if (held_) say_publishers_held();
  context_.port->submit(
      core::ConnectionOpened{context_.connection, agreement->user, agreement->connection_name, "native"});
}

void NativeFace::receive_message(const fb::Envelope& envelope, Bytes payload) {
  switch (envelope.message_type()) {
    case fb::Message::Heartbeat:
      return;
    case fb::Message::Goodbye:
      stage_ = Stage::closing;
      return;
    default:
      break;
  }
  const Result<> handled = requests_.handle(envelope, payload);
  if (!handled) end(handled.error().code, handled.error().text);
}

void NativeFace::send(const core::Send& send, std::span<const Body> bodies) {
  if (!closing()) answers_.say(send, bodies);
}

void NativeFace::flush() {
  if (may_list()) requests_.list();
  answers_.flush();
}

TimestampMs NativeFace::next_due() const {
  switch (stage_) {
    case Stage::greeting:
      return greeting_due_at_;
    case Stage::open:
      return liveness_.due_at();
    case Stage::closing:
      return Liveness::never;
  }
  return Liveness::never;
}

void NativeFace::tick(TimestampMs now) {
  if (waits()) liveness_.heard(now);  // it is not read
  if (stage_ == Stage::closing || now < next_due()) return;
  if (stage_ == Stage::greeting) return end(ErrorCode::timed_out, "no Hello within 5 seconds");
  switch (liveness_.tick(now, speaker_.take_spoke())) {
    case Liveness::Duty::none:
      return;
    case Liveness::Duty::say_heartbeat:
      speaker_.say(0, 0, fb::CreateHeartbeat(Speaker::builder()));
      speaker_.take_spoke();
      return;
    case Liveness::Duty::give_up:
      return end(ErrorCode::timed_out, "nothing was heard for two heartbeat intervals");
  }
}

void NativeFace::publishers_held(bool held, std::string_view reason) {
  held_ = held;
  held_reason_ = reason;
  answers_.publishers_held(held);
  if (stage_ == Stage::open) say_publishers_held();
}

void NativeFace::say_publishers_held() {
  const auto reason = text_field(held_reason_);
  speaker_.say(0, 0, fb::CreatePublishersHeld(Speaker::builder(), held_, reason));
}

void NativeFace::shut_down(std::string_view reason) {
  if (!closing()) end(ErrorCode::unavailable, reason);
}

void NativeFace::end(ErrorCode code, std::string_view text) {
  answers_.flush();
  speaker_.goodbye(code, text);
  stage_ = Stage::closing;
}

}  // namespace tandem::wire::native

namespace tandem::wire {
std::unique_ptr<Face> make_native_face(FaceContext context) {
  return std::make_unique<native::NativeFace>(std::move(context));
}
}  // namespace tandem::wire
