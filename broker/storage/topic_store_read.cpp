// Reading partitions: from segment files, or from the tail in the journal.
#include <algorithm>
#include <cstring>
#include <limits>

#include "broker/storage/topic_store.h"
#include "broker/storage/window_memory.h"

namespace tandem::storage {

namespace {

/// A read of the tail begins anew when checkpoints take the journal away from under it: not often, so this is never reached.
constexpr int reads_max = 3;

/// Adds the entry when it belongs to what is read; false: the read ends before it.
bool take_entry(std::vector<TopicTailEntry>& entries, std::size_t& size, const TopicTailEntry& entry,
                Offset visible_end, std::uint32_t size_max_bytes) {
  if (entry.base >= visible_end || (!entries.empty() && size + entry.size_bytes > size_max_bytes)) return false;
  size += entry.size_bytes;
  entries.push_back(entry);
  return true;
}

/// Calls `visit` for the entries from `offset` on until it returns false, and says whether it never did.
template <class Entries, class Visit>
bool for_each_from(const Entries& entries, Offset offset, Visit& visit) {
  for (auto entry = find_in_tail(entries, offset); entry != entries.end(); ++entry)
    if (!visit(*entry)) return false;
  return true;
}

}  // namespace

/// The same for all that a partition has and that is not home.
template <class Visit>
void TopicStore::for_each_not_home(const Partition& partition, Offset offset, Visit visit) {
  if (!for_each_from(partition.settling, offset, visit)) return;
  if (partition.homing && !for_each_from(*partition.homing, offset, visit)) return;
  for_each_from(partition.tail, offset, visit);
}

/// One read of the tail: takes the bodies one after the other and joins them. Owned by the callbacks it waits
/// for. While it waits for one, the others may go home, and after one more checkpoint their place in the journal is not theirs
/// any more: then all of it is read anew.
class TopicStore::TailRead : public std::enable_shared_from_this<TailRead> {
 public:
  TailRead(TopicStore& store, std::vector<TopicTailEntry> entries, const Wanted& wanted, ReadDone done)
      : store_(store),
        alive_(store.alive_),
        bodies_(store.bodies_),
        entries_(std::move(entries)),
        wanted_(wanted),
        done_(std::move(done)),
        joiner_([this](Bytes batch, Offset, Offset, TimestampMs) {
          join(batch);
          return Result<>{};
        }) {}

  void go_on() {
    for (; next_ < entries_.size(); ++next_) {
      const TopicTailEntry& entry = entries_[next_];
      StoredBytes body = bodies_.resident(entry.body, entry.size_bytes);
      if (body.owner == nullptr)
        return bodies_.read(
            entry.body, entry.size_bytes,
            [self = shared_from_this()](Result<StoredBytes> read) { self->arrived(std::move(read)); });
      if (!take(entry, body)) return;
    }
    finish();
  }

 private:
  void arrived(Result<StoredBytes> read) {
    if (!read && read.error().code == ErrorCode::not_found && wanted_.reads_left > 1 && !alive_.expired())
      return store_.read({wanted_.partition, wanted_.offset, wanted_.visible_end, wanted_.size_max_bytes,
                          wanted_.reads_left - 1},
                         done_);
    if (!read) return done_(read.error());
    if (!take(entries_[next_++], *read)) return;
    go_on();
  }

  /// false: it is over.
  bool take(const TopicTailEntry& entry, const StoredBytes& body) {
    if (entries_.size() == 1 && entry.form == core::AppendedForm::batch) {
      done_(body);  // as it lies, without a copy
      return false;
    }
    auto added = joiner_.add(entry, body.bytes);
    if (!added) done_(added.error());
    return added.ok();
  }

  void finish() {
    if (auto finished = joiner_.finish(); !finished) return done_(finished.error());
    done_(StoredBytes{{joined_.get(), size_bytes_}, joined_});
  }

  void join(Bytes batch) {
    if (capacity_bytes_ - size_bytes_ < batch.size()) grow(batch.size());
    std::memcpy(joined_.get() + size_bytes_, batch.data(), batch.size());
    size_bytes_ += batch.size();
  }

  /// What stays to be taken as it is, and messages become somewhat larger as records.
  void grow(std::size_t needed_bytes) {
    std::size_t rest = 0;
    for (std::size_t i = next_; i < entries_.size(); ++i) rest += entries_[i].size_bytes;
    capacity_bytes_ = size_bytes_ + std::max(rest, needed_bytes);
    auto larger = WindowMemory::take(capacity_bytes_);
    if (size_bytes_ > 0) std::memcpy(larger.get(), joined_.get(), size_bytes_);
    joined_ = std::move(larger);
  }

