// A face that speaks lines of text, for tests of the loop with the real core:
//   declare QUEUE | apart | toil | publish QUEUE BODY | large QUEUE BODY | mandatory QUEUE BODY | subscribe QUEUE | ack TAG | quit
// and says: ok | refused | confirmed FIRST-LAST | returned BODY | deliver TAG BODY | held | released | bye
// REASON
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "broker/wire/face.h"

namespace tandem::server {

class LineFace final : public wire::Face {
 public:
  explicit LineFace(wire::FaceContext context) : port_(*context.port), who_{{context.connection, 1}, 0} {
    port_.submit(core::ConnectionOpened{context.connection, "guest", "test", "lines"});
  }
  static std::unique_ptr<wire::Face> make(wire::FaceContext context) {
    return std::make_unique<LineFace>(std::move(context));
  }

  std::size_t receive(Bytes input) override {
    std::size_t consumed = 0;
    for (std::string_view text = text_of(input); !closing_ && !thinking_;) {
      const auto end = text.find('\n');
      if (end == std::string_view::npos) break;
      obey(std::string(text.substr(0, end)));
      text.remove_prefix(end + 1);
      consumed = input.size() - text.size();
      if (!port_.may_go_on()) break;
    }
    return consumed;
  }
  std::size_t input_size_wanted_bytes() const override { return 1; }

  void send(const core::Send& send, std::span<const wire::Body> bodies) override {
    if (std::holds_alternative<core::Ok>(send) || std::holds_alternative<core::QueueOk>(send)) say("ok");
    if (core::holds_alternative<core::Refused>(send)) say("refused");
    if (const auto* c = std::get_if<core::Confirmed>(&send))
      say((c->nack ? "nacked " : "confirmed ") + std::to_string(c->first) + "-" + std::to_string(c->last));
    if (std::holds_alternative<core::Returned>(send)) say("returned " + body_of(bodies));
    if (const auto* d = std::get_if<core::Deliver>(&send)) {
      outbox_.write(bytes_of("deliver " + std::to_string(d->tag) + " "));
      const std::string body = body_of(bodies);
      const auto parts = parse_message(bodies.empty() ? Bytes{} : bodies[0].bytes);
      if (parts && bodies[0].error == ErrorCode::none)
        outbox_.write_owned(parts->body, bodies[0].owner);
      else
        outbox_.write(bytes_of(body));
      outbox_.write(bytes_of("\n"));
    }
  }
  bool reading() const override { return !thinking_; }
  inline static std::function<void()> apart;  // what another thread does when a client says so
  void tick(TimestampMs) override {}
  void excuse_silence(TimestampMs) override { ++excuses; }
  inline static int excuses = 0;  // of all faces
  inline static std::vector<ConnectionId> toils;  // whose were done
  void publishers_held(bool held, std::string_view) override { say(held ? "held" : "released"); }
  void shut_down(std::string_view reason) override {
    say("bye " + std::string(reason));
    closing_ = true;
  }
  bool closing() const override { return closing_; }

 private:
  static std::string body_of(std::span<const wire::Body> bodies) {
    if (bodies.size() != 1) return "(no body)";
    if (bodies[0].error != ErrorCode::none) return "(unreadable)";
    const auto parts = parse_message(bodies[0].bytes);
    return parts ? std::string(text_of(parts->body)) : std::string(text_of(bodies[0].bytes));
  }
  void say(const std::string& line) {
    outbox_.write(bytes_of(line));
    outbox_.write(bytes_of("\n"));
  }
  void obey(const std::string& line) {
    std::istringstream words(line);
    std::string verb, queue, body;
    words >> verb >> queue >> body;
    if (verb == "declare") declare(queue);
    if (verb == "apart") think_apart();
    if (verb == "toil") toil();
    if (verb == "publish") publish(queue, body, false);
    if (verb == "large") publish_large(queue, body);
    if (verb == "mandatory") publish(queue, body, true);
    if (verb == "subscribe") subscribe(queue);
    if (verb == "ack") ack(std::stoull(queue));
    if (verb == "quit") shut_down("as you wish");
  }
  void think_apart() {
    thinking_ = true;
    port_.do_apart(who_.channel.connection, [] { apart(); }, [this] {
      thinking_ = false;
      say("thought");
    });
  }
  /// Takes longer than a connection's share of a turn.
  void toil() {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    toils.push_back(who_.channel.connection);
  }
  void declare(const std::string& queue) {
    core::DeclareQueue input;
    input.who = who_;
    input.name = queue;
    port_.submit(input);
  }
  void subscribe(const std::string& queue) {
    core::Subscribe input;
    input.who = who_;
    input.consumer = ++consumers_;
    input.queue = queue;
    port_.submit(input);
  }
  void ack(DeliveryTag tag) {
    core::Settle input;
    input.who = who_;
    input.first = input.last = tag;
    port_.submit(input);
  }
  void publish(const std::string& queue, const std::string& body, bool mandatory) {
    const std::vector<std::byte> message = message_of(queue, body);
    submit(queue, body, mandatory, message, port_.stage({message}));
  }
  void publish_large(const std::string& queue, const std::string& body) {
    thinking_ = true;
    lent_ = message_of(queue, body);
    port_.stage_large(who_.channel.connection, {Bytes(lent_).first(3)}, Bytes(lent_).subspan(3), [this, queue, body](BodyHandle staged) {
      thinking_ = false;
      submit(queue, body, false, lent_, staged);
    });
  }
  static std::vector<std::byte> message_of(const std::string& queue, const std::string& body) {
    std::vector<std::byte> message;
    append_message(message, {"", queue, persistent(), bytes_of(body)});
    return message;
  }
  static std::vector<std::byte> persistent() {
    Properties properties;
    properties.delivery_mode = 2;
    std::vector<std::byte> encoded;
    append_properties(encoded, properties);
    return encoded;
  }
  void submit(const std::string& queue, const std::string& body, bool mandatory, Bytes message, BodyHandle staged) {
    const std::vector<std::byte> properties = persistent();
    core::Publish input;
    input.who = who_;
    input.confirm_seq = ++published_;
    input.mandatory = mandatory;
    input.message = {.body = staged,
                     .size_bytes = static_cast<std::uint32_t>(message.size()),
                     .body_size_bytes = static_cast<std::uint32_t>(body.size()),
                     .exchange = "",
                     .routing_key = queue,
                     .properties = *glance_properties(properties)};
    port_.submit(input);
  }

  wire::BrokerPort& port_;
  core::Caller who_;
  std::uint64_t published_ = 0, consumers_ = 0;
  std::vector<std::byte> lent_;  // to the store
  bool closing_ = false, thinking_ = false;
};

}  // namespace tandem::server
