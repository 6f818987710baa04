// What users of librdkafka's C++ client do, one line "ok: …" on stdout for each. Arguments: the broker's address.
// Ends with status 1 at the first thing that is not as it should be.
#include <librdkafka/rdkafkacpp.h>

#include <iostream>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace {

constexpr int wait_ms = 20'000;
std::string address;

[[noreturn]] void fail(const std::string& what, const std::string& why) {
  std::cerr << what << ": " << why << "\n";
  std::exit(1);
}
void expect(bool is_so, const std::string& what) {
  if (!is_so) fail(what, "it is not so");
}
void check(RdKafka::ErrorCode error, const std::string& what) {
  if (error != RdKafka::ERR_NO_ERROR) fail(what, RdKafka::err2str(error));
}
void check(RdKafka::Error* error, const std::string& what) {
  if (error) fail(what, error->str());
}
void done(const std::string& what) { std::cout << "ok: " << what << "\n"; }

struct Delivered final : RdKafka::DeliveryReportCb {
  std::map<int, std::int64_t> last_offset;  // by partition
  int count = 0;
  void dr_cb(RdKafka::Message& message) override {
    check(message.err(), "delivery");
    last_offset[message.partition()] = message.offset();
    ++count;
  }
};

/// Counts partitions given and taken, and does with them what the protocol wants.
struct Shares final : RdKafka::RebalanceCb {
  int given = 0, taken = 0;
  void rebalance_cb(RdKafka::KafkaConsumer* consumer, RdKafka::ErrorCode what,
                    std::vector<RdKafka::TopicPartition*>& partitions) override {
    const int count = static_cast<int>(partitions.size());
    if (what == RdKafka::ERR__ASSIGN_PARTITIONS) {
      given += count;
      check(consumer->incremental_assign(partitions), "assign");
    } else {
      taken += count;
      check(consumer->incremental_unassign(partitions), "unassign");
    }
  }
};

using Settings = std::vector<std::pair<std::string, std::string>>;

std::unique_ptr<RdKafka::Conf> conf_of(const Settings& settings) {
  std::unique_ptr<RdKafka::Conf> conf(RdKafka::Conf::create(RdKafka::Conf::CONF_GLOBAL));
  std::string why;
  if (conf->set("bootstrap.servers", address, why) != RdKafka::Conf::CONF_OK) fail("conf", why);
  for (const auto& [name, value] : settings)
    if (conf->set(name, value, why) != RdKafka::Conf::CONF_OK) fail(name, why);
  return conf;
}

std::unique_ptr<RdKafka::Producer> producer_of(const Settings& settings, Delivered& delivered) {
  const auto conf = conf_of(settings);
  std::string why;
  conf->set("dr_cb", &delivered, why);
  std::unique_ptr<RdKafka::Producer> producer(RdKafka::Producer::create(conf.get(), why));
  if (!producer) fail("producer", why);
  return producer;
}

std::unique_ptr<RdKafka::KafkaConsumer> join(const std::string& topic, Settings settings, Shares* shares = nullptr) {
  settings.insert(settings.end(), {{"auto.offset.reset", "earliest"}, {"enable.auto.commit", "false"}});
  const auto conf = conf_of(settings);
  std::string why;
  if (shares) conf->set("rebalance_cb", shares, why);
  std::unique_ptr<RdKafka::KafkaConsumer> consumer(RdKafka::KafkaConsumer::create(conf.get(), why));
  if (!consumer) fail("consumer", why);
  check(consumer->subscribe({topic}), "subscribe");
  return consumer;
}

void produce(RdKafka::Producer& producer, const std::string& topic, int partition, const std::string& key,
             const std::string& value) {
  auto* headers = RdKafka::Headers::create();
  headers->add("trace", std::string("17"));
  check(producer.produce(topic, partition, RdKafka::Producer::RK_MSG_COPY, const_cast<char*>(value.data()),
                         value.size(), key.data(), key.size(), 0, headers, nullptr),
        "produce");
  producer.poll(0);
}

