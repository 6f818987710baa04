// The one thread that joins the rooms: sockets, faces, the core and the store. An input goes into the core,
// its records to the store, its sends to the connections; at the end of each turn of the loop the store gets
// its commit group and the outboxes are written, so that one sync and one writev carry what came in together.
//
// Rule for sends: the sends of one input are routed before submit() returns, except when submit() was called
// while sends are being routed (a face or the loop itself answered one): those wait until the ones before
// them are out.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "broker/base/worker.h"
#include "broker/core/broker.h"
#include "broker/net/reactor.h"
#include "broker/net/socket.h"
#include "broker/server/clock.h"
#include "broker/server/facts.h"
#include "broker/server/peers.h"
#include "broker/storage/store.h"
#include "broker/wire/face.h"

namespace tandem::server {

using MakeFace = std::unique_ptr<wire::Face> (*)(wire::FaceContext context);

class Loop final : public wire::BrokerPort, public storage::StoreEvents, public PeerHost {
 public:
  explicit Loop(net::Reactor& reactor);
  ~Loop() override;

  Facts& facts() { return facts_; }

  /// Opens the store and applies what it holds. Before run(). Errors: storage's.
  Result<> open_store(const storage::StoreOptions& options, storage::FileSystem& files);
  /// For tests: a store of their own, empty.
  void use_store(std::unique_ptr<storage::Store> store);

  /// What all connections may hold together. Before run().
  void set_connection_memory(std::uint64_t size_max_bytes) { held_max_bytes_ = size_max_bytes; }

  /// A new connection, spoken to by the face that `make_face` makes. Beyond limits::connections_max it is
  /// told so and closed.
  void accept(net::Socket socket, MakeFace make_face, const wire::Advertised& advertised = {});

  /// Runs until stop() is through (ok) or the store failed (error; nothing was said that depends on the
  /// failed write).
  Result<> run();
  /// One turn of the loop; waits until `due` at most. For run() and tests.
  void run_once(net::Deadline due);

  /// Begins an orderly stop: what was taken is persisted and confirmed, every connection is told, the store
  /// takes its last checkpoint. The caller has closed the listeners.
  void stop(std::string_view reason);
  bool stopping() const { return stop_ != StopStep::none; }

  // --- wire::BrokerPort ----------------------------------------------------------------------------------
  TimestampMs now() const override { return clock_.now(); }
  BodyHandle stage(std::initializer_list<Bytes> parts) override;
  BodyHandle stage_batch(std::string_view topic, PartitionIndex partition, Bytes batch) override;
  void stage_large(ConnectionId connection, std::initializer_list<Bytes> head, Bytes rest,
                   std::function<void(BodyHandle)> staged) override;
  void submit(const core::Input& input) override;
  bool may_go_on() const override { return !share_is_over(); }
  void do_apart(ConnectionId connection, std::function<void()> work, std::function<void()> done) override;
  core::BatchRules batch_rules(std::string_view topic) const override { return broker_.batch_rules(topic); }
  std::string random_name(std::size_t size) override { return random_text(size); }
  std::string_view fact(std::string_view name) const override { return facts_.get(name); }
  // loop_login.cpp
  bool has_users() const override;
  bool has_tag(std::string_view user, std::string_view tag) const override;
  core::Allowed allowed(ConnectionId connection, std::optional<std::string_view> name) const override {
    return broker_.allowed(connection, name);
  }
  bool holds(ChannelId channel, DeliveryTag tag) const override { return broker_.holds(channel, tag); }
  wire::LoginVerdict log_in(const wire::Login& login, std::string_view peer) override;
  std::string hash_password(std::string_view password) override;

  // --- storage::StoreEvents ------------------------------------------------------------------------------
  void persisted(TurnNumber turn) override;
  void failed(const Error& error) override;
  void checkpoint_done(storage::StoredRuns runs) override;
  void disk_short(bool is_short, std::uint64_t free_bytes) override;
  void compacted(const core::CompactionDone& done) override;
  void trouble(const Error& error) override;

  // --- PeerHost ------------------------------------------------------------------------------------------
  void woke() override { clock_.refresh(); }
  net::ReadScratch& scratch() override { return scratch_; }
  storage::Store& store() override { return *store_; }
  bool disk_is_behind() const override { return stopping() || store_->behind(); }
  void touched(Peer& peer) override;
  void count_read(std::size_t size_bytes) override { read_bytes_ += size_bytes; }
  void begin_share() override;
  bool share_is_over() const override { return Clock::Steady::now() >= share_ends_; }
  std::uint64_t turn() const override { return turn_; }
  void count_said(std::size_t size_bytes) override { said_bytes_ += size_bytes; }
  void count_held(std::size_t before_bytes, std::size_t now_bytes) override { held_bytes_ += now_bytes - before_bytes; }
  std::size_t unsettled_bytes(ConnectionId id) const override { return broker_.unsettled_bytes(id); }
  bool memory_is_short() const override { return held_bytes_ > held_max_bytes_ / 2; }
  void found(ConnectionId id, SendLine::Ticket ticket, Result<storage::StoredBytes> bytes) override;

