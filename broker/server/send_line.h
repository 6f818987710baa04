// The sends of one connection that cannot be said yet, in order: because the bytes they stand for must come
// from disk, because an earlier one waits, or because the peer has enough to read. Looks up bytes only for
// the sends at its front, so that a consumer with a large prefetch does not pull its whole backlog into
// memory. Thread rule: the loop's thread.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "broker/core/send.h"
#include "broker/storage/store.h"
#include "broker/wire/face.h"

namespace tandem::server {

/// A message that a send stands for.
struct BodyPlace {
  BodyHandle body;
  std::uint32_t size_bytes = 0;
};
/// The messages whose bytes `send` needs: one for Deliver, GotMessage and Returned, one per entry for Peeked.
void append_places(std::vector<BodyPlace>& places, const core::Send& send);

class SendLine {
 public:
  /// Bytes that may be looked up ahead of the front, and sends.
  static constexpr std::size_t ahead_max_bytes = 1u << 20;
  static constexpr std::size_t ahead_max = 256;

  /// Names a body of a waiting send, for the answer of a read.
  struct Ticket {
    std::uint64_t number = 0;
    std::uint32_t index = 0;
  };
  /// Starts a read; the answer is given to found() with the ticket, maybe before this returns.
  using StartRead = std::function<void(const BodyPlace&, Ticket)>;

  bool empty() const { return front_ == waiting_.size(); }
  /// Of all messages that the waiting sends stand for.
  std::size_t size_bytes() const { return size_bytes_; }

  void push(core::Send send);
  /// Memory that it holds: the sends themselves, and what was looked up for those at the front.
  std::size_t held_bytes() const { return looked_up_bytes_ + size() * sizeof(Waiting); }
  /// Gives up what was looked up, unless a read is under way; it is looked up again when it is wanted.
  void let_go();
  /// Takes what is resident, and starts reads for the rest, of the sends at the front.
  void look_up(storage::Store& store, const StartRead& start_read);
  /// A ticket of a send that is gone is ignored.
  void found(Ticket ticket, Result<storage::StoredBytes> bytes);

  struct Waiting {
    core::Send send;
    std::vector<wire::Body> bodies;
    std::size_t size_bytes = 0;
    std::uint32_t missing = 0;  // bodies whose read is under way
  };
  /// The front has all that it needs.
  bool ready() const { return looked_up_ > 0 && waiting_[front_].missing == 0; }
  /// Only when ready().
  Waiting pop();
  void clear();

 private:
  std::size_t size() const { return waiting_.size() - front_; }
  void look_up_next(storage::Store& store, const StartRead& start_read);
  void drop_front();

  // A vector with a moving front, not a deque: an idle connection's line must cost nothing.
  std::vector<Waiting> waiting_;
  std::size_t front_ = 0;
  std::vector<BodyPlace> places_;
  std::uint64_t first_number_ = 0;   // of waiting_[front_]
  std::size_t looked_up_ = 0;        // sends at the front that were looked up
  std::size_t looked_up_bytes_ = 0;  // of their messages
  std::size_t size_bytes_ = 0;
};

}  // namespace tandem::server