  TopicStore& store_;
  const std::weak_ptr<TopicStore*> alive_;
  BodyCache& bodies_;
  const std::vector<TopicTailEntry> entries_;
  const Wanted wanted_;
  const ReadDone done_;
  std::size_t next_ = 0;
  std::shared_ptr<std::byte[]> joined_;
  std::size_t size_bytes_ = 0, capacity_bytes_ = 0;
  TopicBatchJoiner joiner_;
};

/// One search by timestamp through the tail.
class TopicStore::TailSearch : public std::enable_shared_from_this<TailSearch> {
 public:
  TailSearch(BodyCache& bodies, std::vector<TopicTailEntry> entries, TimestampMs at, Offset start, Offset end,
             FindDone done)
      : bodies_(bodies),
        entries_(std::move(entries)),
        at_(at),
        start_(start),
        end_(end),
        done_(std::move(done)) {}

  void go_on() {
    if (next_ == entries_.size()) return done_(Store::TimestampFound{});
    const TopicTailEntry& entry = entries_[next_++];
    if (entry.form == core::AppendedForm::message)
      return done_(Store::TimestampFound{entry.base, entry.max_timestamp});
    bodies_.read(entry.body, entry.size_bytes, [self = shared_from_this()](Result<StoredBytes> read) {
      if (!read) return self->done_(read.error());
      const auto found = find_timestamp_in_batch(read->bytes, self->at_, self->start_, self->end_);
      if (found.offset >= 0) return self->done_(found);
      self->go_on();
    });
  }

