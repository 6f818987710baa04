// Redis streams: XADD in pipelines; a group that reads and acks.
#include "bench/measure.h"
#include "bench/peers/load.h"
#include "bench/peers/socket.h"

namespace tandem::bench::peers {
namespace {

constexpr std::uint64_t block_messages = 128;

std::string command(const std::vector<std::string>& words) {
  std::string out = "*" + std::to_string(words.size()) + "\r\n";
  for (const auto& word : words) out += "$" + std::to_string(word.size()) + "\r\n" + word + "\r\n";
  return out;
}

/// Reads one reply and calls `on(text)` for every bulk string in it, however deep.
template <class On>
void read_reply(Socket& socket, On on) {
  const std::string head = socket.line();
  if (head[0] == '-') throw Failure("Redis: " + head);
  if (head[0] == '$' && head != "$-1") {
    const std::size_t size = std::stoul(head.substr(1));
    on(socket.need(size + 2).substr(0, size));
    socket.consume(size + 2);
  }
  if (head[0] == '*' && head != "*-1")
    for (std::size_t left = std::stoul(head.substr(1)); left > 0; --left) read_reply(socket, on);
}

void publish(Flow& flow) {
  Socket socket(flow.plan.port);
  const std::string one = command({"XADD", "flow", "*", "b", std::string(flow.plan.body_size_bytes, 'b')});
  std::string block;
  for (std::uint64_t i = 0; i < block_messages; ++i) block += one;
  std::uint64_t confirmed = 0;
  const auto take_confirms = [&] {
    for (std::uint64_t i = 0; i < block_messages; ++i) read_reply(socket, [](std::string_view) {});
    confirmed += block_messages;
  };
  const auto begin = Clock::now();
  while (!flow.failed && seconds_since(begin) < flow.load_s) {
    if (flow.posted - confirmed >= 8 * block_messages) take_confirms();
    if (!flow.has_room(block_messages)) {
      if (confirmed < flow.posted) take_confirms();
      continue;
    }
    socket.send(block);
    flow.posted += block_messages;
  }
  while (!flow.failed && confirmed < flow.posted) take_confirms();
  flow.publisher_done = true;
}

/// Each id that was read is acked and deleted, as a queue does it.
void consume(Flow& flow) {
  Socket socket(flow.plan.port);
  const std::string read = command({"XREADGROUP", "GROUP", "work", "one", "COUNT", "1000", "STREAMS", "flow", ">"});
  while (!flow.failed && !flow.all_is_here()) {
    std::vector<std::string> ids;
    std::size_t texts = 0;
    socket.send(read);
    // stream name, then per entry: id, field, value
    read_reply(socket, [&](std::string_view text) {
      if (texts++ % 3 == 1) ids.emplace_back(text);
    });
    if (ids.empty()) continue;
    std::vector<std::string> ack{"XACK", "flow", "work"}, del{"XDEL", "flow"};
    ack.insert(ack.end(), ids.begin(), ids.end());
    del.insert(del.end(), ids.begin(), ids.end());
    socket.send(command(ack) + command(del));
    for (int i = 0; i < 2; ++i) read_reply(socket, [](std::string_view) {});
    flow.acked += ids.size();
  }
}

/// Asks for what is behind the last id, again and again.
void tail(Flow& flow) {
  Socket socket(flow.plan.port);
  std::string last = "0-0";
  while (!flow.failed && !flow.all_is_here()) {
    std::size_t texts = 0, entries = 0;
    socket.send(command({"XREAD", "COUNT", "1000", "BLOCK", "20", "STREAMS", "flow", last}));
    // stream name, then per entry: id, field, value
    read_reply(socket, [&](std::string_view text) {
      if (texts++ % 3 != 1) return;
      last = text;
      ++entries;
    });
    flow.acked += entries;
  }
}

}  // namespace

LoadResult redis_load(const LoadPlan& plan) {
  Socket socket(plan.port);
  socket.send(command({"XGROUP", "CREATE", "flow", "work", "0", "MKSTREAM"}));
  read_reply(socket, [](std::string_view) {});
  Flow flow(plan);
  return run_flow(flow, [&] { publish(flow); }, [&] { consume(flow); });
}

LoadResult redis_topic_load(const LoadPlan& plan) {
  Flow flow(plan);
  return run_flow(flow, [&] { publish(flow); }, [&] { tail(flow); });
}

}  // namespace tandem::bench::peers
