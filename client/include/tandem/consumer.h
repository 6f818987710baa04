// Consuming from queues. Every delivery has to be settled.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tandem/client.h"
#include "tandem/message.h"

namespace tandem {

namespace client {
class ConsumeChannel;
}

/// A message that was handed to this process and is its to settle: ack() when it is done, requeue() to give
/// it back, reject() to dead-letter or drop it. One that is destroyed unsettled is requeued, so that nothing
/// is lost by an early return. Settling does not wait: settles are gathered and sent together;
/// Consumer::flush() waits until they are on disk. Settling twice does nothing. After the connection
/// it came on is gone the broker delivers it again, whatever it is settled with; the next flush() says so.
///
/// Move-only; one thread at a time. Views live as long as the Delivery, settled or not. A Delivery keeps
/// alive the received block it lies in (256 KiB, or its whole frame if larger): copy what is to be kept long.
class Delivery {
 public:
  Delivery() = default;
  Delivery(Delivery&& other) noexcept;
  Delivery& operator=(Delivery&& other) noexcept;
  ~Delivery();

  std::string_view body() const { return text_of(parts_.body); }
  std::string_view exchange() const { return parts_.exchange; }
  std::string_view routing_key() const { return parts_.routing_key; }
  /// Error corrupt: the publisher's properties are malformed.
  Result<Properties> properties() const;
  const MessageParts& parts() const { return parts_; }

  /// It may have been delivered before (true exactly when it may have been), and how often.
  bool redelivered() const { return deliveries_ > 0; }
  std::uint16_t earlier_deliveries() const { return deliveries_; }
  /// Its place in its queue; 0 for one from get().
  std::uint64_t queue_seq() const { return seq_; }
  std::uint64_t tag() const { return tag_; }

  /// The broker found its stored bytes damaged: there is nothing to read, and it must be settled all the
  /// same.
  bool unreadable() const { return unreadable_; }

  void ack();
  void requeue();
  void reject();

 private:
  friend class client::ConsumeChannel;
  friend class Transaction;
  std::shared_ptr<client::ConsumeChannel> channel_;  // null: settled, or nothing to settle
  std::shared_ptr<const void> owner_;                // of the bytes
  MessageParts parts_;
  std::uint64_t tag_ = 0;
  std::uint64_t seq_ = 0;
  std::uint32_t epoch_ = 0;  // of the connection it came on
  std::uint16_t deliveries_ = 0;
  bool unreadable_ = false;
};

struct ConsumerOptions {
  std::string queue{};
  /// Unsettled deliveries at most; 0 = the broker's limit (262,144).
  std::uint32_t prefetch = 1'000;
  /// Deliveries count as acked when they leave the broker. When 64 MiB of them are not received yet, the
  /// client stops reading its connection, which holds up everything else on it: give such a consumer a Client
  /// of its own.
  bool no_ack = false;
  bool exclusive = false;
  std::int32_t priority = 0;
  Table arguments{};
  /// Takes every delivery, on the I/O thread, instead of receive(). Must not block.
  std::function<void(Delivery)> on_delivery{};
};

/// Thread-safe; copies are handles to the same consumer; several threads may receive at once. Ends when
/// close() is called, when the queue is deleted, or when the client is closed. After a reconnect it is
/// subscribed again by itself.
class Consumer {
 public:
  Consumer() = default;  // a handle to nothing: only to be assigned to

  /// Subscribes. Errors: not_found, locked, in_use (exclusive consumer), limit_reached, unavailable.
  template <class Token = Wait>
  static auto open(const Client& client, ConsumerOptions options, Token&& token = {}) {
    return client::initiate<Consumer>(
        client.driver(), std::forward<Token>(token),
        [driver = client.driver(), options = std::move(options)](client::Completion<Consumer> done) mutable {
          start_open(driver, std::move(options), std::move(done));
        });
  }

  /// The next delivery. Errors: timed_out (nothing came; 0 = do not wait), not_found (the queue is gone),
  /// unavailable (closed).
  Result<Delivery> receive(Milliseconds timeout);
  template <class Token>
  auto receive(Milliseconds timeout, Token&& token) {
    return client::initiate<Delivery>(driver_, std::forward<Token>(token),
                                      [channel = channel_, timeout](client::Completion<Delivery> done) {
                                        start_receive(channel, timeout, std::move(done));
                                      });
  }
  /// Waits for the first and takes up to `count_max` that are there. Appends to `out`, which may be reused,
  /// and returns how many. The fast path. Errors as for receive().
  Result<std::size_t> receive_many(std::vector<Delivery>& out, std::size_t count_max, Milliseconds timeout);
  template <class Token>
  auto receive_many(std::size_t count_max, Milliseconds timeout, Token&& token) {
    return client::initiate<std::vector<Delivery>>(
        driver_, std::forward<Token>(token),
        [channel = channel_, count_max, timeout](client::Completion<std::vector<Delivery>> done) {
          start_receive_many(channel, count_max, timeout, std::move(done));
        });
  }

