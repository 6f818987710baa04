// A network between a client and a broker on this machine, that a test makes bad: it delays, cuts, falls silent, or
// gives bytes one at a time.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <thread>

namespace tandem::support {

/// Takes connections on port() and joins each to one to `target` on 127.0.0.1. All members are thread-safe.
class Proxy {
 public:
  explicit Proxy(std::uint16_t target);
  ~Proxy();
  Proxy(const Proxy&) = delete;
  Proxy& operator=(const Proxy&) = delete;

  std::uint16_t port() const { return port_; }

  /// Bytes arrive so much later, in both directions.
  void delay(std::chrono::milliseconds by) { delay_ms_ = static_cast<int>(by.count()); }
  /// Every read of either side gets one byte.
  void drip(bool on) { drips_ = on; }
  /// Nothing goes on in either direction, and neither side is told. New connections are taken and are as silent.
  void fall_silent(bool on) { silent_ = on; }
  /// Ends all connections, each side with a reset. `refuse`: and new ones at once, until it is called with false.
  void cut(bool refuse = false);
  /// New connections are joined to this one: a broker that was started again.
  void lead_to(std::uint16_t target) { target_ = target; }
  int connections() const { return connections_; }

 private:
  struct Pair;
  void accept();
  void forward(Pair& pair, int from, int to);
  bool pass(Pair& pair, int to, const char* bytes, std::size_t size);

  std::atomic<std::uint16_t> target_;
  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::atomic<int> delay_ms_{0}, connections_{0};
  std::atomic<bool> drips_{false}, silent_{false}, refuses_{false}, ending_{false};
  std::mutex mutex_;
  std::list<std::unique_ptr<Pair>> pairs_;
  std::thread acceptor_;
};

}  // namespace tandem::support
