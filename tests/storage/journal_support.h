// A journal on an in-memory disk whose background work runs when the test says so.
#pragma once

#include <doctest/doctest.h>

#include <deque>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "broker/storage/journal.h"
#include "broker/storage/memory_file_system.h"

namespace tandem::test {

inline core::Record enqueued(std::uint64_t seq, BodyHandle body, std::size_t size, bool durable = true) {
  return core::Enqueued{
      .queue = QueueId(1),
      .entry = {
          .seq = seq, .body = body, .size_bytes = static_cast<std::uint32_t>(size), .durable = durable}};
}

/// A body that says which message it is, of any size.
inline std::string body_text(std::uint64_t seq, std::size_t size) {
  std::string text = "message " + std::to_string(seq) + " ";
  while (text.size() < size) text += text.substr(0, size - text.size());
  text.resize(size);
  return text;
}

/// A message that leaves no room in the first segment of 64 KiB, behind the epoch's own frame.
inline constexpr std::size_t fills_first_segment_bytes = 57'000;

class JournalRig : storage::JournalEvents {
 public:
  struct Options {
    std::uint64_t segment_size_bytes = 64u << 10;
    std::uint64_t cache_size_bytes = 64u << 20;
    storage::JournalOptions journal;
  };

  JournalRig() = default;
  explicit JournalRig(Options options) : options_(options) {}
  /// Of segments that are begun after the next open().
  void set_salt(std::uint32_t salt) { options_.journal.salt = salt; }

  /// Reads the journal and goes on behind it. What was read is in `replayed`.
  Result<> open() {
    replayed.clear();
    persisted_through = 0;
    auto opened = storage::JournalSegments::open(files, "/journal", options_.segment_size_bytes);
    if (!opened) return opened.error();
    segments = std::move(*opened);
    const storage::FrameVisitor visitor{.record =
                                            [this](const core::Record& record, TurnNumber turn) {
                                              replayed.emplace_back(turn, record);
                                              return Result<>();
                                            },
                                        .body = nullptr};
    auto read = storage::read_journal(*segments, from, visitor, reader);
    if (!read) return read.error();
    end = *read;
    cache = std::make_unique<storage::BodyCache>(
        *segments, reader, [this](auto task) { posted.push_back(std::move(task)); },
        options_.cache_size_bytes);
    const storage::JournalParts parts{
        files, *segments, *cache, writer, background, large, [this](auto task) { posted.push_back(std::move(task)); },
        *this};
    auto journal_opened = storage::Journal::open(options_.journal, parts, end);
    if (!journal_opened) return journal_opened.error();
    journal = std::move(*journal_opened);
    return Done{};
  }

  /// The process is gone; what the disk keeps is decided by crash() or kill() of `files`.
  void forget() {
    journal.reset();
    cache.reset();
    segments.reset();
    posted.clear();
    for (auto* worker : {&writer, &background, &large, &reader}) *worker = InlineWorker();
  }
  void crash(std::mt19937_64& random) {
    forget();
    files.crash(random);
  }

  /// Runs everything that is due.
  void settle() {
    while (writer.pump() || background.pump() || large.pump() || reader.pump() || run_posted()) {
    }
  }
  bool run_posted() {
    if (posted.empty()) return false;
    auto task = std::move(posted.front());
    posted.pop_front();
    task();
    return true;
  }

  /// One message in one turn.
  BodyHandle publish(TurnNumber turn, const std::string& text) {
    const BodyHandle body = journal->stage({bytes_of(text)});
    const core::Record record = enqueued(turn, body, text.size());
    journal->write({&record, 1}, turn);
    return body;
  }
  BodyHandle publish_sized(TurnNumber turn, std::size_t size) { return publish(turn, body_text(turn, size)); }
  std::string read(BodyHandle body, std::size_t size) {
    std::string text = "(never answered)";
    cache->read(body, static_cast<std::uint32_t>(size), [&](Result<storage::StoredBytes> bytes) {
      text = bytes.ok() ? std::string(text_of(bytes->bytes)) : bytes.error().text;
    });
    settle();
    return text;
  }
  /// Segment files, not spares.
  std::size_t live_segments() const { return segments->live().size(); }

  void persisted(TurnNumber turn) override {
    CHECK(turn > persisted_through);
    persisted_through = turn;
  }
  void failed(const Error& error) override { failures.push_back(error); }
  void stalled(const Error& error) override { stalls.push_back(error); }

  storage::MemoryFileSystem files;
  InlineWorker writer, background, large, reader;
  std::deque<std::function<void()>> posted;
  storage::JournalPosition from;
  storage::JournalEnd end;
  std::unique_ptr<storage::JournalSegments> segments;
  std::unique_ptr<storage::BodyCache> cache;
  std::unique_ptr<storage::Journal> journal;

  std::vector<std::pair<TurnNumber, core::Record>> replayed;
  TurnNumber persisted_through = 0;
  std::vector<Error> failures, stalls;

 private:
  Options options_;
};

}  // namespace tandem::test
