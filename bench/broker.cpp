#include "bench/broker.h"

#include <sys/stat.h>

#include <filesystem>
#include <thread>

namespace tandem::bench {

Broker::Broker(std::string program, std::string directory)
    : program_(std::move(program)), directory_(std::move(directory)) {
  std::filesystem::remove_all(directory_);
  start();
}

Broker::~Broker() {
  process_->terminate();  // in order, so that a profiler around it can write what it found
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
  std::filesystem::remove(directory_ + ".stderr", ignored);
}

void Broker::start() {
  support::BrokerProcess::Options options;
  options.program = program_;
  options.directory = directory_;
  options.arguments = {"--log-level", "warning"};
  process_ = std::make_unique<support::BrokerProcess>(must(support::BrokerProcess::start(options), "tandemd"));
}

Client Broker::connect() const {
  ClientOptions options;
  options.port = port("native");
  options.client_name = "tandem_bench";
  return must(Client::connect(options), "connect");
}

void Broker::settle_in() const {
  // Twice the journal between two checkpoints, and the segments that are in use meanwhile.
  constexpr std::size_t journal_bytes = 512u << 20;
  const Client client = connect();
  must(client.ask(CreateTopic{.name = "settle-in"}), "create");
  auto appender =
      must(TopicAppender::open(client, {.topic = "settle-in", .batch_size_max_bytes = 1u << 20}), "appender");
  const std::string value(64'000, 'v');
  Record record;
  record.value = value;
  for (std::size_t size = 0; size < journal_bytes; size += value.size()) must(appender.post(record), "append");
  must(appender.flush(), "append");
  must(client.ask(DeleteTopic{.name = "settle-in"}), "delete");
  wait_for_checkpoint();
}

void Broker::wait_for_checkpoint() const {
  constexpr int waits_max = 50;
  double before_s = -1;
  for (int i = 0; i < waits_max; ++i) {
    const double now_s = use().thread_cpu_s["checkpoint"];
    if (now_s == before_s) return;
    before_s = now_s;
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
}

std::uint64_t Broker::disk_used_bytes() const {
  constexpr std::uint64_t block_bytes = 512;  // as st_blocks counts, whatever the file system's blocks are
  std::uint64_t used = 0;
  std::error_code gone;  // files come and go meanwhile
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory_, gone)) {
    struct stat file {};
    if (lstat(entry.path().c_str(), &file) == 0) used += static_cast<std::uint64_t>(file.st_blocks) * block_bytes;
  }
  return used;
}

void Broker::crash_and_restart() {
  process_->kill();
  start();
}

void Broker::stop_and_restart() {
  stop();
  start();
}

void Broker::stop() {
  if (const int status = process_->terminate(); status != 0)
    throw Failure("tandemd ended with status " + std::to_string(status));
}

}  // namespace tandem::bench
