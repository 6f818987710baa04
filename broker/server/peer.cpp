#include "broker/server/peer.h"

#include <algorithm>
#include <utility>

#include "broker/base/limits.h"
#include "broker/server/log_line.h"

namespace tandem::server {

namespace {
constexpr TimestampMs no_wake_up = std::numeric_limits<TimestampMs>::max();
constexpr int said_between_looks = 16;  // at the clock

/// The first record of TLS 1.0 to 1.3 (RFC 8446, 5.1): a handshake.
bool is_tls(Bytes input) {
  return input.size() >= 3 && input[0] == std::byte{0x16} && input[1] == std::byte{3} && input[2] <= std::byte{4};
}

}  // namespace

Peer::Peer(PeerHost& host, ConnectionId id, net::Reactor& reactor, net::Socket socket,
           std::unique_ptr<wire::Face> face)
    : host_(host),
      id_(id),
      life_ends_at_(no_wake_up),
      face_(std::move(face)),
      connection_(reactor, std::move(socket), *this) {}

// --- saying ----------------------------------------------------------------------------------------------

void Peer::say(core::Send& send) {
  if (!open()) return;
  if (line_.empty() && std::holds_alternative<core::Deliver>(send)) return say_deliver(send);
  const bool needs_bytes = std::holds_alternative<core::GotMessage>(send) ||
                           std::holds_alternative<core::Returned>(send) ||
                           std::holds_alternative<core::Peeked>(send);
  if (line_.empty() && !needs_bytes) return hand_over(send, {}, 0);
  line_.push(std::move(send));
  update_writable();
  touch();
}

// The common case: the bytes are in memory and the peer reads. No copy, no wait.
void Peer::say_deliver(core::Send& send) {
  const auto& deliver = std::get<core::Deliver>(send);
  if (queued_bytes() < 2 * limits::outbox_high_bytes) {
    storage::StoredBytes resident = host_.store().resident(deliver.body, deliver.size_bytes);
    if (resident.owner) {
      const wire::Body body{resident.bytes, std::move(resident.owner), ErrorCode::none};
      return hand_over(send, {&body, 1}, deliver.size_bytes);
    }
  }
  line_.push(std::move(send));
  update_writable();
  touch();
}

void Peer::say_now(const core::Send& send, std::span<const wire::Body> bodies) {
  if (!open()) return;
  std::size_t size = 0;
  for (const auto& body : bodies) size += body.bytes.size();
  hand_over(send, bodies, size);
}

void Peer::hand_over(const core::Send& send, std::span<const wire::Body> bodies, std::size_t size_bytes) {
  unflushed_bytes_ += size_bytes;
  host_.count_said(size_bytes);
  face_->send(send, bodies);
  update_writable();
  touch();
}

void Peer::found(SendLine::Ticket ticket, Result<storage::StoredBytes> bytes) {
  if (!bytes.ok())
    log_line(LogLevel::error,
             "a message for " + connection_.peer() + " cannot be read: " + bytes.error().text);
  line_.found(ticket, std::move(bytes));
  touch();
}

// --- writability -----------------------------------------------------------------------------------------

// A face may write at once or gather until flush(): whichever shows more is believed.
std::size_t Peer::queued_bytes() const {
  return std::max(face_->outbox().size_bytes(), flushed_size_bytes_ + unflushed_bytes_) + line_.size_bytes();
}

void Peer::update_writable() {
  const std::size_t queued = queued_bytes();
  const std::size_t high = host_.memory_is_short() ? limits::outbox_low_bytes : limits::outbox_high_bytes;
  if (writable_told_ && queued > high) tell_writable(false);
  if (!writable_told_ && queued < limits::outbox_low_bytes && line_.empty()) tell_writable(true);
}

void Peer::tell_writable(bool writable) {
  writable_told_ = writable;
  host_.submit(core::ConnectionWritable{id_, writable});
}

bool Peer::may_be_read() const {
  if (life_ == Life::closing || life_ == Life::lingering) return !peer_ended_;  // to throw away
  return !is_withheld() && face_->reading() && face_->outbox().size_bytes() + line_.held_bytes() < unread_max_bytes();
}

std::size_t Peer::unread_max_bytes() const {
  return host_.memory_is_short() ? limits::outbox_low_bytes : unread_answers_max_bytes;
}

void Peer::count_held() {
  const std::size_t outbox = std::max(face_->outbox().held_bytes(), flushed_size_bytes_ + unflushed_bytes_);
  const std::size_t held =
      gone() ? 0
             : outbox + line_.held_bytes() + face_->kept_bytes() + connection_.input_capacity_bytes() + host_.unsettled_bytes(id_);
  if (held == held_bytes_) return;
  host_.count_held(held_bytes_, held);
  held_bytes_ = held;
}

std::size_t Peer::own_memory() {
  line_.let_go();
  const std::size_t copied = face_->outbox().own();
  count_held();
  return copied;
}

// By the broker's own doing; that a peer does not read its answers is the peer's.
bool Peer::is_withheld() const {
  return held_back_ || host_.disk_is_behind();
}

void Peer::hold_back(bool on) {
  held_back_ = on;
  if (!on) touch();
}

// --- the socket's events ---------------------------------------------------------------------------------

void Peer::readable() {
  host_.woke();
  if (gone()) return;
  if (!may_be_read() || input_left_) return touch();
  if (open()) {
    const auto result = connection_.read(host_.scratch());
    host_.count_read(result.size_bytes);
    look_at_end(result);
  } else {
    look_at_end(connection_.discard(host_.scratch()));
  }
  if (!gone()) touch();
}

void Peer::look_at_end(const net::Connection::ReadResult& result) {
  peer_ended_ = peer_ended_ || result.end == net::Connection::ReadEnd::closed_by_peer;
  if (peer_ended_ && life_ != Life::closing)
    end("closed by the peer");  // closing: it may still read the goodbye
  if (result.end == net::Connection::ReadEnd::failed) end(result.reason);
}

std::size_t Peer::receive(Bytes input) {
  // No face can answer it so that the client says what is wrong.
  if (!std::exchange(heard_, true) && is_tls(input))
    log_line(LogLevel::info, connection_.peer() + " began a TLS handshake: this broker has no TLS");
  host_.begin_share();
  served_turn_ = host_.turn();
  // What a face leaves when it closes is never looked at again.
  const std::size_t consumed = face_->receive(input);
  input_left_ = !face_->reading() || (consumed < input.size() && host_.share_is_over());
  return face_->closing() ? input.size() : consumed;
}

void Peer::writable() {
  host_.woke();
  kernel_full_ = false;
  if (!gone()) touch();
}

void Peer::gather(std::vector<Bytes>& pieces, std::size_t count_max) {
  face_->outbox().gather(pieces, count_max);
}

// --- the end of a turn of the loop -----------------------------------------------------------------------

void Peer::settle() {
  settle_if_there();
  count_held();
}

void Peer::settle_if_there() {
  if (gone()) return;
  offer_input_left();
  if (open() && face_->closing()) begin_closing();
  if (open()) drain_line();
  face_->flush();
  unflushed_bytes_ = 0;
  write();
  if (gone()) return;
  flushed_size_bytes_ = face_->outbox().size_bytes();
  if (open()) update_writable();
  if (life_ == Life::closing && face_->outbox().empty()) begin_lingering();
  if (gone()) return;
  // What it said while it was not read still waits in the kernel.
  if (std::exchange(left_unread_, is_withheld()) && !left_unread_) face_->excuse_silence(host_.now());
  // What is left of its input comes first, in the next turn.
  if (may_be_read()) input_left_ ? touch() : connection_.wait_readable();
  // The kernel took what it was given: no event will bring what is left.
  if (!kernel_full_ && (!face_->outbox().empty() || line_.ready() || face_->wants_room())) touch();
}

// The kernel has given these bytes already: no event will bring them.
void Peer::offer_input_left() {
  if (!open() || !input_left_ || !may_be_read() || served_turn_ == host_.turn()) return;
  input_left_ = false;
  connection_.offer_rest(host_.scratch());
}

void Peer::drain_line() {
  if (line_.empty()) return;
  if (drained_turn_ == host_.turn()) return;
  // Nothing is looked up for one that does not read: it would be kept for as long.
  if (kernel_full_ && face_->outbox().size_bytes() >= limits::outbox_high_bytes) return;
  const auto start_read = [this](const BodyPlace& place, SendLine::Ticket ticket) {
    host_.store().read(place.body, place.size_bytes,
                       [host = &host_, id = id_, ticket](Result<storage::StoredBytes> bytes) {
                         host->found(id, ticket, std::move(bytes));
                       });
  };
  line_.look_up(host_.store(), start_read);
  host_.begin_share();
  int said = 0;
  while (open() && line_.ready() &&
         face_->outbox().size_bytes() + unflushed_bytes_ < limits::outbox_high_bytes) {
    const SendLine::Waiting front = line_.pop();
    hand_over(front.send, front.bodies, front.size_bytes);
    if (!line_.ready()) line_.look_up(host_.store(), start_read);
    if (++said % said_between_looks == 0 && host_.share_is_over()) {
      drained_turn_ = host_.turn();
      return;
    }
  }
}

void Peer::write() {
  if (kernel_full_ || face_->outbox().empty() || written_turn_ == host_.turn()) return;
  switch (connection_.write(host_.write_share_bytes())) {
    case net::Connection::WriteEnd::all_written:
      break;
    case net::Connection::WriteEnd::more_to_write:
      written_turn_ = host_.turn();
      break;
    case net::Connection::WriteEnd::failed:
      return end("the peer is gone");
    case net::Connection::WriteEnd::peer_is_slow:
      kernel_full_ = true;
      connection_.wait_writable();
      break;
  }
  if (face_->outbox().size_bytes() > limits::outbox_hard_max_bytes) {
    log_line(LogLevel::warning, connection_.peer() + " is dropped: it does not read its answers");
    end("it does not read its answers");
  }
}

// --- heartbeats and the way out --------------------------------------------------------------------------

TimestampMs Peer::next_due() const {
  if (gone()) return no_wake_up;
  return open() ? face_->next_due() : life_ends_at_;
}

void Peer::tick(TimestampMs now) {
  if (gone()) return;
  if (open()) {
    if (is_withheld()) face_->excuse_silence(now);
    face_->tick(now);
    touch();
  } else if (now >= life_ends_at_) {
    end("it did not close in time");
  }
}

void Peer::begin_closing() {
  life_ = Life::closing;
  life_ends_at_ = host_.now() + closing_max_ms;
  line_.clear();
  tell_closed();
}

void Peer::begin_lingering() {
  life_ = Life::lingering;
  life_ends_at_ = host_.now() + lingering_max_ms;
  connection_.shut_down_writing();
  if (peer_ended_) end("closed by the peer");
}

void Peer::end(std::string_view why) {
  if (gone()) return;
  if (logs(LogLevel::debug)) log_line(LogLevel::debug, connection_.peer() + " ended: " + std::string(why));
  life_ = Life::gone;
  line_.clear();
  tell_closed();
  touch();
}

void Peer::tell_closed() {
  if (closed_told_) return;
  closed_told_ = true;
  host_.submit(core::ConnectionClosed{id_});
}

}  // namespace tandem::server
