// Several operations that happen together or not at all, over both modes and also across a crash of the
// broker: settle deliveries, publish messages, append to topics (if their end is as expected), commit a
// group's offsets.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tandem/appender.h"
#include "tandem/client.h"
#include "tandem/consumer.h"
#include "tandem/publisher.h"
#include "tandem/topic_reader.h"

namespace tandem {

namespace client {
struct TransactionDraft;
}

struct TransactionCommitted {
  std::vector<Offset> append_offsets{};  // of the first record of each append, in the order of the appends
};

/// Gathers operations and sends them with commit(). Nothing happens before, nothing is held at the broker.
/// One thread at a time; move-only. Limits: 10,000 operations, 32 MiB.
///
/// Deliveries that were put in are settled by the commit. When it is refused or the draft is destroyed, they
/// are requeued. When the connection breaks under commit() the error is unavailable and the outcome is not
/// known; the broker delivers again whatever it did not settle.
class Transaction {
 public:
  explicit Transaction(const Client& client);
  Transaction(Transaction&&) noexcept;
  Transaction& operator=(Transaction&&) noexcept;
  ~Transaction();

  /// A delivery that has no need to be settled any more is not added.
  Transaction& ack(Delivery delivery);
  Transaction& reject(Delivery delivery);
  Transaction& publish(const MessageParts& message, Mandatory mandatory = Mandatory::no);
  Transaction& publish(const Message& message, Mandatory mandatory = Mandatory::no);
  /// The records as one batch. expected_end ≥ 0: only if the partition ends there (appends of this
  /// transaction before it count).
  Transaction& append(std::string topic, std::int32_t partition, std::span<const Record> records,
                      Offset expected_end = -1, Codec codec = Codec::none);
  /// offset: the next record the group should read.
  Transaction& commit_offset(std::string group, std::string topic, std::int32_t partition, Offset offset,
                             std::string metadata = {});

  /// Completes when all of it is on disk. The draft is empty afterwards. Errors: what an operation was
  /// refused for (the text says which one), version_conflict, unknown_delivery (it came on a connection that
  /// is gone), limit_reached, too_large, invalid_argument; unavailable, timed_out (outcome unknown).
  template <class Token = Wait>
  auto commit(Token&& token = {}) {
    return client::initiate<TransactionCommitted>(
        driver_, std::forward<Token>(token), [draft = take()](client::Completion<TransactionCommitted> done) {
          start_commit(draft, std::move(done));
        });
  }

 private:
  void settle(Delivery delivery, std::uint8_t outcome);
  std::shared_ptr<client::TransactionDraft> take();
  static void start_commit(const std::shared_ptr<client::TransactionDraft>& draft,
                           client::Completion<TransactionCommitted> done);

  std::shared_ptr<client::Driver> driver_;
  std::shared_ptr<client::TransactionDraft> draft_;
};

}  // namespace tandem
