// Of a broker's requests for memory one fails: it goes on, or says so and stops, and nothing confirmed is lost
// (docs/decisions/0011). Which one of a life it is, is failing_allocator.cpp told, which is loaded into the real program.
#pragma once

#include <cstdint>
#include <random>
#include <string>

#include "tests/crash/history.h"
#include "tests/support/broker_process.h"

namespace tandem::crash {

class NoMemory {
 public:
  /// `allocator`: the library's path. Beside the data directory lies what lives tell. Starts a broker once, to see how often it
  /// asks for memory without any client. Errors: it did not start, or stop.
  static Result<NoMemory> make(const std::string& allocator, const support::BrokerProcess::Options& broker);

  /// The next life's: one of those before its ready line, or, three times of four, one behind them.
  void choose(std::mt19937_64& chance, support::BrokerProcess::Options& broker);
  /// The broker did not get ready: as it was to be, if one has failed. Else, or if it did not say why, a violation.
  void judge_start(const Error& error, int life, History& history);
  /// Waits until it has stopped by itself, and kills it if it goes on.
  void judge_end(support::BrokerProcess& broker, int life, History& history);
  /// How many lives ended in which way.
  std::string report() const;

 private:
  NoMemory(const std::string& allocator, const std::string& directory);
  bool has_failed() const;
  void want_reason(const std::string& said, int life, History& history);

  std::string allocator_, told_file_, errors_file_;
  std::uint64_t without_clients_ = 0, errors_seen_bytes_ = 0;
  int not_started_ = 0, stopped_ = 0, went_on_ = 0, no_fault_ = 0;
};

}  // namespace tandem::crash
