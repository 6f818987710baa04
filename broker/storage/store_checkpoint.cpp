// Checkpoints of the running store, and its orderly end.
#include "broker/base/check.h"
#include "broker/base/limits.h"
#include "broker/storage/store_parts.h"

namespace tandem::storage {
namespace {

/// Of tails, before a checkpoint comes for large batches that wait for them: no more checkpoints than that makes.
constexpr std::uint64_t waited_for_min_bytes = 4u << 20;
/// Of the disk, that dropped runs still have when nothing else makes a checkpoint: no more than this, once a second has passed.
constexpr std::uint64_t old_kept_max_bytes = 16u << 20;
constexpr DurationMs old_kept_max_ms = 1'000;

}  // namespace

/// Often enough for a short replay; and before the journal is full, since the segments that one checkpoint
/// made needless are recycled by the next one only.
bool StoreParts::checkpoint_wanted() const {
  // One that waits for room must not wait for the checkpoint that makes some, nor that for it.
  return checkpoint_is_due() && (!journal_->has_stretch() || journal_->stretch_is_stalled());
}

bool StoreParts::checkpoint_is_due() const {
  if (running_ || failed_) return false;
  const bool helps = journal_->would_cut_behind(previous_cut_);
  // A queue that drains gives its disk space back with a checkpoint, and its acks alone make little journal.
  const bool gives_back = old_since_checkpoint_bytes_ >= interval_bytes() ||
                          (old_since_checkpoint_bytes_ >= old_kept_max_bytes && now_ - last_checkpoint_at_ >= old_kept_max_ms);
  const bool topics_are_due = topics_->tails_are_large() && topics_->tails_size_bytes() >= cache_->size_max_bytes() / 2;
  // Large batches cannot go home at once for what lies before them.
  const bool home_is_due = topics_->home_is_waited_for() && topics_->tails_size_bytes() >= waited_for_min_bytes;
  return journal_->end() - last_cut_ >= interval_bytes() || (journal_is_nearly_full() && helps) || gives_back ||
         topics_are_due || home_is_due || topics_want_checkpoint();
}

std::uint64_t StoreParts::journal_size_max_bytes() const {
  return options_.journal_size_max_bytes != 0 ? options_.journal_size_max_bytes : limits::journal_size_max_bytes;
}

std::uint64_t StoreParts::interval_bytes() const {
  const std::uint64_t wanted =
      options_.checkpoint_interval_bytes != 0 ? options_.checkpoint_interval_bytes : limits::checkpoint_interval_bytes;
  return std::min(wanted, journal_size_max_bytes() / 4);
}

bool StoreParts::journal_is_nearly_full() const {
  return journal_->live_bytes() >= journal_size_max_bytes() / 4 * 3;
}

/// What was handed out under its place in the journal may still wait to be read when a checkpoint has moved it. So the last
/// one's part of the journal stays; and when they follow each other quickly, as for large topics, no less than the
/// usual part.
Lsn StoreParts::recyclable_below() {
  cuts_.push_back(previous_cut_);
  while (cuts_.size() > 1 && cuts_[1] + interval_bytes() <= last_cut_) cuts_.pop_front();
  return journal_is_nearly_full() ? previous_cut_ : cuts_.front();
}

/// Batches that come faster than they go home are waited with while all of them are in RAM: later they would have to be
/// read back from the journal, which makes the disk more than twice as slow.
bool StoreParts::topics_are_behind() const {
  return running_ && homes_from_memory_ && !running_->waits_for_space &&
         topics_->homing_size_bytes() + topics_->tails_size_bytes() > cache_->size_max_bytes();
}

void StoreParts::begin_checkpoint(core::CheckpointState state) {
  CHECK(!running_);
  prepare_checkpoint(std::move(state), false);
  start_when_durable();
}

void StoreParts::prepare_checkpoint(core::CheckpointState state, bool clean) {
  CheckpointTask task;
  for (HomeWrite& home : topics_->tails_go_home()) journal_->take_home(std::move(home));
  task.mark = {journal_->cut(), state.turn, clean};
  const std::uint64_t groups = journal_->gathered_groups();
  task.state = std::move(state);
  task.changes = std::exchange(changes_, {});
  // Topic batches that came fast are still in RAM: reading them back would cost the disk as much as writing both copies.
  homes_from_memory_ = topics_->tails_are_large();
  if (homes_from_memory_) task.resident = cache_->resident_between(last_cut_, task.mark.journal.position);
  task.topics = topics_->begin_homing();
  task.old_extents = take_old_extents();
  old_since_checkpoint_bytes_ = 0;
  task.next_run = next_run_;
  previous_cut_ = std::exchange(last_cut_, task.mark.journal.position);
  last_checkpoint_at_ = now_;
  deleted_queues_.clear();
  const CheckpointParts parts{files_, *segments_, *backlog_, *topics_, *lmdb_};
  running_ = std::make_shared<RunningCheckpoint>(parts, std::move(task), groups);
}

/// What a delivery is still being read from waits for the next checkpoint: without this, a message that was
/// handed out with no_ack could be punched out before its bytes are read.
std::vector<Extent> StoreParts::take_old_extents() {
  std::vector<Extent> taken;
  std::erase_if(old_extents_, [&](const OldExtent& old) {
    if (old.reads_begun > backlog_reader_->reads_done()) return false;
    taken.push_back(old.extent);
    return true;
  });
  return taken;
}

/// The checkpoint stands on the journal up to its cut, and knows of what went home before it, so both must be on disk before.
/// Looked at again
/// whenever the journal's thread has done what it was given, and by background() when it found no room.
void StoreParts::start_when_durable() {
  if (!running_ || running_->started || failed_ || journal_->is_stalled()) return;
  if (journal_->groups() < running_->groups_before) {
    journal_worker_->run([this, post = guarded_post()] { post([this] { start_when_durable(); }); });
    return;
  }
  running_->started = true;
  run_slices(*checkpoint_worker_, running_,
             [this, post = guarded_post()] { post([this] { finish_checkpoint(Runs::report); }); });
}

/// One task per slice: the worker's other tasks come between.
void StoreParts::run_slices(Worker& worker, std::shared_ptr<RunningCheckpoint> running,
                            std::function<void()> done) {
  worker.run([&worker, running = std::move(running), done = std::move(done)] {
    const auto more = running->checkpoint.step();
    if (more && *more) return run_slices(worker, running, done);
    if (!more) running->result = more.error();
    running->finished.store(true, std::memory_order_release);
    done();
  });
}

void StoreParts::finish_checkpoint(Runs runs) {
  if (!running_ || running_->waits_for_space || !running_->finished.load(std::memory_order_acquire)) return;
  if (!running_->result.ok() && running_->checkpoint.may_start_again(running_->result.error())) {
    running_->waits_for_space = true;
    return disk_is_full(running_->result.error());
  }
  const auto finished = std::exchange(running_, nullptr);
  if (!finished->result.ok()) return failed(finished->result.error());
  const Checkpoint& checkpoint = finished->checkpoint;
  checkpoint_size_bytes_ = lmdb_->size_bytes();
  topics_->homed(checkpoint.task().topics);
  remove_old_files(checkpoint.task().topics.old);
  free_backlog();
  journal_->recycle_below(recyclable_below());
  if (runs == Runs::leave) return;
  check_disk();
  give_back_spares();
  if (runs == Runs::discard) return discard_runs(checkpoint.runs());
  events_.checkpoint_done({take_in_runs(checkpoint.runs()), finished});
  for (const core::CompactionDone& done : checkpoint.task().topics.compacted) events_.compacted(done);
}

std::vector<core::RunStored> StoreParts::take_in_runs(const std::vector<HomedRun>& homed) {
  std::vector<core::RunStored> stored;
  for (const HomedRun& run : homed) {
    const BacklogRun known{run.homed.run, {run.homed.position, run.homed.extent_bytes}, run.stored(), false};
    next_run_ = std::max(next_run_, RunId(run.homed.run.value + 1));
    if (deleted_queues_.contains(run.homed.queue)) {
      make_old(known.extent);
      if (known.stored) changes_.erase(keys::run(known.id));
      continue;
    }
    runs_.add(run.homed.queue, known);
    backlog_reader_->add_run(known.extent);
    stored.push_back({run.homed.queue, run.homed.run, run.homed.priority, run.homed.seqs.first,
                      run.homed.seqs.last, run.count, run.size_bytes, run.moved});
  }
  return stored;
}

/// The core never heard of these runs: what they hold is among the survivors that it gives next.
void StoreParts::discard_runs(const std::vector<HomedRun>& homed) {
  for (const HomedRun& run : homed) {
    next_run_ = std::max(next_run_, RunId(run.homed.run.value + 1));
    make_old({run.homed.position, run.homed.extent_bytes});
    if (run.stored()) changes_.erase(keys::run(run.homed.run));
  }
}

/// The disk was full; once more from the beginning.
void StoreParts::checkpoint_again() {
  if (!running_ || !std::exchange(running_->waits_for_space, false)) return;
  running_->started = false;
  running_->result = {};
  running_->finished = false;
  running_->checkpoint.start_again();
  free_backlog();
  start_when_durable();
}

/// Waits for the running checkpoint.
Result<> StoreParts::complete_checkpoint(Runs runs) {
  if (!running_) return Done{};
  if (auto drained = journal_->drain(); !drained) return drained;
  checkpoint_again();
  start_when_durable();
  checkpoint_worker_->wait_until_idle();
  finish_checkpoint(runs);
  if (running_)
    return Error{ErrorCode::resource_alarm,
                 "the disk is full: the last checkpoint cannot be taken, the next start reads the journal instead"};
  if (failed_) return Error{ErrorCode::unavailable, "the store has failed"};
  return Done{};
}

Result<> StoreParts::close(core::CheckpointState state) {
  if (failed_) return Error{ErrorCode::unavailable, "the store has failed"};
  remover_.hurry();
  backlog_->hurry();
  end_compaction();
  // `state` was taken before this one could be reported: it moves the same survivors once more.
  if (auto completed = complete_checkpoint(Runs::discard); !completed) return completed;
  prepare_checkpoint(std::move(state), true);
  if (auto completed = complete_checkpoint(Runs::leave); !completed) return completed;
  reader_worker_->wait_until_idle();
  checkpoint_worker_->wait_until_idle();  // the next start looks for leftovers after a crash only
  return Done{};
}

bool StoreParts::pump() {
  if (!options_.inline_threads) return false;
  bool worked_at_all = false;
  for (bool worked = true; worked;) {
    worked = false;
    for (Worker* worker : {journal_worker_.get(), checkpoint_worker_.get(), reader_worker_.get(), large_worker_.get()})
      worked = static_cast<InlineWorker*>(worker)->pump() || worked;
    worked_at_all = worked_at_all || worked;
  }
  return worked_at_all;
}

bool StoreParts::pump_one(Background thread) {
  if (!options_.inline_threads) return false;
  Worker* worker = nullptr;
  switch (thread) {
    case Background::journal:
      worker = journal_worker_.get();
      break;
    case Background::checkpoint:
      worker = checkpoint_worker_.get();
      break;
    case Background::reader:
      worker = reader_worker_.get();
      break;
    case Background::large:
      worker = large_worker_.get();
      break;
  }
  return static_cast<InlineWorker*>(worker)->pump();
}

}  // namespace tandem::storage