 private:
  BodyCache& bodies_;
  const std::vector<TopicTailEntry> entries_;  // those that may hold it
  const TimestampMs at_;
  const Offset start_, end_;
  const FindDone done_;
  std::size_t next_ = 0;
};

// --- reading by offset
// -------------------------------------------------------------------------------------------------

const TopicSegment* TopicStore::segment_for(const Partition& partition, Offset offset) const {
  const auto found =
      std::partition_point(partition.segments.begin(), partition.segments.end(),
                           [offset](const auto& segment) { return segment->facts.end <= offset; });
  return found == partition.segments.end() ? nullptr : found->get();
}

TopicStretch TopicStore::stretch(PartitionId id, const TopicSegment& segment,
                                 const TopicIndexEntry& from) const {
  return {partition_directory(directory_, id) + "/" + segment_file_name(segment.facts.base, segment.facts.generation), from.position,
          segment.facts.size_bytes};
}

void TopicStore::read(PartitionId id, Offset offset, Offset visible_end, std::uint32_t size_max_bytes,
                      ReadDone done) {
  read({id, offset, visible_end, size_max_bytes, reads_max}, std::move(done));
}

void TopicStore::read(const Wanted& wanted, ReadDone done) {
  const auto& [id, offset, visible_end, size_max_bytes, reads_left] = wanted;
  const Partition* partition = find(id);
  if (partition == nullptr || offset >= visible_end) return done(StoredBytes{});
  if (auto entries = recent_entries(*partition, offset, visible_end, size_max_bytes); !entries.empty())
    return read_entries(std::move(entries), wanted, std::move(done));
  if (const TopicSegment* segment = segment_for(*partition, offset))
    return read_segment(stretch(id, *segment, segment->index_entry_for(offset)), offset, visible_end,
                        size_max_bytes, std::move(done));
  read_entries(tail_entries(*partition, wanted), wanted, std::move(done));
}

void TopicStore::read_entries(std::vector<TopicTailEntry> entries, const Wanted& wanted, ReadDone done) {
  if (entries.empty()) return done(StoredBytes{});
  std::make_shared<TailRead>(*this, std::move(entries), wanted, std::move(done))->go_on();
}

/// What is home, but all of it still in RAM; empty when the first of it is not.
std::vector<TopicTailEntry> TopicStore::recent_entries(const Partition& partition, Offset offset, Offset visible_end,
                                                       std::uint32_t size_max_bytes) {
  std::vector<TopicTailEntry> entries;
  std::size_t size = 0;
  for (const auto& tail : partition.recent) {
    if (tail->back().end() <= offset) continue;
    const Offset next = entries.empty() ? offset : entries.back().end();
    if (tail->front().base > next) break;  // what lies between was not kept
    for (auto entry = find_in_tail(*tail, offset); entry != tail->end(); ++entry)
      if (bodies_.resident(entry->body, entry->size_bytes).owner == nullptr ||
          !take_entry(entries, size, *entry, visible_end, size_max_bytes))
        return entries;
  }
  return entries;
}

void TopicStore::read_segment(TopicStretch stretch, Offset offset, Offset visible_end,
                              std::uint32_t size_max_bytes, ReadDone done) {
  const auto file = open_files_.open(stretch.path);
  if (!file) return done(file.error());
  auto cached = read_batches(**file, stretch, offset, visible_end, size_max_bytes, ReadFrom::memory);
  if (!cached) return done(cached.error());
  if (*cached) return done(std::move(**cached));
  reader_.run([=, post = post_, file = *file, done = std::move(done)] {
    auto read = read_batches(*file, stretch, offset, visible_end, size_max_bytes, ReadFrom::disk);
    post([read = std::move(read), done] {
      if (!read) return done(read.error());
      done(**read);
    });
  });
}

std::vector<TopicTailEntry> TopicStore::tail_entries(const Partition& partition, const Wanted& wanted) const {
  std::vector<TopicTailEntry> entries;
  std::size_t size = 0;
  for_each_not_home(partition, wanted.offset, [&](const TopicTailEntry& entry) {
    return take_entry(entries, size, entry, wanted.visible_end, wanted.size_max_bytes);
  });
  return entries;
}

// --- finding a timestamp
// -------------------------------------------------------------------------------------------------

namespace {

/// A search begins anew when compaction takes a file away from under it: not often, so this is never reached.
constexpr int searches_max = 3;

/// Whether a stretch of records can hold the answer.
bool may_hold(TimestampMs max_timestamp, Offset first, Offset behind, TimestampMs at, Offset start,
              Offset end) {
  return max_timestamp >= at && behind > start && first < end;
}

/// The first index entry from which on a record may be it.
const TopicIndexEntry& index_entry_for(const TopicSegment& segment, TimestampMs at, Offset start) {
  const TopicIndexEntry* entry = &segment.index_entry_for(start);
  while (entry->max_timestamp < at && entry != &segment.index.back()) ++entry;
  return *entry;
}

}  // namespace

void TopicStore::find_timestamp(PartitionId id, TimestampMs at, Offset start, Offset end, FindDone done) {
  find_timestamp(id, at, start, end, std::move(done), searches_max);
}

void TopicStore::find_timestamp(PartitionId id, TimestampMs at, Offset start, Offset end, FindDone done,
                                int searches_left) {
  const Partition* partition = find(id);
  if (partition == nullptr || start >= end) return done(Store::TimestampFound{});
  if (at == std::numeric_limits<TimestampMs>::max()) {
    at = std::numeric_limits<TimestampMs>::min();
    for (const auto& segment : partition->segments)
      if (segment->facts.end > start && segment->facts.base < end)
        at = std::max(at, segment->facts.max_timestamp);
    for_each_not_home(*partition, start, [&](const TopicTailEntry& entry) {
      if (entry.base < end) at = std::max(at, entry.max_timestamp);
      return entry.base < end;
    });
  }
  // Taken now: while the segments are searched, a checkpoint may move these to a segment that is not
  // searched. Another one may take them from the journal: then the search begins anew.
  const auto again = [=, this, alive = std::weak_ptr(alive_)](Result<Store::TimestampFound> found) {
    if (!found && found.error().code == ErrorCode::not_found && searches_left > 1 && !alive.expired())
      return find_timestamp(id, at, start, end, done, searches_left - 1);
    done(std::move(found));
  };
  std::vector<TopicTailEntry> entries;
  for_each_not_home(*partition, start, [&](const TopicTailEntry& entry) {
    if (may_hold(entry.max_timestamp, entry.base, entry.end(), at, start, end)) entries.push_back(entry);
    return entry.base < end;
  });
  auto tail = std::make_shared<TailSearch>(bodies_, std::move(entries), at, start, end, again);
  std::vector<TopicStretch> stretches;
  for (const auto& segment : partition->segments)
    if (may_hold(segment->facts.max_timestamp, segment->facts.base, segment->facts.end, at, start, end))
      stretches.push_back(stretch(id, *segment, index_entry_for(*segment, at, start)));
  if (stretches.empty()) return tail->go_on();
  reader_.run([=, this, post = post_, alive = std::weak_ptr(alive_), done = std::move(done)] {
    Result<Store::TimestampFound> found = Store::TimestampFound{};
    for (const TopicStretch& stretch : stretches) {
      const auto file = open_files_.open(stretch.path);
      found = file ? find_timestamp_in(**file, stretch, at, start, end) : file.error();
      if (!found || found->offset >= 0) break;
    }
    post([=, this] {
      if (alive.expired()) return;
      // A file that went while this waited was compacted: its records are in another one.
      if (!found && found.error().code == ErrorCode::not_found && searches_left > 1)
        return find_timestamp(id, at, start, end, done, searches_left - 1);
      if (!found || found->offset >= 0) return done(found);
      tail->go_on();
    });
  });
}

}  // namespace tandem::storage
