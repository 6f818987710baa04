#include "broker/storage/checkpoint.h"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <tuple>
#include <utility>

#include "broker/base/check.h"
#include "broker/storage/checkpoint_changes.h"
#include "broker/storage/record_codec.h"

namespace tandem::storage {

struct Checkpoint::Move {
  BodyHandle from;
  std::uint32_t size_bytes = 0;
  std::uint32_t offset = 0;  // in the extent
  std::span<std::byte> extent;
};

struct Checkpoint::TailPart {
  TailPart(FileSystem& files, const std::string& topics_directory, PartitionHoming& part)
      : homing(part),
        writer(files, partition_directory(topics_directory, part.partition), part.limits, part.active),
        joiner([this](Bytes batch, Offset base, Offset last, TimestampMs max_timestamp) {
          return writer.append(batch, base, last, max_timestamp);
        }) {}
  PartitionHoming& homing;
  TopicSegmentWriter writer;
  TopicBatchJoiner joiner;
};

Checkpoint::Checkpoint(const CheckpointParts& parts, CheckpointTask task)
    : parts_(parts), task_(std::move(task)), bodies_(parts.journal, std::exchange(task_.resident, {})) {}

Checkpoint::~Checkpoint() = default;

Result<bool> Checkpoint::step() {
  Result<> result;
  switch (phase_) {
    case Phase::runs:
      if (plans_.empty()) plan_queues();
      result = home_runs_slice();
      if (next_plan_ < plans_.size()) break;
      if (walks_repeatedly_) bodies_.end_repeated_walks();
      phase_ = Phase::topics;
      break;
    case Phase::topics:
      if (tail_parts_.empty()) plan_topics();
      result = home_topics_slice();
      if (next_tail_step_ == tail_steps_.size()) phase_ = Phase::commit;
      break;
    case Phase::commit:
      result = finish_topics();
      bodies_.let_resident_go();
      if (result) result = parts_.lmdb.commit(gather_changes());
      if (result) phase_ = Phase::forget;
      break;
    case Phase::forget:
      parts_.backlog.retire(task_.old_extents);
      // Here, and not where the loop looks at what was done: of 500,000 keys that takes 50 ms.
      task_.changes = task_.topics.changes = {};
      task_.state = {};
      phase_ = Phase::done;
      break;
    case Phase::done:
      break;
  }
  if (!result) return result.error();
  return phase_ != Phase::done;
}

void Checkpoint::start_again() {
  std::vector<Extent> extents;
  for (const HomedRun& run : runs_) extents.push_back({run.homed.position, run.homed.extent_bytes});
  parts_.backlog.retire(extents);
  runs_.clear();
  plans_.clear();
  next_plan_ = 0;
  if (std::exchange(walks_repeatedly_, false)) bodies_.end_repeated_walks();
  tail_parts_.clear();
  tail_steps_.clear();
  next_tail_step_ = 0;
  phase_ = Phase::runs;
}

// --- queues
// ----------------------------------------------------------------------------------------------------------

/// Each slice takes the bodies of some queues out of all that is new in the journal. Of a few queues with large runs that is a part
/// of it each time; the messages of 10,000 queues lie everywhere, and each slice would read all of it.
void Checkpoint::plan_queues() {
  task_.state.gather();
  for (const core::Survivors& survivors : task_.state.survivors) plan_runs(survivors, plans_);
  std::size_t size = 0;
  BodyHandle first{~std::uint64_t{0}};
  for (const RunPlan& plan : plans_) {
    size += plan.extent_size_bytes;
    for (const core::QueueEntry& entry : plan.entries) first = std::min(first, entry.body);
  }
  walks_repeatedly_ = size > slice_size_bytes && size / plans_.size() < small_run_size_bytes;
  if (walks_repeatedly_) bodies_.begin_repeated_walks(body_position(first));
}

Result<> Checkpoint::home_runs_slice() {
  const std::size_t first = next_plan_;
  std::size_t size = 0;
  for (; next_plan_ < plans_.size() && size < slice_size_bytes; ++next_plan_)
    size += plans_[next_plan_].extent_size_bytes;
  const std::span<std::byte> slice = cleared_slice(size);
  std::vector<std::span<std::byte>> extents;
  std::vector<Move> moves;
  for (std::size_t i = first, at = 0; i < next_plan_; at += plans_[i++].extent_size_bytes) {
    extents.push_back(slice.subspan(at, plans_[i].extent_size_bytes));
    runs_.push_back(place(plans_[i], extents.back(), moves));
  }
  if (auto copied = copy_messages(moves); !copied) return copied;
  if (auto written = write_extents(slice, std::span(runs_).last(extents.size())); !written) return written;
  if (next_plan_ == plans_.size()) slice_ = {};
  return parts_.backlog.sync();
}

/// The runs' extents follow each other in the slice, and mostly in the file: then one write for all of them, since the runs of
/// 10,000 queues have some KiB each.
Result<> Checkpoint::write_extents(Bytes slice, std::span<const HomedRun> runs) {
  for (std::size_t first = 0, at = 0; first < runs.size();) {
    const std::uint64_t position = runs[first].homed.position;
    const bool is_long = BacklogFile::is_long(runs[first].homed.extent_bytes);
    std::size_t size = runs[first].homed.extent_bytes, next = first + 1;
    for (; next < runs.size() && !is_long && !BacklogFile::is_long(runs[next].homed.extent_bytes) &&
           runs[next].homed.position == position + size;
         ++next)
      size += runs[next].homed.extent_bytes;
    if (auto written = parts_.backlog.write(position, slice.subspan(at, size), is_long); !written) return written;
    at += size;
    first = next;
  }
  return Done{};
}

/// Memory that the disk can write from, the same for every slice: new pages cost more than the copy into them.
std::span<std::byte> Checkpoint::cleared_slice(std::size_t size_bytes) {
  if (slice_.size_bytes < size_bytes) slice_ = {make_aligned(size_bytes), size_bytes};
  if (size_bytes > 0) std::memset(slice_.memory.get(), 0, size_bytes);
  return {slice_.memory.get(), size_bytes};
}

/// Gives the run its extent and writes all of it but the messages.
HomedRun Checkpoint::place(const RunPlan& plan, std::span<std::byte> extent, std::vector<Move>& moves) {
  const Extent taken = parts_.backlog.take(plan.extent_size_bytes);
  const RunId id = task_.next_run;
  ++task_.next_run.value;
  put_run_head(extent, plan, id);

  HomedRun run;
  run.homed.queue = plan.queue;
  run.homed.run = id;
  run.homed.priority = plan.priority;
  run.homed.position = taken.position;
  run.homed.seqs = {plan.entries.front().seq, plan.entries.back().seq};
  run.homed.extent_bytes = plan.extent_size_bytes;
  const auto offsets = message_offsets(plan);
  run.moved.reserve(offsets.size());
  for (std::size_t i = 0; i < offsets.size(); ++i) {
    const core::QueueEntry& entry = plan.entries[i];
    moves.push_back({entry.body, entry.size_bytes, offsets[i], extent});
    run.moved.emplace_back(entry.seq, backlog_handle(taken.position + offsets[i]));
    run.count += 1;
    run.size_bytes += entry.size_bytes;
    if (!entry.durable) continue;
    run.homed.count += 1;
    run.homed.size_bytes += entry.size_bytes;
  }
  return run;
}

/// In the order of the journal: neighbours there cost one read, whatever queues they belong to.
Result<> Checkpoint::copy_messages(std::vector<Move>& moves) {
  std::sort(moves.begin(), moves.end(), [](const Move& a, const Move& b) { return a.from < b.from; });
  for (const Move& move : moves) {
    const auto body = bodies_.read(move.from, move.size_bytes);
    if (!body) return body.error();
    put_run_message(move.extent, move.offset, *body);
  }
  return Done{};
}

// --- topics
// ----------------------------------------------------------------------------------------------------------

void Checkpoint::plan_topics() {
  for (PartitionHoming& homing : task_.topics.partitions) {
    const auto part = static_cast<std::uint32_t>(tail_parts_.size());
    tail_parts_.push_back(std::make_unique<TailPart>(parts_.files, parts_.topics.directory(), homing));
    const TopicTail& tail = *homing.tail;
    std::uint64_t read_at = 0;
    for (auto entry = find_in_tail(tail, homing.start); entry != tail.end(); ++entry) {
      read_at = std::max(read_at, entry->body.value);
      tail_steps_.push_back({read_at, part, static_cast<std::uint32_t>(entry - tail.begin())});
    }
  }
  std::sort(tail_steps_.begin(), tail_steps_.end(), [](const TailStep& a, const TailStep& b) {
    return std::tie(a.read_at, a.part, a.entry) < std::tie(b.read_at, b.part, b.entry);
  });
}

Result<> Checkpoint::home_topics_slice() {
  std::vector<bool> touched(tail_parts_.size());
  for (std::size_t size = 0; next_tail_step_ < tail_steps_.size() && size < slice_size_bytes;
       ++next_tail_step_) {
    const TailStep& step = tail_steps_[next_tail_step_];
    TailPart& part = *tail_parts_[step.part];
    const TopicTailEntry& entry = (*part.homing.tail)[step.entry];
    const auto body = bodies_.read(entry.body, entry.size_bytes);
    if (!body) return body.error();
    if (auto added = part.joiner.add(entry, *body); !added) return added;
    touched[step.part] = true;
    size += entry.size_bytes;
  }
  for (std::size_t i = 0; i < touched.size(); ++i)
    if (touched[i])
      if (auto paused = tail_parts_[i]->writer.pause(); !paused) return paused;
  return Done{};
}

Result<> Checkpoint::finish_topics() {
  for (const auto& part : tail_parts_) {
    if (auto finished = part->joiner.finish(); !finished) return finished;
    if (auto finished = part->writer.finish(); !finished) return finished;
    part->homing.growths = std::move(part->writer.growths());
  }
  return Done{};
}

// --- commit
// ----------------------------------------------------------------------------------------------------------

LmdbChanges Checkpoint::gather_changes() {
  CheckpointChanges own;
  for (const core::Record& state : task_.state.states)
    if (keys::of(state)) own.put(state);
  for (const HomedRun& run : runs_)
    if (run.stored()) own.put(core::Record(run.homed));
  for (const PartitionHoming& part : task_.topics.partitions)
    for (const TopicSegmentGrowth& growth : part.growths) {
      own.put(keys::segment(part.partition, growth.facts.base), encode_segment_facts(growth.facts));
      own.put(keys::index(part.partition, growth.facts.base, growth.index.front().offset),
              encode_index(growth.index));
    }
  own.put(std::string(keys::mark), encode_mark(task_.mark));

  LmdbChanges changes = task_.changes.list();  // copies: all of this may have to be done again
  // No key is in two of them, but for erasures: those come first in any case.
  for (LmdbChanges more : {task_.topics.changes.list(), own.list()}) {
    std::move(more.erasures.begin(), more.erasures.end(), std::back_inserter(changes.erasures));
    std::move(more.puts.begin(), more.puts.end(), std::back_inserter(changes.puts));
  }
  return changes;
}

}  // namespace tandem::storage
