#include "broker/server/run.h"

#include <malloc.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <random>

#include "broker/base/limits.h"
#include "broker/net/stop_signal.h"
#include "broker/server/door.h"
#include "broker/server/loop.h"
#include "broker/storage/file.h"

namespace tandem::server {

namespace {

using Doors = std::vector<std::unique_ptr<Door>>;

// One descriptor per connection; the soft limit is often 1,024 where the hard one allows far more.
void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

/// glibc raises its thresholds by itself each time a large block is freed, and keeps up to twice as much of what is free from then on:
/// vectors that grow once, with a backlog that is read, then stay for ever (298 to 326 MiB of peak RSS for a million messages in
/// 10,000 queues, 244 to 264 with this). The rest of what is free stays at hand: giving it back costs a system call each time. One arena: the
/// threads beside the loop allocate little, and what each kept for itself would be counted several times.
void give_free_memory_back() {
#ifdef __GLIBC__
  constexpr int own_mapping_from_bytes = 256 << 10, kept_free_max_bytes = 4 << 20;
  ::mallopt(M_MMAP_THRESHOLD, own_mapping_from_bytes);
  ::mallopt(M_TRIM_THRESHOLD, kept_free_max_bytes);
  ::mallopt(M_ARENA_MAX, 1);
#endif
}

storage::StoreOptions store_options(const Options& options) {
  storage::StoreOptions store;
  store.directory = options.data_directory;
  store.journal_salt = std::random_device()();
  store.journal_size_max_bytes = options.journal_size_max_bytes;
  store.quick_sync_max = limits::quick_sync_max;
  store.body_cache_max_bytes = options.cache_size_max_bytes;
  // A small journal is checkpointed more often, so that it never fills, and has smaller segments, so that there are
  // enough of them for some to be free. Whole MiB: a segment is made of whole blocks.
  const std::uint64_t quarter = options.journal_size_max_bytes / 4 >> 20 << 20;
  store.checkpoint_interval_bytes = std::min(options.checkpoint_interval_bytes, quarter);
  store.journal_segment_size_bytes = std::min<std::uint64_t>(limits::journal_segment_size_bytes, quarter);
  return store;
}

struct WayIn {
  Protocol protocol;
  std::vector<std::string> addresses;
  int port = 0;
};

std::vector<WayIn> ways_in(const Options& options) {
  std::vector<WayIn> all = {
      {{"native", "--native-port", wire::make_native_face}, options.listen, options.native_port},
      {{"amqp", "--amqp-port", wire::make_amqp_face}, options.listen, options.amqp_port}};
#ifdef TANDEM_HAS_KAFKA_FACE
  all.push_back({{"kafka", "--kafka-port", wire::make_kafka_face}, options.listen, options.kafka_port});
  for (const KafkaListener& each : options.kafka_listeners)
    all.push_back({{"kafka-listener", "--kafka-listener", wire::make_kafka_face, {each.advertised.host, each.advertised.port}},
                   {each.listen.host},
                   each.listen.port});
#endif
  const bool is_alone = std::all_of(all.begin(), all.end(), [](const WayIn& way) { return way.port < 0; });
  if (!is_alone) all.push_back({{"metrics", "--metrics-port", wire::make_metrics_face}, options.listen, options.metrics_port});
  std::erase_if(all, [](const WayIn& way) { return way.port < 0; });
  return all;
}

Result<Doors> open_doors(net::Reactor& reactor, Loop& loop, const Options& options) {
  Doors doors;
  for (const auto& [protocol, addresses, port] : ways_in(options)) {
    auto door = Door::open(reactor, loop, protocol, addresses, static_cast<std::uint16_t>(port));
    if (!door) return door.error();
    if (protocol.advertised.host.empty())
      loop.facts().set(std::string(protocol.name) + "_port", std::to_string((*door)->port()));
    doors.push_back(std::move(*door));
  }
  if (doors.empty()) return Error{ErrorCode::invalid_argument, "every protocol is off: nobody could connect"};
  return doors;
}

// A wildcard address says where to listen, not where to connect to; the machine's name is the best guess.
std::string connectable(const std::string& host) {
  if (host != "0.0.0.0" && host != "::") return host;
  char name[256] = {};
  return ::gethostname(name, sizeof name - 1) == 0 && name[0] != 0 ? std::string(name) : "localhost";
}

void tell_kafka_clients(Facts& facts, const Options& options) {
  const HostAndPort& advertised = options.kafka_advertised;
  const bool is_set = !advertised.host.empty();
  facts.set("kafka_advertised_host",
            is_set ? advertised.host : connectable(std::string(facts.get("advertised_host"))));
  facts.set("kafka_advertised_port",
            is_set ? std::to_string(advertised.port) : std::string(facts.get("kafka_port")));
  facts.set("kafka_auto_create_topics", options.kafka_auto_create_topics ? "true" : "false");
  facts.set("kafka_default_partitions", std::to_string(options.kafka_default_partitions));
  facts.set("kafka_replication_max", std::to_string(options.kafka_replication_max));
  facts.set("data_directory", options.data_directory);
}

void tell_amqp_clients(Facts& facts, const Options& options) {
  facts.set("amqp_default_queue_type", options.amqp_default_queue_type);
}

Result<> open_store(Loop& loop, storage::FileSystem& files, const Options& options) {
  if (auto opened = loop.open_store(store_options(options), files); !opened) return opened;
  auto id = cluster_id_of(options.data_directory);
  if (!id) return id.error();
  loop.facts().set("cluster_id", std::move(*id));
  const std::string first = options.listen.empty() ? "127.0.0.1" : options.listen.front();
  loop.facts().set("advertised_host", options.advertised_host.empty() ? first : options.advertised_host);
  return Done{};
}

void say_ready(const Doors& doors) {
  std::string line = "ready";
  for (const auto& door : doors) line += " " + std::string(door->protocol().name) + "=" + door->endpoint();
  std::cout << line << std::endl;
}

int fail(const Error& error) {
  log_line(LogLevel::error, error.text);
  return 1;
}

// The store may have threads inside a system call that does not return: leave without waiting for them.
[[noreturn]] void give_up(const Error& error) {
  fail(error);
  std::_Exit(1);
}

int stop_without_serving(Loop& loop, const Error& why) {
  loop.stop("it cannot start");
  if (auto stopped = loop.run(); !stopped) give_up(stopped.error());
  return fail(why);
}

}  // namespace

bool has_kafka_face() {
#ifdef TANDEM_HAS_KAFKA_FACE
  return true;
#else
  return false;
#endif
}

int run(const Options& options) {
  set_log_level(options.log_level);
  raise_descriptor_limit();
  give_free_memory_back();
  std::signal(SIGPIPE, SIG_IGN);

  const auto files = storage::make_posix_file_system();
  net::Reactor reactor;
  Loop loop(reactor);
  loop.set_connection_memory(options.connection_memory_max_bytes);
  if (auto opened = open_store(loop, *files, options); !opened) return fail(opened.error());

  auto doors = open_doors(reactor, loop, options);
  if (!doors) return stop_without_serving(loop, doors.error());
  tell_kafka_clients(loop.facts(), options);
  tell_amqp_clients(loop.facts(), options);

  net::StopSignal stop_signal(reactor, [&](int number) {
    if (loop.stopping()) std::_Exit(1);  // asked twice: at once; the journal has all that was confirmed
    doors->clear();
    loop.stop(number == SIGTERM ? "SIGTERM" : number == SIGHUP ? "SIGHUP" : "SIGINT");
  });
  say_ready(*doors);
  if (auto stopped = loop.run(); !stopped) give_up(stopped.error());
  return 0;
}

}  // namespace tandem::server
