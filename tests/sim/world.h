// One simulated world: a machine with its disk and clock, a broker that lives and dies on it, and clients who
// write down what they were told. Everything that happens is drawn from one seed.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <unordered_map>
#include <vector>

#include "tests/sim/disk.h"
#include "tests/sim/rim.h"
#include "tests/support/promises.h"

namespace tandem::sim {

using support::MessageNumber;
using support::PlaceIndex;

inline constexpr std::string_view administrator = "admin", visitor = "visitor";

/// The places of the world; see World::make_places().
struct Places {
  PlaceIndex a, b, in, out, priorities, brief, limited, refusing, poison, loose, dead;
  PlaceIndex history, ledger, log[2], committed;
};

/// One storage call that fails in an otherwise sound life, and what the crash after it keeps.
struct Fault {
  storage::FaultKind kind = storage::FaultKind::power_off;
  std::uint64_t nth = 1;
  storage::CrashKeeps keeps = storage::CrashKeeps::any;
};

struct WorldOptions {
  std::uint64_t seed = 1;
  std::optional<Fault> fault;            // run_fault()
  std::optional<std::uint64_t> damage;   // run_damage(): which of all that can be done to a closed directory
  int lives = 6;
  int steps_per_life = 1'500;
  MessageNumber trace = 0;  // Promises::trace()
};

/// What the visitor, the user that may not do everything, is permitted.
struct Permitted {
  bool write_fan = false, write_default = false, read_loose = false, read_out = false;
  friend bool operator==(const Permitted&, const Permitted&) = default;
};

core::Permissions permissions_of(const Permitted& permitted);

struct Report {
  std::vector<std::string> violations;
  support::Promises::Counts counts;
  std::uint64_t simulated_ms = 0;
  std::uint64_t power_losses = 0, kills = 0, stops = 0, disk_failures = 0, failed_starts = 0, checkpoints = 0;
  bool fault_happened = false;
  bool damage_reported = false;
};

class World;

/// A connection with one channel (number 1) and somebody who uses it.
class Client {
 public:
  Client(World& world, ConnectionId connection) : world_(world), connection_(connection) {}
  virtual ~Client() = default;
  /// Does something, as its chance has it.
  virtual void act() = 0;
  virtual void said(const core::Send& send);
  virtual void fetched(const core::Fetched&, std::span<const wire::Body>) {}
  /// Its connection is closed: what it held goes back.
  virtual void closed() {}
  /// The broker was restarted; true: the client goes on, on the connection that connect() gave it.
  virtual bool outlives_broker() const { return false; }
  void connect(ConnectionId connection) {
    connection_ = connection;
    asked_.clear();
    closed();
  }

  ConnectionId connection() const { return connection_; }

 protected:
  using Answered = std::function<void(const core::Send&)>;
  /// A caller whose answer goes to `answered`.
  core::Caller caller(Answered answered);
  core::Caller caller() const { return {{connection_, 1}, 0}; }
  std::uint64_t dice(std::uint64_t sides);

  World& world_;

 private:
  ConnectionId connection_;
  std::uint64_t next_request_ = 1;
  std::unordered_map<std::uint64_t, Answered> asked_;
};

class World final : public Clients {
 public:
  explicit World(const WorldOptions& options);
  ~World() override;

  /// Lives and deaths, as chance has them.
  Report run();
  /// A sound life and an orderly stop, a life in which the fault happens, a crash, and the judgement.
  Report run_fault();
  /// A sound life and an orderly stop; then something on the disk is damaged. It is reported, or it is healed.
  Report run_damage();