std::unique_ptr<RdKafka::Message> next(RdKafka::KafkaConsumer& consumer) {
  std::unique_ptr<RdKafka::Message> message(consumer.consume(wait_ms));
  check(message->err(), "consume");
  return message;
}

std::string value_of(const RdKafka::Message& message) {
  return {static_cast<const char*>(message.payload()), message.len()};
}

void codecs() {
  for (const std::string codec : {"none", "gzip", "snappy", "lz4", "zstd"}) {
    const std::string topic = "cpp-" + codec;
    Delivered delivered;
    const auto producer = producer_of({{"compression.type", codec}, {"linger.ms", "20"}}, delivered);
    for (int i = 0; i < 500; ++i) produce(*producer, topic, 0, "k" + std::to_string(i), codec + std::to_string(i));
    check(producer->flush(wait_ms), "flush");
    expect(delivered.count == 500 && delivered.last_offset[0] == 499, "500 delivered in " + codec);
    const auto consumer = join(topic, {{"group.id", "cpp-codecs-" + codec}, {"check.crcs", "true"}});
    for (int i = 0; i < 500; ++i) {
      const auto message = next(*consumer);
      expect(message->offset() == i && value_of(*message) == codec + std::to_string(i), "records in order in " + codec);
      expect(*message->key() == "k" + std::to_string(i), "keys in " + codec);
      expect(message->headers()->get_last("trace").value_size() == 2, "headers in " + codec);
    }
    consumer->close();
  }
  done("every compression, checked by the client's own checksum");
}

void cooperative() {
  const std::string topic = "cpp-shared";
  Delivered delivered;
  const auto producer = producer_of({}, delivered);
  for (int i = 0; i < 4; ++i) produce(*producer, topic, 0, "k", std::to_string(i));
  check(producer->flush(wait_ms), "flush");
  const Settings settings = {{"group.id", "cpp-shared"}, {"partition.assignment.strategy", "cooperative-sticky"}};
  Shares first_shares, second_shares;
  const auto first = join(topic, settings, &first_shares);
  next(*first);
  expect(first_shares.given == 4, "the first member has all partitions");
  const auto second = join(topic, settings, &second_shares);
  for (int i = 0; i < 200 && second_shares.given < 2; ++i) {
    std::unique_ptr<RdKafka::Message> message(first->consume(100));
    message.reset(second->consume(100));
  }
  expect(second_shares.given == 2 && first_shares.taken == 2, "two partitions changed hands, and two stayed");
  second->close();
  first->close();
  done("cooperative members share by handing over what has to move");
}

void transactions() {
  const std::string topic = "cpp-transactions";
  Delivered delivered;
  const Settings settings = {{"transactional.id", "cpp"}};
  const auto fenced = producer_of(settings, delivered);
  check(fenced->init_transactions(wait_ms), "init");
  check(fenced->begin_transaction(), "begin");
  produce(*fenced, topic, 0, "k", "fenced");
  check(fenced->flush(wait_ms), "flush");
  const auto producer = producer_of(settings, delivered);
  check(producer->init_transactions(wait_ms), "the second init");
  const std::unique_ptr<RdKafka::Error> refused(fenced->commit_transaction(wait_ms));
  expect(refused && refused->is_fatal(), "a producer that was replaced is fenced");
  check(producer->begin_transaction(), "begin");
  produce(*producer, topic, 0, "k", "committed");
  check(producer->commit_transaction(wait_ms), "commit");
  const auto committed = join(topic, {{"group.id", "cpp-committed"}, {"isolation.level", "read_committed"}});
  expect(value_of(*next(*committed)) == "committed", "what the fenced producer wrote is not seen");
  committed->close();
  const auto all = join(topic, {{"group.id", "cpp-uncommitted"}, {"isolation.level", "read_uncommitted"}});
  expect(value_of(*next(*all)) == "fenced" && value_of(*next(*all)) == "committed", "read_uncommitted sees both");
  all->close();
  done("a replaced producer is fenced, its transaction aborted");
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 2) fail("usage", "librdkafka_cpp_client HOST:PORT");
  address = arguments[1];
  codecs();
  cooperative();
  transactions();
}
