// AMQP 0-9-1 by hand: just the methods that a publisher with confirms and a consumer need.
#include <algorithm>
#include <cstdio>
#include <deque>
#include <vector>

#include "bench/measure.h"
#include "bench/peers/load.h"
#include "bench/peers/socket.h"

namespace tandem::bench::peers {
namespace {

constexpr const char* queue = "bench.flow";
constexpr std::uint64_t block_messages = 50;
constexpr std::size_t frame_head_bytes = 7, frame_end_bytes = 1;

enum FrameType : std::uint8_t { method_frame = 1, header_frame = 2, body_frame = 3 };
constexpr std::uint32_t method(std::uint16_t c, std::uint16_t m) { return std::uint32_t{c} << 16 | m; }
constexpr std::uint32_t connection_start = method(10, 10), connection_start_ok = method(10, 11),
                        connection_tune = method(10, 30), connection_tune_ok = method(10, 31),
                        connection_open = method(10, 40), connection_open_ok = method(10, 41),
                        channel_open = method(20, 10), channel_open_ok = method(20, 11),
                        queue_declare = method(50, 10), queue_declare_ok = method(50, 11),
                        basic_qos = method(60, 10), basic_qos_ok = method(60, 11), basic_consume = method(60, 20),
                        basic_consume_ok = method(60, 21), basic_publish = method(60, 40),
                        basic_deliver = method(60, 60), basic_ack = method(60, 80), basic_nack = method(60, 120),
                        confirm_select = method(85, 10), confirm_select_ok = method(85, 11);

void put(std::string& out, std::uint64_t value, int bytes) {
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) out += static_cast<char>(value >> shift);
}
std::string short_text(std::string_view text) {
  return std::string(1, static_cast<char>(text.size())) + std::string(text);
}
std::string long_text(std::string_view text) {
  std::string out;
  put(out, text.size(), 4);
  return out + std::string(text);
}
std::uint64_t number(std::string_view bytes, std::size_t at, std::size_t count) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < count; ++i) value = value << 8 | static_cast<unsigned char>(bytes[at + i]);
  return value;
}

std::string frame(FrameType type, std::uint16_t channel, std::string_view payload) {
  std::string out(1, static_cast<char>(type));
  put(out, channel, 2);
  put(out, payload.size(), 4);
  return out + std::string(payload) + '\xCE';
}
std::string method_bytes(std::uint16_t channel, std::uint32_t id, std::string_view arguments) {
  std::string payload;
  put(payload, id, 4);
  return frame(method_frame, channel, payload + std::string(arguments));
}

class Connection {
 public:
  explicit Connection(std::uint16_t port) : socket_(port) {
    socket_.send(std::string_view("AMQP\0\0\x09\x01", 8));
    expect(connection_start);
    say(0, connection_start_ok,
        long_text("") + short_text("PLAIN") + long_text(std::string_view("\0guest\0guest", 12)) + short_text("en_US"));
    const std::string tune = expect(connection_tune);
    frame_max_bytes_ = number(tune, 2, 4);
    say(0, connection_tune_ok, tune.substr(0, 6) + std::string(2, '\0'));  // no heartbeats
    say(0, connection_open, short_text("/") + std::string(2, '\0'));
    expect(connection_open_ok);
    say(1, channel_open, std::string(1, '\0'));
    expect(channel_open_ok);
  }

  void declare(const std::string& type) {
    std::string arguments;
    if (!type.empty()) arguments = short_text("x-queue-type") + "S" + long_text(type);
    constexpr char durable = 2;
    say(1, queue_declare, std::string(2, '\0') + short_text(queue) + durable + long_text(arguments));
    expect(queue_declare_ok);
  }
  void say(std::uint16_t channel, std::uint32_t id, std::string_view arguments) {
    socket_.send(method_bytes(channel, id, arguments));
  }
  /// Waits for this method and gives its arguments.
  std::string expect(std::uint32_t wanted) {
    for (;;) {
      const auto head = socket_.need(frame_head_bytes);
      const auto size = number(head, 3, 4);
      const auto whole = socket_.need(frame_head_bytes + size + frame_end_bytes);
      const std::string payload(whole.substr(frame_head_bytes, size));
      const bool is_method = whole[0] == method_frame;
      socket_.consume(frame_head_bytes + size + frame_end_bytes);
      if (!is_method) continue;
      if (number(payload, 0, 4) == wanted) return payload.substr(4);
      throw Failure("AMQP: method " + std::to_string(number(payload, 0, 4)) + " instead of " + std::to_string(wanted) +
                    ": " + payload);
    }
  }
  /// Calls `on(type, payload)` for every whole frame that is there.
  template <class On>
  void take_frames(On on) {
    for (auto input = socket_.input(); input.size() >= frame_head_bytes; input = socket_.input()) {
      const auto size = number(input, 3, 4);
      if (input.size() < frame_head_bytes + size + frame_end_bytes) return;
      on(static_cast<FrameType>(input[0]), input.substr(frame_head_bytes, size));
      socket_.consume(frame_head_bytes + size + frame_end_bytes);
    }
  }
  Socket& socket() { return socket_; }

  /// Of a plan's size, to its exchange.
  std::string message(const LoadPlan& plan) const {
    const std::size_t body_size_bytes = plan.body_size_bytes;
    std::string header;
    put(header, 60, 2);
    put(header, 0, 2);
    put(header, body_size_bytes, 8);
    put(header, 0x1000, 2);  // delivery mode, and nothing else
    header += '\x02';
    std::string bytes = method_bytes(1, basic_publish, std::string(2, '\0') + short_text(plan.exchange) +
                                                               short_text(plan.exchange.empty() ? queue : plan.routing_key) +
                                                               '\0');
    bytes += frame(header_frame, 1, header);
    const std::size_t part_max = frame_max_bytes_ - frame_head_bytes - frame_end_bytes;
    for (std::size_t at = 0; at < body_size_bytes; at += part_max)
      bytes += frame(body_frame, 1, std::string(std::min(part_max, body_size_bytes - at), 'b'));
    return bytes;
  }