  // --- for clients
  Rim& rim() { return *rim_; }
  support::Promises& promises() { return promises_; }
  const Places& places() const { return places_; }
  std::mt19937_64& chance() { return chance_; }
  std::uint64_t dice(std::uint64_t sides) { return chance_() % sides; }
  TimestampMs now() const { return rim_->now(); }
  const std::string& place_name(PlaceIndex place) const { return promises_.rules(place).name; }
  MessageNumber next_message() { return next_message_++; }
  /// Stages a message and makes its view, which lives until `views_kept` more are made.
  core::MessageView stage(MessageNumber number, const Properties& properties, std::string_view exchange,
                          std::string_view routing_key);
  /// Stages it as large messages are, and then gives its view, which lives during that call: unless the connection or the life ends before.
  void stage_large(ConnectionId connection, MessageNumber number, const Properties& properties, std::string_view exchange,
                   std::string_view routing_key, std::function<void(const core::MessageView&)> staged);
  /// A batch with one record per number, staged.
  core::BatchView stage_batch(const std::vector<MessageNumber>& numbers, const struct BatchProducerView& producer);
  MessageNumber message_at(QueueId queue, QueueSeq seq) const;
  /// Reads the body (now or later) and compares it.
  void verify(BodyHandle body, std::uint32_t size_bytes, MessageNumber number);
  /// Reads the body at once, whatever it takes.
  std::optional<MessageNumber> read_now(BodyHandle body, std::uint32_t size_bytes);
  bool draining() const { return draining_; }
  DurationMs brief_ttl() const { return brief_ttl_; }
  std::uint16_t delivery_limit() const { return delivery_limit_; }
  /// Now; a crash may take back what was not confirmed.
  const Permitted& permitted() const { return permitted_.back().second; }
  /// Gives the number that permitting_confirmed() is told when it is on the disk.
  std::uint64_t permit(const Permitted& permitted);
  void permitting_confirmed(std::uint64_t number);

  // Clients.
  void said(const core::Send& send) override;
  void fetched(const core::Fetched& fetched, std::span<const wire::Body> bodies) override;
  void enqueued(const core::Enqueued& record) override;
  void staged(BodyHandle body, Bytes message) override;
  void unreadable(const std::string& what) override;

 private:
  enum class End { power_loss, kill, stop };

  core::MessageView view_of(MessageNumber number, Bytes stored, BodyHandle body);
  void make_places();
  void draw_options();
  /// What the queue "refusing" refuses goes to the dead letters.
  bool refusing_dies() const { return options_.seed % 3 == 0; }
  bool open();
  bool open_once();
  void declare();
  void make_clients();
  void add_client();
  /// Of somebody who logged in as `user`.
  ConnectionId new_connection(std::string_view user = administrator);
  void live();
  void step();
  void pass_time();
  void maybe_fail_disk();
  void end_life();
  void stop_in_order();
  void judge_start();
  void judge_counts(bool after_restart);
  void check_disk();
  void judge_permissions(const std::vector<core::UserDeclared>& users);
  void sound_life();
  void sound_life_and_kill();
  std::string damage_something(std::uint64_t which, bool killed);
  Report finish();
  void drain();
  std::vector<core::QueueInfo> describe_queues();

  const WorldOptions options_;
  std::mt19937_64 chance_;
  Disk disk_;
  support::Promises promises_;
  Places places_{};
  core::BrokerOptions broker_options_;
  storage::StoreOptions store_options_;
  std::unique_ptr<Rim> rim_;
  TimestampMs clock_ = 1'700'000'000'000;
  std::uint64_t simulated_ms_ = 0;
  DurationMs step_max_ms_ = 60;
  DurationMs brief_ttl_ = 1'000;
  std::uint16_t delivery_limit_ = 3;
  std::uint32_t limited_length_ = 20;
  bool faults_now_ = false, unreadable_now_ = false, draining_ = false;

  std::vector<std::unique_ptr<Client>> clients_;
  std::map<ConnectionId, Client*> by_connection_;
  std::uint64_t next_connection_ = 1;
  MessageNumber next_message_ = 1;
  std::unordered_map<std::uint64_t, MessageNumber> staged_;  // by handle, of this life
  std::map<std::pair<QueueId, QueueSeq>, MessageNumber> by_seq_;
  static constexpr std::size_t views_kept = 16;
  std::deque<std::vector<std::byte>> rooms_;
  std::map<std::string, std::uint64_t> found_;  // per queue, messages found by the last start
  Report report_;
  // The newest that was confirmed, and all since: one of them is in force after a crash.
  std::deque<std::pair<std::uint64_t, Permitted>> permitted_{{0, {}}};
  std::uint64_t next_permit_ = 1;
};

struct BatchProducerView {
  std::int64_t id = -1;
  std::int16_t epoch = -1;
  std::int32_t base_sequence = -1;
  bool transactional = false;
};

}  // namespace tandem::sim
