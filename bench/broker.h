// The tandemd under test: its own process on its own empty directory, removed at the end.
#pragma once

#include <memory>
#include <string>

#include "bench/measure.h"
#include "tandem/tandem.h"
#include "tests/support/broker_process.h"

namespace tandem::bench {

class Broker {
 public:
  /// `directory` is emptied first.
  Broker(std::string program, std::string directory);
  ~Broker();
  Broker(const Broker&) = delete;
  Broker& operator=(const Broker&) = delete;

  /// A connection of its own.
  Client connect() const;
  std::uint16_t port(const std::string& face) const { return process_->port(face); }
  ProcessUse use() const { return use_of(process_->pid()); }
  /// From the start of the process to its ready line, of the last start.
  double ready_ms() const { return process_->ready_ms(); }

  /// Brings it to where a broker is that has run for a while: its journal's segments are written once and from now on
  /// recycled. Without it the first seconds of load measure the writing of zeros.
  void settle_in() const;
  /// Until the checkpoint's thread has nothing to do, at most 5 s: what it writes belongs to the load before.
  void wait_for_checkpoint() const;

  /// kill -9, and a start on what is left.
  void crash_and_restart();
  void stop_and_restart();
  void stop();
  void start();  // on what is there

  /// What lies on the disk for its data directory, holes not counted.
  std::uint64_t disk_used_bytes() const;
  const std::string& directory() const { return directory_; }

 private:
  const std::string program_, directory_;
  std::unique_ptr<support::BrokerProcess> process_;
};

}  // namespace tandem::bench
