// What goes into the core and what comes out of it.
#include <algorithm>

#include "broker/server/log_line.h"
#include "broker/server/loop.h"

namespace tandem::server {

namespace {

/// 131,072 in one took 1.0 ms on average, and 2.4 at the most.
constexpr std::size_t stored_entries_per_turn_max = 16'384;

bool refers_to_bytes(const core::Record& record) {
  return std::holds_alternative<core::Enqueued>(record) || std::holds_alternative<core::Appended>(record);
}

/// The connection of an input that brings messages in; 0 for any other.
ConnectionId publisher(const core::Input& input) {
  if (const auto* publish = std::get_if<core::Publish>(&input)) return publish->who.channel.connection;
  if (const auto* publish = std::get_if<core::PublishMany>(&input)) return publish->who.channel.connection;
  if (const auto* append = std::get_if<core::Append>(&input)) return append->who.channel.connection;
  if (const auto* transaction = std::get_if<core::Transaction>(&input))
    return transaction->who.channel.connection;
  return {};
}

}  // namespace

BodyHandle Loop::stage(std::initializer_list<Bytes> parts) {
  ++staged_count_;
  return store_->stage(parts);
}

BodyHandle Loop::stage_batch(std::string_view topic, PartitionIndex partition, Bytes batch) {
  ++staged_count_;
  return store_->stage_batch({broker_.topic_id(topic), partition}, batch);
}

void Loop::stage_large(ConnectionId connection, std::initializer_list<Bytes> head, Bytes rest,
                       std::function<void(BodyHandle)> staged) {
  peers_.find(connection)->lends = store_->stage_large(head, rest, [this, connection, staged = std::move(staged)](BodyHandle body) {
    Peer& peer = *peers_.find(connection);
    peer.lends = 0;
    if (!peer.open()) return;
    staged(body);
    touched(peer);
  });
}

void Loop::submit(const core::Input& input) {
  core::Outputs& outputs = *gathering_;
  outputs.records.clear();
  outputs.turn = 0;
  broker_.handle(now(), input, outputs);
  keep(input, outputs);
  // A checkpoint's state at once: what other sends lead to would be written before its cut, and be missing in it.
  if (auto* state = outputs.sends.empty() ? nullptr : core::get_if<core::CheckpointState>(&outputs.sends.back())) {
    core::CheckpointState taken = std::move(*state);
    outputs.sends.pop_back();
    take_checkpoint_state(taken);
  }
  if (!held_reason_.empty()) hold_back_publisher(input);
  if (!routing_) route_all();
}

void Loop::keep(const core::Input& input, core::Outputs& outputs) {
  if (staged_count_ > 0 && staged_bytes_are_unused(input, outputs)) store_->unstage();
  staged_count_ = 0;
  if (outputs.records.empty()) return;
  most_records_ = std::max(most_records_, outputs.records.size());
  store_->write(outputs.records, outputs.turn);
  written_turn_ = std::max(written_turn_, outputs.turn);
}

// A mandatory message that found no queue goes back to its publisher, so its bytes are still needed.
bool Loop::staged_bytes_are_unused(const core::Input& input, const core::Outputs& outputs) const {
  if (std::any_of(outputs.records.begin(), outputs.records.end(), refers_to_bytes)) return false;
  if (const auto* publish = std::get_if<core::Publish>(&input))
    return staged_count_ == 1 && !publish->mandatory;
  if (const auto* publish = std::get_if<core::PublishMany>(&input))
    return staged_count_ == publish->messages.size() &&
           std::none_of(publish->messages.begin(), publish->messages.end(),
                        [](const auto& one) { return one.mandatory; });
  if (std::holds_alternative<core::Append>(input) || std::holds_alternative<core::DeadLetterReady>(input) ||
      std::holds_alternative<core::DelayedReady>(input))
    return staged_count_ == 1;
  return false;
}

void Loop::hold_back_publisher(const core::Input& input) {
  const ConnectionId id = publisher(input);
  if (!id) return;
  if (Peer* peer = peers_.find(id)) peer->hold_back(true);
}

// --- what the store reports ------------------------------------------------------------------------------

void Loop::persisted(TurnNumber turn) {
  if (failure_) return;
  persisted_turn_ = std::max(persisted_turn_, turn);
  submit(core::Persisted{turn});
}

void Loop::failed(const Error& error) {
  if (failure_) return;
  failure_ = error;
}

void Loop::checkpoint_done(storage::StoredRuns runs) {
  stored_runs_ = std::move(runs);
  tell_of_stored_runs();
}

// Once a turn: each entry is looked up where it is now, and a checkpoint may have moved more than 100,000 (decisions/0019).
void Loop::tell_of_stored_runs() {
  const auto runs = stored_runs_.take(stored_entries_per_turn_max);
  submit(core::CheckpointDone{runs, stored_runs_.empty()});
  if (!stored_runs_.empty()) return;
  stored_runs_ = {};
  checkpoint_running_ = false;
}

void Loop::compacted(const core::CompactionDone& done) {
  if (done.removed_bytes > 0)
    log_line(LogLevel::info, "compacted topic " + std::to_string(done.partition.topic.value) + ", partition " +
                                 std::to_string(done.partition.index) + " up to offset " +
                                 std::to_string(done.through) + ": " + std::to_string(done.removed_bytes >> 10) +
                                 " KiB less");
  submit(done);
}

void Loop::trouble(const Error& error) {
  log_line(LogLevel::warning, error.text + "; this is tried again");
}

void Loop::disk_short(bool is_short, std::uint64_t free_bytes) {
  const std::string free = std::to_string(free_bytes >> 20) + " MiB are free";
  if (is_short)
    log_line(LogLevel::warning,
             "disk space is short (" + free + "): publishers are held back, consumers go on");
  else
    log_line(LogLevel::info, "disk space is back (" + free + "): publishers go on");
  if (is_short) background_due_ = std::min(background_due_, now() + 1000);
  submit(core::ResourceAlarm{core::Resource::disk, is_short});
}

}  // namespace tandem::server
