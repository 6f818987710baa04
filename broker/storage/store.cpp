#include "broker/storage/store.h"

#include "broker/base/check.h"
#include "broker/base/limits.h"
#include "broker/storage/store_parts.h"
#include "schemas/batch.h"

namespace tandem::storage {
namespace {

/// Journal written between two looks at the free disk space.
constexpr std::uint64_t disk_check_interval_bytes = 16u << 20;
/// Free space must be this much above the limit before publishers go on: no flapping around it.
constexpr std::uint64_t disk_margin_bytes = limits::disk_free_min_bytes / 4;

void place(std::span<std::byte> batch, const core::Appended& appended) {
  CHECK(batch.size() >= batch_header_size_bytes);
  patch_base_offset(batch, appended.base_offset);
  if (appended.log_append_time) patch_log_append_time(batch, appended.max_timestamp);
}

}  // namespace

// --- writing
// -------------------------------------------------------------------------------------------------------

BodyHandle StoreParts::stage_batch(PartitionId likely, Bytes batch) {
  if (batch.size() < options_.large_tails.home_min_bytes) return journal_->stage({batch});
  return apart_->stage(batch, topics_->next_home_position(likely));
}

void StoreParts::unstage() {
  journal_->unstage();
  apart_->unstage();
}

void StoreParts::write(std::span<const core::Record> records, TurnNumber turn) {
  bool rewritten = false;
  for (std::size_t i = 0; i < records.size(); ++i) {
    const auto* appended = std::get_if<core::Appended>(&records[i]);
    if (appended == nullptr) {
      follow(records[i]);
      continue;
    }
    core::Appended placed = *appended;
    place_batch(placed);
    if (placed.body == appended->body) continue;
    if (!rewritten) rewritten_.assign(records.begin(), records.end());
    rewritten = true;
    rewritten_[i] = std::move(placed);
  }
  journal_->write(rewritten ? std::span<const core::Record>(rewritten_) : records, turn);
  apart_->keep();
  if (rewritten) journal_->note_apart(apart_->kept());
}

/// Patches the batch where it lies. One that is on its way to the disk already is staged again, patched.
void StoreParts::place_batch(core::Appended& appended) {
  if (body_place(appended.body) == BodyPlace::apart) return place_apart(appended);
  if (appended.form == core::AppendedForm::batch) {
    const auto batch = journal_->editable(appended.body, appended.size_bytes);
    if (!batch.empty()) {
      place(batch, appended);
    } else {
      const StoredBytes staged = cache_->resident(appended.body, appended.size_bytes);
      CHECK(staged.owner != nullptr);  // a handle is good for the submits that follow its staging
      std::vector<std::byte> copy(staged.bytes.begin(), staged.bytes.end());
      place(copy, appended);
      appended.body = journal_->stage({copy});
    }
  }
  CHECK(topics_->follow(appended).ok());
}

/// A large batch: home at once, where that can be now.
void StoreParts::place_apart(core::Appended& appended) {
  const auto batch = apart_->editable(appended.body, appended.size_bytes);
  place(batch, appended);
  auto home = topics_->go_home(appended, cache_->resident(appended.body, appended.size_bytes));
  if (home) {
    appended.body = body_handle(BodyPlace::segment, home->growth.facts.size_bytes - appended.size_bytes);
    return journal_->take_home(std::move(*home));
  }
  appended.body = journal_->stage({batch});
  CHECK(topics_->follow(appended).ok());
}

void StoreParts::follow(const core::Record& record) {
  // The most frequent kinds first: they change nothing here and must cost nothing.
  if (std::holds_alternative<core::Enqueued>(record) || std::holds_alternative<core::Removed>(record)) return;
  changes_.follow(record);
  if (const auto* trimmed = std::get_if<core::Trimmed>(&record)) topics_->follow(*trimmed);
  if (const auto* created = std::get_if<core::TopicCreated>(&record)) topics_->follow(*created);
  if (const auto* altered = std::get_if<core::TopicAltered>(&record)) topics_->follow(*altered);
  if (const auto* deleted = std::get_if<core::TopicDeleted>(&record)) topics_->follow(*deleted);
  if (const auto* deleted = std::get_if<core::QueueDeleted>(&record)) forget_queue(deleted->id);
}

std::uint64_t StoreParts::stage_large(std::initializer_list<Bytes> head, Bytes rest, std::function<void(BodyHandle body)> staged) {
  LargeBody body{{}, rest, std::move(staged)};
  for (const Bytes part : head) body.head.insert(body.head.end(), part.begin(), part.end());
  large_bodies_.emplace(next_large_body_, std::move(body));
  return next_large_body_++;
}

/// A checkpoint that is due comes first: its cut may not come between a large body and the turn that names it.
void StoreParts::begin_large_body() {
  if (large_bodies_.empty() || journal_->has_stretch() || failed_ || journal_->behind() || checkpoint_is_due()) return;
  journal_->begin_stretch(std::move(large_bodies_.extract(large_bodies_.begin()).mapped()));
}

void StoreParts::flush_ahead() {
  begin_large_body();
  journal_->flush_ahead();
}

void StoreParts::flush() {
  begin_large_body();
  journal_->flush();
  if (disk_is_short_ || journal_->end() - disk_checked_at_ >= disk_check_interval_bytes) check_disk();
}

void StoreParts::failed(const Error& error) {
  if (std::exchange(failed_, true)) return;
  events_.failed(error);
}

void StoreParts::check_disk() {
  disk_checked_at_ = journal_->end();
  const auto free = files_.free_bytes(options_.directory);
  if (!free) return;  // a look that fails says nothing about the space
  const bool is_short = *free < limits::disk_free_min_bytes + (disk_is_short_ ? disk_margin_bytes : 0);
  if (!is_short && disk_was_full_) return;  // a quota, perhaps: over when what waits has found room
  say_disk_is_short(is_short, *free);
}

void StoreParts::say_disk_is_short(bool is_short, std::uint64_t free_bytes) {
  if (is_short == disk_is_short_) return;
  disk_is_short_ = is_short;
  events_.disk_short(is_short, free_bytes);
}

/// Something found no room and waits for background() to try it again.
void StoreParts::disk_is_full(const Error& error) {
  if (!std::exchange(disk_was_full_, true)) events_.trouble(error);
  const auto free = files_.free_bytes(options_.directory);
  say_disk_is_short(true, free ? *free : 0);
}

// --- reading
// ---------------------------------------------------------------------------------------------------------

StoredBytes StoreParts::resident(BodyHandle body, std::uint32_t size_bytes) {
  return is_in_backlog(body) ? backlog_reader_->resident(body, size_bytes)
                             : cache_->resident(body, size_bytes);
}

void StoreParts::read(BodyHandle body, std::uint32_t size_bytes,
                      std::function<void(Result<StoredBytes>)> done) {
  ++served_;
  if (is_in_backlog(body))
    backlog_reader_->read(body, size_bytes, std::move(done));
  else
    cache_->read(body, size_bytes, std::move(done));
}

void StoreParts::load_run(QueueId queue, RunId id,
                          std::function<void(Result<std::vector<core::QueueEntry>>)> done) {
  const auto run = runs_.find(queue, id);
  if (!run)
    return done(Error{ErrorCode::not_found, "queue " + std::to_string(queue.value) + " has no run " +
                                                std::to_string(id.value) + " in the backlog"});
  backlog_reader_->load_run(queue, *run, [recovered = run->recovered, done = std::move(done)](auto entries) {
    // Transient messages share their run with the others, but a restart forgets them.
    if (entries && recovered)
      std::erase_if(*entries, [](const core::QueueEntry& entry) { return !entry.durable; });
    done(std::move(entries));
  });
}

void StoreParts::drop_run(QueueId queue, RunId id) {
  const auto run = runs_.find(queue, id);
  if (!run) return;  // it went with its queue
  if (run->stored) changes_.erase(keys::run(id));
  make_old(run->extent);
  backlog_reader_->forget_run(run->extent);
  runs_.erase(queue, id);
}

void StoreParts::forget_queue(QueueId queue) {
  if (running_) deleted_queues_.insert(queue);
  for (const BacklogRun& run : runs_.of(queue)) drop_run(queue, run.id);
}

void StoreParts::read_topic(PartitionId partition, Offset offset, Offset visible_end,
                            std::uint32_t size_max_bytes, std::function<void(Result<StoredBytes>)> done) {
  ++served_;
  topics_->read(partition, offset, visible_end, size_max_bytes, std::move(done));
}

void StoreParts::find_timestamp(PartitionId partition, TimestampMs at, Offset start, Offset end,
                                std::function<void(Result<TimestampFound>)> done) {
  topics_->find_timestamp(partition, at, start, end, std::move(done));
}

std::vector<core::RetentionDue> StoreParts::retention_due(TimestampMs now) {
  check_disk();
  return topics_->retention_due(now);
}

Store::Usage StoreParts::usage() const {
  Usage usage;
  usage.journal_bytes = segments_->size_bytes();
  usage.backlog_bytes = backlog_->taken_size_bytes();
  usage.topic_bytes = topics_->size_bytes();
  usage.checkpoint_bytes = checkpoint_size_bytes_;
  usage.cache_bytes = cache_->size_bytes() + backlog_reader_->size_bytes();
  if (const auto free = files_.free_bytes(options_.directory)) usage.disk_free_bytes = *free;
  usage.groups = journal_->groups();
  usage.recent_entries = topics_->recent_entries();
  return usage;
}

}  // namespace tandem::storage
