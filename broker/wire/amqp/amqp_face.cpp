#include "broker/wire/amqp/amqp_face.h"

#include <algorithm>

#include "schemas/byte_order.h"

namespace tandem::wire::amqp {
namespace {

/// What comes in one frame lies in the input, and not in its channel's assembly (Channel::stage_large).
static_assert(limits::large_message_min_bytes > frame_size_offered_bytes);

constexpr TimestampMs never = std::numeric_limits<TimestampMs>::max();
/// basic.ack of one delivery: class and method, tag, bits.
constexpr std::size_t ack_payload_size_bytes = 13;

bool is_known_type(std::uint8_t type) {
  return type == static_cast<std::uint8_t>(FrameType::method) ||
         type == static_cast<std::uint8_t>(FrameType::header) ||
         type == static_cast<std::uint8_t>(FrameType::body) ||
         type == static_cast<std::uint8_t>(FrameType::heartbeat);
}

bool is(const Frame& frame, FrameType type) {
  return frame.type == static_cast<std::uint8_t>(type);
}

/// none when the payload is too short to name one.
Method method_of(const Frame& frame) {
  if (!is(frame, FrameType::method) || frame.payload.size() < sizeof(std::uint32_t)) return Method::none;
  return static_cast<Method>(load_big<std::uint32_t>(frame.payload.data()));
}

bool is_single_ack(const Frame& frame) {
  return method_of(frame) == Method::basic_ack && frame.payload.size() == ack_payload_size_bytes &&
         frame.payload.back() == std::byte{0};
}

DeliveryTag ack_tag(const Frame& frame) {
  return load_big<std::uint64_t>(frame.payload.data() + 4);
}

std::string described(const Frame& frame) {
  return "type " + std::to_string(int{frame.type}) + ", " + payload_snippet(frame.payload);
}

Fault frame_error(const Frame& frame, std::string_view why) {
  return {ReplyCode::frame_error, described(frame) + ": " + std::string(why), Method::none};
}

Fault unexpected_frame(const Frame& frame) {
  return {ReplyCode::unexpected_frame, described(frame), Method::none};
}

constexpr std::string_view no_method_frame = "expected method frame, got non method frame instead";

template <class S>
ChannelId channel_of(const S& send) {
  if constexpr (requires { send.who; }) {
    return send.who.channel;
  } else {
    return send.channel;
  }
}

}  // namespace

AmqpFace::AmqpFace(FaceContext context)
    : context_(std::move(context)),
      link_(context_.connection, *context_.port, outbox_),
      wanted_size_bytes_(8),
      last_received_(context_.port->now()),
      state_due_(last_received_ + limits::handshake_timeout_ms) {
  link_.frame_size_max_bytes = frame_size_least_bytes;
}

// --- frames
// ----------------------------------------------------------------------------------------------------------

std::size_t AmqpFace::receive(Bytes input) {
  last_received_ = link_.port().now();
  std::size_t used = 0;
  while (!closing() && used < input.size() && reading()) {
    const Bytes rest = input.subspan(used);
    if (deaf_) return input.size();
    const std::size_t step = state_ == State::header ? take_protocol_header(rest) : take_frame(rest);
    if (step == 0) break;
    used += step;
    if (!link_.port().may_go_on()) break;
  }
  return used;
}

/// RabbitMQ lets a frame be eight octets larger than agreed, and clients have come to need it.
std::size_t AmqpFace::payload_size_max_bytes() const {
  const bool trusted = state_ > State::tuning;
  return trusted ? link_.frame_size_max_bytes : limits::handshake_input_max_bytes - frame_overhead_bytes;
}

std::size_t AmqpFace::take_frame(Bytes input) {
  Frame frame;
  std::size_t size = 0;
  switch (judge_frame(input, payload_size_max_bytes(), frame, size)) {
    case FrameJudgement::incomplete:
      wanted_size_bytes_ = size;
      return 0;
    case FrameJudgement::too_large:
      fail_deaf(frame_error(frame, "{frame_too_large," + std::to_string(size) + "," +
                                       std::to_string(payload_size_max_bytes() - frame_overhead_bytes) +
                                       "}"));
      return input.size();
    case FrameJudgement::bad_end: {
      const auto end = std::to_integer<int>(input[frame_header_size_bytes + frame.payload.size()]);
      fail_deaf(frame_error(frame, "{invalid_frame_end_marker," + std::to_string(end) + "}"));
      return input.size();
    }
    case FrameJudgement::whole:
      break;
  }
  wanted_size_bytes_ = frame_header_size_bytes;
  if (is_ack_run(frame)) return take_acks(frame, input);
  if (const std::size_t used = take_publishes(frame, input)) return used;
  take_whole_frame(frame);
  return frame.size_bytes();
}

void AmqpFace::take_whole_frame(const Frame& frame) {
  if (state_ == State::closing) return take_frame_while_closing(frame);
  if (!is_known_type(frame.type)) return fail_deaf(frame_error(frame, "unknown_frame"));
  if (frame.channel == 0) return take_connection_frame(frame);
  if (state_ != State::running || is(frame, FrameType::heartbeat)) return fail(unexpected_frame(frame));
  take_channel_frame(frame);
}

void AmqpFace::take_frame_while_closing(const Frame& frame) {
  if (frame.channel != 0) return;
  if (method_of(frame) == Method::connection_close) link_.write(0, Method::connection_close_ok, {});
  if (method_of(frame) == Method::connection_close || method_of(frame) == Method::connection_close_ok)
    state_ = State::closed;
}

void AmqpFace::take_connection_frame(const Frame& frame) {
  if (is(frame, FrameType::heartbeat)) return;
  if (!is(frame, FrameType::method)) return fail(unexpected_frame(frame));
  if (const auto method = read_method(frame)) take_connection_method(*method);
}

void AmqpFace::take_channel_frame(const Frame& frame) {
  Channel* channel = find_channel(frame.channel);
  if (channel == nullptr) return open_channel(frame);
  if (channel->closing()) return take_method_of_closing_channel(*channel, frame);
  if (is(frame, FrameType::header)) return judge(*channel, channel->take_header(frame.payload));
  if (is(frame, FrameType::body)) return judge(*channel, channel->take_body(frame.payload));
  take_channel_method(*channel, frame);
}

void AmqpFace::take_channel_method(Channel& channel, const Frame& frame) {
  if (channel.in_content()) return fail(channel.interrupted());
  if (method_of(frame) == Method::basic_publish) {
    judge(channel, channel.take_publish(frame.payload.subspan(4)));
    return held_reason_.empty() ? void() : say_blocked();
  }
  const auto method = read_method(frame);
  if (!method) return;
  if (method->method() == Method::channel_close) return close_channel(channel, frame.channel);
  judge(channel, channel.take_method(*method));
}

/// After our channel.close: the peer's may have crossed it.
void AmqpFace::take_method_of_closing_channel(Channel& channel, const Frame& frame) {
  if (method_of(frame) == Method::channel_close) link_.write(frame.channel, Method::channel_close_ok, {});
  if (method_of(frame) != Method::channel_close_ok) return;
  if (last_channel_ == &channel) last_channel_ = nullptr;
  channels_.erase(frame.channel);
}

void AmqpFace::open_channel(const Frame& frame) {
  if (!is(frame, FrameType::method))
    return fail({ReplyCode::unexpected_frame, std::string(no_method_frame), Method::none});
  const auto method = read_method(frame);
  if (!method) return;
  if (method->method() != Method::channel_open)
    return fail({ReplyCode::channel_error, "expected 'channel.open'", method->method()});
  if (channels_.size() >= channel_max_)
    return fail({ReplyCode::not_allowed,
                 "number of channels opened (" + std::to_string(channels_.size()) +
                     ") has reached the negotiated channel_max (" + std::to_string(channel_max_) + ")",
                 Method::none});
  channels_.emplace(frame.channel, std::make_unique<Channel>(link_, frame.channel));
  link_.write(frame.channel, Method::channel_open_ok, {});
}

void AmqpFace::close_channel(Channel& channel, std::uint16_t number) {
  channel.say_confirms();
  channel.end();
  if (state_ != State::running) return;  // something that was said just now has closed the connection
  if (last_channel_ == &channel) last_channel_ = nullptr;
  channels_.erase(number);
  link_.write(number, Method::channel_close_ok, {});
}

// --- acks in a row
// ---------------------------------------------------------------------------------------------------

bool AmqpFace::is_ack_run(const Frame& frame) const {
  return state_ == State::running && frame.channel != 0 && is_single_ack(frame);
}

/// Consumers ack one by one; a row of acks that are all in the input becomes one settlement.
std::size_t AmqpFace::take_acks(const Frame& first, Bytes input) {
  Channel* channel = find_channel(first.channel);
  if (channel == nullptr || channel->closing() || channel->in_content()) {
    take_whole_frame(first);
    return first.size_bytes();
  }
  const DeliveryTag first_tag = ack_tag(first);
  DeliveryTag last_tag = first_tag;
  std::size_t used = first.size_bytes();
  for (Frame next; channel->may_join_acks(last_tag + 1);) {
    std::size_t unused = 0;
    const auto judgement = judge_frame(input.subspan(used), ack_payload_size_bytes, next, unused);
    if (judgement != FrameJudgement::whole || next.channel != first.channel) break;
    if (!is_single_ack(next) || ack_tag(next) != last_tag + 1) break;
    ++last_tag;
    used += next.size_bytes();
  }
  judge(*channel, channel->take_acks(first_tag, last_tag));
  return used;
}

// --- messages in a row
// -----------------------------------------------------------------------------------------------

/// Messages that are all in the input become one publish of many. 0: frame by frame, as everything else.
std::size_t AmqpFace::take_publishes(const Frame& first, Bytes input) {
  if (state_ != State::running || first.channel == 0 || method_of(first) != Method::basic_publish) return 0;
  Channel* channel = find_channel(first.channel);
  if (channel == nullptr || channel->closing() || channel->in_content() || !held_reason_.empty()) return 0;
  return channel->take_publishes(input, payload_size_max_bytes());
}

// --- faults and endings
// ------------------------------------------------------------------------------------------------

std::optional<MethodView> AmqpFace::read_method(const Frame& frame) {
  const Method number = method_of(frame);
  if (number == Method::none) {
    fail(frame_error(frame, "unknown_frame"));
    return std::nullopt;
  }
  const MethodInfo* info = find_method(number);
  if (info == nullptr) {
    fail({ReplyCode::command_invalid,
          "unknown method " + std::to_string(class_of(number)) + "." + std::to_string(id_of(number)),
          number});
    return std::nullopt;
  }
  auto method = decode_method(*info, frame.payload.subspan(sizeof(std::uint32_t)));
  if (!method) fail({ReplyCode::syntax_error, "malformed fields of " + std::string(info->name), number});
  return method;
}

void AmqpFace::judge(Channel& channel, const Verdict& verdict) {
  if (!verdict || state_ != State::running || channel.closing()) return;
  if (closes_channel_only(verdict->code)) {
    channel.close_for(*verdict);
  } else {
    fail(*verdict);
  }
}

void AmqpFace::fail(const Fault& fault) {
  if (state_ >= State::closing) return;
  // Who is not let in may answer, too: some clients say that the connection broke when their close-ok finds it gone, and
  // not that their password is wrong. It gets no more time than it had to log in.
  if (state_ > State::starting) state_due_ = link_.port().now() + close_answer_max_ms;
  state_ = State::closing;
  link_.write(0, Method::connection_close,
              {static_cast<std::uint16_t>(fault.code), reply_text(fault), class_of(fault.method),
               id_of(fault.method)});
  end_session();
}

void AmqpFace::fail_deaf(const Fault& fault) {
  const bool trusted = state_ > State::starting;
  fail(fault);
  deaf_ = true;
  if (!trusted) state_ = State::closed;  // its answer would not be heard
}

void AmqpFace::end_session() {
  if (!opened_) return;
  opened_ = false;
  link_.ended = true;
  link_.port().submit(core::ConnectionClosed{context_.connection});
}

void AmqpFace::shut_down(std::string_view reason) {
  log_out("broker forced connection closure with reason '" + std::string(reason) + "'");
}

void AmqpFace::log_out(std::string_view reason) {
  if (state_ >= State::opening && state_ < State::closing)
    fail({ReplyCode::connection_forced, std::string(reason), Method::none});
  state_ = State::closed;
}

Channel* AmqpFace::find_channel(std::uint16_t number) {
  if (last_channel_ != nullptr && last_number_ == number) return last_channel_;
  const auto found = channels_.find(number);
  if (found == channels_.end()) return nullptr;
  last_number_ = number;
  return last_channel_ = found->second.get();
}

// --- sends
// -------------------------------------------------------------------------------------------------------------

void AmqpFace::send(const core::Send& send, std::span<const Body> bodies) {
  if (state_ != State::running) return;
  core::visit(
      [&]<class S>(const S& said) {
        constexpr bool plain = requires(Channel & c) {
          c.take(said);
        };
        constexpr bool with_body = requires(Channel & c, const Body& b) {
          c.take(said, b);
        };
        if constexpr (plain || with_body) {
          Channel* channel = find_channel(channel_of(said).number);
          if (channel == nullptr || channel->closing()) return;
          if constexpr (plain) judge(*channel, channel->take(said));
          if constexpr (std::is_same_v<S, core::Confirmed>) with_confirms_.push_back(said.channel.number);
          if constexpr (with_body)
            if (!bodies.empty()) judge(*channel, channel->take(said, bodies.front()));
          if constexpr (std::is_same_v<S, core::OffsetListed>) streams_exist_ = true;
        }
      },
      send);
}

void AmqpFace::flush() {
  for (const std::uint16_t number : with_confirms_) {
    Channel* channel = find_channel(number);
    if (channel != nullptr && !channel->closing()) channel->say_confirms();
  }
  with_confirms_.clear();
  if (streams_exist_) feed_streams();
}

void AmqpFace::feed_streams() {
  wants_room_ = streams_exist_ = false;
  for (auto& [number, channel] : channels_) {
    if (state_ != State::running) return;
    if (channel->closing() || !channel->has_streams()) continue;
    judge(*channel, channel->feed_streams());
    streams_exist_ = true;
    wants_room_ = wants_room_ || channel->wants_room();
  }
}

void AmqpFace::publishers_held(bool held, std::string_view reason) {
  held_reason_ = held ? std::string(reason) : std::string();
  if (held) return say_blocked();
  if (!blocked_said_) return;
  blocked_said_ = false;
  if (state_ == State::running) link_.write(0, Method::connection_unblocked, {});
}

/// Only those who publish are told, once, and only if they understand it.
void AmqpFace::say_blocked() {
  if (state_ != State::running || blocked_said_ || !link_.publishes || !link_.capabilities.connection_blocked)
    return;
  blocked_said_ = true;
  link_.write(0, Method::connection_blocked, {held_reason_});
}

// --- time
// --------------------------------------------------------------------------------------------------------------

TimestampMs AmqpFace::silence_due() const {
  return heartbeat_ms_ == 0 ? never : last_received_ + 2 * heartbeat_ms_;
}

TimestampMs AmqpFace::next_due() const {
  if (state_ == State::closed) return never;
  if (state_ != State::running) return state_due_;
  return std::min(heartbeat_due_, silence_due());
}

void AmqpFace::tick(TimestampMs now) {
  if (state_ == State::closed) return;
  if (!reading()) last_received_ = now;
  const TimestampMs ends_at = state_ == State::running ? silence_due() : state_due_;
  if (now >= ends_at) {
    end_session();
    state_ = State::closed;
    return;
  }
  if (state_ != State::running || now < heartbeat_due_) return;
  heartbeat_due_ = now + heartbeat_ms_ / 2;
  if (!outbox_.empty()) return;  // what is on its way says as much
  constexpr std::byte heartbeat[] = {std::byte{8}, std::byte{0}, std::byte{0}, std::byte{0},
                                     std::byte{0}, std::byte{0}, std::byte{0}, frame_end};
  outbox_.write(heartbeat);
}

}  // namespace tandem::wire::amqp

namespace tandem::wire {

std::unique_ptr<Face> make_amqp_face(FaceContext context) {
  return std::make_unique<amqp::AmqpFace>(std::move(context));
}

}  // namespace tandem::wire
