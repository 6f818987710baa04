// The orderly stop, step by step:
//   persisting      nobody is read; what was taken goes to the disk and is confirmed
//   saying_goodbye  every face tells its peer; the outboxes are written
//   checkpoint      connections are closed (what they held is requeued), a checkpoint that runs ends
//   done            the store takes the last checkpoint and marks the directory clean
// The first two have a deadline: a peer that does not read cannot keep the broker from stopping.
#include <limits>

#include "broker/base/check.h"
#include "broker/server/log_line.h"
#include "broker/server/loop.h"

namespace tandem::server {

namespace {
constexpr DurationMs persisting_max_ms = 5'000;
constexpr DurationMs goodbye_max_ms = 3'000;
constexpr DurationMs checkpoint_wait_max_ms = 10'000;
}  // namespace

void Loop::stop(std::string_view reason) {
  if (stopping()) return;
  clock_.refresh();
  log_line(LogLevel::info, "stopping: " + std::string(reason));
  stop_ = StopStep::persisting;
  stop_reason_ = reason;
  stop_step_ends_at_ = now() + persisting_max_ms;
}

void Loop::go_on_stopping() {
  const bool time_is_up = now() >= stop_step_ends_at_;
  if (stop_ == StopStep::persisting && (persisted_turn_ >= written_turn_ || time_is_up)) say_goodbye();
  if (stop_ == StopStep::saying_goodbye) {
    bool all_written = true;
    peers_.for_each([&](const Peer& peer) { all_written = all_written && peer.all_written(); });
    if (all_written || time_is_up) end_all();
  }
  // A checkpoint that waits for disk space is not waited for: the next start reads the journal instead.
  const bool is_stuck = checkpoint_running_ && !held_reason_.empty() && now() >= checkpoint_wait_ends_at_;
  if (stop_ == StopStep::checkpoint && (!checkpoint_running_ || is_stuck)) {
    while (!stored_runs_.empty()) tell_of_stored_runs();
    submit(core::CheckpointBegun{.is_last = true});
    CHECK(last_state_.has_value());
    stop_ = StopStep::done;
  }
}

void Loop::say_goodbye() {
  stop_ = StopStep::saying_goodbye;
  stop_step_ends_at_ = now() + goodbye_max_ms;
  peers_.for_each([&](Peer& peer) {
    if (peer.open()) peer.face().shut_down(stop_reason_);
    touched(peer);
  });
}

void Loop::end_all() {
  stop_ = StopStep::checkpoint;
  stop_step_ends_at_ = std::numeric_limits<TimestampMs>::max();
  checkpoint_wait_ends_at_ = now() + checkpoint_wait_max_ms;
  peers_.for_each([](Peer& peer) { peer.end("the broker stops"); });
  settle_touched();
  remove_gone();
}

Result<> Loop::close_store() {
  auto closed = store_->close(std::move(*last_state_));
  if (closed) log_line(LogLevel::info, "stopped: all is stored");
  return closed;
}

}  // namespace tandem::server
