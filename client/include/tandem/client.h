// The connection of a process to its broker. Publishers, consumers, appenders, readers and groups are opened
// on a Client and share its one TCP connection and its one I/O thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "tandem/completion.h"
#include "tandem/requests.h"

namespace tandem {

using Milliseconds = std::chrono::milliseconds;

/// What happens to the connection, for log lines and alarms.
struct ClientEvent {
  enum class Kind {
    connected,         // the first time or again; remembered declarations were sent again before
    disconnected,      // `error` says why; the client tries again
    topology_refused,  // a remembered declaration was refused after a reconnect: `error`
    publishers_held,   // disk or memory of the broker is short: publishes wait at the broker; `error.text`
                       // says what
    publishers_released,
    closed,  // for good: by close(), or by a refusal that trying again cannot cure
  };
  Kind kind = Kind::connected;
  Error error{};
};

struct ReconnectOptions {
  bool enabled = true;
  Milliseconds delay_min{50};  // before the first try; doubles with every failure, with jitter of half of it
  Milliseconds delay_max{5'000};
};

struct ClientOptions {
  std::string host = "127.0.0.1";  // name or address
  std::uint16_t port = 7171;
  std::string user{}, password{};  // "" = guest, which the broker takes from its own machine only
  std::string client_name{};       // for people: shown by `tandem connections`
  Milliseconds connect_timeout{5'000};
  /// How long a request may wait for its answer, also while there is no connection. 0 = for ever.
  Milliseconds request_timeout{30'000};
  /// Each side says something at least this often; a peer that is silent for two of them is gone. 0 = never.
  Milliseconds heartbeat{10'000};
  ReconnectOptions reconnect{};
  /// Called on the I/O thread; must not block.
  std::function<void(const ClientEvent&)> on_event{};
  /// Where the client's work is done. Empty = a thread of its own. A caller's executor must be run by the
  /// caller until the client is closed; blocking calls then need another thread to be running it.
  asio::any_io_executor executor{};
};

/// Copies are handles to the same connection. All members are thread-safe. When the last handle and
/// everything opened on it are gone the connection is closed as by close(0).
///
/// Reconnect: when the connection breaks, the client connects again by itself, declares what was remembered,
/// subscribes its consumers again and sends unconfirmed publishes again (which may put a message into a queue
/// twice). Requests in flight that can be repeated without harm are repeated; others fail with unavailable:
/// whether they happened is not known.
class Client {
 public:
  /// Connects and shakes hands; does not try twice. Errors: unavailable (nobody there), not_authorized,
  /// not_supported (no protocol version in common), timed_out.
  static Result<Client> connect(ClientOptions options = {});
  /// The same for coroutines and callbacks: `token` as in completion.h (not Wait).
  template <class Token>
  static auto async_connect(ClientOptions options, Token&& token) {
    auto driver = make_driver(std::move(options));
    return client::initiate<Client>(
        driver, std::forward<Token>(token),
        [driver](client::Completion<Client> done) { start(driver, std::move(done)); });
  }

  /// Asks the broker for anything of requests.h. Errors: what the broker refuses; unavailable, timed_out
  /// (outcome unknown); limit_reached (10,000 requests wait already).
  template <class Request, class Token = Wait>
  auto ask(Request request, Token&& token = {}) const {
    using Answer = typename Request::Answer;
    return client::initiate<Answer>(
        driver_, std::forward<Token>(token),
        [driver = driver_, request = std::move(request)](client::Completion<Answer> done) {
          client::ask(*driver, request, std::move(done));
        });
  }

  /// Waits until what was posted and settled before is confirmed, says goodbye and ends the connection; at
  /// the latest after `deadline`, when whatever is still open fails with unavailable. Always returns. A
  /// second call does nothing. Error timed_out: something was still unconfirmed.
  Result<> close(Milliseconds deadline = Milliseconds(5'000));
  /// The same for coroutines and callbacks; also a second call completes, when the connection has ended.
  template <class Token>
  auto close(Milliseconds deadline, Token&& token) const {
    return client::initiate<Done>(driver_, std::forward<Token>(token),
                                  [driver = driver_, deadline](client::Completion<Done> done) {
                                    start_close(driver, deadline, std::move(done));
                                  });
  }

  bool connected() const;
  /// As the broker gave them in its handshake; "" before the first.
  std::string broker_version() const;
  std::string cluster_id() const;

  const std::shared_ptr<client::Driver>& driver() const { return driver_; }

  Client() = default;  // a handle to nothing: only to be assigned to
  explicit Client(std::shared_ptr<client::Driver> driver) : driver_(std::move(driver)) {}

 private:
  static std::shared_ptr<client::Driver> make_driver(ClientOptions options);
  static void start(const std::shared_ptr<client::Driver>& driver, client::Completion<Client> done);
  static void start_close(const std::shared_ptr<client::Driver>& driver, Milliseconds deadline,
                          client::Completion<Done> done);

  std::shared_ptr<client::Driver> driver_;
};

}  // namespace tandem
