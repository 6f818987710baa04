// Messages: publish, consume, settle.
#include "broker/wire/native/gathering.h"
#include "broker/wire/native/requests.h"
#include "schemas/frame.h"

namespace tandem::wire::native {
namespace {

// A peek shows; it is not a way to read a queue. The frame bounds its bytes.
constexpr std::uint32_t peek_count_max = 1000;

// Publishes that go to the core together: enough that what is done once per turn costs nothing per message, few enough
// that their records stay in the processor's nearest cache.
constexpr std::size_t published_max = 64;
constexpr std::size_t published_max_bytes = 256 * 1024;

std::size_t total_size(const flatbuffers::Vector<const fb::PublishItem*>* items) {
  std::size_t total = 0;
  for (const fb::PublishItem item : structs_of(items)) total += item.size();
  return total;
}

}  // namespace

Result<> Requests::on(const Request& r, const fb::Publish& m) {
  if (!m.items()) return Done{};
  if (m.items()->size() > frame::publish_items_max)
    return Error{ErrorCode::limit_reached, "a Publish has at most " + std::to_string(frame::publish_items_max) + " messages"};
  if (total_size(m.items()) != r.payload.size())
    return Error{ErrorCode::corrupt, "the sizes of a Publish do not add up to its payload"};
  if (m.first_seq() >= number_end || m.items()->size() > number_end - m.first_seq())
    return Error{ErrorCode::corrupt, "publish seqs must be below 2^60"};
  std::size_t position = 0, submitted = 0, index = 0;
  std::uint64_t seq = m.first_seq();
  for (const fb::PublishItem item : structs_of(m.items())) {
    const bool mandatory = (item.flags() & static_cast<std::uint32_t>(fb::PublishFlag::mandatory)) != 0;
    const Bytes stored = r.payload.subspan(position, item.size());
    const bool is_past = large_ && index < large_->item;
    if (!is_past && !(large_ && index == large_->item) && is_to_be_staged_alone(stored)) {
      submit_published(r);
      stage_large(index, stored);
      if (stages()) return Done{};
    }
    if (!is_past) publish_one(r, seq, stored, mandatory, large_ && index == large_->item ? large_->body : std::nullopt);
    position += item.size();
    ++index;
    if (seq != 0) ++seq;
    if (published_.size() < published_max && position - submitted < published_max_bytes) continue;
    submit_published(r);
    submitted = position;
  }
  submit_published(r);
  large_.reset();
  return Done{};
}

bool Requests::is_to_be_staged_alone(Bytes stored) const {
  return may_stage_large_ && stored.size() >= limits::large_message_min_bytes && judge_message(stored, user_).ok();
}

void Requests::stage_large(std::size_t item, Bytes stored) {
  large_ = {item, std::nullopt};
  begins_large_ = true;
  port_.stage_large(context_.connection, {}, stored, [this](BodyHandle body) {
    large_->body = body;
    if (!begins_large_) staged_();
  });
  begins_large_ = false;
}

void Requests::publish_one(const Request& r, std::uint64_t seq, Bytes stored, bool mandatory, std::optional<BodyHandle> body) {
  const auto refuse_one = [&](ErrorCode code, std::string_view text) {
    if (seq == 0) return refuse(r, code, text);
    say_nack(speaker_, r.who.channel.number, seq, code, text);
  };
  auto message = judge_message(stored, user_);
  if (!message) return refuse_one(message.error().code, message.error().text);
  message->body = body ? *body : port_.stage({stored});
  published_.push_back({pack(Asked::publish, seq), seq, mandatory, *message});
}

void Requests::submit_published(const Request& r) {
  if (published_.empty()) return;
  submit(core::PublishMany{r.who, published_});
  published_.clear();
}

void Requests::on(const Request& r, const fb::Subscribe& m) {
  if (!names_fit(r, {text_of(m.queue())})) return;
  const Arguments arguments = arguments_of(r, m.arguments());
  if (!arguments) return;
  submit(core::Subscribe{r.who, m.consumer(), text_of(m.queue()), m.no_ack(), m.exclusive(), m.prefetch(),
                         m.priority(), &*arguments});
}

void Requests::on(const Request& r, const fb::Unsubscribe& m) {
  submit(core::Unsubscribe{r.who, m.consumer()});
}

void Requests::on(const Request& r, const fb::SetPrefetch& m) {
  if (m.whole_channel()) return submit(core::SetChannelPrefetch{r.who, m.prefetch()});
  submit(core::SetConsumerPrefetch{r.who, m.consumer(), m.prefetch()});
}

void Requests::on(const Request& r, const fb::Get& m) {
  if (!names_fit(r, {text_of(m.queue())})) return;
  submit(core::Get{r.who, text_of(m.queue()), m.no_ack()});
}

void Requests::on(const Request& r, const fb::Peek& m) {
  if (!names_fit(r, {text_of(m.queue())})) return;
  submit(core::Peek{r.who, text_of(m.queue()), m.skip(), std::min(m.count(), peek_count_max)});
}

/// Each range is an input of its own; the last one answers for all (asked.h).
void Requests::on(const Request& r, const fb::Settle& m) {
  const auto outcome = outcome_of(m.outcome());
  if (!outcome) return refuse(r, ErrorCode::invalid_argument, "unknown outcome of a settle");
  const std::size_t count = size_of(m.ranges());
  if (count == 0) return refuse(r, ErrorCode::invalid_argument, "a settle needs at least one range of tags");
  std::size_t submitted = 0;
  for (const fb::Range range : structs_of(m.ranges())) {
    const bool last = ++submitted == count;
    const Asked asked = last ? Asked::settle_end : Asked::settle_part;
    const core::Caller who{r.who.channel, pack(asked, r.correlation)};
    const bool confirm = last && r.correlation != 0;
    submit(core::Settle{who, range.first(), range.last(), m.multiple(), *outcome, confirm});
  }
}

void Requests::on(const Request& r, const fb::CloseChannel&) {
  submit(core::ChannelClosed{r.who});
}

}  // namespace tandem::wire::native
