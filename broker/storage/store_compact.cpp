// What time makes due in the running store: a look at the disk's free space, a checkpoint for topics that wait for one,
// compaction, one partition after the other, and the removal of what checkpoints made old.
#include <algorithm>
#include <utility>

#include "broker/storage/store_parts.h"

namespace tandem::storage {
namespace {

/// Topic records wait in the journal for a checkpoint at most so long: retention and compaction see only what is home.
constexpr DurationMs topics_wait_max_ms = 300'000;
/// Old files that compaction has replaced and that only a checkpoint lets go: more than this brings one about.
constexpr std::uint64_t replaced_size_max_bytes = 256u << 20;
/// Spare segments that are kept: what is written from one checkpoint to the next goes round in them. One is enough to go on
/// with acks while publishers wait for disk space.
constexpr std::size_t spares_kept_max = 4, spares_kept_when_short = 1;
/// After a compaction that could do nothing (a transaction is open), and after one that failed.
constexpr DurationMs compaction_pause_ms = 60'000, compaction_failure_pause_ms = 600'000;

}  // namespace

void StoreParts::background(TimestampMs now) {
  now_ = now;
  if (last_checkpoint_at_ < 0) last_checkpoint_at_ = now;
  retry_what_found_no_room();
  check_disk();
  give_back_spares();
  compact();
}

void StoreParts::retry_what_found_no_room() {
  if (!disk_was_full_ || failed_) return;
  disk_was_full_ = false;  // unless it is full again
  journal_->retry();
  checkpoint_again();
  start_when_durable();  // one that waited for the journal
}

/// A burst leaves more spare segments than the journal needs from checkpoint to checkpoint. And what is kept for the next one
/// counts as the journal's: together with what lives it is no more than the journal may be, the one that is next apart.
void StoreParts::give_back_spares() {
  const std::size_t live = segments_->live().size();
  const std::size_t all_max = std::max<std::size_t>(journal_size_max_bytes() / segments_->segment_size_bytes(), live + 1);
  const std::size_t keep = disk_is_short_ ? spares_kept_when_short : std::min(spares_kept_max, all_max - live);
  if (segments_->spares() <= keep) return;
  checkpoint_worker_->run([segments = segments_.get(), keep] {
    (void)segments->remove_surplus_spare(keep);  // best effort: the next time
  });
}

bool StoreParts::topics_want_checkpoint() const {
  if (topics_->replaced_size_bytes() >= replaced_size_max_bytes) return true;
  return now_ - last_checkpoint_at_ >= topics_wait_max_ms && topics_->waits_for_checkpoint();
}

void StoreParts::compact() {
  if (compaction_ || failed_ || closing_ || disk_is_short_) return;
  auto task = topics_->compaction_due(now_);
  if (!task) return;
  compaction_ = std::make_shared<RunningCompaction>(files_, std::move(*task), served_);
  compact_slices(*checkpoint_worker_, compaction_, [this, post = guarded_post()] { post([this] { compaction_ended(); }); });
}

/// One task per slice: checkpoints and spare segments come between, and while somebody is served, a fifth of the time is theirs.
void StoreParts::compact_slices(Worker& worker, std::shared_ptr<RunningCompaction> running,
                                std::function<void()> done) {
  const std::uint64_t served = running->served;
  const bool is_alone = served == std::exchange(running->served_before, served);
  auto slice = [&worker, running = std::move(running), done = std::move(done)] {
    auto more = running->cancelled ? Result<bool>(Error{ErrorCode::unavailable, "cancelled"})
                                   : running->compaction.step();
    if (more && *more) return compact_slices(worker, running, done);
    if (!more) {
      running->compaction.discard();
      running->result = more.error();
    }
    running->finished.store(true, std::memory_order_release);
    done();
  };
  if (is_alone)
    worker.run(std::move(slice));
  else
    worker.run_paced(std::move(slice));
}

void StoreParts::compaction_ended() {
  if (!compaction_ || !compaction_->finished.load(std::memory_order_acquire)) return;
  const auto ended = std::exchange(compaction_, nullptr);
  const Compaction& compaction = ended->compaction;
  const PartitionId partition = compaction.task().partition;
  if (!ended->result.ok()) {
    // A file that is not there any more was trimmed away, or went with its topic.
    if (ended->result.error().code != ErrorCode::not_found && !closing_) events_.trouble(ended->result.error());
    topics_->put_off_compaction(partition, now_ + compaction_failure_pause_ms);
  } else if (compaction.replaced() == 0) {
    topics_->put_off_compaction(partition, now_ + compaction_pause_ms);
  } else {
    topics_->compacted(compaction);
  }
  compact();
}

/// The store closes: waits for the slice that is under way. What was not finished begins anew with the next start.
void StoreParts::end_compaction() {
  closing_ = true;
  if (!compaction_) return;
  compaction_->cancelled = true;
  checkpoint_worker_->wait_until_idle();
  compaction_ended();
}

/// Once the reader has done what it was given before, nobody reads them any more, but for a compaction that is under way.
void StoreParts::remove_old_files(OldTopicFiles old) {
  if (old.segments.empty() && old.topics.empty()) return;
  std::optional<PartitionId> read;
  if (compaction_) read = compaction_->compaction.task().partition;
  auto failed = [this, post = guarded_post()](const Error& error) { post([this, error] { events_.trouble(error); }); };
  reader_worker_->run([this, old = std::move(old), read, failed = std::move(failed)] {
    checkpoint_worker_->run([this, old, read, failed] {
      const bool is_idle = remover_.empty();
      topics_->remove_old_files(old, read, remover_);
      if (is_idle && !remover_.empty()) remove_steps(*checkpoint_worker_, remover_, failed);
    });
  });
}

/// Runs that a checkpoint forgot.
void StoreParts::free_backlog() {
  auto failed = [this, post = guarded_post()](const Error& error) { post([this, error] { events_.trouble(error); }); };
  checkpoint_worker_->run([this, failed = std::move(failed)] {
    if (!std::exchange(backlog_is_freed_, backlog_->has_retired())) free_steps(failed);
  });
}

void StoreParts::free_steps(std::function<void(const Error&)> failed) {
  if (!backlog_is_freed_) return;
  checkpoint_worker_->run_at_leisure([this, failed = std::move(failed)] {
    if (auto freed = backlog_->free_some(); !freed) failed(freed.error());
    backlog_is_freed_ = backlog_->has_retired();
    free_steps(failed);
  });
}

/// One task per step: the worker's other tasks come between.
void StoreParts::remove_steps(Worker& worker, FileRemover& remover, std::function<void(const Error&)> failed) {
  worker.run_at_leisure([&worker, &remover, failed = std::move(failed)] {
    if (auto removed = remover.step(); !removed) failed(removed.error());
    if (!remover.empty()) remove_steps(worker, remover, failed);
  });
}

}  // namespace tandem::storage
