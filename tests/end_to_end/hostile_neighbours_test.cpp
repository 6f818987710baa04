// What a client costs others that does, as fast as it can, what is the most work for the broker.
#include <doctest/doctest.h>

#include "tests/end_to_end/neighbour.h"
#include "tests/end_to_end/raw_connection.h"

namespace tandem::end_to_end {

namespace {

constexpr int messages = 100'000;
constexpr int transaction_settles_max = 10'000;  // limits.h
constexpr int queues = 5'000;
const std::string body(100, 'b');

// --- AMQP by hand: the specification's method numbers
std::string amqp_text(const std::string& text) {
  return std::string(1, static_cast<char>(text.size())) + text;
}
std::string amqp_frame(char type, std::uint16_t channel, const std::string& payload) {
  return std::string(1, type) + big(channel) + big(static_cast<std::uint32_t>(payload.size())) + payload + '\xCE';
}
std::string amqp_method(std::uint16_t channel, std::uint16_t class_id, std::uint16_t method_id, const std::string& arguments) {
  return amqp_frame(1, channel, big(class_id) + big(method_id) + arguments);
}
const std::string open_channel = amqp_method(1, 20, 10, std::string(1, '\0'));
const std::string close_channel = amqp_method(1, 20, 40, big(std::uint16_t{200}) + amqp_text("") + big(std::uint32_t{0}));
/// Without a limit to what is unacked.
std::string consume(const std::string& queue) {
  return amqp_method(1, 60, 20, big(std::uint16_t{0}) + amqp_text(queue) + amqp_text("c") + std::string(1, '\0') + big(std::uint32_t{0}));
}
/// All that is unacked goes back to its queue.
const std::string nack_all = amqp_method(1, 60, 120, big(std::uint64_t{0}) + std::string(1, '\3'));
std::string ack_through(std::uint64_t tag) { return amqp_method(1, 60, 80, big(tag) + std::string(1, '\1')); }
const std::string cancel = amqp_method(1, 60, 30, amqp_text("c") + std::string(1, '\1'));
std::string purge(const std::string& queue) {
  return amqp_method(1, 50, 30, big(std::uint16_t{0}) + amqp_text(queue) + std::string(1, '\0'));
}
/// Of a durable queue, without an answer.
std::string declare(const std::string& queue) {
  return amqp_method(1, 50, 10, big(std::uint16_t{0}) + amqp_text(queue) + std::string(1, '\x12') + big(std::uint32_t{0}));
}
std::string delete_queue(const std::string& queue) {
  return amqp_method(1, 50, 40, big(std::uint16_t{0}) + amqp_text(queue) + std::string(1, '\4'));
}
/// What a delivery of `body` from `queue` is on the wire.
std::size_t delivery_size_bytes(const std::string& queue) {
  const std::size_t method = 4 + 2 + 8 + 1 + 1 + 1 + queue.size(), header = 14 + 1;
  return 8 + method + 8 + header + 8 + body.size();
}

/// Logged in, with channel 1. What it is told is thrown away.
class RawClient {
 public:
  explicit RawClient(std::uint16_t port) : connection_(port) {
    const std::string start_ok = big(std::uint32_t{0}) + amqp_text("PLAIN") + big(std::uint32_t{12}) +
                                 std::string("\0guest\0guest", 12) + amqp_text("en_US");
    connection_.say(std::string("AMQP\0\0\x9\x1", 8) + amqp_method(0, 10, 11, start_ok) +
                    amqp_method(0, 10, 31, big(std::uint16_t{1}) + big(std::uint32_t{131'072}) + big(std::uint16_t{0})) +
                    amqp_method(0, 10, 40, amqp_text("/") + big(std::uint16_t{0})) + open_channel);
    read_method(20, 11);
  }
  void say(const std::string& bytes) { connection_.say(bytes); }
  void read_method(std::uint16_t class_id, std::uint16_t method_id) {
    std::string payload;
    do {
      const std::string head = connection_.read(7);
      payload = connection_.read(load_big<std::uint32_t>(reinterpret_cast<const std::byte*>(head.data()) + 3) + 1);
    } while (!payload.starts_with(big(class_id) + big(method_id)));
  }
  void discard(std::size_t size) {
    constexpr std::size_t piece = 1 << 20;
    for (; size > piece; size -= piece) (void)connection_.read(piece);
    (void)connection_.read(size);
  }

 private:
  RawConnection connection_;
};

/// Publishes as one client and reads as another.
struct Both {
  Client client;
  RawClient raw;
  Both(const Client& own, std::uint16_t amqp_port) : client(own), raw(amqp_port) {}
};

/// Of a queue that is empty. `first`: what the reader says before it consumes.
std::shared_ptr<Both> open_both(const Client& own, std::uint16_t amqp_port, const std::string& queue, const std::string& first = "") {
  must(own.ask(DeclareQueue{.name = queue}));
  auto both = std::make_shared<Both>(own, amqp_port);
  both->raw.say(first + consume(queue));
  both->raw.read_method(60, 21);
  return both;
}

/// A queue with so many messages of `body`.
void fill(const Client& client, const std::string& queue) {
  must(client.ask(DeclareQueue{.name = queue}));
  auto publisher = must(Publisher::open(client));
  for (int i = 0; i < messages; ++i) must(publisher.post(Message{.routing_key = queue, .body = body}));
  must(publisher.flush());
}

std::string name_of(int number) {
  return "many." + std::to_string(number);
}

}  // namespace

TEST_CASE("others are served beside a publisher of small messages, and how fast is printed") {
  BrokerFixture broker;
  const auto prepare = [](const Client& own) -> std::shared_ptr<Publisher> {
    if (!own.ask(DeclareQueue{.name = "small", .arguments = Table{{"x-max-length", 1'000}}})) return nullptr;
    auto publisher = Publisher::open(own);
    return publisher ? std::make_shared<Publisher>(*publisher) : nullptr;
  };
  BusyNeighbour flood(broker.process->port("native"), prepare,
                      [](Publisher& publisher) { (void)publisher.post(Message{.routing_key = "small", .body = body}); });
  measure(broker.connect(), flood, "beside a publisher of small messages");
}

TEST_CASE("others are served beside a publisher to a queue that nobody reads, and how fast is printed") {
  BrokerFixture broker;
  const auto prepare = [](const Client& own) -> std::shared_ptr<Publisher> {
    if (!own.ask(DeclareQueue{.name = "unread"})) return nullptr;
    auto publisher = Publisher::open(own);
    return publisher ? std::make_shared<Publisher>(*publisher) : nullptr;
  };
  BusyNeighbour flood(broker.process->port("native"), prepare,
                      [](Publisher& publisher) { (void)publisher.post(Message{.routing_key = "unread", .body = body}); });
  measure(broker.connect(), flood, "beside a publisher to a queue that nobody reads");
}

TEST_CASE("others are served beside a consumer that gives 100,000 messages back at once, and how fast is printed") {
  BrokerFixture broker;
  fill(broker.connect(), "back");
  const auto prepare = [port = broker.process->port("amqp")](const Client&) {
    auto client = std::make_shared<RawClient>(port);
    client->say(consume("back"));
    client->read_method(60, 21);
    return client;
  };
  BusyNeighbour gives_back(broker.process->port("native"), prepare, [](RawClient& client) {
    client.discard(messages * delivery_size_bytes("back"));
    client.say(nack_all);
  });
  measure(broker.connect(), gives_back, "beside a consumer that gives back 100,000 messages");
}

TEST_CASE("others are served beside a channel that is closed with 100,000 messages, and how fast is printed") {
  BrokerFixture broker;
  fill(broker.connect(), "back");
  const auto prepare = [port = broker.process->port("amqp")](const Client&) { return std::make_shared<RawClient>(port); };
  BusyNeighbour closes(broker.process->port("native"), prepare, [](RawClient& client) {
    client.say(consume("back"));
    client.read_method(60, 21);
    client.discard(messages * delivery_size_bytes("back"));
    client.say(close_channel + open_channel);
    client.read_method(20, 11);
  });
  measure(broker.connect(), closes, "beside a channel that is closed with 100,000 messages");
}

TEST_CASE("others are served beside one that fills a queue and purges it, and how fast is printed") {
  BrokerFixture broker;
  const auto prepare = [](const Client& own) { return std::make_shared<Client>(own); };
  BusyNeighbour purges(broker.process->port("native"), prepare, [](Client& client) {
    fill(client, "purged");
    (void)client.ask(PurgeQueue{.name = "purged"});
  });
  measure(broker.connect(), purges, "beside one that fills a queue with 100,000 messages and purges it");
}

TEST_CASE("others are served beside one that gives 100,000 messages back and purges them, and how fast is printed") {
  BrokerFixture broker;
  const auto prepare = [port = broker.process->port("amqp")](const Client& own) { return open_both(own, port, "back"); };
  BusyNeighbour gives_back(broker.process->port("native"), prepare, [](Both& both) {
    fill(both.client, "back");
    both.raw.discard(messages * delivery_size_bytes("back"));
    both.raw.say(cancel + nack_all + purge("back"));
    both.raw.read_method(50, 31);
    both.raw.say(consume("back"));
    both.raw.read_method(60, 21);
  });
  measure(broker.connect(), gives_back, "beside one that gives back 100,000 messages and purges them");
}

TEST_CASE("others are served beside transactions that ack 10,000 messages each, and how fast is printed") {
  BrokerFixture broker;
  const auto prepare = [port = broker.process->port("amqp")](const Client& own) {
    return open_both(own, port, "acked", amqp_method(1, 90, 10, ""));  // tx.select
  };
  std::uint64_t acked = 0;  // on the neighbour's thread
  BusyNeighbour acks(broker.process->port("native"), prepare, [&acked](Both& both) {
    fill(both.client, "acked");
    both.raw.discard(messages * delivery_size_bytes("acked"));
    for (int i = 0; i < messages / transaction_settles_max; ++i) {
      both.raw.say(ack_through(acked += transaction_settles_max) + amqp_method(1, 90, 20, ""));
      both.raw.read_method(90, 21);
    }
  });
  measure(broker.connect(), acks, "beside transactions that ack 10,000 messages each");
}

TEST_CASE("others are served beside one that makes topics of 2,000 partitions, and how fast is printed") {
  BrokerFixture broker;
  const auto prepare = [](const Client& own) { return std::make_shared<Client>(own); };
  BusyNeighbour makes_topics(broker.process->port("native"), prepare, [](Client& client) {
    (void)client.ask(CreateTopic{.name = "wide", .partitions = 2'000});
    (void)client.ask(DeleteTopic{.name = "wide"});
  });
  measure(broker.connect(), makes_topics, "beside one that makes topics of 2,000 partitions");
}

TEST_CASE("others are served beside one that declares 5,000 queues in one breath, and how fast is printed") {
  BrokerFixture broker;
  const auto prepare = [port = broker.process->port("amqp")](const Client&) { return std::make_shared<RawClient>(port); };
  BusyNeighbour declares(broker.process->port("native"), prepare, [](RawClient& client) {
    std::string made, unmade;
    for (int i = 0; i < queues; ++i) made += declare(name_of(i)), unmade += delete_queue(name_of(i));
    client.say(made + unmade + close_channel + open_channel);
    client.read_method(20, 11);
  });
  measure(broker.connect(), declares, "beside one that declares 5,000 queues in one breath");
}

TEST_CASE("others are served beside a publisher to 5,000 queues and one that lists them, and how fast is printed") {
  BrokerFixture broker;
  {
    const Client client = broker.connect();
    must(client.ask(DeclareExchange{.name = "many", .kind = "fanout"}));
    for (int i = 0; i < queues; ++i) {
      must(client.ask(DeclareQueue{.name = name_of(i), .arguments = Table{{"x-max-length", 1}}}));
      must(client.ask(Bind{.source = "many", .destination = name_of(i)}));
    }
  }
  const auto open_publisher = [](const Client& own) -> std::shared_ptr<Publisher> {
    auto publisher = Publisher::open(own);
    return publisher ? std::make_shared<Publisher>(*publisher) : nullptr;
  };
  const auto keep = [](const Client& own) { return std::make_shared<Client>(own); };
  BusyNeighbour fans_out(broker.process->port("native"), open_publisher, [](Publisher& publisher) {
    (void)publisher.post(Message{.exchange = "many", .body = body});
    (void)publisher.flush();
  });
  BusyNeighbour lists(broker.process->port("native"), keep, [](Client& client) { (void)client.ask(DescribeQueues{}); });
  const Client client = broker.connect();
  measure(client, fans_out, "beside a publisher to 5,000 queues");
  measure(client, lists, "beside one that lists 5,000 queues");
}

TEST_CASE("others are served beside one that comes and goes as fast as it can, and how fast is printed") {
  BrokerFixture broker;
  const auto prepare = [port = broker.process->port("amqp")](const Client&) { return std::make_shared<std::uint16_t>(port); };
  BusyNeighbour comes_and_goes(broker.process->port("native"), prepare, [](std::uint16_t& port) { RawClient client(port); });
  measure(broker.connect(), comes_and_goes, "beside one that comes and goes");
}

}  // namespace tandem::end_to_end
