#include "broker/server/loop.h"

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <utility>

#include "broker/server/log_line.h"

namespace tandem::server {

namespace {

constexpr TimestampMs never_due = std::numeric_limits<TimestampMs>::max();
// Input taken in one turn of the loop before the group is handed to the disk: a few milliseconds of work.
constexpr std::size_t read_share_bytes = 1u << 20;
// Messages given to faces in one turn, before outboxes are written and counted. Without it a thousand fetches that come in
// one turn, some bytes each, put gigabytes into outboxes and keep everybody else waiting for as long.
constexpr std::size_t said_share_bytes = 4u << 20;
// Heartbeats and timeouts of faces are looked at together, not more often than this.
constexpr DurationMs faces_apart_ms = 50;
// The core gets a Tick at most once per millisecond, whatever its next_due() says.
constexpr DurationMs ticks_apart_ms = 1;
// What is left to deliver is delivered in so many calls before the outboxes are written, and no longer than this.
constexpr int ticks_per_turn_max = 8;
constexpr std::chrono::microseconds ticks_max(100);
// One connection's requests take so long in one turn of the loop, and all that is ready to be read so long: whoever comes next waits for as
// long. One request more may take longer. With 1 ms for all, a Kafka producer of small records had 3.8 M/s instead of 6.6 (docs/decisions/0019).
constexpr std::chrono::microseconds share_max(100), reading_max(2'000);
// The store's looks at time: retention, compaction, disk space; more often while it waits for space.
constexpr DurationMs background_apart_ms = 10'000, background_apart_when_short_ms = 1'000;
// settle() of one peer can give sends to others; what is left then waits for the next turn.
constexpr DurationMs clock_jump_told_ms = 10'000;
constexpr int settle_rounds_max = 8;

}  // namespace

Loop::Loop(net::Reactor& reactor) : reactor_(reactor), facts_(clock_), faces_due_(never_due) {}
Loop::~Loop() {
  stopped_ = true;
  store_.reset();  // it may be reading what a peer lends it
}

std::function<void(std::function<void()>)> Loop::poster() {
  return [this](std::function<void()> task) {
    reactor_.post([this, task = std::move(task)] {
      clock_.refresh();
      task();
    });
  };
}

Result<> Loop::open_store(const storage::StoreOptions& options, storage::FileSystem& files) {
  storage::RecoveryReport report;
  const auto replay = [this](const core::Record& record, TurnNumber turn) {
    broker_.replay(record, turn);
    written_turn_ = std::max(written_turn_, turn);
  };
  auto opened = storage::Store::open(options, files, *this, poster(), replay, report);
  if (!opened) return opened.error();
  store_ = std::move(*opened);
  facts_.set_store(*store_);
  persisted_turn_ = written_turn_;
  clock_.refresh();
  broker_.replayed(now(), report.clean);
  log_line(LogLevel::info, "opened " + options.directory + (report.clean ? "" : " after an unclean stop") +
                               ": " + std::to_string(report.checkpoint_records) +
                               " records of the checkpoint, " + std::to_string(report.journal_records) +
                               " of the journal (" + std::to_string(report.journal_bytes) + " bytes)");
  if (report.torn_tail_bytes > 0)
    log_line(LogLevel::warning, "dropped " + std::to_string(report.torn_tail_bytes) +
                                    " bytes at the journal's end that had never been confirmed");
  return Done{};
}

void Loop::use_store(std::unique_ptr<storage::Store> store) {
  store_ = std::move(store);
  facts_.set_store(*store_);
  broker_.replayed(now(), true);
}

void Loop::accept(net::Socket socket, MakeFace make_face, const wire::Advertised& advertised) {
  if (peers_.full() || stopping()) return;  // closes it
  const ConnectionId id = peers_.next_id();
  auto face = make_face({id, this, socket.peer(), socket.loopback(), advertised});
  Peer& peer = peers_.add(std::make_unique<Peer>(*this, id, reactor_, std::move(socket), std::move(face)));
  if (!held_reason_.empty()) peer.face().publishers_held(true, held_reason_);
  if (peers_.size() > limits::connections_max)
    peer.face().shut_down("this broker takes " + std::to_string(limits::connections_max) +
                          " connections at most");
  touched(peer);
}

// --- one turn of the loop --------------------------------------------------------------------------------

Result<> Loop::run() {
  while (!failure_ && stop_ != StopStep::done) run_once(net::never);
  if (failure_) return *failure_;
  return close_store();
}

void Loop::run_once(net::Deadline due) {
  ++turn_;
  if (touched_.empty()) reactor_.wait(std::min(due, next_due()));
  const auto reading_ends = Clock::Steady::now() + reading_max;
  while (!failure_ && read_bytes_ < read_share_bytes && said_bytes_ < said_share_bytes && reactor_.run_ready() &&
         Clock::Steady::now() < reading_ends) {
  }
  read_bytes_ = said_bytes_ = 0;
  if (failure_) return;  // nothing is said any more
  clock_.refresh();
  do_due_work();
  finish_turn();
}

net::Deadline Loop::next_due() const {
  TimestampMs due = std::min(std::max(broker_.next_due(), now() + ticks_apart_ms), faces_due_);
  due = std::min(due, background_due_);
  if (!stored_runs_.empty()) due = now();
  if (held_bytes_ > 0) due = std::min(due, memory_due_);
  if (freed_much_) due = std::min(due, closing_due_);
  if (stopping()) due = std::min(due, stop_step_ends_at_);
  return clock_.moment_of(due);
}

void Loop::do_due_work() {
  const auto ticks_end = Clock::Steady::now() + ticks_max;
  for (int i = 0; i < ticks_per_turn_max && broker_.next_due() <= now(); ++i) {
    submit(core::Tick{});
    if (Clock::Steady::now() >= ticks_end) break;
  }
  if (!stored_runs_.empty()) tell_of_stored_runs();
  if (faces_due_ <= now()) tick_faces();
  if (memory_is_due()) part_from_the_store();
  if (freed_much_ && closing_due_ <= now()) give_memory_back();
  if (background_due_ <= now()) {
    background_due_ = now() + (held_reason_.empty() ? background_apart_ms : background_apart_when_short_ms);
    for (const auto& due : store_->retention_due(now())) submit(due);
    store_->background(now());
    scratch_.tidy();
    tidy_outputs();
    tell_of_the_clock();
  }
}

void Loop::tell_of_the_clock() {
  const DurationMs ahead = clock_.wall_ahead();
  if (std::abs(ahead - wall_ahead_told_) < clock_jump_told_ms) return;
  if (std::abs(ahead) >= clock_jump_told_ms)
    log_line(LogLevel::warning, "the system's clock was set; it is " + std::to_string(std::abs(ahead) / 1000) +
                                    (ahead > 0 ? " s ahead of" : " s behind") +
                                    " the broker's, which goes on until it is restarted: nothing expires early");
  wall_ahead_told_ = ahead;
}

void Loop::tick_faces() {
  TimestampMs due = never_due;
  peers_.for_each([&](Peer& peer) {
    if (peer.next_due() <= now()) peer.tick(now());
    due = std::min(due, peer.next_due());
  });
  faces_due_ = due == never_due ? due : std::max(due, now() + faces_apart_ms);
}

// The group goes to the disk first, so that the disk works while the outboxes are written; a small one goes last, when
// nothing is left to do.
void Loop::finish_turn() {
  if (!checkpoint_running_ && !stopping() && (store_->checkpoint_wanted() || broker_.wants_checkpoint()))
    submit(core::CheckpointBegun{});
  store_->flush_ahead();
  for (int round = 0; round < settle_rounds_max && !touched_.empty(); ++round) settle_touched();
  if (held_bytes_ > held_max_bytes_ && closing_due_ <= now()) close_those_that_hold_most();
  remove_gone();
  read_those_that_waited();
  if (stopping()) go_on_stopping();
  store_->flush();
}

void Loop::begin_share() {
  share_ends_ = Clock::Steady::now() + share_max;
}

void Loop::touched(Peer& peer) {
  if (peer.listed) return;
  peer.listed = true;
  touched_.push_back(&peer);
}

void Loop::settle_touched() {
  settling_.swap(touched_);
  for (Peer* peer : settling_) {
    peer->listed = false;
    peer->settle();
    if (peer->gone()) {
      if (!std::exchange(peer->listed, true)) gone_.push_back(peer->id());  // in no other list, from here on
      continue;
    }
    if (disk_is_behind() && !std::exchange(peer->unread, true)) unread_.push_back(peer->id());
    faces_due_ = std::min(faces_due_, peer->next_due());
  }
  settling_.clear();
}

// Peers are destroyed here only: nothing of theirs is on the stack. One that has ended since it was settled is still in
// touched_, and its turn comes.
void Loop::remove_gone() {
  std::erase_if(gone_, [this](ConnectionId id) {
    const std::uint64_t lent = peers_.find(id)->lends;
    if (lent != 0 && !store_->unstage_large(lent)) return false;
    peers_.remove(id);
    return true;
  });
}

void Loop::read_those_that_waited() {
  if (unread_.empty() || disk_is_behind()) return;
  for (const ConnectionId id : unread_)
    if (Peer* peer = peers_.find(id)) {
      peer->unread = false;
      touched(*peer);
    }
  unread_.clear();
}

void Loop::do_apart(ConnectionId connection, std::function<void()> work, std::function<void()> done) {
  if (!apart_) apart_ = std::make_unique<ThreadWorker>("apart");
  auto finish = [this, connection, done = std::move(done)] {
    Peer* peer = peers_.find(connection);
    if (!peer || !peer->open()) return;
    done();
    touched(*peer);
  };
  apart_->run([this, work = std::move(work), finish = std::move(finish), post = poster()] {
    if (stopped_) return;
    work();
    post(finish);
  });
}

void Loop::found(ConnectionId id, SendLine::Ticket ticket, Result<storage::StoredBytes> bytes) {
  if (Peer* peer = peers_.find(id)) peer->found(ticket, std::move(bytes));
}

}  // namespace tandem::server
