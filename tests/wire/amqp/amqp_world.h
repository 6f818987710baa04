// A broker without disk or sockets, and AMQP clients on it: bytes go into real faces, inputs into the real
// core, sends back to the faces. What the core records is on disk at once, or when the test says so.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "broker/core/broker.h"
#include "broker/wire/face.h"
#include "tests/wire/amqp/frames.h"
#include "tests/wire/large_bodies.h"

namespace tandem::wire::amqp::test {

class World final : public BrokerPort {
 public:
  World();

  TimestampMs now() const override { return now_ms; }
  BodyHandle stage(std::initializer_list<Bytes> parts) override;
  void stage_large(ConnectionId, std::initializer_list<Bytes> head, Bytes rest, std::function<void(BodyHandle)> done) override {
    large.give(*this, head, rest, std::move(done));
  }
  void submit(const core::Input& input) override;
  std::string random_name(std::size_t size) override;
  std::string_view fact(std::string_view name) const override { return name == "version" ? "0.1.0" : "test"; }

  bool has_users() const override { return login != nullptr; }
  bool holds(ChannelId channel, DeliveryTag tag) const override { return broker_.holds(channel, tag); }
  LoginVerdict log_in(const Login& asked, std::string_view) override {
    return login ? login(asked) : judge_guest(asked);
  }

  /// Everything recorded so far is on disk.
  void persist();
  void tick();

  TimestampMs now_ms = 1'700'000'000'000;
  wire::test::LargeBodies large;
  bool persists_at_once = true;
  bool bodies_are_readable = true;
  LoginVerdict (*login)(const Login&) = nullptr;  // the broker's users; nullptr = it has none

 private:
  friend class Client;
  void route(core::Outputs& outputs);
  void say(const core::Send& send);
  Body body_of(BodyHandle handle, std::uint32_t size_bytes) const;
  Body batches_of(const core::FetchedPartition& fetched) const;

  core::Broker broker_;
  std::map<std::uint64_t, Face*> faces_;
  std::vector<std::shared_ptr<Buffer>> staged_;
  std::map<PartitionId, std::vector<core::Appended>> appended_;  // messages that came into topics
  std::deque<core::Send> waiting_;  // sends are said after handle(), in order, never inside one another
  bool routing_ = false;
  TurnNumber turn_ = 0, persisted_ = 0;
  std::uint64_t next_name_ = 0;
  std::uint64_t next_connection_ = 1;
};

struct ClientOptions {
  std::string user = "guest", password = "guest", vhost = "/", mechanism = "PLAIN";
  bool loopback = true;
  bool capabilities = true;  // all that RabbitMQ's clients announce
  std::uint16_t channel_max = 2047, heartbeat_s = 0;
  std::uint32_t frame_max = 131072;
};

class Client {
 public:
  /// Connects, logs in and opens channel 1. What was said until then is thrown away.
  explicit Client(World& world, const ClientOptions& options = {});
  /// Only the connection: nothing is sent yet.
  struct Silent {};
  Client(World& world, Silent, bool loopback = true);
  ~Client();

  /// Bytes as they come from a socket: what the face leaves is offered again with the next.
  void feed(Bytes bytes);
  void call(std::uint16_t channel, Method method, std::initializer_list<FieldValue> values) {
    feed(method_frame(channel, method, values));
  }
  void open_channel(std::uint16_t channel) { call(channel, Method::channel_open, {}); }

  // The common requests, with their usual flags.
  void declare_queue(std::string_view name, const Table& arguments = {}, std::uint16_t channel = 1);
  void declare_exchange(std::string_view name, std::string_view type, std::uint16_t channel = 1);
  void bind(std::string_view queue, std::string_view exchange, std::string_view key,
            const Table& arguments = {});
  void consume(std::string_view queue, std::string_view tag, bool no_ack = false, std::uint16_t channel = 1);
  void publish(std::string_view exchange, std::string_view key, std::string_view body,
               const Properties& properties = {}, bool mandatory = false, std::uint16_t channel = 1);
  void get(std::string_view queue, bool no_ack = false, std::uint16_t channel = 1) {
    call(channel, Method::basic_get, {queue, no_ack});
  }

  /// Frames said since the last call, one line each.
  std::vector<std::string> heard();
  /// Bytes said since the last call.
  Buffer heard_bytes();
  /// heard(), joined with newlines.
  std::string heard_text();

  Face& face() { return *face_; }
  /// The socket ends without a word.
  void drop();

 private:
  World& world_;
  ConnectionId id_;
  std::unique_ptr<Face> face_;
  Buffer unread_;
};

/// start-ok, tune-ok, open and channel.open of channel 1, with the protocol header in front.
Buffer handshake_bytes(const ClientOptions& options = {});

}  // namespace tandem::wire::amqp::test
