#include "broker/wire/native/gathering.h"

namespace tandem::wire::native {
namespace {

// One frame's worth: large enough that the envelope costs nothing per message, small enough that the client
// can begin with the first while the next is written, and that several fit what it reads at once.
constexpr std::size_t deliver_payload_max_bytes = 64 * 1024;
constexpr std::size_t deliver_items_max = 1024;
constexpr std::size_t confirm_ranges_max = 1024;

std::string_view nack_text(ErrorCode code) {
  switch (code) {
    case ErrorCode::none:
      return "";
    case ErrorCode::rejected_by_queue:
      return "a queue is full and its overflow policy rejects publishes";
    case ErrorCode::resource_alarm:
      return "disk or memory of the broker is short";
    default:
      return name(code);
  }
}

}  // namespace

std::uint32_t DeliverGathering::keep(const Owner& owner) {
  if (owners_.empty() || owners_.back() != owner) owners_.push_back(owner);
  return static_cast<std::uint32_t>(owners_.size() - 1);
}

void DeliverGathering::add(const core::Deliver& deliver, const Body& body) {
  const bool unreadable = body.error != ErrorCode::none;
  const Bytes bytes = unreadable ? Bytes() : body.bytes;
  const bool full =
      payload_size_ + bytes.size() > deliver_payload_max_bytes || items_.size() >= deliver_items_max;
  if (full || channel_ != deliver.channel.number) flush();

  channel_ = deliver.channel.number;
  payload_size_ += bytes.size();
  items_.emplace_back(deliver.tag, deliver.seq, deliver.consumer, static_cast<std::uint32_t>(bytes.size()),
                      deliver.deliveries,
                      unreadable ? static_cast<std::uint16_t>(fb::DeliverFlag::unreadable) : 0);
  pieces_.push_back({bytes, keep(body.owner)});
  if (!body.owner) flush();  // the bytes live only as long as this call
}

void DeliverGathering::flush() {
  if (items_.empty()) return;
  Builder& b = Speaker::builder();
  const auto items = b.CreateVectorOfStructs(items_.data(), items_.size());
  speaker_.say(0, channel_, fb::CreateDeliver(b, items), payload_size_);
  for (const Piece& piece : pieces_) speaker_.payload(piece.bytes, owners_[piece.owner]);
  items_.clear();
  pieces_.clear();
  owners_.clear();
  payload_size_ = 0;
}

void ConfirmGathering::add(std::uint16_t channel, std::uint64_t first, std::uint64_t last,
                           ErrorCode nack_code) {
  if (channel_ != channel || nack_code_ != nack_code || ranges_.size() >= confirm_ranges_max) flush();
  channel_ = channel;
  nack_code_ = nack_code;
  if (!ranges_.empty() && ranges_.back().last() + 1 == first) {
    ranges_.back() = fb::Range(ranges_.back().first(), last);
  } else {
    ranges_.emplace_back(first, last);
  }
}

void ConfirmGathering::flush() {
  if (ranges_.empty()) return;
  Builder& b = Speaker::builder();
  const bool nack = nack_code_ != ErrorCode::none;
  const auto ranges = b.CreateVectorOfStructs(ranges_.data(), ranges_.size());
  const auto text = nack ? text_field(nack_text(nack_code_)) : flatbuffers::Offset<flatbuffers::String>();
  speaker_.say(0, channel_,
               fb::CreateConfirmed(b, ranges, nack, static_cast<std::uint16_t>(nack_code_), text));
  ranges_.clear();
}

void say_nack(Speaker& speaker, std::uint16_t channel, std::uint64_t seq, ErrorCode code,
              std::string_view text) {
  Builder& b = Speaker::builder();
  const fb::Range range(seq, seq);
  const auto ranges = b.CreateVectorOfStructs(&range, 1);
  const auto text_offset = text_field(text);
  speaker.say(0, channel,
              fb::CreateConfirmed(b, ranges, true, static_cast<std::uint16_t>(code), text_offset));
}

}  // namespace tandem::wire::native
