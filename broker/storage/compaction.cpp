#include "broker/storage/compaction.h"

#include <algorithm>
#include <utility>

namespace tandem::storage {
namespace {

/// The journal's small writes wait behind what the disk was asked for before them: 8 MiB, where the system reads ahead as far
/// as Linux does on some disks. So reads are small, and one is ahead at most. 128 KiB were no kinder, and slower.
constexpr std::size_t compaction_window_size_bytes = 256u << 10;

}  // namespace

Compaction::Compaction(FileSystem& files, CompactionTask task)
    : files_(files),
      task_(std::move(task)),
      newest_(task_.keys_max),
      through_(task_.segments.back()->facts.end),
      compacted_(files, task_.directory, {task_.segment_size_max_bytes, -1}, std::nullopt, {task_.generation, true}),
      rest_(files, task_.directory, {task_.segment_size_max_bytes, -1}, std::nullopt, {task_.generation, false}) {
  begin_phase(only_deletes() ? Phase::rewrite : Phase::keys, only_deletes() ? 0 : task_.first_dirty);
}

void Compaction::begin_phase(Phase phase, std::size_t first_segment) {
  phase_ = phase;
  next_segment_ = first_segment;
  walk_.reset();
  file_.reset();
}

Result<bool> Compaction::step() {
  std::size_t size_left = slice_size_bytes;
  while (phase_ != Phase::done && size_left > 0) {
    const auto more = step_within(size_left);
    if (!more) return more.error();
    if (*more) continue;
    if (auto ended = end_phase(); !ended) return ended.error();
  }
  if (phase_ == Phase::done) return false;
  // What was written is synced slice by slice: a large sync at the end would stand in the journal's way.
  for (TopicSegmentWriter* writer : {&compacted_, &rest_})
    if (auto paused = writer->pause(); !paused) return paused.error();
  return true;
}

/// One batch of this phase; false when the phase has none left.
Result<bool> Compaction::step_within(std::size_t& size_left) {
  BatchHeader header;
  Bytes batch;
  const auto found = next_batch(header, batch);
  if (!found || !*found) return found;
  size_left -= std::min<std::size_t>(size_left, header.size_bytes);
  Result<> done;
  switch (phase_) {
    case Phase::transactions:
      done = transactions_.take(header, batch);
      if (done && transactions_.full()) {
        through_ = header.last_offset() + 1;
        return false;
      }
      break;
    case Phase::keys:
      if (header.base_offset >= through_) return false;
      if (header.transactional() && !knows_transactions_) {
        newest_.emplace(task_.keys_max);
        begin_phase(Phase::transactions, task_.first_dirty);
        return true;
      }
      done = take_keys(header, batch);
      break;
    case Phase::rewrite:
      done = rewrite(header, batch);
      break;
    case Phase::done:
      break;
  }
  if (!done) return done.error();
  walk_->skip(header);
  return true;
}

/// false: no segment is left. In the phase of transactions only markers are read whole.
Result<bool> Compaction::next_batch(BatchHeader& header, Bytes& batch) {
  while (!walk_ || walk_->at_end()) {
    if (next_segment_ == task_.segments.size()) return false;
    const TopicSegmentFacts& facts = task_.segments[next_segment_]->facts;
    if (phase_ == Phase::rewrite && facts.base >= through_) return false;
    ++next_segment_;
    const std::string path = task_.directory + "/" + segment_file_name(facts.base, facts.generation);
    auto file = files_.open(path, Access::read_only);
    if (!file) return file.error();
    walk_.reset();
    file_ = std::move(*file);
    file_->read_no_further();
    walk_.emplace(*file_, TopicStretch{path, 0, facts.size_bytes}, ReadFrom::disk);
  }
  if (auto peeked = walk_->peek(header, compaction_window_size_bytes); !peeked) return peeked;
  expect_next_window();
  if (phase_ == Phase::transactions && !header.control()) return true;
  if (auto taken = walk_->take(header, batch); !taken) return taken;
  if (auto judged = judge_stored_batch(batch); !judged) return walk_->damaged(judged.error().text);
  return true;
}

/// It is read while this one is worked on.
void Compaction::expect_next_window() {
  const std::uint64_t end = walk_->window_position() + walk_->window().size;
  if (std::exchange(expected_from_, end) != end) file_->expect_reads(end, compaction_window_size_bytes);
}

Result<> Compaction::end_phase() {
  switch (phase_) {
    case Phase::transactions:
      through_ = transactions_.decided_through(through_);
      knows_transactions_ = true;
      begin_phase(Phase::keys, task_.first_dirty);
      break;
    case Phase::keys:
      begin_phase(Phase::rewrite, 0);
      // Only what was compacted before would be written again.
      if (through_ <= task_.segments[task_.first_dirty]->facts.base) phase_ = Phase::done;
      break;
    case Phase::rewrite:
      if (auto finished = finish_writing(); !finished) return finished;
      replaced_ = next_segment_;
      phase_ = Phase::done;
      break;
    case Phase::done:
      break;
  }
  if (phase_ == Phase::done) {
    newest_.reset();
    walk_.reset();
    file_.reset();
  }
  return Done{};
}

// --- keys ------------------------------------------------------------------------------------------------------------

Result<> Compaction::take_keys(const BatchHeader& header, Bytes batch) {
  if (header.control() || transactions_.is_aborted(header)) return Done{};
  bool full = false;
  // A batch whose records cannot be read stays as it is, so it supersedes nothing.
  (void)for_each_record(batch, [&](const RecordView& record) {
    full = record.key && !newest_->put(*record.key, record.offset);
    return !full;
  });
  if (!full) return Done{};
  // The first batch is compacted all the same, as far as its keys are known: each compaction goes on by one batch at least.
  const bool first = header.base_offset <= task_.segments[task_.first_dirty]->facts.base;
  through_ = first ? header.last_offset() + 1 : header.base_offset;
  return Done{};
}

// --- writing anew ------------------------------------------------------------------------------------------------------

Result<> Compaction::rewrite(const BatchHeader& header, Bytes batch) {
  if (header.base_offset >= through_) return rest_.append(batch, header.base_offset, header.last_offset(),
                                                          header.max_timestamp);
  const auto horizon = delete_horizon(header);
  if (transactions_.is_aborted(header)) return drop(header, batch);
  const bool is_due = horizon && *horizon <= task_.now;
  if (header.control() && is_due)
    return is_last_place(header) ? append(header, batch, header.max_timestamp, std::nullopt) : Result<>{};
  return rewrite_records(header, batch, horizon);
}

Result<> Compaction::rewrite_records(const BatchHeader& header, Bytes batch, std::optional<TimestampMs> horizon) {
  const bool is_due = horizon && *horizon <= task_.now;
  bool has_tombstone = header.control();  // a marker goes when a tombstone would
  std::optional<TimestampMs> to_write;
  const auto filtered = filter_batch(batch, to_write, [&](const RecordView& record) {
    const bool kept = header.control() || keeps(record, is_due, has_tombstone);
    if (has_tombstone && !horizon) to_write = task_.now + std::min(task_.tombstone_age_max_ms, TimestampMs{1} << 60);
    return kept;
  });
  // Its checksum is right, so this is how it was produced; only its producer could say what it means.
  if (!filtered) return append(header, batch, header.max_timestamp, horizon);
  if (to_write) horizon = to_write;
  if (!has_tombstone) horizon.reset();
  switch (filtered->what) {
    case FilteredBatch::What::unchanged:
      return append(header, batch, header.max_timestamp, horizon);
    case FilteredBatch::What::changed:
      return append(header, filtered->bytes, filtered->max_timestamp, horizon);
    case FilteredBatch::What::emptied:
      return drop(header, batch);
  }
  return Done{};
}

bool Compaction::keeps(const RecordView& record, bool tombstones_are_due, bool& has_tombstone) const {
  if (!record.key) return true;  // it came before the topic was compacted: nothing can take its place
  const auto newest = newest_->find(*record.key);
  if (newest && record.offset < *newest) return false;
  if (record.value) return true;
  if (tombstones_are_due) return false;
  has_tombstone = true;
  return true;
}

bool Compaction::is_last_place(const BatchHeader& header) const {
  return header.last_offset() + 1 == (only_deletes() ? task_.compacted_end : through_);
}

/// Nothing stays of the batch, or only its place.
Result<> Compaction::drop(const BatchHeader& header, Bytes batch) {
  if (!is_last_place(header)) return Done{};
  return append(header, empty_batch(batch), header.max_timestamp, std::nullopt);
}

Result<> Compaction::append(const BatchHeader& header, Bytes batch, TimestampMs max_timestamp,
                            std::optional<TimestampMs> horizon) {
  auto appended = compacted_.append(batch, header.base_offset, header.last_offset(), max_timestamp);
  if (appended && horizon) compacted_.note_delete_horizon(*horizon);
  return appended;
}

Result<> Compaction::finish_writing() {
  for (TopicSegmentWriter* writer : {&compacted_, &rest_}) {
    if (auto finished = writer->finish(); !finished) return finished;
    for (TopicSegmentGrowth& growth : writer->growths())
      made_.push_back(std::make_shared<TopicSegment>(TopicSegment{growth.facts, std::move(growth.index)}));
  }
  return Done{};
}

void Compaction::discard() {
  walk_.reset();
  file_.reset();
  for (const TopicSegmentWriter* writer : {&compacted_, &rest_})
    for (const TopicSegmentGrowth& growth : writer->growths())
      (void)files_.remove(task_.directory + "/" + segment_file_name(growth.facts.base, growth.facts.generation));
}

}  // namespace tandem::storage