 private:
  Socket socket_;
  std::size_t frame_max_bytes_ = 0;
};

/// Which publishes are confirmed: singly in any order, or all up to one.
class Confirms {
 public:
  void take(std::string_view ack) {
    const auto tag = number(ack, 0, 8);
    const bool multiple = (ack[8] & 1) != 0;
    if (!multiple) return confirm(tag);
    while (first_ <= tag) pop();
  }
  void posted(std::uint64_t count) { open_.resize(open_.size() + count, true); }
  std::uint64_t unconfirmed() const { return open_.size(); }

 private:
  void confirm(std::uint64_t tag) {
    open_.at(tag - first_) = false;
    while (!open_.empty() && !open_.front()) pop();
  }
  void pop() {
    open_.pop_front();
    ++first_;
  }
  std::deque<bool> open_;
  std::uint64_t first_ = 1;
};

void publish(Flow& flow) {
  Connection connection(flow.plan.port);
  connection.say(1, confirm_select, std::string(1, '\0'));
  connection.expect(confirm_select_ok);
  std::string block;
  for (std::uint64_t i = 0; i < block_messages; ++i) block += connection.message(flow.plan);
  Confirms confirms;
  const auto take_acks = [&](int wait_ms) {
    if (connection.socket().receive(wait_ms))
      connection.take_frames([&](FrameType, std::string_view payload) {
        const auto id = number(payload, 0, 4);
        if (id != basic_ack) throw Failure(id == basic_nack ? "AMQP: nack" : "AMQP: unexpected method " + std::to_string(id));
        confirms.take(payload.substr(4));
      });
  };
  const auto begin = Clock::now();
  while (!flow.failed && seconds_since(begin) < flow.load_s) {
    const bool has_window = confirms.unconfirmed() + block_messages <= flow.plan.window;
    if (has_window && flow.has_room(block_messages)) {
      connection.socket().send(block);
      confirms.posted(block_messages);
      flow.posted += block_messages;
      take_acks(0);
    } else {
      take_acks(1);
    }
  }
  while (!flow.failed && confirms.unconfirmed() > 0) take_acks(20);
  flow.publisher_done = true;
}

void consume(Flow& flow) {
  Connection connection(flow.plan.port);
  std::string qos;
  put(qos, 0, 4);
  put(qos, flow.plan.prefetch, 2);
  connection.say(1, basic_qos, qos + '\0');
  connection.expect(basic_qos_ok);
  connection.say(1, basic_consume, std::string(2, '\0') + short_text(queue) + short_text("") + '\0' + long_text(""));
  connection.expect(basic_consume_ok);
  std::uint64_t delivered = 0, body_left = 0, last_tag = 0;
  while (!flow.failed && !flow.all_is_here()) {
    if (!connection.socket().receive(20)) continue;
    connection.take_frames([&](FrameType type, std::string_view payload) {
      if (type == method_frame && number(payload, 0, 4) == basic_deliver) {
        const auto consumer_tag_size = static_cast<unsigned char>(payload[4]);
        last_tag = number(payload, 5 + consumer_tag_size, 8);
      } else if (type == header_frame) {
        body_left = number(payload, 4, 8);
      } else if (type == body_frame) {
        body_left -= payload.size();
        delivered += body_left == 0;
      }
    });
    const std::uint64_t whole = body_left == 0 ? last_tag : last_tag - 1;
    if (delivered == flow.acked || whole != delivered) continue;
    std::string ack;
    put(ack, whole, 8);
    connection.say(1, basic_ack, ack + '\x01');
    flow.acked = delivered;
  }
  // An answer behind the last ack: the broker has taken it.
  connection.say(1, basic_qos, qos + '\0');
  connection.expect(basic_qos_ok);
}

}  // namespace

LoadResult amqp_load(const LoadPlan& plan) {
  Connection(plan.port).declare(plan.queue_type);
  Flow flow(plan);
  return run_flow(flow, [&] { publish(flow); }, [&] { consume(flow); });
}

LoadResult amqp_confirm_load(const LoadPlan& plan) {
  Connection connection(plan.port);
  connection.declare(plan.queue_type);
  connection.say(1, confirm_select, std::string(1, '\0'));
  connection.expect(confirm_select_ok);
  const std::string message = connection.message(plan);
  std::vector<double> times_us;
  LoadResult result;
  double cpu_before_s = own_cpu_s();
  auto begin = Clock::now();
  const auto run_for = [&](double seconds) {
    for (begin = Clock::now(); seconds_since(begin) < seconds;) {
      const auto sent = Clock::now();
      connection.socket().send(message);
      connection.expect(basic_ack);
      times_us.push_back(seconds_since(sent) * 1e6);
    }
  };
  run_for(plan.warm_up_s);
  std::puts("warm");
  std::fflush(stdout);
  times_us.clear();
  cpu_before_s = own_cpu_s();
  run_for(plan.seconds);
  result.messages = static_cast<double>(times_us.size());
  result.seconds = seconds_since(begin);
  result.client_cpu_s = own_cpu_s() - cpu_before_s;
  std::sort(times_us.begin(), times_us.end());
  result.confirm_p50_us = times_us.at(times_us.size() / 2);
  result.confirm_p99_us = times_us.at(times_us.size() * 99 / 100);
  return result;
}

}  // namespace tandem::bench::peers
