#include "bench/broker.h"

#include <filesystem>

namespace tandem::bench {

Broker::Broker(std::string program, std::string directory)
    : program_(std::move(program)), directory_(std::move(directory)) {
  std::filesystem::remove_all(directory_);
  start();
}

Broker::~Broker() {
  process_.reset();
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

void Broker::crash_and_restart() {
  process_->kill();
  start();
}

void Broker::stop_and_restart() {
  if (const int status = process_->terminate(); status != 0)
    throw Failure("tandemd ended with status " + std::to_string(status));
  start();
}

}  // namespace tandem::bench
