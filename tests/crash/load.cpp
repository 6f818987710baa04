#include "tests/crash/load.h"

#include <chrono>
#include <random>

namespace tandem::crash {
namespace {

constexpr const char* group = "crash.followers";

Result<Client> connect_to(std::uint16_t port, const std::string& name) {
  ClientOptions options;
  options.port = port;
  options.client_name = name;
  options.reconnect.enabled = false;  // a life of the load is a life of the broker
  options.request_timeout = Milliseconds(10'000);
  return Client::connect(options);
}

MessageId id_of(const MessageParts& message) {
  return parse_id(text_of(message.body));
}

}  // namespace

/// Of two publishers some messages are large enough to be staged alone (limits::large_message_min_bytes).
std::string body_of(MessageId id) {
  const bool is_large = (id.publisher == 2 || id.publisher == 4) && id.number % 397 == 0;
  const std::size_t padding = is_large ? 2'200'000 + id.number % 10'000 : id.number % 97 == 0 ? 40'000 : id.number * 37 % 700;
  return to_text(id) + " " + std::string(padding, 'x');
}

std::string record_of(MessageId id) {
  return id.number % 23 == 0 ? to_text(id) + " " + std::string(140'000 + id.number % 1'000, 'r') : body_of(id);
}

Result<> declare_places(std::uint16_t port) {
  auto client = connect_to(port, "declare");
  if (!client) return client.error();
  if (auto r = client->ask(DeclareExchange{.name = "crash.fan", .kind = "fanout"}); !r) return r.error();
  for (const char* queue : {"crash.a", "crash.b", "crash.c", "crash.in", "crash.out"})
    if (auto r = client->ask(DeclareQueue{.name = queue}); !r) return r.error();
  // Without it the large messages would be nacked.
  const Config config{{"max.message.bytes", "16777216"}};
  for (const char* topic : {"crash.history", "crash.ledger", "crash.log"})
    if (auto r = client->ask(CreateTopic{.name = topic, .config = config}); !r && r.error().code != ErrorCode::already_exists)
      return r.error();
  for (const char* queue : {"crash.a", "crash.b", "crash.c"})
    if (auto r = client->ask(Bind{.source = "crash.fan", .destination = queue}); !r) return r.error();
  return client->ask(
      Bind{.source = "crash.fan", .destination_kind = Destination::topic, .destination = "crash.history"});
}

Load::Load(Histories& histories, const Ports& ports, int life, std::uint64_t seed, std::chrono::microseconds pace,
           Backlog backlog)
    : histories_(histories), ports_(ports), life_(life), pace_(pace), backlog_(backlog) {
  threads_.emplace_back([this] { publish(1, "crash.fan", "", histories_.fan); });
  threads_.emplace_back([this] { publish(2, "crash.fan", "", histories_.fan); });
  threads_.emplace_back([this] { publish(3, "", "crash.in", histories_.in); });
  threads_.emplace_back([this, seed] { consume("crash.a", histories_.fan, seed); });
  threads_.emplace_back([this, seed] { consume("crash.b", histories_.fan, seed + 1); });
  threads_.emplace_back([this] { move(); });
  threads_.emplace_back([this] { follow(); });
  threads_.emplace_back([this] { publish_amqp(4); });
  threads_.emplace_back([this, seed] { consume_amqp("crash.c", seed + 2); });
  threads_.emplace_back([this] { produce_kafka(5); });
  if (backlog_ == Backlog::stays_short)
    threads_.emplace_back([this, seed] { consume("crash.out", histories_.moved, seed + 3); });
}

void Load::stop() {
  stopping_ = true;
  for (auto& thread : threads_) thread.join();
  threads_.clear();
}

Result<Client> Load::connect(const char* name) const {
  return connect_to(ports_.native, name);
}

void Load::publish(std::uint32_t publisher, const std::string& exchange, const std::string& routing_key,
                   History& history) {
  auto client = connect("publisher");
  if (!client) return;
  // Seqs of a Publisher count from 1; numbers go on from life to life.
  const std::uint64_t base = histories_.next_number[publisher] - 1;
  PublisherOptions options;
  options.resend = false;
  options.window_messages = 128;
  options.on_outcome = [&](const PublishOutcome& outcome) {
    for (std::uint64_t seq = outcome.first; outcome.confirmed && seq <= outcome.last; ++seq)
      history.confirmed({publisher, base + seq});
  };
  auto opened = Publisher::open(*client, std::move(options));
  if (!opened) return;
  while (!stopping_) {
    const MessageId id{publisher, histories_.next_number[publisher]++};
    history.invoked(id);
    if (!opened->post(Message{exchange, routing_key, persistent(), body_of(id)})) break;
    rest(pace_);
  }
  (void)client->close(Milliseconds(0));
}

/// What waits is counted by what was confirmed, in each queue, and acked; now and then, since the histories are everybody's.
void Load::rest(std::chrono::microseconds pace) const {
  constexpr std::uint64_t waiting_max = 10'000;
  const auto too_much_waits = [this] {
    const auto fan = histories_.fan.counts(), in = histories_.in.counts(), moved = histories_.moved.counts();
    return 3 * fan.confirmed > fan.acks_confirmed + waiting_max || in.confirmed > in.acks_confirmed + waiting_max ||
           moved.confirmed > moved.acks_confirmed + waiting_max;
  };
  std::this_thread::sleep_for(pace);
  while (backlog_ == Backlog::stays_short && !stopping_ && too_much_waits()) std::this_thread::sleep_for(std::chrono::milliseconds(5));
}

void Load::consume(const std::string& queue, History& history, std::uint64_t seed) {
  auto client = connect("consumer");
  if (!client) return;
  auto consumer = Consumer::open(*client, {.queue = queue, .prefetch = 64});
  if (!consumer) return;
  std::mt19937_64 chance(seed);
  std::vector<Delivery> batch, held;
  while (!stopping_) {
    auto count = consumer->receive_many(batch, 32, Milliseconds(20));
    if (!count && count.error().code != ErrorCode::timed_out) break;
    std::vector<MessageId> acked;
    for (auto& delivery : batch) {
      if (delivery.unreadable()) {
        if (!histories_.power_fails) history.violation("an unreadable message from " + queue);
        held.push_back(std::move(delivery));
        continue;
      }
      const MessageId id = id_of(delivery.parts());
      history.delivered(queue, id, delivery.redelivered(), life_);
      const auto dice = chance() % 100;
      if (dice < 5 && held.size() < 40) {
        held.push_back(std::move(delivery));  // unsettled when the broker dies
      } else if (dice < 10) {
        history.requeued(queue, id);
        delivery.requeue();
      } else {
        history.acked(queue, id);
        delivery.ack();
        acked.push_back(id);
      }
    }
    batch.clear();
    if (!acked.empty() && consumer->flush())
      for (const auto id : acked) history.ack_confirmed(queue, id);
  }
  held.clear();
  (void)client->close(Milliseconds(0));
}

void Load::move() {
  auto client = connect("mover");
  if (!client) return;
  auto consumer = Consumer::open(*client, {.queue = "crash.in", .prefetch = 16});
  auto end = client->ask(ListOffset{.topic = "crash.ledger"});
  if (!consumer || !end) return;
  Offset version = end->offset;
  while (!stopping_) {
    auto delivery = consumer->receive(Milliseconds(20));
    if (!delivery) {
      if (delivery.error().code == ErrorCode::timed_out) continue;
      break;
    }
    if (delivery->unreadable()) {
      if (!histories_.power_fails) histories_.in.violation("an unreadable message from crash.in");
      break;
    }
    const MessageId id = id_of(delivery->parts());
    const std::string body(delivery->body()), recorded = record_of(id);
    histories_.in.delivered("crash.in", id, delivery->redelivered(), life_);
    histories_.moved.invoked(id);
    const Record record{.value = std::string_view(recorded)};
    Transaction transaction(*client);
    transaction.ack(std::move(*delivery))
        .publish(Message{"", "crash.out", persistent(), body})
        .append("crash.ledger", 0, std::span(&record, 1), version)
        .commit_offset(group, "crash.ledger", 0, version + 1);
    auto committed = transaction.commit();
    if (!committed) {
      if (committed.error().code == ErrorCode::version_conflict)
        histories_.moved.violation("only this client appends to crash.ledger, yet: " +
                                   committed.error().text);
      break;
    }
    histories_.in.acked("crash.in", id);
    histories_.in.ack_confirmed("crash.in", id);
    histories_.moved.confirmed(id);
    histories_.moved.offset_confirmed(group, version + 1);
    ++version;
  }
  (void)client->close(Milliseconds(0));
}

void Load::follow() {
  auto client = connect("follower");
  if (!client) return;
  const Offset floor = histories_.moved.offset_floor(group);
  if (auto found = client->ask(FetchOffsets{.group = group}); found)
    for (const auto& entry : *found) histories_.moved.offset_found(group, entry.offset, floor);
  auto end = client->ask(ListOffset{.topic = "crash.history"});
  if (!end) return;
  // Some records of earlier lives are read again: they must not have changed.
  auto reader = TopicReader::open(*client, {{"crash.history", 0, std::max<Offset>(0, end->offset - 200)}});
  if (!reader) return;
  std::vector<TopicRecord> records;
  while (!stopping_) {
    records.clear();
    auto count = reader->poll(records, 500, Milliseconds(20));
    if (!count) break;
    for (const auto& record : records)
      histories_.fan.read("crash.history", 0, record.offset, parse_id(record.value.value_or("")));
  }
  (void)client->close(Milliseconds(0));
}

namespace {

Result<> drain_queue(const Client& client, History& history, const std::string& queue, int life) {
  auto consumer = Consumer::open(client, {.queue = queue, .prefetch = 1'000});
  if (!consumer) return consumer.error();
  // A disk may keep a group waiting for longer than one looks for messages: it is the broker that says whether any are left,
  // and what it sent before it said so has been received by then.
  constexpr Milliseconds look(200);
  constexpr int looks_in_vain_max = 150;
  std::uint64_t ready = 1;
  std::vector<Delivery> batch;
  for (int in_vain = 0; in_vain < looks_in_vain_max;) {
    auto count = consumer->receive_many(batch, 1'000, look);
    if (!count && count.error().code != ErrorCode::timed_out) return count.error();
    if (batch.empty() && ready == 0) return {};
    in_vain = batch.empty() ? in_vain + 1 : 0;
    for (const auto& delivery : batch)
      history.delivered(queue, id_of(delivery.parts()), delivery.redelivered(), life);
    Consumer::ack_all(batch);
    if (in_vain == 0) continue;
    if (auto flushed = consumer->flush(); !flushed) return flushed.error();
    auto left = client.ask(DeclareQueue{.name = queue, .passive = true});
    if (!left) return left.error();
    ready = left->ready;
  }
  history.violation(std::to_string(ready) + " messages of " + queue + " are not delivered");
  return {};
}

Result<> read_topic(const Client& client, History& history, const std::string& topic) {
  auto end = client.ask(ListOffset{.topic = topic});
  if (!end) return end.error();
  auto reader = TopicReader::open(client, {{topic, 0, 0}});
  if (!reader) return reader.error();
  std::vector<TopicRecord> records;
  for (Offset next = 0; next < end->offset;) {
    records.clear();
    auto count = reader->poll(records, 1'000, Milliseconds(5'000));
    if (!count) return count.error();
    if (records.empty())
      return Error{ErrorCode::timed_out, topic + " gives nothing at " + std::to_string(next)};
    for (const auto& record : records)
      history.read(topic, 0, record.offset, parse_id(record.value.value_or("")));
    next = records.back().offset + 1;
  }
  return {};
}

}  // namespace

Result<> drain_all(Histories& histories, std::uint16_t port, int life) {
  auto client = connect_to(port, "drain");
  if (!client) return client.error();
  for (const char* queue : {"crash.a", "crash.b", "crash.c"})
    if (auto r = drain_queue(*client, histories.fan, queue, life); !r) return r;
  if (auto r = drain_queue(*client, histories.in, "crash.in", life); !r) return r;
  // What the last life left in crash.in was never moved: only what was invoked counts for the moved places.
  if (auto r = drain_queue(*client, histories.moved, "crash.out", life); !r) return r;
  if (auto r = read_topic(*client, histories.fan, "crash.history"); !r) return r;
  if (auto r = read_topic(*client, histories.log, "crash.log"); !r) return r;
  return read_topic(*client, histories.moved, "crash.ledger");
}

}  // namespace tandem::crash
