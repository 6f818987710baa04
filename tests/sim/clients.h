// The kinds of clients that a world has.
#pragma once

#include <deque>
#include <set>

#include "tests/sim/world.h"

namespace tandem::sim {

/// Publishes to the fan-out and to every other queue, with confirms.
class PublishingClient : public Client {
 public:
  using Client::Client;
  void act() override;
  void said(const core::Send& send) override;
  void closed() override { stages_ = false; }

 private:
  struct Target {
    std::string_view exchange, key;
    std::vector<PlaceIndex> places;
  };
  Target draw_target();
  struct Draft {
    support::Published published;
    Properties properties;
  };
  Draft draw_message(const Target& target);
  core::PublishMany::One next(const Target& target);
  core::PublishMany::One finished(const Draft& draft, const core::MessageView& view);
  void publish_large(const Target& target);
  bool stages_ = false;  // a large message: nothing is read of the connection until that is done
  std::uint64_t next_seq_ = 1;
  std::map<std::uint64_t, MessageNumber> waiting_;
};

/// Holds deliveries and settles them in every way there is. Base of all that consume.
class HoldingClient : public Client {
 public:
  using Client::Client;
  void said(const core::Send& send) override;
  void closed() override;

 protected:
  struct Held {
    DeliveryTag tag = 0;
    MessageNumber message = 0;
    PlaceIndex place = 0;
    std::uint32_t deliveries = 0;
  };
  virtual void took(const Held&) {}
  /// Which queue a consumer number stands for.
  virtual PlaceIndex place_of(std::uint64_t consumer) const = 0;
  virtual bool no_ack(std::uint64_t) const { return false; }
  void settle_some(core::Outcome outcome);
  void settle(std::size_t first, std::size_t count, bool multiple, core::Outcome outcome);
  void take(const Held& held);
  /// Tells the promises, with what the queue's rules make of it.
  void note(const Held& held, core::Outcome outcome);
  void note_confirmed(const Held& held, core::Outcome outcome);
  support::Promises::Outcome judged(const Held& held, core::Outcome outcome) const;

  std::deque<Held> held_;  // by tag
  bool may_settle_multiple_ = true;
};

class ConsumingClient : public HoldingClient {
 public:
  ConsumingClient(World& world, ConnectionId connection, PlaceIndex place);
  void act() override;
  void closed() override;

 protected:
  PlaceIndex place_of(std::uint64_t) const override { return place_; }
  bool no_ack(std::uint64_t) const override { return no_ack_; }

 private:
  void subscribe();
  const PlaceIndex place_;
  bool no_ack_ = false, subscribed_ = false;
  std::uint64_t consumer_ = 0;
};

class GettingClient : public HoldingClient {
 public:
  GettingClient(World& world, ConnectionId connection, PlaceIndex place)
      : HoldingClient(world, connection), place_(place) {}
  void act() override;

 protected:
  PlaceIndex place_of(std::uint64_t) const override { return place_; }

 private:
  const PlaceIndex place_;
};

/// One transaction per message: ack it, publish it on, append it on the expected version, commit an offset.
class MovingClient : public HoldingClient {
 public:
  using HoldingClient::HoldingClient;
  void act() override;
  void closed() override;

 protected:
  PlaceIndex place_of(std::uint64_t) const override { return world_.places().in; }

 private:
  void move();
  bool subscribed_ = false, busy_ = false;
  std::optional<Held> in_flight_;
  Offset version_ = -1;
};

class PurgingClient : public Client {
 public:
  using Client::Client;
  void act() override;
};

/// Appends batches, as an idempotent producer or without an id; sends some of them again.
class AppendingClient : public Client {
 public:
  AppendingClient(World& world, ConnectionId connection);
  void act() override;
  void closed() override;
  bool outlives_broker() const override { return idempotent_; }

 private:
  struct Batch {
    std::vector<MessageNumber> numbers;
    std::int32_t base_sequence = 0;
    int partition = 0;
    bool answered = false;
  };
  void append_new(int partition);
  void append(const Batch& batch);
  void answered(const Batch& batch, const core::Send& answer);
  const bool idempotent_;
  bool asking_ = false, sends_again_ = false;
  std::int64_t producer_ = -1;
  std::int16_t epoch_ = -1;
  std::int32_t next_sequence_[2] = {0, 0};
  /// The newest batches, as many as the broker promises to know again.
  static constexpr std::size_t recent_max = 5;
  std::deque<Batch> recent_[2];
};

/// Kafka's transactions: appends to topic "committed" and offsets that become visible together or never.
class TransactionalClient : public Client {
 public:
  using Client::Client;
  void act() override;

 private:
  void append();
  void end(bool commit);
  enum class Step { unknown, asking, ready, adding, open, ending } step_ = Step::unknown;
  std::int64_t producer_ = -1;
  std::int16_t epoch_ = -1;
  std::int32_t next_sequence_ = 0;
  std::vector<MessageNumber> numbers_;
  std::size_t appended_ = 0;
};

/// Reads partitions from a random place on, and keeps its place as a committed offset.
class ReadingClient : public Client {
 public:
  ReadingClient(World& world, ConnectionId connection, PlaceIndex partition, core::Isolation isolation);
  void act() override;
  void fetched(const core::Fetched& fetched, std::span<const wire::Body> bodies) override;

 private:
  void read(Bytes bytes, Offset from, Offset end, const std::vector<core::AbortedTransaction>& aborted);
  void look_at_offset();
  const PlaceIndex partition_;
  const core::Isolation isolation_;
  Offset next_ = -1;
  bool waiting_ = false;
};

/// Joins a group of its own, and leaves it.
class MemberClient : public Client {
 public:
  MemberClient(World& world, ConnectionId connection);
  void act() override;
  void closed() override;
  bool outlives_broker() const override { return true; }

 private:
  void join();
  void sync();
  void heartbeat();
  void leave();
  /// It is a member, and everything that it asks for as one succeeds.
  void must_be(ErrorCode error, const char* what);

  enum class Stage {
    out,
    joined,   // its assignment is not confirmed yet
    member,
    unknown,  // a request to be assigned, or to leave, was not answered
    gone,
  } stage_ = Stage::out;
  const std::string group_;
  std::string id_, assignment_;
  std::int32_t generation_ = -1;
  bool asking_ = false, leaving_ = false;
  std::uint64_t names_ = 0;
};

/// Its user may do some things just now and others not: what it may not is refused and has no effect. What it consumes is
/// its own, also when the permission is taken away meanwhile.
class VisitingClient : public HoldingClient {
 public:
  VisitingClient(World& world, ConnectionId connection);
  void act() override;
  void said(const core::Send& send) override;
  void closed() override;

 protected:
  PlaceIndex place_of(std::uint64_t) const override { return world_.places().out; }

 private:
  void publish();
  void publish_both();
  void get();
  void subscribe();
  void purge();
  /// Judges whether an answer is a refusal for what the user may not, or is none. True: it is one.
  bool is_refused(const core::Send& answer, bool allowed, const char* what);
  /// A message to the fan-out, or to "loose" over the default exchange.
  core::MessageView next(bool to_fan, bool allowed, MessageNumber& number);
  bool subscribed_ = false;
  std::uint64_t next_seq_ = 1;
  std::map<std::uint64_t, MessageNumber> waiting_;  // those that may be published
};

/// Changes what the visitor is permitted.
class PermittingClient : public Client {
 public:
  using Client::Client;
  void act() override;
};

/// Topic and index of a partition's place.
std::pair<std::string, PartitionIndex> partition_of(const World& world, PlaceIndex place);

}  // namespace tandem::sim
