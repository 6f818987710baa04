// A broker and what it said, for tests of topics, groups and producers. Every durable record is kept:
// finish() (or the end of the test) replays them into a fresh broker and compares the durable states.
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "broker/core/broker.h"
#include <doctest/doctest.h>

namespace tandem::core {

class TopicFixture {
 public:
  explicit TopicFixture(const BrokerOptions& options = {}) : broker_(std::make_unique<Broker>(options)) {
    broker_->replayed(now, true);
  }
  ~TopicFixture() { check_replay(); }

  TimestampMs now = 1'700'000'000'000;
  std::vector<Record> records;    // of the last give()
  std::vector<Send> sends;        // not taken yet
  std::uint64_t confirm_seq = 0;  // of the last publish

  Broker& broker() { return *broker_; }

  /// Gives one input; nothing of it is on disk yet.
  void give(const Input& input) {
    Outputs out;
    broker_->handle(now, input, out);
    for (const Record& record : out.records)
      if (is_durable(record)) written_.emplace_back(record, out.turn);
    if (out.turn != 0) last_turn_ = out.turn;
    records = std::move(out.records);
    for (Send& send : out.sends) sends.push_back(std::move(send));
  }
  /// All that was recorded is on disk.
  void persist() { give(Persisted{last_turn_}); }
  void give_and_persist(const Input& input) {
    give(input);
    persist();
  }
  void tick_after(DurationMs time) {
    now += time;
    give(Tick{});
    persist();
  }

  /// The oldest send of this type; the test fails when there is none.
  template <class T>
  T take() {
    const auto it =
        std::find_if(sends.begin(), sends.end(), [](const Send& s) { return core::holds_alternative<T>(s); });
    REQUIRE(it != sends.end());
    T taken = std::move(*core::get_if<T>(&*it));
    sends.erase(it);
    return taken;
  }
  template <class T>
  bool has() const {
    return std::any_of(sends.begin(), sends.end(),
                       [](const Send& s) { return core::holds_alternative<T>(s); });
  }
  template <class T>
  T ask(const Input& input) {
    give_and_persist(input);
    return take<T>();
  }

  /// The broker stops without a word and starts again from what is on disk.
  void restart(TimestampMs at) {
    check_replay();
    broker_ = replayed_copy();
    now = at;
    sends.clear();
    broker_->replayed(now, false);
  }
  void restart() { restart(now); }

  /// What a checkpoint makes of the records so far: the state records that changed, and the newest of the
  /// others.
  void checkpoint() {
    persist();
    give(CheckpointBegun{});
    const auto state = take<CheckpointState>();
    other_states_.clear();
    for (const Record& record : state.states) {
      if (const auto* partition = std::get_if<PartitionState>(&record))
        homes_[partition->partition] = *partition;
      else
        other_states_.push_back(record);
    }
    checkpointed_ = written_.size();
    give(CheckpointDone{});
  }
  /// Partitions in the last checkpoints, newest state of each.
  const std::map<PartitionId, PartitionState>& homes() const { return homes_; }

  static Caller caller(std::uint64_t connection = 1, std::uint16_t channel = 1, std::uint64_t request = 0) {
    return {{ConnectionId(connection), channel}, request};
  }

  void create(std::string_view name, std::int32_t partitions = 1) {
    ask<TopicOk>(CreateTopic{.who = caller(), .name = name, .partitions = partitions});
  }
  static BatchView batch(std::int32_t count = 1, std::uint32_t size = 100) {
    return {
        .body = BodyHandle{1}, .size_bytes = size, .record_count = count, .max_timestamp = 1'700'000'000'000};
  }
  static BatchView sequenced(std::int64_t producer, std::int16_t epoch, std::int32_t sequence,
                             std::int32_t count = 1) {
    BatchView view = batch(count);
    view.producer_id = producer;
    view.producer_epoch = epoch;
    view.base_sequence = sequence;
    return view;
  }
  Offset append(std::string_view topic, PartitionIndex partition = 0, const BatchView& view = batch()) {
    return ask<AppendedOk>(Append{.who = caller(), .topic = topic, .partition = partition, .batch = view})
        .base_offset;
  }

  TopicInfo describe_topic(std::string_view name) {
    const auto described = ask<Described>(Describe{caller(), Subject::topics, name});
    REQUIRE(described.topics.size() == 1);
    return described.topics.front();
  }
  GroupInfo describe_group(std::string_view name) {
    const auto described = ask<Described>(Describe{caller(), Subject::groups, name});
    REQUIRE(described.groups.size() == 1);
    return described.groups.front();
  }

 private:
  std::unique_ptr<Broker> replayed_copy() const {
    auto copy = std::make_unique<Broker>();
    for (std::size_t i = 0; i < checkpointed_; ++i)
      if (!is_part_of_partition(written_[i].first)) copy->replay(written_[i].first, 0);
    for (const Record& record : other_states_) copy->replay(record, 0);
    for (const auto& [id, state] : homes_) copy->replay(state, 0);
    for (std::size_t i = checkpointed_; i < written_.size(); ++i)
      copy->replay(written_[i].first, written_[i].second);
    return copy;
  }
  /// What a checkpoint keeps as PartitionState instead of as itself.
  static bool is_part_of_partition(const Record& record) {
    return std::holds_alternative<Appended>(record) || std::holds_alternative<Trimmed>(record) ||
           std::holds_alternative<Compacted>(record) || std::holds_alternative<ProducersForgotten>(record);
  }
  void check_replay() {
    const auto copy = replayed_copy();
    CHECK(copy->durable_state() == broker_->durable_state());
  }

  std::unique_ptr<Broker> broker_;
  std::vector<std::pair<Record, TurnNumber>> written_;
  std::size_t checkpointed_ = 0;
  std::map<PartitionId, PartitionState> homes_;
  std::vector<Record> other_states_;
  TurnNumber last_turn_ = 0;
};

}  // namespace tandem::core
