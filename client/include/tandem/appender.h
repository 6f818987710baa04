// Appending records to a topic.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "schemas/compression.h"
#include "tandem/client.h"

namespace tandem {

namespace client {
class AppendQueue;
}

/// A record to append; views need to live only as long as the call. Headers' values may be absent, as may key
/// and value.
struct Record {
  std::optional<std::string_view> key{};
  std::optional<std::string_view> value{};
  std::vector<std::pair<std::string_view, std::optional<std::string_view>>> headers{};
  TimestampMs timestamp = -1;   // -1 = now
  std::int32_t partition = -1;  // -1 = by key: murmur2(key) % partitions as Kafka's clients do; no key: any
};

/// Where a record came to lie.
struct AppendedAt {
  std::int32_t partition = 0;
  Offset offset = 0;  // -1: it is stored, by a try before a reconnect and so long ago that the broker does not know where
  TimestampMs append_time = -1;  // ≥ 0 when the topic keeps the broker's time
};

struct AppenderOptions {
  std::string topic{};
  Codec codec = Codec::none;  // any of them
  /// A batch is sent at this size at the latest; before compression. At most 16 MiB.
  std::size_t batch_size_max_bytes = 256u << 10;
  /// Bytes of records without an outcome; when reached, post() waits.
  std::size_t window_bytes = 32u << 20;
  /// Send unanswered batches again after a reconnect; appends in one partition keep their order. false: they fail with
  /// unavailable. Conditional appends are never sent again.
  bool resend = true;
  /// What is sent again is stored once all the same: batches carry a producer id and sequences, as an idempotent Kafka
  /// producer's do. The broker forgets a producer id that was silent for one to two days.
  bool idempotent = true;
  /// Called on the I/O thread for every batch with its fate; must not block. `count` records from `first` on.
  std::function<void(const AppendedAt& first, std::size_t count, const Error* error)> on_outcome{};
};

/// Thread-safe; copies are handles to the same appender. Records that come while the I/O thread is busy go
/// together in one batch per partition: there is no timer to tune. Records of one partition are stored in the
/// order of their appends.
class TopicAppender {
 public:
  TopicAppender() = default;  // a handle to nothing: only to be assigned to

  /// Learns the number of partitions. Errors: not_found, unavailable, timed_out.
  template <class Token = Wait>
  static auto open(const Client& client, AppenderOptions options, Token&& token = {}) {
    return client::initiate<TopicAppender>(client.driver(), std::forward<Token>(token),
                                           [driver = client.driver(), options = std::move(options)](
                                               client::Completion<TopicAppender> done) mutable {
                                             start_open(driver, std::move(options), std::move(done));
                                           });
  }

  /// Completes when the record is on the broker's disk. Errors: not_found (also: no such
  /// partition), too_large, corrupt, resource_alarm; unavailable, timed_out (outcome unknown).
  template <class Token = Wait>
  auto append(const Record& record, Token&& token = {}) {
    return client::initiate<AppendedAt>(
        driver_, std::forward<Token>(token),
        [queue = queue_, owned = own(record)](client::Completion<AppendedAt> done) {
          start_append(queue, owned, std::move(done));
        });
  }

  /// The fast path: hands the record over and returns its partition; waits only while the window is full.
  /// Learn the outcome from flush() or on_outcome. Errors: too_large, invalid_argument, unavailable (closed),
  /// wrong_state (would block the I/O thread).
  Result<std::int32_t> post(const Record& record);
  /// The same for who must not block: completes with the partition once the record is in the window. At most 16,384
  /// wait for that (limit_reached).
  template <class Token>
  auto post(const Record& record, Token&& token) {
    return client::initiate<std::int32_t>(
        driver_, std::forward<Token>(token),
        [queue = queue_, owned = own(record)](client::Completion<std::int32_t> done) {
          start_post(queue, owned, std::move(done));
        });
  }
  /// Never waits: limit_reached when the window is full.
  Result<std::int32_t> try_post(const Record& record);

  /// Completes when everything posted before has an outcome. Error: the first failure since the last flush
  /// (records of append() report their own).
  template <class Token = Wait>
  auto flush(Token&& token = {}) {
    return client::initiate<Done>(
        driver_, std::forward<Token>(token),
        [queue = queue_](client::Completion<Done> done) { start_flush(queue, std::move(done)); });
  }

  /// Appends the records as one batch, only if the partition ends at `expected_end` (optimistic concurrency:
  /// "nobody wrote since I read"). Completes with the place of the first. Errors: version_conflict, and as
  /// for append().
  template <class Token = Wait>
  auto append_at(std::int32_t partition, Offset expected_end, std::span<const Record> records,
                 Token&& token = {}) {
    return client::initiate<AppendedAt>(
        driver_, std::forward<Token>(token),
        [queue = queue_, partition, expected_end,
         batch = encode(records)](client::Completion<AppendedAt> done) mutable {
          start_append_at(queue, partition, expected_end, std::move(batch), std::move(done));
        });
  }

  std::int32_t partitions() const;
  /// The partition that a key goes to.
  std::int32_t partition_of(std::string_view key) const;

 private:
  /// A record that owns its bytes, for the forms that complete later.
  struct Owned;
  TopicAppender(std::shared_ptr<client::Driver> driver, std::shared_ptr<client::AppendQueue> queue);
  std::shared_ptr<const Owned> own(const Record& record) const;
  Result<std::vector<std::byte>> encode(std::span<const Record> records) const;
  static void start_open(const std::shared_ptr<client::Driver>& driver, AppenderOptions options,
                         client::Completion<TopicAppender> done);
  static void start_append(const std::shared_ptr<client::AppendQueue>& queue,
                           const std::shared_ptr<const Owned>& record, client::Completion<AppendedAt> done);
  static void start_post(const std::shared_ptr<client::AppendQueue>& queue,
                         const std::shared_ptr<const Owned>& record, client::Completion<std::int32_t> done);
  static void start_append_at(const std::shared_ptr<client::AppendQueue>& queue, std::int32_t partition,
                              Offset expected_end, Result<std::vector<std::byte>> batch,
                              client::Completion<AppendedAt> done);
  static void start_flush(const std::shared_ptr<client::AppendQueue>& queue, client::Completion<Done> done);

  std::shared_ptr<client::Driver> driver_;
  std::shared_ptr<client::AppendQueue> queue_;
};

}  // namespace tandem
