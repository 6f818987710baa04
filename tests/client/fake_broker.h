// A broker for tests of the client: answers the handshake by itself and everything else as the test says. One
// connection at a time, on a thread of its own.
#pragma once

#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <atomic>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "client/frames.h"
#include "tandem/client.h"

namespace tandem::testing {

namespace fb = tandem::wire::fb;
using client::Frame;
using client::make_frame;

class FakeBroker {
 public:
  /// Called on the broker's thread for every frame but Hello, Heartbeat and Goodbye.
  using Script = std::function<void(FakeBroker& broker, const fb::Envelope& said, Bytes payload)>;

  explicit FakeBroker(Script script);
  ~FakeBroker();

  std::uint16_t port() const { return port_; }
  ClientOptions options() const;

  // --- from the script, or from the test ---

  void say(const Frame& frame);
  template <class Build>
  void answer(const fb::Envelope& to, Build build, Bytes payload = {}) {
    say(make_frame({to.correlation(), to.channel()}, build, payload));
  }
  void answer_ok(const fb::Envelope& to);
  void refuse(const fb::Envelope& to, ErrorCode code, const char* text);
  void confirm(std::uint16_t channel, std::uint64_t first, std::uint64_t last);
  void nack(std::uint16_t channel, std::uint64_t first, std::uint64_t last, ErrorCode code, const char* text);
  void deliver(std::uint16_t channel, std::uint64_t first_tag, const std::vector<std::string>& bodies);

  /// Breaks the connection; the next one is accepted.
  void drop();
  /// Goes on without answering the next handshakes.
  void stay_silent() { silent_ = true; }
  /// Answers the next handshakes with a Goodbye.
  void say_goodbye_with(ErrorCode code) { goodbye_ = static_cast<std::uint16_t>(code); }

  /// Waits for it for five seconds; false: it did not come.
  bool wait_for(const std::function<bool()>& seen);
  int connections() const { return connections_; }

 private:
  void run();
  void serve(asio::ip::tcp::socket& socket);
  void take(const fb::Envelope& said, Bytes payload);

  Script script_;
  asio::io_context io_;
  asio::ip::tcp::acceptor acceptor_;
  std::uint16_t port_ = 0;
  std::mutex mutex_;
  int socket_ = -1;  // of the connection that is served
  std::atomic<int> connections_{0};
  std::atomic<bool> silent_{false}, ending_{false};
  std::atomic<std::uint16_t> goodbye_{0};
  std::thread thread_;
};

/// The stored form of a message to the default exchange.
std::vector<std::byte> stored(std::string_view queue, std::string_view body);

}  // namespace tandem::testing
