// One AMQP 0-9-1 connection as RabbitMQ's clients know it: the protocol header, the handshake, heartbeats,
// closing in both directions, and the channels. Bytes come in through receive() and go out through the
// outbox; what a channel does is channel.h's matter.
//
// Life: header → starting → tuning → opening → running → (closing: our connection.close waits for its answer)
// → closed.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "broker/wire/amqp/channel.h"
#include "broker/wire/amqp/frame.h"
#include "broker/wire/amqp/link.h"
#include "broker/wire/face.h"

namespace tandem::wire::amqp {

/// What is offered in connection.tune; a client may ask for less.
inline constexpr std::uint16_t channel_count_max = limits::channels_per_connection_max;
inline constexpr std::uint32_t frame_size_offered_bytes = 131'072;
inline constexpr std::uint32_t frame_size_least_bytes = 4'096;  // AMQP's own minimum
inline constexpr std::uint16_t heartbeat_offered_s = 60;
/// How long the peer may take to answer our connection.close.
inline constexpr DurationMs close_answer_max_ms = 5'000;

class AmqpFace final : public Face {
 public:
  explicit AmqpFace(FaceContext context);

  std::size_t receive(Bytes input) override;
  bool reading() const override { return !link_.stages_large; }
  std::size_t input_size_wanted_bytes() const override { return wanted_size_bytes_; }
  void send(const core::Send& send, std::span<const Body> bodies) override;
  /// Says the confirms of this turn of the loop, and what streams have.
  void flush() override;
  bool wants_room() const override { return wants_room_; }
  void tick(TimestampMs now) override;
  TimestampMs next_due() const override;
  void excuse_silence(TimestampMs now) override { last_received_ = now; }
  void publishers_held(bool held, std::string_view reason) override;
  void shut_down(std::string_view reason) override;
  void log_out(std::string_view reason) override;
  bool closing() const override { return state_ == State::closed; }
  std::size_t kept_bytes() const override { return link_.kept_bytes(); }

 private:
  enum class State : std::uint8_t { header, starting, tuning, opening, running, closing, closed };

  // frames (amqp_face.cpp)
  std::size_t take_frame(Bytes input);
  void take_whole_frame(const Frame& frame);
  void take_connection_frame(const Frame& frame);
  void take_frame_while_closing(const Frame& frame);
  void take_channel_frame(const Frame& frame);
  void take_channel_method(Channel& channel, const Frame& frame);
  void take_method_of_closing_channel(Channel& channel, const Frame& frame);
  void open_channel(const Frame& frame);
  void close_channel(Channel& channel, std::uint16_t number);
  std::size_t take_acks(const Frame& first, Bytes input);
  std::size_t take_publishes(const Frame& first, Bytes input);
  bool is_ack_run(const Frame& frame) const;
  std::size_t payload_size_max_bytes() const;

  // handshake and connection methods (handshake.cpp)
  std::size_t take_protocol_header(Bytes input);
  void say_start();
  void take_connection_method(const MethodView& method);
  void start_ok(const MethodView& method);
  void tune_ok(const MethodView& method);
  void open(const MethodView& method);
  void take_close();
  Verdict log_in(const MethodView& method);
  void read_client_properties(const MethodView& method);

  // faults and endings
  std::optional<MethodView> read_method(const Frame& frame);
  void judge(Channel& channel, const Verdict& verdict);
  void fail(const Fault& fault);
  /// After bytes that cannot be told apart any more: says why, and listens no longer.
  void fail_deaf(const Fault& fault);
  void end_session();
  void say_blocked();
  void feed_streams();
  Channel* find_channel(std::uint16_t number);
  TimestampMs silence_due() const;

  FaceContext context_;
  Link link_;
  State state_ = State::header;
  bool deaf_ = false;
  bool permitted_ = false;  // the user that logged in may use the virtual host
  bool opened_ = false;  // the core knows the connection
  bool blocked_said_ = false;
  bool streams_exist_ = false, wants_room_ = false;  // of its channels
  std::string held_reason_;  // publishers are held back; empty = they are not
  std::string connection_name_;
  std::size_t wanted_size_bytes_;
  std::uint16_t channel_max_ = channel_count_max;
  DurationMs heartbeat_ms_ = 0;  // 0 = none
  TimestampMs last_received_;
  TimestampMs state_due_;  // end of the handshake, or of closing
  TimestampMs heartbeat_due_ = std::numeric_limits<TimestampMs>::max();

  std::map<std::uint16_t, std::unique_ptr<Channel>> channels_;
  std::uint16_t last_number_ = 0;
  std::vector<std::uint16_t> with_confirms_;  // channels that gathered confirms to say
  Channel* last_channel_ = nullptr;  // of last_number_; most frames come in runs
};

}  // namespace tandem::wire::amqp
