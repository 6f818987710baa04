// A broker of its own on an empty directory, and clients of it.
#pragma once

#include <doctest/doctest.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "tandem/tandem.h"
#include "tests/support/broker_process.h"

namespace tandem::end_to_end {

/// An empty directory, removed at the end.
class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string name = (std::filesystem::temp_directory_path() / "tandem_end_to_end_XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  std::string operator/(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

template <class T>
T must(Result<T> result) {
  INFO("error: ", result.ok() ? "" : result.error().text);
  REQUIRE(result.ok());
  return std::move(*result);
}

/// Asks again and again for 20 s at the most.
template <class Condition>
bool comes_true(Condition condition) {
  for (int i = 0; i < 200; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  return false;
}

class BrokerFixture {
 public:
  explicit BrokerFixture(std::vector<std::string> arguments = {}) : arguments_(std::move(arguments)) {
    start();
  }

  void start() {
    process = std::make_unique<support::BrokerProcess>(must(support::BrokerProcess::start(options())));
  }
  void kill_and_restart() {
    process->kill();
    start();
  }
  void stop_and_restart(int signal = SIGTERM) {
    REQUIRE(process->terminate(20'000, signal) == 0);
    start();
  }
  Client connect() const {
    ClientOptions client;
    client.port = process->port("native");
    client.reconnect.enabled = false;
    return must(Client::connect(client));
  }
  /// The next start has so much address space at most; 0: as much as there is.
  void limit_address_space(std::uint64_t size_max_bytes) { address_space_max_bytes_ = size_max_bytes; }
  std::string data() const { return directory / "data"; }
  /// What the broker wrote to stderr, over all its starts.
  std::string log_lines() const;

  TemporaryDirectory directory;
  std::unique_ptr<support::BrokerProcess> process;

 private:
  support::BrokerProcess::Options options() const { return {TANDEMD, data(), arguments_, 20'000, address_space_max_bytes_}; }
  std::vector<std::string> arguments_;
  std::uint64_t address_space_max_bytes_ = 0;
};

}  // namespace tandem::end_to_end
