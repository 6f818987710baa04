// A store in memory whose every answer the test decides: which bodies are resident, and when reads are
// answered.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "broker/storage/store.h"

namespace tandem::server {

inline storage::StoredBytes stored(std::string_view text) {
  auto owner = std::make_shared<std::string>(text);
  return {bytes_of(*owner), owner};
}

class FakeStore final : public storage::Store {
 public:
  /// A body that reads find; `in_memory`: resident() finds it too.
  void add(std::uint64_t handle, std::string_view text, bool in_memory) {
    bodies[handle] = {stored(text), in_memory};
  }
  /// Answers the oldest read.
  void answer_read() {
    auto read = std::move(reads.front());
    reads.pop_front();
    const auto found = bodies.find(read.first.value);
    if (found == bodies.end())
      read.second(Error{ErrorCode::corrupt, "its checksum is wrong"});
    else
      read.second(found->second.first);
  }

  BodyHandle stage(std::initializer_list<Bytes> parts) override {
    std::string text;
    for (const Bytes& part : parts) text += text_of(part);
    add(++staged, text, true);
    return BodyHandle{staged};
  }
  std::uint64_t stage_large(std::initializer_list<Bytes> head, Bytes rest, std::function<void(BodyHandle)> done) override {
    large.push_back({{}, rest, std::move(done)});
    for (const Bytes& part : head) large.back().head += text_of(part);
    return ++staged_large;
  }
  bool unstage_large(std::uint64_t which) override {
    if (which <= begun_large) return false;
    large.erase(large.end() - static_cast<std::ptrdiff_t>(staged_large - which + 1));
    return true;
  }
  /// Reads what the oldest large message refers to, only now.
  void stage_large_one() {
    const auto one = std::move(large.front());
    large.pop_front();
    one.done(stage({bytes_of(one.head), one.rest}));
  }
  void unstage() override { ++unstaged; }
  void write(std::span<const core::Record> r, TurnNumber turn) override {
    records.insert(records.end(), r.begin(), r.end());
    if (turn > 0) written.push_back(turn);
  }
  void flush() override { ++flushes; }
  bool behind() const override { return is_behind; }
  storage::StoredBytes resident(BodyHandle body, std::uint32_t) override {
    const auto found = bodies.find(body.value);
    return found != bodies.end() && found->second.second ? found->second.first : storage::StoredBytes{};
  }
  void read(BodyHandle body, std::uint32_t, std::function<void(Result<storage::StoredBytes>)> done) override {
    reads.emplace_back(body, std::move(done));
    if (answer_at_once) answer_read();
  }
  void load_run(QueueId, RunId, std::function<void(Result<std::vector<core::QueueEntry>>)> done) override {
    done(std::vector<core::QueueEntry>{});
  }
  void drop_run(QueueId, RunId) override {}
  void read_topic(PartitionId partition, Offset offset, Offset, std::uint32_t size_max,
                  std::function<void(Result<storage::StoredBytes>)> done) override {
    topic_reads.push_back({partition, offset, size_max, std::move(done)});
    if (answer_at_once) topic_reads.back().done(stored(std::string(10, 'r')));
  }
  void find_timestamp(PartitionId, TimestampMs at, Offset start, Offset,
                      std::function<void(Result<TimestampFound>)> done) override {
    done(TimestampFound{start, at});
  }
  void drop_topic(TopicId) override {}
  std::vector<core::RetentionDue> retention_due(TimestampMs) override { return {}; }
  bool checkpoint_wanted() const override { return false; }
  void begin_checkpoint(core::CheckpointState) override {}
  Result<> close(core::CheckpointState) override {
    closed = true;
    return Done{};
  }
  bool pump() override { return false; }
  Usage usage() const override { return {}; }

  struct Large {
    std::string head;
    Bytes rest;
    std::function<void(BodyHandle)> done;
  };
  std::deque<Large> large;
  std::uint64_t staged_large = 0, begun_large = 0;  // those up to begun_large cannot be taken back
  struct TopicRead {
    PartitionId partition;
    Offset offset = 0;
    std::uint32_t size_max = 0;
    std::function<void(Result<storage::StoredBytes>)> done;
  };
  std::map<std::uint64_t, std::pair<storage::StoredBytes, bool>> bodies;
  std::deque<std::pair<BodyHandle, std::function<void(Result<storage::StoredBytes>)>>> reads;
  std::deque<TopicRead> topic_reads;
  std::vector<core::Record> records;
  std::vector<TurnNumber> written;
  std::uint64_t staged = 1000;
  int unstaged = 0, flushes = 0;
  bool is_behind = false, answer_at_once = false, closed = false;
};

}  // namespace tandem::server
