// One connection as the loop holds it: the socket (net), the face that speaks its protocol (wire), and the
// sends that wait for bytes or for the peer to read. Decides when the peer is read, when the core may
// dispatch to it, and when it ends.
//
// Life: open → closing (the face said goodbye; its outbox is being written) → lingering (all written, our
// side is shut; what the peer still sends is thrown away, so that it gets to read the goodbye) → gone. Thread
// rule: the loop's thread.
#pragma once

#include <memory>
#include <string>

#include "broker/net/connection.h"
#include "broker/server/send_line.h"
#include "broker/wire/face.h"

namespace tandem::server {

class Peer;

/// What a peer needs of the loop.
class PeerHost {
 public:
  virtual ~PeerHost() = default;
  /// Called before anything that came from outside is looked at: reads the clock.
  virtual void woke() = 0;
  virtual TimestampMs now() const = 0;
  virtual net::ReadScratch& scratch() = 0;
  virtual storage::Store& store() = 0;
  virtual void submit(const core::Input& input) = 0;
  /// The disk does not keep up: nobody is read until it does. Peers that are not read because of it say so
  /// with touched().
  virtual bool disk_is_behind() const = 0;
  /// settle() is to be called at the end of this turn of the loop.
  virtual void touched(Peer& peer) = 0;
  virtual void count_read(std::size_t size_bytes) = 0;
  /// A peer's requests are looked at: its share of this turn of the loop begins.
  virtual void begin_share() = 0;
  virtual bool share_is_over() const = 0;
  /// How much of what a peer has to be told is written in one turn of the loop.
  virtual std::size_t write_share_bytes() const { return net::Connection::write_share_bytes; }
  /// Grows from turn to turn of the loop.
  virtual std::uint64_t turn() const = 0;
  /// Bytes of messages were given to a face, which had to be fetched or copied for it.
  virtual void count_said(std::size_t size_bytes) = 0;
  /// A connection held `before` bytes of memory and holds `now`.
  virtual void count_held(std::size_t before_bytes, std::size_t now_bytes) = 0;
  /// What it was given and has not settled takes in the core.
  virtual std::size_t unsettled_bytes(ConnectionId id) const = 0;
  /// Connections hold so much together that those which do not read get no more.
  virtual bool memory_is_short() const = 0;
  /// Passes the answer of a read on to the peer's found(), if it is still there.
  virtual void found(ConnectionId id, SendLine::Ticket ticket, Result<storage::StoredBytes> bytes) = 0;
};

class Peer final : public net::ConnectionHandler {
 public:
  /// Answers that a peer does not read: beyond this it is not read either.
  static constexpr std::size_t unread_answers_max_bytes = 64u << 20;
  static constexpr DurationMs closing_max_ms = 5'000;
  static constexpr DurationMs lingering_max_ms = 2'000;

  Peer(PeerHost& host, ConnectionId id, net::Reactor& reactor, net::Socket socket,
       std::unique_ptr<wire::Face> face);

  ConnectionId id() const { return id_; }
  wire::Face& face() { return *face_; }
  bool open() const { return life_ == Life::open; }
  bool gone() const { return life_ == Life::gone; }
  const std::string& name() const { return connection_.peer(); }
  bool all_written() const { return life_ == Life::lingering || gone(); }

  /// Says `send` now or, in order, when its bytes are there. Moves from it when it has to wait.
  void say(core::Send& send);
  /// Says a send whose bodies are known, before those that wait.
  void say_now(const core::Send& send, std::span<const wire::Body> bodies);
  /// The answer of a read that the line asked for.
  void found(SendLine::Ticket ticket, Result<storage::StoredBytes> bytes);

  /// End of a turn of the loop: says what can be said, writes, and asks to be read again.
  void settle();
  void tick(TimestampMs now);
  TimestampMs next_due() const;

  /// A publisher while publishers are held back: it is not read. Released by hold_back(false).
  void hold_back(bool on);
  /// Memory that is held for it, as of its last settle(): unread answers, incomplete input, open transactions, unsettled deliveries.
  std::size_t held_bytes() const { return held_bytes_; }
  /// It does not read: the kernel takes no more for it.
  bool is_deaf() const { return kernel_full_; }
  /// What it holds is its own from here on: no body keeps memory of the store. Gives the number of bytes copied.
  std::size_t own_memory();
  /// Closes at once. `why` is for the log.
  void end(std::string_view why);

  /// The loop's own marks: in its list of touched peers; in that of peers that are not read while the disk is
  /// behind.
  bool listed = false, unread = false;
  /// Its memory is lent to the store, for this (Store::stage_large()): it is not removed. 0: it is not.
  std::uint64_t lends = 0;

 private:
  enum class Life : std::uint8_t { open, closing, lingering, gone };

  void readable() override;
  void writable() override;
  std::size_t receive(Bytes input) override;
  std::size_t input_size_wanted_bytes() const override { return face_->input_size_wanted_bytes(); }
  void gather(std::vector<Bytes>& pieces, std::size_t count_max) override;
  void written(std::size_t size) override { face_->outbox().consume(size); }

  void touch() {
    if (!listed) host_.touched(*this);
  }
  void say_deliver(core::Send& send);
  void hand_over(const core::Send& send, std::span<const wire::Body> bodies, std::size_t size_bytes);
  std::size_t queued_bytes() const;
  void tell_writable(bool writable);
  void tell_closed();
  bool may_be_read() const;
  bool is_withheld() const;

  void settle_if_there();
  void begin_closing();
  void begin_lingering();
  void offer_input_left();
  void drain_line();
  void write();
  void update_writable();
  void count_held();
  std::size_t unread_max_bytes() const;
  void look_at_end(const net::Connection::ReadResult& result);

  PeerHost& host_;
  const ConnectionId id_;
  Life life_ = Life::open;
  bool writable_told_ = true, closed_told_ = false, held_back_ = false;
  bool left_unread_ = false;  // was withheld at the last settle()
  bool kernel_full_ = false;            // a writable() will come
  bool peer_ended_ = false;             // its side is shut
  bool input_left_ = false;             // the face stopped reading before the end of its input
  bool heard_ = false;                  // something came
  std::uint64_t served_turn_ = 0;  // of the loop: its input was looked at
  std::uint64_t drained_turn_ = 0, written_turn_ = 0;  // of the loop: its line gave, the kernel took, as much as may be in one
  std::size_t unflushed_bytes_ = 0;     // given to the face since its flush()
  std::size_t flushed_size_bytes_ = 0;  // of the outbox at that time
  std::size_t held_bytes_ = 0;          // as the host has counted it
  TimestampMs life_ends_at_;            // of closing and lingering
  std::unique_ptr<wire::Face> face_;
  SendLine line_;
  net::Connection connection_;  // last: it is closed first
};

}  // namespace tandem::server