  /// Acks all of them with one lock, and empties the vector. Deliveries of other consumers are acked as well.
  static void ack_all(std::vector<Delivery>& deliveries);

  /// Completes when every settle so far is on the broker's disk. Error unavailable: since the last flush the
  /// connection broke before or while something was acked or rejected (it is delivered again).
  template <class Token = Wait>
  auto flush(Token&& token = {}) {
    return client::initiate<Done>(
        driver_, std::forward<Token>(token),
        [channel = channel_](client::Completion<Done> done) { start_flush(channel, std::move(done)); });
  }

  /// Gets nothing more from the broker, also after a reconnect. What it has got can still be received and settled: who wants so
  /// many and not one more settles the last of them after this, since each settled one makes room for another.
  template <class Token = Wait>
  auto stop(Token&& token = {}) {
    return client::initiate<Done>(
        driver_, std::forward<Token>(token),
        [channel = channel_](client::Completion<Done> done) { start_stop(channel, std::move(done)); });
  }

  /// Unsubscribes; everything unsettled goes back to the queue. Sends what was settled before.
  template <class Token = Wait>
  auto close(Token&& token = {}) {
    return client::initiate<Done>(
        driver_, std::forward<Token>(token),
        [channel = channel_](client::Completion<Done> done) { start_close(channel, std::move(done)); });
  }

  /// Deliveries that are here and not received yet.
  std::size_t waiting() const;

 private:
  friend class Getter;
  Consumer(std::shared_ptr<client::Driver> driver, std::shared_ptr<client::ConsumeChannel> channel);
  static void start_open(const std::shared_ptr<client::Driver>& driver, ConsumerOptions options,
                         client::Completion<Consumer> done);
  static void start_receive(const std::shared_ptr<client::ConsumeChannel>& channel, Milliseconds timeout,
                            client::Completion<Delivery> done);
  static void start_receive_many(const std::shared_ptr<client::ConsumeChannel>& channel, std::size_t count_max,
                                 Milliseconds timeout, client::Completion<std::vector<Delivery>> done);
  static void start_flush(const std::shared_ptr<client::ConsumeChannel>& channel,
                          client::Completion<Done> done);
  static void start_stop(const std::shared_ptr<client::ConsumeChannel>& channel, client::Completion<Done> done);
  static void start_close(const std::shared_ptr<client::ConsumeChannel>& channel,
                          client::Completion<Done> done);

  std::shared_ptr<client::Driver> driver_;
  std::shared_ptr<client::ConsumeChannel> channel_;
};

/// Takes single messages from queues, one request each (a Consumer is far faster). Thread-safe.
class Getter {
 public:
  Getter() = default;  // a handle to nothing: only to be assigned to

  static Result<Getter> open(const Client& client);

  /// nullopt: the queue is empty. Errors: not_found, locked, unavailable.
  template <class Token = Wait>
  auto get(std::string queue, Token&& token = {}) {
    return client::initiate<std::optional<Delivery>>(
        driver_, std::forward<Token>(token),
        [channel = channel_, queue = std::move(queue)](client::Completion<std::optional<Delivery>> done) {
          start_get(channel, queue, std::move(done));
        });
  }
  /// As Consumer::flush().
  template <class Token = Wait>
  auto flush(Token&& token = {}) {
    return client::initiate<Done>(
        driver_, std::forward<Token>(token),
        [channel = channel_](client::Completion<Done> done) { start_flush(channel, std::move(done)); });
  }

 private:
  static void start_get(const std::shared_ptr<client::ConsumeChannel>& channel, const std::string& queue,
                        client::Completion<std::optional<Delivery>> done);
  static void start_flush(const std::shared_ptr<client::ConsumeChannel>& channel,
                          client::Completion<Done> done);

  std::shared_ptr<client::Driver> driver_;
  std::shared_ptr<client::ConsumeChannel> channel_;
};

}  // namespace tandem
