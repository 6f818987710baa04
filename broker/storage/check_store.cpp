// The offline check: reads every byte that anything refers to, and says what is wrong. Knows the files only
// through the code that the running store reads them with.
#include <map>
#include <set>
#include <unordered_map>

#include "broker/base/limits.h"
#include "broker/storage/backlog_extents.h"
#include "broker/storage/backlog_run.h"
#include "broker/storage/body_cache.h"
#include "broker/storage/file.h"
#include "broker/storage/journal_reader.h"
#include "broker/storage/lmdb.h"
#include "broker/storage/recover.h"
#include "broker/storage/segment.h"
#include "broker/storage/store.h"
#include "broker/storage/topic_home.h"
#include "broker/storage/topic_segment_reader.h"
#include "broker/base/worker.h"
#include "schemas/batch_filter.h"

namespace tandem::storage {
namespace {

constexpr std::size_t problems_max = 1000;  // then it is clear that the store is damaged

class StoreCheck {
 public:
  StoreCheck(FileSystem& files, const std::string& directory, CheckReport& report)
      : files_(files), directory_(directory), report_(report) {}

  /// What it names must exist. Catalog records come before what refers to them.
  void take(const core::Record& record);
  void check_backlog();
  void know_segments(std::vector<RecoveredCheckpoint::PartitionSegment> segments);
  void check_segments();
  void check_journal(const CheckpointMark& mark);

  void problem(const std::string& text) {
    if (report_.problems.size() < problems_max) report_.problems.push_back(text);
  }
  void fact(const std::string& text) { report_.facts.push_back(text); }

 private:
  void need_queue(QueueId id, const char* what) {
    if (!queues_.contains(id))
      problem(std::string(what) + " names queue " + std::to_string(id.value) + ", which is unknown");
  }
  void need_topic(TopicId id, const char* what) {
    if (!topics_.contains(id))
      problem(std::string(what) + " names topic " + std::to_string(id.value) + ", which is unknown");
  }
  void need_body(BodyHandle body, std::uint32_t size_bytes);
  void need_large_body(BodyHandle body, std::uint32_t size_bytes);
  void follow(const core::Appended& appended);
  void follow_home(PartitionId id, TopicTail entries, std::uint64_t position);
  void check_run(File& file, const core::RunHomed& run);
  void check_segment(PartitionId partition, const TopicSegment& segment);
  void check_batches(File& file, const TopicSegment& segment);

