// The channel behind tandem::Consumer and tandem::Getter: keeps deliveries until somebody takes them, and
// gathers their settles.
#pragma once

#include <condition_variable>
#include <deque>
#include <list>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include "client/driver.h"
#include "client/outstanding.h"
#include "client/part.h"
#include "client/settles.h"
#include "tandem/consumer.h"

namespace tandem::client {

class ConsumeChannel final : public Channel, public std::enable_shared_from_this<ConsumeChannel> {
 public:
  /// queue "": never subscribes (Getter).
  ConsumeChannel(std::shared_ptr<Driver> driver, ConsumerOptions options);

  // --- any thread ---

  Result<std::size_t> receive(std::vector<Delivery>& out, std::size_t count_max, Milliseconds timeout);
  /// Settles a delivery of the connection `epoch`; of an earlier one there is nothing left to settle.
  void settle(std::uint64_t tag, std::uint32_t epoch, fb::Outcome outcome);
  static void ack_all(std::span<Delivery> deliveries);
  std::size_t waiting() const;
  Driver& driver() { return *driver_; }

  // --- the I/O thread ---

  /// Attaches and subscribes.
  void open(Completion<Done> done);
  /// Unsubscribes, for good, and keeps its channel.
  void stop(Completion<Done> done);
  void close(Completion<Done> done);
  /// Completes with at least one, at most `count_max`, which is at least 1.
  void receive_async(std::size_t count_max, Milliseconds timeout, Completion<std::vector<Delivery>> done);
  void get(const std::string& queue, Completion<std::optional<Delivery>> done);
  void flush(Completion<Done> done);
  /// The epoch whose deliveries can be settled now.
  std::uint32_t epoch() const { return epoch_; }

  void online() override;
  void offline(const Error& why) override;
  void gathered() override;
  void receive(const Answer& said) override;
  void drain(Completion<Done> done) override { flush(std::move(done)); }
  void end(const Error& why) override;

 private:
  /// The deliveries of one frame.
  struct Chunk {
    std::vector<fb::DeliverItem> items;
    std::size_t next = 0;  // item
    Bytes payload;         // of the items from next on
    Owner owner;
    std::uint32_t epoch = 0;
  };
  struct Taker {
    std::size_t count_max;
    Completion<std::vector<Delivery>> done;
    std::optional<Timers::Key> timeout;
  };
  using Takers = std::list<Taker>;

  void subscribe();
  void subscribed(Result<> result);
  void take_chunk(Chunk chunk);
  void serve_takers();
  void hand_over(Chunk chunk);
  Delivery make_delivery(const fb::DeliverItem& item, Bytes stored, const Owner& owner, std::uint32_t epoch);
  Delivery next_delivery();
  std::size_t take(std::vector<Delivery>& out, std::size_t count_max);
  void counted_out(std::size_t size_bytes);
  void release_reading();
  void send_settles();
  void send_settle(std::vector<fb::Range> ranges, fb::Outcome outcome);
  bool add_settle(std::uint64_t tag, std::uint32_t epoch, fb::Outcome outcome);
  void lost_settle(std::string why);
  void settle_answered(std::uint64_t number, const Result<>& result);
  void finish_flushes();

  const std::shared_ptr<Driver> driver_;
  const ConsumerOptions options_;

  // The I/O thread's.
  Completion<Done> opening_;
  bool stopped_ = false;
  Takers takers_;
  Outstanding settles_sent_;
  bool holds_reading_ = false;

  mutable std::mutex mutex_;  // what follows
  std::condition_variable arrived_;
  std::deque<Chunk> chunks_;
  std::size_t waiting_ = 0;        // deliveries in chunks_
  std::size_t waiting_bytes_ = 0;  // of them
  bool wants_release_ = false;     // reading is held until chunks_ have drained
  Settles settles_;
  std::optional<Error> settle_failure_;  // since the last flush
  bool woken_ = false;
  std::atomic<std::uint32_t> epoch_{1};
  std::optional<Error> ended_;
};

}  // namespace tandem::client