 private:
  struct Router;  // loop_route.cpp: what becomes of each send
  enum class StopStep : std::uint8_t { none, persisting, saying_goodbye, checkpoint, done };

  // loop.cpp
  std::function<void(std::function<void()>)> poster();
  net::Deadline next_due() const;
  void do_due_work();
  void tell_of_the_clock();
  void tick_faces();
  void finish_turn();
  void settle_touched();
  void remove_gone();
  void read_those_that_waited();

  // loop_submit.cpp
  void keep(const core::Input& input, core::Outputs& outputs);
  bool staged_bytes_are_unused(const core::Input& input, const core::Outputs& outputs) const;
  void hold_back_publisher(const core::Input& input);
  void tell_of_stored_runs();

  // loop_route.cpp
  void route_all();
  void tidy_outputs();
  void route_to_peer(ConnectionId id, core::Send& send);
  void load_run(const core::LoadRun& request);
  void fetch(core::Fetched& fetched);
  void list_offset(core::OffsetListed& listed);
  void rewrite(core::RewriteDeadLetter& request);
  void read_delayed(const core::ReadDelayed& request);
  void let_go(const core::ReadDelayed& request, Bytes stored);
  void rewritten(const core::RewriteDeadLetter& request, Bytes stored);
  void publish_dead_letter(const core::RewriteDeadLetter& request, Bytes message);
  void write_markers(const core::WriteMarkers& request);
  void hold_publishers(const core::HoldPublishers& request);
  void take_checkpoint_state(core::CheckpointState& state);
  void log_out(const core::LogOut& request);  // loop_login.cpp

  // loop_memory.cpp
  bool memory_is_due() const { return held_bytes_ > 0 && memory_due_ <= now(); }
  void part_from_the_store();
  void close_those_that_hold_most();
  void drop(Peer& peer);
  void give_memory_back();

  // loop_stop.cpp
  void go_on_stopping();
  void say_goodbye();
  void end_all();
  Result<> close_store();

  net::Reactor& reactor_;
  Clock clock_;
  Facts facts_;
  core::Broker broker_;
  std::unique_ptr<storage::Store> store_;
  net::ReadScratch scratch_;
  Peers peers_;

  core::Outputs outputs_[2];  // one is filled while the other is routed
  core::Outputs* gathering_ = &outputs_[0];
  std::size_t most_records_ = 0;  // of one input since tidy_outputs()
  bool routing_ = false;
  std::size_t staged_count_ = 0;  // stage() calls since the last submit()
  TurnNumber written_turn_ = 0, persisted_turn_ = 0;

  std::vector<Peer*> touched_, settling_;
  std::vector<ConnectionId> gone_;
  std::vector<ConnectionId> unread_;  // not read because the disk is behind
  std::uint64_t turn_ = 0;                       // of the loop
  Clock::Steady::time_point share_ends_;         // of the connection that is looked at
  std::size_t read_bytes_ = 0, said_bytes_ = 0;  // in this turn of the loop
  TimestampMs faces_due_;             // no face has work before
  std::uint64_t held_bytes_ = 0, held_max_bytes_ = limits::connection_memory_max_bytes;  // by all connections
  TimestampMs closing_due_ = 0;
  bool freed_much_ = false;  // since give_memory_back()
  TimestampMs memory_due_ = 0;  // counts while they hold something

  bool checkpoint_running_ = false;  // until all of stored_runs_ is told
  storage::StoredRuns stored_runs_;
  TimestampMs background_due_ = 0;
  DurationMs wall_ahead_told_ = 0;
  std::string held_reason_;  // publishers are held back; "" = they are not

  std::optional<Error> failure_;
  StopStep stop_ = StopStep::none;
  std::string stop_reason_;
  TimestampMs stop_step_ends_at_ = 0;
  TimestampMs checkpoint_wait_ends_at_ = 0;
  std::optional<core::CheckpointState> last_state_;

  std::atomic<bool> stopped_ = false;  // nobody waits any more for what is done apart
  std::unique_ptr<Worker> apart_;      // since the first time that it was needed; last: its thread ends first
};

}  // namespace tandem::server
