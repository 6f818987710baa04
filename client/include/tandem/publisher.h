// Publishing to exchanges and queues, with a confirm for every message.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "tandem/client.h"
#include "tandem/message.h"

namespace tandem {

namespace client {
class PublishChannel;
}

/// A mandatory message that no queue took. Views live as long as the call.
struct Returned {
  std::uint64_t seq = 0;
  Error error{};
  MessageParts message{};
};

/// The outcome of the messages first..last (both included) of a publisher.
struct PublishOutcome {
  std::uint64_t first = 0, last = 0;
  bool confirmed = true;  // false: refused or given up, `error` says why
  Error error{};
};

struct PublisherOptions {
  /// Messages and bytes that may be unconfirmed at a time; when reached, post() waits. A message larger than
  /// the window is let through alone.
  std::size_t window_messages = 16'384;
  std::size_t window_bytes = 32u << 20;
  /// Send unconfirmed messages again after a reconnect (a message may then be stored twice). false: they fail
  /// with unavailable.
  bool resend = true;
  /// Both are called on the I/O thread and must not block; `on_outcome` once per range of messages with the
  /// same fate.
  std::function<void(const Returned&)> on_returned{};
  std::function<void(const PublishOutcome&)> on_outcome{};
};

enum class Mandatory : bool { no, yes };

/// Thread-safe; copies are handles to the same publisher. Messages that are posted while the I/O thread is
/// busy go together in one frame: there is no timer to tune. Messages of one publisher are stored in the
/// order of their posts.
///
/// A message is *confirmed* when it is on the broker's disk in every queue and topic it was routed to
/// (persistent messages in durable queues), or has no queue to go to. Empty MessageParts::properties mean
/// persistent().
class Publisher {
 public:
  Publisher() = default;  // a handle to nothing: only to be assigned to

  /// Errors: limit_reached (2,047 channels are open), unavailable (the client is closed). Does not talk to
  /// the broker.
  static Result<Publisher> open(const Client& client, PublisherOptions options = {});

  /// Publishes one message and completes with its confirm. Errors: unroutable (mandatory), rejected_by_queue,
  /// resource_alarm, not_found and access_refused (exchange), too_large, invalid_argument; unavailable when
  /// the client is closed first (outcome unknown). When the window is full, the message waits its turn.
  template <class Token = Wait>
  auto publish(const MessageParts& message, Mandatory mandatory = Mandatory::no, Token&& token = {}) {
    return client::initiate<Done>(
        driver_, std::forward<Token>(token),
        [channel = channel_, stored = store(message), mandatory](client::Completion<Done> done) mutable {
          start(channel, std::move(stored), mandatory, std::move(done));
        });
  }
  template <class Token = Wait>
  auto publish(const Message& message, Mandatory mandatory = Mandatory::no, Token&& token = {}) {
    EncodedProperties properties(message.properties);
    return publish(parts(message, properties), mandatory, std::forward<Token>(token));
  }

  /// The fast path: hands the message over and returns its seq (1, 2, 3, …) without waiting for the confirm;
  /// waits only while the window is full. Learn the outcome from flush() or on_outcome. Errors: too_large,
  /// invalid_argument (names over 255 bytes), unavailable (closed), wrong_state (would block the I/O thread).
  Result<std::uint64_t> post(const MessageParts& message, Mandatory mandatory = Mandatory::no);
  Result<std::uint64_t> post(const Message& message, Mandatory mandatory = Mandatory::no);
  /// The same for who must not block: completes with the seq once the message is in the window. At most as many as
  /// the window has messages wait for that (limit_reached).
  template <class Token>
  auto post(const MessageParts& message, Mandatory mandatory, Token&& token) {
    return client::initiate<std::uint64_t>(
        driver_, std::forward<Token>(token),
        [channel = channel_, stored = store(message), mandatory](client::Completion<std::uint64_t> done) mutable {
          start_post(channel, std::move(stored), mandatory, std::move(done));
        });
  }
  template <class Token>
  auto post(const Message& message, Mandatory mandatory, Token&& token) {
    EncodedProperties properties(message.properties);
    return post(parts(message, properties), mandatory, std::forward<Token>(token));
  }
  /// Never waits: limit_reached when the window is full.
  Result<std::uint64_t> try_post(const MessageParts& message, Mandatory mandatory = Mandatory::no);
  Result<std::uint64_t> try_post(const Message& message, Mandatory mandatory = Mandatory::no);

  /// Completes when everything posted before has an outcome. Error: the first failure since the last flush
  /// (messages of publish() report their own), unavailable.
  template <class Token = Wait>
  auto flush(Token&& token = {}) {
    return client::initiate<Done>(
        driver_, std::forward<Token>(token),
        [channel = channel_](client::Completion<Done> done) { start_flush(channel, std::move(done)); });
  }

  /// Messages without an outcome yet.
  std::size_t unconfirmed() const;
  /// Gives the channel back; what is unconfirmed fails with unavailable: flush() first. Without a call of it
  /// that happens when the last handle is gone and everything is confirmed.
  void close();

 private:
  friend class Transaction;
  Publisher(std::shared_ptr<client::Driver> driver, std::shared_ptr<client::PublishChannel> channel);
  static MessageParts parts(const Message& message, const EncodedProperties& properties);
  static Result<std::vector<std::byte>> store(const MessageParts& message);
  static void start(const std::shared_ptr<client::PublishChannel>& channel,
                    Result<std::vector<std::byte>> stored, Mandatory mandatory,
                    client::Completion<Done> done);
  static void start_post(const std::shared_ptr<client::PublishChannel>& channel,
                         Result<std::vector<std::byte>> stored, Mandatory mandatory,
                         client::Completion<std::uint64_t> done);
  static void start_flush(const std::shared_ptr<client::PublishChannel>& channel,
                          client::Completion<Done> done);

  std::shared_ptr<client::Driver> driver_;
  std::shared_ptr<client::PublishChannel> channel_;
};

}  // namespace tandem
