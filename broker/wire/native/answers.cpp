#include "broker/wire/native/answers.h"

#include <algorithm>

#include "broker/base/check.h"
#include "broker/wire/native/fields.h"
#include "schemas/frame.h"

namespace tandem::wire::native {
namespace {

// Messages that one answer may carry; the frame's limit leaves room for the envelope.
constexpr std::size_t answer_payload_max_bytes = frame::frame_size_max_bytes - (4u << 20);

/// What a body gives: nothing when it cannot be read.
Bytes readable(const Body& body) {
  return body.error == ErrorCode::none ? body.bytes : Bytes();
}

}  // namespace

void Answers::say(const core::Send& send, std::span<const Body> bodies) {
  const bool gathered =
      std::holds_alternative<core::Deliver>(send) || std::holds_alternative<core::Confirmed>(send);
  if (!gathered) flush();
  core::visit([&](const auto& s) { on(s, bodies); }, send);
}

void Answers::flush() {
  deliveries_.flush();
  confirms_.flush();
}

bool Answers::refused_before(std::uint64_t correlation, bool forget) {
  auto& refused = unanswered_.refused_settles;
  const auto found = std::find(refused.begin(), refused.end(), correlation);
  if (found == refused.end()) return false;
  if (forget) refused.erase(found);
  return true;
}

bool Answers::wants_answer(const core::Caller& who) {
  const std::uint64_t correlation = number_of(who.request);
  if (asked_of(who.request) == Asked::settle_end && refused_before(correlation, true)) return false;
  return correlation != 0;
}

std::int32_t Answers::operation_index(const core::Caller& who, std::int32_t operation) {
  auto& all = unanswered_.operation_indexes;
  const auto found =
      std::find_if(all.begin(), all.end(), [&](const auto& t) { return t.first == who.request; });
  if (found == all.end()) return operation;
  const std::vector<std::int32_t> indexes = std::move(found->second);
  all.erase(found);
  if (operation < 0 || operation >= static_cast<std::int32_t>(indexes.size())) return operation;
  return indexes[static_cast<std::size_t>(operation)];
}

// --- queues
// -----------------------------------------------------------------------------------------------------------

void Answers::on(const core::Deliver& s, Bodies bodies) {
  CHECK(bodies.size() == 1);
  deliveries_.add(s, bodies.front());
}

void Answers::on(const core::Confirmed& s, Bodies) {
  const ErrorCode nack_code = !s.nack ? ErrorCode::none
                              : held_ ? ErrorCode::resource_alarm
                                      : ErrorCode::rejected_by_queue;
  confirms_.add(s.channel.number, s.first, s.last, nack_code);
}

void Answers::on(const core::Ok& s, Bodies) {
  if (wants_answer(s.who)) answer(s.who, fb::CreateOk(Speaker::builder()));
}

/// A refusal is said whether or not an answer was wanted: without it nobody would know.
void Answers::on(const core::Refused& s, Bodies) {
  const std::uint64_t number = number_of(s.who.request);
  const std::string text = core::to_text(s.refusal);
  const Asked asked = asked_of(s.who.request);
  if (asked == Asked::publish && number != 0)
    return say_nack(speaker_, s.who.channel.number, number, s.refusal.code, text);
  if (asked == Asked::settle_end && number != 0 && refused_before(number, true)) return;
  if (asked == Asked::settle_part && number != 0) {
    if (refused_before(number, false)) return;
    unanswered_.refused_settles.push_back(number);
  }
  const auto text_offset = text_field(text);
  const auto object = text_field(object_name(s.refusal.object));
  const auto name = text_field(s.refusal.name);
  const std::int32_t operation = operation_index(s.who, s.operation);
  answer(s.who, fb::CreateRefused(Speaker::builder(), code_field(s.refusal.code), text_offset, object, name,
                                  operation));
}

void Answers::on(const core::QueueOk& s, Bodies) {
  if (!wants_answer(s.who)) return;
  const auto name = text_field(s.name);
  answer(s.who, fb::CreateQueueOk(Speaker::builder(), name, s.ready, s.consumers));
}

void Answers::on(const core::Committed& s, Bodies) {
  operation_index(s.who, -1);  // forgets them
  if (!wants_answer(s.who)) return;
  const auto offsets = Speaker::builder().CreateVector(s.append_offsets);
  answer(s.who, fb::CreateCommitted(Speaker::builder(), offsets));
}

void Answers::on(const core::Returned& s, Bodies bodies) {
  CHECK(bodies.size() == 1);
  const Bytes message = readable(bodies.front());
  const auto text = text_field("no binding takes the message");
  speaker_.say(0, s.channel.number,
               fb::CreateReturned(Speaker::builder(), s.confirm_seq, code_field(ErrorCode::unroutable), text),
               message.size());
  speaker_.payload(message, bodies.front().owner);
}

void Answers::on(const core::GotMessage& s, Bodies bodies) {
  CHECK(bodies.size() == 1);
  const Body& body = bodies.front();
  const Bytes message = readable(body);
  answer(s.who,
         fb::CreateGotMessage(Speaker::builder(), s.tag, s.deliveries, s.ready, code_field(body.error)),
         message.size());
  speaker_.payload(message, body.owner);
}

void Answers::on(const core::GotNothing& s, Bodies) {
  answer(s.who, fb::CreateGotNothing(Speaker::builder()));
}

void Answers::on(const core::Peeked& s, Bodies bodies) {
  CHECK(bodies.size() == s.entries.size());
  std::vector<fb::PeekedItem> items;
  std::size_t payload_size = 0;
  for (std::size_t i = 0; i < bodies.size(); ++i) {
    const core::QueueEntry& entry = s.entries[i];
    const std::size_t size = readable(bodies[i]).size();
    if (payload_size + size > answer_payload_max_bytes) break;
    payload_size += size;
    items.emplace_back(entry.seq, static_cast<std::uint32_t>(size), entry.deliveries, entry.priority);
  }
  const auto items_offset = Speaker::builder().CreateVectorOfStructs(items);
  answer(s.who, fb::CreatePeeked(Speaker::builder(), items_offset), payload_size);
  for (std::size_t i = 0; i < items.size(); ++i) speaker_.payload(readable(bodies[i]), bodies[i].owner);
}

void Answers::on(const core::ConsumerCancelled& s, Bodies) {
  speaker_.say(0, s.channel.number, fb::CreateConsumerCancelled(Speaker::builder(), s.consumer));
}

void Answers::on(const core::Described& s, Bodies) {
  say_listing(speaker_, port_, s);
  auto& listings = unanswered_.listings;
  if (listings.empty() || listings.front().rest.who.request != s.who.request) return;
  listings.front().rest.after = s.next_after;
  listings.front().is_asked = false;
  if (s.next_after == 0) listings.pop_front();
}

}  // namespace tandem::wire::native
