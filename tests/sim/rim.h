// What the server's loop is to the core, in one thread and without sockets: takes inputs, keeps records in the
// real store, and hands sends out. One Rim is one life of the broker; it ends when it is destroyed, in order
// after close(), as a crash without.
//
// It follows broker/server/loop_*.cpp, and uses the server's own dead letters and topic fetches.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "broker/core/broker.h"
#include "broker/storage/store.h"
#include "broker/wire/face.h"

namespace tandem::sim {

/// Hears what is said to clients.
class Clients {
 public:
  virtual ~Clients() = default;
  /// Everything but fetches. Valid during the call.
  virtual void said(const core::Send& send) = 0;
  virtual void fetched(const core::Fetched& fetched, std::span<const wire::Body> bodies) = 0;
  /// The copy of a message (its staged bytes) that got this place; before anything is said of it.
  virtual void enqueued(const core::Enqueued& record) = 0;
  /// A dead letter's copy is staged.
  virtual void staged(BodyHandle body, Bytes message) = 0;
  /// Entries that could not be read back, or a body.
  virtual void unreadable(const std::string& what) = 0;
};

class Rim final : public storage::StoreEvents {
 public:
  Rim(Clients& clients, const core::BrokerOptions& options) : clients_(clients), broker_(options) {}
  ~Rim() override;

  /// Opens the store and applies what it holds. Errors: storage's.
  Result<> open(const storage::StoreOptions& options, storage::FileSystem& files, TimestampMs at);

  TimestampMs now() const { return now_; }
  void set_now(TimestampMs at) { now_ = at; }
  BodyHandle stage(Bytes bytes);
  BodyHandle stage_batch(std::string_view topic, Bytes batch);
  /// As large messages are: `bytes` stay as they are until `staged` is called, which is not in every life.
  void stage_large(Bytes bytes, std::function<void(BodyHandle)> staged);
  void submit(const core::Input& input);

  /// The end of a turn of the loop: the gathered group goes to the disk, a checkpoint may begin, what is due is
  /// done.
  void end_turn();
  void begin_checkpoint();
  bool checkpoint_running() const { return checkpoint_running_; }
  /// One step of what goes on in the background, chosen by `chance`; false when there was none.
  bool background(std::mt19937_64& chance);
  /// All reads that were asked for.
  void read_through();
  /// Everything in the background, until nothing is left; also what is due now.
  void settle();

  bool behind() const { return store_->behind(); }
  bool all_persisted() const { return persisted_turn_ >= written_turn_; }
  const std::string& failure() const { return failure_; }
  /// settle() gave up.
  bool restless() const { return restless_; }
  bool held_back() const { return held_back_; }
  storage::Store& store() { return *store_; }
  core::Broker& broker() { return broker_; }
  const storage::RecoveryReport& report() const { return report_; }

  /// The orderly stop; connections were closed before.
  Result<> close();

  // StoreEvents.
  void persisted(TurnNumber turn) override;
  void failed(const Error& error) override;
  void checkpoint_done(storage::StoredRuns runs) override;
  void tell_of_stored_runs();
  void disk_short(bool is_short, std::uint64_t free_bytes) override;

 private:
  struct Router;
  void keep(const core::Input& input, core::Outputs& outputs);
  bool staged_bytes_are_unused(const core::Input& input, const core::Outputs& outputs) const;
  void take_checkpoint_state(core::CheckpointState& state);
  void route_all();
  bool pump_reader();
  static bool run_first(std::deque<std::function<void()>>& tasks);
  void load_run(const core::LoadRun& request);
  void rewrite(const core::RewriteDeadLetter& request);
  void rewritten(const core::RewriteDeadLetter& request, Bytes stored);
  void write_markers(const core::WriteMarkers& request);

  Clients& clients_;
  core::Broker broker_;
  std::unique_ptr<storage::Store> store_;
  std::deque<std::function<void()>> posted_, read_;  // to the loop: by all but the reader, by the reader
  bool reader_works_ = false;
  storage::RecoveryReport report_;
  TimestampMs now_ = 0, retention_due_ = 0;

  core::Outputs outputs_[2];
  core::Outputs* gathering_ = &outputs_[0];
  bool routing_ = false;
  std::size_t staged_count_ = 0;
  TurnNumber written_turn_ = 0, persisted_turn_ = 0;
  bool checkpoint_running_ = false, closing_ = false, held_back_ = false, restless_ = false;
  storage::StoredRuns stored_runs_;
  std::optional<core::CheckpointState> last_state_;
  std::string failure_;
};

}  // namespace tandem::sim
