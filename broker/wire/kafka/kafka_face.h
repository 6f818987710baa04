// The Kafka protocol of one connection: frames and request headers. What a request means is its task's
// (tasks.h), in which order responses leave the line's (answer_line.h).
//
// A peer that breaks the protocol so that no response could be understood loses its connection, as with
// Kafka's own broker: a size out of bounds, an unknown key or version, a body that is not what its version
// says.
#pragma once

#include "broker/wire/face.h"
#include "broker/wire/kafka/answer_line.h"
#include "broker/wire/kafka/messages_cluster.h"

namespace tandem::wire::kafka {

struct Api;

class KafkaFace final : public Face {
 public:
  /// Kafka's own broker takes 100 MiB. A request carries record batches of 1 MiB as a rule, and the
  /// connection's buffer holds it whole.
  static constexpr std::uint32_t request_size_max_bytes = 32u << 20;
  /// A connection without requests ends after this, like Kafka's connections.max.idle.ms.
  static constexpr DurationMs idle_max_ms = 600'000;

  explicit KafkaFace(FaceContext context);

  std::size_t receive(Bytes input) override;
  std::size_t input_size_wanted_bytes() const override { return input_size_wanted_bytes_; }
  bool reading() const override;
  bool wants_room() const override { return waits_for_room_ && reading(); }
  void send(const core::Send& send, std::span<const Body> bodies) override;
  void tick(TimestampMs now) override;
  TimestampMs next_due() const override { return closing_ ? never_due : silent_until_; }
  void excuse_silence(TimestampMs now) override { silent_until_ = now + idle_max_ms; }
  /// The protocol has no word for it: a refused append says storage error, which producers try again.
  void publishers_held(bool, std::string_view) override {}
  void shut_down(std::string_view) override { closing_ = true; }
  bool closing() const override { return closing_; }
  std::size_t kept_bytes() const override { return line_.held_size_bytes() + conversation_.judge.kept_bytes(); }

 private:
  static constexpr TimestampMs never_due = std::numeric_limits<TimestampMs>::max();

  std::uint32_t size_max() const;
  bool has_room() const;
  bool must_wait(Bytes request) const;
  bool take_request(Bytes request);
  bool take_raw_token(Bytes token);
  bool begin(const Api& api, const RequestHeader& header, Bytes body);
  bool may_ask(const Api& api) const;
  void introduce();

  Conversation conversation_;
  AnswerLine line_;
  bool introduced_ = false;
  bool waits_for_room_ = false;  // the next request is there and may not begin yet
  bool closing_ = false;
  TimestampMs silent_until_ = 0;
  std::size_t input_size_wanted_bytes_ = 0;
};

}  // namespace tandem::wire::kafka