  FileSystem& files_;
  const std::string& directory_;
  CheckReport& report_;
  std::set<QueueId> queues_;
  std::set<TopicId> topics_;
  std::vector<core::RunHomed> runs_;
  /// As the journal's records leave them; what is trimmed stays, as its file does until the next checkpoint.
  struct Partition {
    std::vector<TopicSegment> segments;
    TopicTail tail;
  };
  std::map<PartitionId, Partition> partitions_;
  std::set<TopicId> topics_deleted_since_;  // by the journal: their segments may be gone already
  Lsn checkpoint_at_ = 0;
  std::unordered_map<std::uint64_t, std::size_t>
      bodies_;  // in the journal behind the checkpoint: handle → size
  std::set<Lsn> stretches_;  // where their bodies would be
  const JournalSegments* journal_segments_ = nullptr;  // while the journal is looked at
  std::uint64_t messages_ = 0, records_ = 0;
};

void StoreCheck::take(const core::Record& record) {
  if (const auto* r = std::get_if<core::QueueDeclared>(&record)) queues_.insert(r->id);
  if (const auto* r = std::get_if<core::QueueDeleted>(&record)) queues_.erase(r->id);
  if (const auto* r = std::get_if<core::TopicCreated>(&record)) topics_.insert(r->id);
  if (const auto* r = std::get_if<core::TopicDeleted>(&record)) topics_.erase(r->id);
  if (const auto* r = std::get_if<core::QueueState>(&record)) need_queue(r->queue, "a queue state");
  if (const auto* r = std::get_if<core::RunHomed>(&record)) {
    need_queue(r->queue, "a run");
    runs_.push_back(*r);
  }
  if (const auto* r = std::get_if<core::PartitionState>(&record))
    need_topic(r->partition.topic, "a partition state");
  if (const auto* r = std::get_if<core::OffsetCommitted>(&record))
    need_topic(r->partition.topic, "a committed offset");
  if (const auto* r = std::get_if<core::Bound>(&record)) {
    if (r->destination_kind == core::DestinationKind::queue) need_queue(QueueId(r->destination), "a binding");
    if (r->destination_kind == core::DestinationKind::topic) need_topic(TopicId(r->destination), "a binding");
  }
  if (const auto* r = std::get_if<core::Enqueued>(&record)) {
    need_queue(r->queue, "a message");
    need_body(r->entry.body, r->entry.size_bytes);
  }
  if (const auto* r = std::get_if<core::Appended>(&record)) {
    need_topic(r->partition.topic, "a batch");
    follow(*r);
  }
}

void StoreCheck::follow(const core::Appended& appended) {
  Partition& partition = partitions_[appended.partition];
  if (body_place(appended.body) != BodyPlace::segment) {
    need_body(appended.body, appended.size_bytes);
    return partition.tail.push_back(tail_entry(appended));
  }
  TopicTail entries = std::exchange(partition.tail, {});
  entries.push_back(tail_entry(appended));
  follow_home(appended.partition, std::move(entries), body_position(appended.body));
}

void StoreCheck::follow_home(PartitionId id, TopicTail entries, std::uint64_t position) {
  auto& segments = partitions_[id].segments;
  const auto growth = growth_at(segments.empty() ? nullptr : &segments.back().facts, entries, position);
  if (!growth) return problem("journal: topic " + std::to_string(id.topic.value) + ", partition " +
                              std::to_string(id.index) + ": " + growth.error().text);
  if (segments.empty() || segments.back().facts.base != growth->facts.base) segments.emplace_back();
  segments.back().facts = growth->facts;
  segments.back().index.insert(segments.back().index.end(), growth->index.begin(), growth->index.end());
}

/// Bodies come before the records that name them. Those below the checkpoint were staged before it was cut.
void StoreCheck::need_body(BodyHandle body, std::uint32_t size_bytes) {
  if (is_in_backlog(body) || body.value < checkpoint_at_) return;
  const auto found = bodies_.find(body.value);
  if (found != bodies_.end() && found->second == size_bytes) return;
  if (found == bodies_.end() && stretches_.contains(body.value)) return need_large_body(body, size_bytes);
  problem("journal: a record names a message of " + std::to_string(size_bytes) + " bytes at position " +
            std::to_string(body.value) + ", where none is");
}

/// No frame's checksum is of it, so it is read.
void StoreCheck::need_large_body(BodyHandle body, std::uint32_t size_bytes) {
  bodies_[body.value] = size_bytes;
  JournalBodyReader reader(*journal_segments_, {});
  if (auto read = reader.read(body, size_bytes); !read) problem("journal: " + read.error().text);
}

// --- backlog
// -----------------------------------------------------------------------------------------------------------

void StoreCheck::check_backlog() {
  std::vector<Extent> live;
  for (const auto& run : runs_) live.push_back({run.position, run.extent_bytes});
  if (auto extents = BacklogExtents::from_live(live); !extents) problem("backlog: " + extents.error().text);
  if (!runs_.empty()) {
    auto file = files_.open(directory_ + "/backlog.dat", Access::read_only);
    if (!file) return problem(file.error().text);
    for (const auto& run : runs_) check_run(**file, run);
  }
  fact("backlog: " + std::to_string(runs_.size()) + " runs, " + std::to_string(messages_) + " messages");
}

void StoreCheck::check_run(File& file, const core::RunHomed& run) {
  std::vector<std::byte> extent(run.extent_bytes);
  if (auto read = file.read(run.position, extent); !read) return problem(read.error().text);
  RunHead head;
  const auto entries = read_run(extent, run.position, &head);
  if (!entries) return problem(file.path() + ": " + entries.error().text);
  for (const Error& damaged : judge_run_messages(extent, run.position, *entries)) problem(file.path() + ": " + damaged.text);
  std::uint32_t durable = 0;
  for (const auto& entry : *entries) durable += entry.durable ? 1 : 0;
  if (head.queue != run.queue || head.run != run.run || durable != run.count)
    problem(file.path() + ": the run at byte " + std::to_string(run.position) +
            " is not the one that was written");
  messages_ += durable;
}

// --- topics
// ------------------------------------------------------------------------------------------------------------

void StoreCheck::know_segments(std::vector<RecoveredCheckpoint::PartitionSegment> segments) {
  for (auto& [partition, segment] : segments) partitions_[partition].segments.push_back(std::move(segment));
}

void StoreCheck::check_segments() {
  std::uint64_t size = 0, count = 0;
  for (const auto& [id, partition] : partitions_) {
    if (topics_deleted_since_.contains(id.topic)) continue;
    const TopicSegment* previous = nullptr;
    for (const TopicSegment& segment : partition.segments) {
      need_topic(id.topic, "a segment");
      if (previous != nullptr && previous->facts.end > segment.facts.base)
        problem("topic " + std::to_string(id.topic.value) + ", partition " + std::to_string(id.index) +
                ": segments overlap at offset " + std::to_string(segment.facts.base));
      previous = &segment;
      check_segment(id, segment);
      size += segment.facts.size_bytes;
      ++count;
    }
  }
  fact("topics: " + std::to_string(count) + " segments, " + std::to_string(size) + " bytes, " +
       std::to_string(records_) + " records");
}

void StoreCheck::check_segment(PartitionId partition, const TopicSegment& segment) {
  auto file = files_.open(
      partition_directory(directory_ + "/topics", partition) + "/" + segment_file_name(segment.facts.base, segment.facts.generation),
      Access::read_only);
  if (!file) return problem(file.error().text);
  check_batches(**file, segment);
}

void StoreCheck::check_batches(File& file, const TopicSegment& segment) {
  const auto wrong = [&](std::uint64_t position, const std::string& what) {
    problem(file.path() + " at byte " + std::to_string(position) + ": " + what);
  };
  Offset next = segment.facts.base;
  auto indexed = segment.index.begin();
  std::vector<std::byte> batch;
  for (std::uint64_t position = 0; position < segment.facts.size_bytes;) {
    batch.resize(batch_header_size_bytes);
    if (auto read = file.read(position, batch); !read) return problem(read.error().text);
    const auto header = parse_batch_header(batch);
    if (!header) return wrong(position, header.error().text);
    if (header->size_bytes > segment.facts.size_bytes - position)
      return wrong(position, "a batch goes beyond the end");
    batch.resize(header->size_bytes);
    if (auto read = file.read(position, batch); !read) return problem(read.error().text);
    if (auto judged = judge_stored_batch(batch); !judged) return wrong(position, judged.error().text);
    if (header->base_offset < next)
      return wrong(position, "offset " + std::to_string(header->base_offset) + " comes twice");
    if (indexed != segment.index.end() && indexed->position <= position) {
      if (indexed->position != position || indexed->offset != header->base_offset)
        return wrong(indexed->position, "the index points to no batch");
      ++indexed;
    }
    records_ += static_cast<std::uint64_t>(header->record_count);
    next = header->last_offset() + 1;
    position += header->size_bytes;
  }
  if (next != segment.facts.end || indexed != segment.index.end())
    wrong(segment.facts.size_bytes,
          "ends at offset " + std::to_string(next) + ", not at " + std::to_string(segment.facts.end));
}

// --- journal
// -----------------------------------------------------------------------------------------------------------

void StoreCheck::check_journal(const CheckpointMark& mark) {
  checkpoint_at_ = mark.journal.position;
  const auto segments = JournalSegments::open(files_, directory_ + "/journal",
                                              limits::journal_segment_size_bytes, Access::read_only);
  if (!segments) return problem(segments.error().text);
  FrameVisitor visitor;
  visitor.body = [this](BodyHandle body, Bytes bytes) {
    bodies_[body.value] = bytes.size();
    return Result<>{};
  };
  visitor.record = [this](const core::Record& record, TurnNumber) {
    take(record);
    if (const auto* deleted = std::get_if<core::TopicDeleted>(&record))
      topics_deleted_since_.insert(deleted->id);
    return Result<>{};
  };
  visitor.stretch = [this](Lsn position, std::uint64_t) {
    stretches_.insert(position + body_numbers_size_bytes);
    return Result<>{};
  };
  journal_segments_ = segments->get();
  ThreadWorker reader("reader");
  const auto end = read_journal(**segments, mark.journal, visitor, reader);
  if (!end) return problem(end.error().text);
  fact("journal: " + std::to_string(end->records) + " records behind the checkpoint, " +
       std::to_string(end->size_bytes) + " bytes");
  if (end->torn_tail_bytes > 0)
    fact("journal: " + std::to_string(end->torn_tail_bytes) + " bytes at the end were never confirmed");
}

}  // namespace

Result<CheckReport> check_store(const std::string& directory, FileSystem& files,
                                const std::string& lmdb_directory) {
  const auto is_store = files.exists(directory + "/backlog.dat");
  if (!is_store) return is_store.error();
  if (!*is_store) return Error{ErrorCode::not_found, directory + " is not a store"};
  const auto lock = files.lock_directory(directory);
  if (!lock) return lock.error();

  CheckReport report;
  StoreCheck check(files, directory, report);
  const auto lmdb = Lmdb::open(lmdb_directory.empty() ? directory : lmdb_directory, true);
  if (!lmdb) {
    check.problem(lmdb.error().text);
    return report;
  }
  std::uint64_t records = 0;
  auto checkpoint = recover_checkpoint(**lmdb, [&](const core::Record& record, TurnNumber) {
    check.take(record);
    ++records;
  });
  if (!checkpoint) {
    check.problem(checkpoint.error().text);
    return report;
  }
  check.fact("checkpoint: " + std::to_string(records) + " records" +
             (checkpoint->mark.clean ? ", closed in order" : ", not closed in order"));
  check.check_backlog();
  check.know_segments(std::move(checkpoint->segments));
  check.check_journal(checkpoint->mark);
  check.check_segments();
  return report;
}

}  // namespace tandem::storage
