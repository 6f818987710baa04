// A broker and a store that is only bookkeeping, for tests of exchanges, queues and messages. What is durable
// is kept as storage would keep it: the journal since the last checkpoint, the checkpoint's records, and the
// runs. finish() (or the end of the test) replays that into a fresh broker and compares the durable states.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "broker/core/broker.h"

namespace tandem::core {

/// What a test says of a message. Its identity is the number that publish() gives back.
struct TestMessage {
  std::string exchange, key;
  bool persistent = true;
  std::uint8_t priority = 0;
  std::string expiration, user_id;
  Table headers;
  std::uint32_t size_bytes = 100;
};

/// So tight that entries leave RAM and come back, and every bound of a call is met, with a dozen messages.
BrokerOptions tight_limits();

class CoreFixture {
 public:
  explicit CoreFixture(const BrokerOptions& options = {});
  ~CoreFixture();
  CoreFixture(const CoreFixture&) = delete;
  CoreFixture& operator=(const CoreFixture&) = delete;

  TimestampMs now = 1'700'000'000'000;
  bool persists = true;         // after every input all that was recorded is on disk
  bool loads = true;            // LoadRun is answered
  std::vector<Send> sends;      // not taken yet
  std::vector<Record> records;  // of all inputs so far

  // --- inputs
  // -----------------------------------------------------------------------------------------------------------
  void give(const Input& input);
  void persist();
  void tick(DurationMs passed = 0);
  static Caller caller(std::uint64_t connection = 1, std::uint16_t channel = 1) {
    return {{ConnectionId(connection), channel}, 0};
  }
  void declare_queue(std::string_view name, const Table& arguments = {}, bool durable = true);
  void declare_exchange(std::string_view name, ExchangeKind kind, const Table& arguments = {},
                        bool auto_delete = false);
  void bind(std::string_view source, std::string_view queue, std::string_view key,
            const Table& arguments = {});
  void bind_exchange(std::string_view source, std::string_view destination, std::string_view key);
  /// With a confirm. Gives the message's number.
  std::uint64_t publish(const TestMessage& message, bool mandatory = false, Caller who = caller());
  /// To a queue, through the default exchange.
  std::uint64_t publish(std::string_view queue) { return publish(TestMessage{"", std::string(queue)}); }
  void subscribe(std::string_view queue, std::uint64_t consumer = 1, std::uint32_t prefetch = 0,
                 bool no_ack = false, Caller who = caller(), std::int32_t priority = 0);
  void settle(DeliveryTag first, DeliveryTag last, Outcome outcome = Outcome::ack, Caller who = caller());

  /// The view and what it points to live until the next call.
  MessageView view_of(const TestMessage& message);

  // --- what it said
  // -----------------------------------------------------------------------------------------------------
  /// Takes all sends of this type out of `sends`.
  template <class S>
  std::vector<S> take() {
    std::vector<S> found;
    std::vector<Send> rest;
    for (Send& send : sends) {
      if (auto* one = core::get_if<S>(&send))
        found.push_back(std::move(*one));
      else
        rest.push_back(std::move(send));
    }
    sends = std::move(rest);
    return found;
  }
  template <class S>
  std::optional<S> take_one() {
    auto all = take<S>();
    return all.size() == 1 ? std::optional<S>(std::move(all.front())) : std::nullopt;
  }
  /// The number of the message with these bytes, wherever they are now.
  std::uint64_t number_of(BodyHandle body) const;
  /// Numbers of the messages that were delivered and not taken yet, in order.
  std::vector<std::uint64_t> take_delivered();
  ErrorCode take_refusal();
  /// Queue by name as Describe tells it.
  QueueInfo queue(std::string_view name);
  /// Everything that is ready, got one after the other with no_ack.
  std::vector<std::uint64_t> drain(std::string_view queue);

  // --- disk
  // ---------------------------------------------------------------------------------------------------------------
  void checkpoint() {
    begin_checkpoint();
    finish_checkpoint();
  }
  void begin_checkpoint(bool is_last = false);
  void finish_checkpoint();
  /// Goes on with a broker that knows what is on disk, as after a crash or an orderly stop. All connections
  /// are gone.
  void restart(bool clean);
  std::size_t runs_on_disk() const { return runs_.size(); }

  /// Replays what is on disk into a fresh broker and compares.
  void finish();
  Broker& broker() { return *broker_; }

 private:
  struct StoredRun {
    RunHomed homed;
    std::vector<QueueEntry> entries;
    bool on_disk = false;  // its checkpoint is finished
  };
  using Journal = std::vector<std::pair<Record, TurnNumber>>;

  void take_in(Outputs& out);
  void answer_loads();
  std::unique_ptr<Broker> replayed(TurnNumber until) const;

  BrokerOptions options_;
  std::unique_ptr<Broker> broker_;
  TurnNumber last_turn_ = 0, persisted_ = 0;

  Journal journal_;              // since the last finished checkpoint began
  std::size_t begun_at_ = 0;     // journal_ index where the running checkpoint began
  std::vector<Record> catalog_;  // before journal_
  Counters counters_;
  std::map<QueueId, QueueState> states_;
  std::map<PartitionId, PartitionState> partitions_;
  std::map<RunId, StoredRun> runs_;
  std::vector<RunId> dropped_;
  bool was_unclean_ = false;
  std::optional<CheckpointState> running_;
  std::uint64_t next_run_ = 1;

  std::uint64_t next_message_ = 1;
  std::map<std::uint64_t, std::uint64_t> homes_;  // handle → message number
  std::map<ChannelId, std::uint64_t> confirms_;
  std::vector<std::byte> headers_;
  TestMessage message_;
};

}  // namespace tandem::core
