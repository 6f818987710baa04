// The appender behind tandem::TopicAppender: gathers records into one batch per partition and sends each as
// an Append.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <vector>

#include "client/append_lanes.h"
#include "client/driver.h"
#include "client/outstanding.h"
#include "client/part.h"
#include "client/record_batch.h"
#include "tandem/appender.h"

namespace tandem::client {

class AppendQueue final : public Part, public std::enable_shared_from_this<AppendQueue> {
 public:
  AppendQueue(std::shared_ptr<Driver> driver, AppenderOptions options, std::int32_t partitions);

  // --- any thread ---

  enum class WhenFull { wait, refuse };
  Result<std::int32_t> post(const Record& record, WhenFull when_full);
  /// Both wait for room behind what waits already. One completes with the place on disk, the other with the partition.
  void append(std::shared_ptr<const OwnedRecord> record, Completion<AppendedAt> appended);
  void post_later(std::shared_ptr<const OwnedRecord> record, Completion<std::int32_t> posted);
  /// A batch of its own, sent at once; expected_end -1 = wherever the partition ends.
  void append_batch(std::int32_t partition, Offset expected_end, std::vector<std::byte> batch,
                    Completion<AppendedAt> done);
  std::int32_t partitions() const { return partitions_; }
  const AppenderOptions& options() const { return options_; }
  Driver& driver() { return *driver_; }

  // --- the I/O thread ---

  void close();
  void flush(Completion<Done> done);
  /// What was under way goes again first: what is gathered comes behind it in its lane.
  void online() override { driver_->wake(shared_from_this()); }
  void gathered() override;
  void drain(Completion<Done> done) override { flush(std::move(done)); }
  void end(const Error& why) override;

 private:
  using Batch = AppendBatch;
  struct Waiting {
    std::shared_ptr<const OwnedRecord> record;
    // One of them.
    Completion<AppendedAt> appended;
    Completion<std::int32_t> posted;
  };
  using Posted = std::vector<std::pair<Completion<std::int32_t>, std::int32_t>>;

  Result<> judge(const Record& record) const;
  bool has_room(std::size_t size_bytes) const;
  Batch& add(const Record& record);
  std::int32_t choose_partition(const Record& record);
  void wake_if_first();
  std::vector<std::unique_ptr<Batch>> take_batches();
  void send(std::unique_ptr<Batch> batch);
  void dispatch(std::unique_ptr<Batch> batch);
  Result<> encode(Batch& batch, const BatchProducer& producer) const;
  void ask_append(std::int32_t partition, Offset expected_end, std::shared_ptr<const std::vector<std::byte>> batch,
                  bool repeatable, MoveFunction<void(Result<AppendedAt>)> done);
  void answered(std::unique_ptr<Batch> batch, Result<AppendedAt> first);
  void ask_producer();
  void finish(Batch& batch, const Result<AppendedAt>& first);
  void wait_for_room(Waiting record);
  static void refuse(Waiting& record, const Error& why);
  /// With the mutex held. What it returns is to be called once that is free.
  Posted admit_waiting();
  void finish_flushes();

  const std::shared_ptr<Driver> driver_;
  const AppenderOptions options_;
  const std::int32_t partitions_;

  // The I/O thread's.
  Outstanding sent_;
  AppendLanes lanes_;
  bool producer_asked_ = false;
  std::optional<Error> failure_;  // since the last flush

  std::mutex mutex_;  // what follows
  std::condition_variable room_;
  std::vector<std::unique_ptr<Batch>> gathering_;  // by partition
  std::deque<std::unique_ptr<Batch>> full_;        // to be sent before those
  std::size_t open_bytes_ = 0;
  std::deque<Waiting> waiting_;  // while the window is full
  std::int32_t keyless_ = 0;     // where records without a key go until its batch leaves
  bool woken_ = false;
  std::optional<Error> ended_;
};

}  // namespace tandem::client
