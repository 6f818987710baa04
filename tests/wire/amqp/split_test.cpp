// The same bytes give the same answer however they are cut, and no bytes do harm.
#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <utility>

#include "tests/wire/amqp/amqp_world.h"

using namespace tandem;
using namespace tandem::wire::amqp;
using namespace tandem::wire::amqp::test;

namespace {

/// A conversation that uses most of what a channel can do.
Buffer conversation() {
  Properties properties;
  properties.headers = Table{{"CC", Value(Array{Value("other")})}};
  properties.delivery_mode = 2;
  Buffer all = handshake_bytes();
  add(all, method_frame(1, Method::queue_declare, {"q", false, true, false, false, false, Bytes{}}));
  add(all, method_frame(1, Method::queue_declare, {"other", false, true, false, false, false, Bytes{}}));
  add(all, method_frame(1, Method::basic_consume, {"q", "t", false, false, false, false, Bytes{}}));
  add(all, method_frame(1, Method::confirm_select, {false}));
  for (int i = 0; i < 3; ++i)
    add(all, publish_frames(1, "", "q", "message " + std::to_string(i), properties, true));
  for (DeliveryTag tag = 1; tag <= 3; ++tag) add(all, method_frame(1, Method::basic_ack, {tag, false}));
  for (int i = 0; i < 4; ++i) add(all, publish_frames(1, "", i == 2 ? "nowhere" : "other", "row", {}, true));
  add(all, method_frame(3, Method::channel_open, {}));
  for (const char* exchange : {"", "no-such-exchange", ""}) add(all, publish_frames(3, exchange, "other", "row", {}));
  add(all, method_frame(3, Method::channel_close_ok, {}));
  add(all, method_frame(1, Method::queue_declare, {"other", true, false, false, false, false, Bytes{}}));
  add(all, method_frame(2, Method::channel_open, {}));
  add(all, method_frame(2, Method::tx_select, {}));
  add(all, method_frame(2, Method::basic_get, {"other", false}));
  add(all, method_frame(2, Method::basic_ack, {1, false}));
  add(all, publish_frames(2, "amq.fanout", "k", "", {}));
  add(all, method_frame(2, Method::tx_commit, {}));
  add(all, raw_frame(8, 0, {}));
  add(all, method_frame(2, Method::basic_ack, {1, false}));
  add(all, method_frame(2, Method::tx_commit, {}));  // unknown tag: closes channel 2
  add(all, method_frame(2, Method::channel_close_ok, {}));
  add(all, method_frame(1, Method::queue_delete, {"q", false, false, false}));
  add(all, method_frame(0, Method::connection_close, {200, "bye", 0, 0}));
  return all;
}

/// What a client hears that sends `bytes` in pieces of these sizes.
template <class PieceSize>
Buffer answer_to(Bytes bytes, PieceSize next_size) {
  World world;
  Client client(world, Client::Silent{});
  while (!bytes.empty()) {
    const std::size_t size = std::min<std::size_t>(next_size(), bytes.size());
    client.feed(bytes.first(size));
    bytes = bytes.subspan(size);
  }
  return client.heard_bytes();
}

}  // namespace

TEST_CASE("input that comes byte by byte is answered like input that comes at once") {
  const Buffer bytes = conversation();
  const Buffer whole = answer_to(bytes, [&] { return bytes.size(); });
  CHECK(shown_frames(whole).back() == "0 connection.close-ok");
  CHECK(shown_frames(answer_to(bytes, [] { return 1; })) == shown_frames(whole));
}

TEST_CASE("input that is cut in two, at any place, is answered the same") {
  const Buffer bytes = conversation();
  const Buffer whole = answer_to(bytes, [&] { return bytes.size(); });
  for (std::size_t cut = 1; cut < bytes.size(); ++cut) {
    std::size_t size = cut;
    const Buffer answer = answer_to(bytes, [&] { return std::exchange(size, bytes.size()); });
    if (answer == whole) continue;
    CAPTURE(cut);
    CHECK(shown_frames(answer) == shown_frames(whole));
  }
}

TEST_CASE("a conversation that is damaged anywhere is refused or answered, never more") {
  const Buffer bytes = conversation();
  std::mt19937 random(20261121);
  for (int round = 0; round < 3000; ++round) {
    Buffer damaged = bytes;
    for (int hits = 1 + static_cast<int>(random() % 4); hits > 0; --hits)
      damaged[random() % damaged.size()] = static_cast<std::byte>(random());
    const auto lines = shown_frames(answer_to(damaged, [&] { return 1 + random() % 400; }));
    for (const std::string& line : lines) CHECK(line.find("unreadable") == std::string::npos);
  }
}

TEST_CASE("random bytes after a login end the connection or wait for more") {
  std::mt19937 random(7);
  for (int round = 0; round < 500; ++round) {
    World world;
    Client client(world);
    Buffer noise(random() % 200);
    for (std::byte& octet : noise) octet = static_cast<std::byte>(random());
    client.feed(noise);
    CHECK(client.face().input_size_wanted_bytes() <= 131072 + 8);
  }
}
