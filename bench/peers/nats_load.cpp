// NATS JetStream by hand: its text protocol and three requests of its API.
#include "bench/measure.h"
#include "bench/peers/load.h"
#include "bench/peers/socket.h"

namespace tandem::bench::peers {
namespace {

constexpr const char* stream = "FLOW";
constexpr const char* subject = "flow.in";
constexpr std::uint64_t block_messages = 50;

struct Message {
  std::string_view subject, reply, payload;
};

class Connection {
 public:
  explicit Connection(std::uint16_t port) : socket_(port) {
    socket_.line();  // INFO
    socket_.send("CONNECT {\"verbose\":false,\"pedantic\":false,\"headers\":true,\"no_responders\":true}\r\nPING\r\n");
    while (socket_.line() != "PONG") {
    }
  }
  /// One answer to one request of the API.
  std::string ask(const std::string& api, const std::string& json) {
    socket_.send("SUB _ask.1 1\r\nPUB $JS.API." + api + " _ask.1 " + std::to_string(json.size()) + "\r\n" + json + "\r\n");
    std::string answer;
    while (answer.empty()) {
      socket_.receive(20);
      take([&](const Message& message) { answer = message.payload; });
    }
    if (answer.find("\"error\"") != std::string::npos) throw Failure("NATS: " + answer);
    return answer;
  }
  /// Calls `on` for every whole message that is there; answers pings.
  template <class On>
  void take(On on) {
    for (;;) {
      const std::string_view input = socket_.input();
      const auto end = input.find("\r\n");
      if (end == std::string_view::npos) return;
      const std::string_view line = input.substr(0, end);
      if (!line.starts_with("MSG ") && !line.starts_with("HMSG ")) {
        const bool is_ping = line == "PING";
        if (line.starts_with("-ERR")) throw Failure("NATS: " + std::string(line));
        socket_.consume(end + 2);
        if (is_ping) socket_.send("PONG\r\n");
        continue;
      }
      std::string_view words[6];
      std::size_t count = 0;
      for (std::string_view rest = line; !rest.empty() && count < 6;) {
        const auto space = rest.find(' ');
        words[count++] = rest.substr(0, space);
        rest = space == std::string_view::npos ? std::string_view() : rest.substr(space + 1);
      }
      const std::size_t size = std::stoul(std::string(words[count - 1]));
      if (input.size() < end + 2 + size + 2) return;
      const bool has_headers = line[0] == 'H';
      const std::string_view reply = count == (has_headers ? 6u : 5u) ? words[3] : std::string_view();
      on(Message{words[1], reply, input.substr(end + 2, size)});
      socket_.consume(end + 2 + size + 2);
    }
  }
  Socket& socket() { return socket_; }

 private:
  Socket socket_;
};

void publish(Flow& flow) {
  Connection connection(flow.plan.port);
  connection.socket().send("SUB _confirm 1\r\n");
  const std::string one = "PUB " + std::string(subject) + " _confirm " + std::to_string(flow.plan.body_size_bytes) +
                          "\r\n" + std::string(flow.plan.body_size_bytes, 'b') + "\r\n";
  std::string block;
  for (std::uint64_t i = 0; i < block_messages; ++i) block += one;
  std::uint64_t confirmed = 0;
  const auto take_confirms = [&](int wait_ms) {
    if (connection.socket().receive(wait_ms))
      connection.take([&](const Message& message) {
        if (message.payload.find("\"error\"") != std::string_view::npos) throw Failure("NATS: " + std::string(message.payload));
        ++confirmed;
      });
  };
  const auto begin = Clock::now();
  while (!flow.failed && seconds_since(begin) < flow.load_s) {
    if (flow.posted + block_messages <= confirmed + flow.plan.window && flow.has_room(block_messages)) {
      connection.socket().send(block);
      flow.posted += block_messages;
      take_confirms(0);
    } else {
      take_confirms(1);
    }
  }
  while (!flow.failed && confirmed < flow.posted) take_confirms(20);
  flow.publisher_done = true;
}

void consume(Flow& flow) {
  Connection connection(flow.plan.port);
  connection.ask(std::string("CONSUMER.DURABLE.CREATE.") + stream + ".work",
                 "{\"stream_name\":\"FLOW\",\"config\":{\"durable_name\":\"work\",\"deliver_subject\":\"_deliver\",\"ack_policy\":"
                 "\"explicit\",\"deliver_policy\":\"all\",\"max_ack_pending\":" +
                     std::to_string(flow.plan.prefetch) + "}}");
  connection.socket().send("SUB _deliver 2\r\n");
  std::uint64_t delivered = 0;
  while (!flow.failed && !flow.all_is_here()) {
    if (!connection.socket().receive(20)) continue;
    std::string acks;  // a work queue takes one for each message
    connection.take([&](const Message& message) {
      if (message.reply.empty()) return;
      ++delivered;
      acks.append("PUB ").append(message.reply).append(" 4\r\n+ACK\r\n");
    });
    if (acks.empty()) continue;
    connection.socket().send(acks);
    flow.acked = delivered;
  }
}

/// Reads along, without acks.
void tail(Flow& flow) {
  Connection connection(flow.plan.port);
  connection.ask(std::string("CONSUMER.CREATE.") + stream,
                 "{\"stream_name\":\"FLOW\",\"config\":{\"deliver_subject\":\"_deliver\",\"ack_policy\":\"none\","
                 "\"deliver_policy\":\"all\"}}");
  connection.socket().send("SUB _deliver 2\r\n");  // now: before, records could come beside the answer
  std::uint64_t read = 0;
  while (!flow.failed && !flow.all_is_here()) {
    if (!connection.socket().receive(20)) continue;
    connection.take([&](const Message& message) { read += !message.reply.empty(); });
    flow.acked = read;
  }
}

void create_stream(std::uint16_t port, const std::string& retention) {
  Connection(port).ask(std::string("STREAM.CREATE.") + stream,
                       "{\"name\":\"FLOW\",\"subjects\":[\"flow.in\"],\"retention\":\"" + retention +
                           "\",\"storage\":\"file\",\"num_replicas\":1,\"max_msgs\":-1,\"max_bytes\":-1,\"max_age\":0}");
}

}  // namespace

LoadResult nats_load(const LoadPlan& plan) {
  create_stream(plan.port, "workqueue");
  Flow flow(plan);
  return run_flow(flow, [&] { publish(flow); }, [&] { consume(flow); });
}

LoadResult nats_topic_load(const LoadPlan& plan) {
  create_stream(plan.port, "limits");
  Flow flow(plan);
  return run_flow(flow, [&] { publish(flow); }, [&] { tail(flow); });
}

}  // namespace tandem::bench::peers
