#include "broker/server/send_line.h"

#include "broker/base/check.h"

namespace tandem::server {

namespace {
constexpr std::size_t compact_min = 256;  // sends that are gone, before the vector is moved up
}

void append_places(std::vector<BodyPlace>& places, const core::Send& send) {
  if (const auto* deliver = std::get_if<core::Deliver>(&send))
    places.push_back({deliver->body, deliver->size_bytes});
  else if (const auto* got = std::get_if<core::GotMessage>(&send))
    places.push_back({got->body, got->size_bytes});
  else if (const auto* returned = std::get_if<core::Returned>(&send))
    places.push_back({returned->body, returned->size_bytes});
  else if (const auto* peeked = std::get_if<core::Peeked>(&send))
    for (const auto& entry : peeked->entries) places.push_back({entry.body, entry.size_bytes});
}

void SendLine::push(core::Send send) {
  Waiting& waiting = waiting_.emplace_back();
  waiting.send = std::move(send);
  places_.clear();
  append_places(places_, waiting.send);
  for (const auto& place : places_) waiting.size_bytes += place.size_bytes;
  size_bytes_ += waiting.size_bytes;
}

void SendLine::look_up(storage::Store& store, const StartRead& start_read) {
  while (looked_up_ < size() && looked_up_ < ahead_max &&
         (looked_up_ == 0 || looked_up_bytes_ < ahead_max_bytes))
    look_up_next(store, start_read);
}

void SendLine::look_up_next(storage::Store& store, const StartRead& start_read) {
  Waiting& waiting = waiting_[front_ + looked_up_];
  const std::uint64_t number = first_number_ + looked_up_;
  ++looked_up_;
  looked_up_bytes_ += waiting.size_bytes;
  places_.clear();
  append_places(places_, waiting.send);
  waiting.bodies.resize(places_.size());
  for (std::uint32_t i = 0; i < places_.size(); ++i) {
    storage::StoredBytes resident = store.resident(places_[i].body, places_[i].size_bytes);
    if (resident.owner) {
      waiting.bodies[i] = {resident.bytes, std::move(resident.owner), ErrorCode::none};
      continue;
    }
    ++waiting.missing;
    start_read(places_[i], {number, i});
  }
}

void SendLine::found(Ticket ticket, Result<storage::StoredBytes> bytes) {
  if (ticket.number < first_number_ || ticket.number - first_number_ >= size()) return;
  Waiting& waiting = waiting_[front_ + (ticket.number - first_number_)];
  wire::Body& body = waiting.bodies[ticket.index];
  if (bytes.ok())
    body = {bytes->bytes, std::move(bytes->owner), ErrorCode::none};
  else
    body.error = bytes.error().code == ErrorCode::none ? ErrorCode::internal : bytes.error().code;
  --waiting.missing;
}

void SendLine::let_go() {
  for (std::size_t i = 0; i < looked_up_; ++i)
    if (waiting_[front_ + i].missing > 0) return;
  for (std::size_t i = 0; i < looked_up_; ++i) waiting_[front_ + i].bodies.clear();
  looked_up_ = looked_up_bytes_ = 0;
}

SendLine::Waiting SendLine::pop() {
  CHECK(ready());
  Waiting front = std::move(waiting_[front_]);
  drop_front();
  --looked_up_;
  looked_up_bytes_ -= front.size_bytes;
  size_bytes_ -= front.size_bytes;
  return front;
}

void SendLine::drop_front() {
  ++front_;
  ++first_number_;
  if (front_ < compact_min && front_ < waiting_.size()) return;
  if (front_ < waiting_.size() - front_) return;
  waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(front_));
  front_ = 0;
  if (waiting_.empty()) waiting_ = {};
}

void SendLine::clear() {
  first_number_ += size();
  front_ = 0;
  waiting_ = {};
  looked_up_ = looked_up_bytes_ = size_bytes_ = 0;
}

}  // namespace tandem::server
