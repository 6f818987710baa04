#include "tests/crash/no_memory.h"

#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>

namespace tandem::crash {
namespace {

// Of a load of some 100 ms; which life comes so far depends on the machine.
constexpr std::uint64_t of_clients_max = 20'000;
constexpr std::chrono::milliseconds life_max(400), end_max(5'000);

std::string text_behind(const std::string& path, std::uint64_t from_bytes) {
  std::ifstream file(path, std::ios::binary);
  file.seekg(static_cast<std::streamoff>(from_bytes));
  return {std::istreambuf_iterator<char>(file), {}};
}

std::uint64_t size_of(const std::string& path) {
  std::error_code none;
  const auto size = std::filesystem::file_size(path, none);
  return none ? 0 : size;
}

}  // namespace

NoMemory::NoMemory(const std::string& allocator, const std::string& directory)
    : allocator_(std::filesystem::absolute(allocator)),
      told_file_(directory + ".allocation"),
      errors_file_(directory + ".stderr") {}

Result<NoMemory> NoMemory::make(const std::string& allocator, const support::BrokerProcess::Options& broker) {
  NoMemory made(allocator, broker.directory);
  support::BrokerProcess::Options options = broker;
  options.environment = {"LD_PRELOAD=" + made.allocator_, "TANDEM_ALLOCATION_FAILED=" + made.told_file_};
  auto process = support::BrokerProcess::start(options);
  if (!process) return process.error();
  if (const int status = process->terminate(); status != 0)
    return Error{ErrorCode::internal, "a broker that was to be counted ended with status " + std::to_string(status)};
  std::ifstream(made.told_file_) >> made.without_clients_;
  if (made.without_clients_ == 0) return Error{ErrorCode::internal, "its requests for memory were not counted"};
  return made;
}

void NoMemory::choose(std::mt19937_64& chance, support::BrokerProcess::Options& broker) {
  const bool while_it_starts = chance() % 4 == 0;
  const std::uint64_t number =
      1 + (while_it_starts ? chance() % without_clients_ : without_clients_ + chance() % of_clients_max);
  broker.environment = {"LD_PRELOAD=" + allocator_, "TANDEM_ALLOCATION_FAILED=" + told_file_,
                        "TANDEM_ALLOCATION_FAILS=" + std::to_string(number)};
  std::filesystem::remove(told_file_);
  errors_seen_bytes_ = size_of(errors_file_);
}

bool NoMemory::has_failed() const {
  return std::filesystem::exists(told_file_);
}

void NoMemory::want_reason(const std::string& said, int life, History& history) {
  // Before main() it is the C++ library that says it: "std::bad_alloc", and nothing else.
  const bool before_main = said.starts_with("terminate called");
  if (said.find(before_main ? "bad_alloc" : "memory") == std::string::npos)
    history.violation("life " + std::to_string(life) + " ended for want of memory and did not say so: " + said);
}

void NoMemory::judge_start(const Error& error, int life, History& history) {
  ++not_started_;
  if (!has_failed()) return history.violation("life " + std::to_string(life) + " did not start: " + error.text);
  want_reason(text_behind(errors_file_, errors_seen_bytes_), life, history);
}

void NoMemory::judge_end(support::BrokerProcess& broker, int life, History& history) {
  for (auto waited = std::chrono::milliseconds(0); waited < life_max && !has_failed(); waited += std::chrono::milliseconds(5))
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  if (!has_failed()) {
    ++no_fault_;
    return broker.kill();
  }
  // Where it goes on it does so for a while, so that what it does then is judged, too.
  std::this_thread::sleep_for(std::chrono::milliseconds(30));
  if (!broker.has_ended()) {
    ++went_on_;
    return broker.kill();
  }
  ++stopped_;
  const int status = broker.wait(static_cast<int>(end_max.count()));
  const std::string said = text_behind(errors_file_, errors_seen_bytes_);
  if (status != 1)
    history.violation("life " + std::to_string(life) + " ended for want of memory with status " + std::to_string(status) + ": " + said);
  want_reason(said, life, history);
}

std::string NoMemory::report() const {
  return std::to_string(not_started_) + " did not start and " + std::to_string(stopped_) +
         " stopped, each with its reason; " + std::to_string(went_on_) + " went on; " + std::to_string(no_fault_) +
         " did not come so far";
}

}  // namespace tandem::crash
