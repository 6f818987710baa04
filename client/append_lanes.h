// Numbers an appender's batches as an idempotent producer does, so that the broker stores each of them once however often it
// is sent. Each partition is a lane of its own.
//
// A batch that fails leaves a gap in its lane's sequence, and the broker refuses what was sent behind it with
// out_of_order_sequence: nothing of that is stored. Those batches wait here until none of the lane is under way, and then go on
// in their order under a new producer id. The I/O thread only.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "schemas/batch.h"
#include "tandem/appender.h"
#include "tandem/completion.h"

namespace tandem::client {

/// Records of one partition that go to the broker together.
struct AppendBatch {
  std::int32_t partition = 0;
  BatchBuilder builder;
  std::size_t size_bytes = 0;  // as the window counts it
  std::size_t count = 0;
  std::vector<std::pair<std::size_t, Completion<AppendedAt>>> handlers;  // by index; of append()
  std::uint64_t number = 0;                                              // ascending, in the order of sending
  std::shared_ptr<std::vector<std::byte>> bytes;                         // once it was made
};

class AppendLanes {
 public:
  using Batch = std::unique_ptr<AppendBatch>;

  /// `numbered`: false, batches go without producer id and sequence, and never wait here.
  AppendLanes(std::int32_t partitions, bool numbered);

  /// The batch goes now, as this producer's; nullopt: it has to wait (hold()) for a producer id.
  std::optional<BatchProducer> begin(const AppendBatch& batch);
  void hold(Batch batch);
  /// It was begun and has its outcome. True: nothing of it is stored and it goes again (hold()).
  bool end(const AppendBatch& batch, ErrorCode outcome);

  /// Some wait for nothing but a producer id.
  bool want_producer() const;
  /// A new producer id, used by nobody before. Returns those that it lets go, to be begun in this order.
  std::vector<Batch> resume(std::int64_t producer_id, std::int16_t epoch);
  /// There are no producer ids.
  std::vector<Batch> resume_unnumbered();
  /// Those that waited for the producer id that cannot be had.
  std::vector<Batch> give_up();

 private:
  struct Lane {
    BatchProducer next;
    std::size_t under_way = 0;
    bool interrupted = true;  // the next batch needs another producer id
    std::map<std::uint64_t, Batch> held;
    bool waits() const { return interrupted && under_way == 0 && !held.empty(); }
  };

  Lane& lane_of(const AppendBatch& batch) { return lanes_[static_cast<std::size_t>(batch.partition)]; }
  std::vector<Batch> take_waiting();

  std::vector<Lane> lanes_;
  bool numbered_;
  BatchProducer newest_;  // its id and epoch, for lanes that did not use them yet
};

}  // namespace tandem::client
