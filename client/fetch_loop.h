// The reader behind tandem::TopicReader: one fetch is under way while what the last one brought is taken.
#pragma once

#include <condition_variable>
#include <deque>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "client/driver.h"
#include "client/fetched_batch.h"
#include "client/part.h"
#include "tandem/topic_reader.h"

namespace tandem::client {

class FetchLoop final : public Part, public std::enable_shared_from_this<FetchLoop> {
 public:
  FetchLoop(std::shared_ptr<Driver> driver, ReaderOptions options);

  // --- any thread ---

  Result<std::size_t> poll(std::vector<TopicRecord>& out, std::size_t count_max, Milliseconds timeout);
  std::vector<Position> positions() const;
  void seek(const Position& to);
  void assign(const std::vector<Position>& positions);
  /// The next poll says so.
  void report(Error error);
  Driver& driver() { return *driver_; }

  // --- the I/O thread ---

  void poll_async(std::size_t count_max, Milliseconds timeout, Completion<std::vector<TopicRecord>> done);
  void close();
  void online() override { gathered(); }
  void gathered() override;
  void end(const Error& why) override;

 private:
  struct Cursor {
    std::shared_ptr<const std::string> topic;
    std::int32_t partition = 0;
    Offset position = 0;        // behind what was given
    Offset fetch_at = 0;        // behind what was fetched
    std::uint64_t version = 0;  // of seeks: what an earlier one fetched is dropped
    bool failed = false;        // not fetched until poll has said why
  };
  using CursorPtr = std::shared_ptr<Cursor>;
  struct Chunk {
    CursorPtr cursor;
    std::uint64_t version = 0;
    Bytes batches;
    Owner owner;
    std::vector<AbortedFrom> aborted;
  };
  /// What a fetch asked for, to know what its answer is about.
  struct Asked {
    CursorPtr cursor;
    std::uint64_t version = 0;
  };
  struct Taker {
    std::size_t count_max = 0;
    Completion<std::vector<TopicRecord>> done;
    Timers::Key timeout{};
  };

  void wake();
  std::vector<Asked> cursors_to_fetch();
  void send_fetch(std::uint64_t fetch, const std::vector<Asked>& asked);
  void take_fetched(std::uint64_t fetch, const std::vector<Asked>& asked,
                    const Result<const Answer*>& answer);
  void take_partition(const Asked& asked, const fb::FetchedPartition& partition, Bytes batches,
                      const Owner& owner);
  void take_refusal(Cursor& cursor, const fb::FetchedPartition& partition);
  void fail(Cursor& cursor, Error error);
  void serve_takers();
  bool has_something() const;

  Result<std::size_t> take(std::vector<TopicRecord>& out, std::size_t count_max);
  Result<bool> refill();
  std::optional<Error> ended_error() const;
  std::optional<Error> take_error();
  std::optional<Chunk> next_chunk();
  void give(std::vector<TopicRecord>& out, std::size_t count_max);

  const std::shared_ptr<Driver> driver_;
  const ReaderOptions options_;

  std::list<Taker> takers_;  // the I/O thread's

  std::mutex taking_;  // one poll decodes at a time; what follows is its
  std::optional<Chunk> chunk_;
  FetchedBatch batch_;  // records decoded and not given, of chunk_'s cursor
  AbortedFilter aborted_;

  mutable std::mutex mutex_;  // what follows
  std::condition_variable arrived_;
  std::vector<CursorPtr> cursors_;
  std::deque<Chunk> chunks_;
  std::size_t buffered_bytes_ = 0;
  std::deque<Error> errors_;
  bool fetching_ = false, woken_ = false, stalled_ = false;
  std::uint64_t fetch_ = 0;  // number of the current one; answers to others are not heard
  std::optional<Error> ended_;
};

}  // namespace tandem::client
