// The publisher behind tandem::Publisher: gathers messages into batches, sends each batch as one Publish
// frame, and keeps it until all of it is confirmed.
#pragma once

#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <vector>

#include "client/done_set.h"
#include "client/driver.h"
#include "client/part.h"
#include "tandem/publisher.h"

namespace tandem::client {

class PublishChannel final : public Channel, public std::enable_shared_from_this<PublishChannel> {
 public:
  PublishChannel(std::shared_ptr<Driver> driver, PublisherOptions options);

  // --- any thread ---

  enum class WhenFull { wait, refuse };
  Result<std::uint64_t> post(const MessageParts& message, Mandatory mandatory, WhenFull when_full);
  /// Both wait for room behind what waits already. One completes with the confirm, the other with the seq.
  void publish(std::vector<std::byte> stored, Mandatory mandatory, Completion<Done> confirmed);
  void post_later(std::vector<std::byte> stored, Mandatory mandatory, Completion<std::uint64_t> posted);
  void flush(Completion<Done> done);
  std::size_t unconfirmed() const;
  Driver& driver() { return *driver_; }

  // --- the I/O thread ---

  void close();
  void online() override;
  void offline(const Error& why) override;
  void gathered() override;
  void receive(const Answer& said) override;
  void drain(Completion<Done> done) override { flush(std::move(done)); }
  void end(const Error& why) override;

 private:
  /// Messages with consecutive seqs. Filled under the mutex until it is sealed; its
  /// bytes never change after that, so that a socket can write them.
  struct Batch {
    std::uint64_t first_seq = 0;
    std::vector<fb::PublishItem> items;
    std::vector<std::byte> bytes;  // stored forms
    DoneSet done;
    bool sealed = false;                               // was sent once
    std::map<std::size_t, Completion<Done>> handlers;  // by index; of publish(), few
    bool full() const;
  };
  struct Waiting {
    std::vector<std::byte> stored;
    Mandatory mandatory;
    // One of them.
    Completion<Done> confirmed;
    Completion<std::uint64_t> posted;
  };
  struct Flush {
    std::uint64_t seq;  // up to this
    Completion<Done> done;
  };
  /// What is to be called once the mutex is free.
  struct Calls {
    std::vector<std::pair<Completion<Done>, Result<>>> completions;
    std::vector<std::pair<Completion<std::uint64_t>, std::uint64_t>> posted;
    std::vector<PublishOutcome> outcomes;
  };

  bool has_room(std::size_t size_bytes) const;
  Batch& open_batch();
  std::uint64_t add(std::size_t size_bytes, Mandatory mandatory, Batch& batch);
  void wake_if_first();
  void send(const std::shared_ptr<Batch>& batch);
  void send_run(const std::shared_ptr<Batch>& batch, std::size_t first, std::size_t last,
                std::size_t at_bytes);
  void take_confirmed(const fb::Confirmed& confirmed);
  void take_returned(const fb::Returned& returned, Bytes payload);
  void settle(std::uint64_t first, std::uint64_t last, const std::optional<Error>& error, Calls& calls);
  void settle_in(Batch& batch, std::size_t first, std::size_t last, const std::optional<Error>& error,
                 Calls& calls);
  void drop_done();
  void wait_for_room(Waiting message);
  static void refuse(Waiting& message, const Error& why);
  void admit_waiting(Calls& calls);
  void finish_flushes(Calls& calls);
  void call(Calls calls);
  std::uint64_t first_open_seq() const;

  const std::shared_ptr<Driver> driver_;
  const PublisherOptions options_;

  mutable std::mutex mutex_;
  std::condition_variable room_;
  std::deque<std::shared_ptr<Batch>>
      batches_;           // with unconfirmed messages, by seq; the last may still be open
  std::size_t sent_ = 0;  // batches at the front that are on their way
  std::vector<std::shared_ptr<Batch>> spare_;  // emptied, with their memory
  std::uint64_t next_seq_ = 1;
  std::size_t open_messages_ = 0, open_bytes_ = 0;
  bool woken_ = false;
  std::deque<Waiting> waiting_;  // while the window is full
  std::deque<Flush> flushes_;
  std::map<std::uint64_t, Error> returned_;  // came back, not confirmed yet
  std::optional<Error> failure_;             // the first since the last flush
  std::optional<Error> ended_;
};

}  // namespace tandem::client
