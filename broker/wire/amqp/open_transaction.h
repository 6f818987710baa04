// A channel's transaction before tx.commit: publishes and settlements are kept here, and at commit go to the
// core as one Transaction, which happens whole or not at all, also across a crash.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "broker/core/input.h"
#include "broker/wire/amqp/fault.h"

namespace tandem::wire::amqp {

class OpenTransaction {
 public:
  /// `total_size_bytes`: what open transactions of the connection keep, this one's part included; outlives it.
  explicit OpenTransaction(std::size_t& total_size_bytes) : total_size_bytes_(total_size_bytes) {}
  ~OpenTransaction() { total_size_bytes_ -= size_bytes(); }
  OpenTransaction(const OpenTransaction&) = delete;
  OpenTransaction& operator=(const OpenTransaction&) = delete;

  /// `routing_properties`: what routing looks at where it is not what is stored (BCC), else empty.
  Verdict add(const MessageParts& message, bool mandatory, Bytes routing_properties);
  Verdict add(const core::SettleOp& settle);
  /// What it settles cannot be settled again, and is not recovered, while it is open.
  bool claims(DeliveryTag tag) const;
  DeliveryTag claimed_through() const { return claimed_through_; }
  std::span<const DeliveryTag> claimed() const { return claimed_; }

  /// The operations in the order they were added. `stage` turns a stored message into its handle. The views
  /// live until the transaction changes.
  template <class Stage>
  std::vector<core::TransactionOp> operations(Stage stage) const {
    std::vector<core::TransactionOp> all;
    all.reserve(steps_.size());
    for (const Step& step : steps_) {
      if (const auto* settle = std::get_if<core::SettleOp>(&step)) all.push_back(*settle);
      if (const auto* publish = std::get_if<KeptMessage>(&step)) {
        core::PublishOp operation = view(*publish);
        operation.message.body = stage(stored(*publish));
        all.push_back(operation);
      }
    }
    return all;
  }

  bool empty() const { return steps_.empty(); }
  void clear();

  /// Exchange that was last found to exist in this transaction.
  std::string known_exchange;
  bool knows_exchange = false;

 private:
  struct Range {
    std::size_t begin = 0, size = 0;
  };
  struct KeptMessage {
    Range stored, routing_properties;
    bool mandatory = false;
  };
  using Step = std::variant<core::SettleOp, KeptMessage>;

  std::size_t size_bytes() const { return steps_.size() * sizeof(Step) + arena_.size(); }
  Verdict check_room(std::size_t size) const;
  Bytes bytes(Range range) const { return Bytes(arena_).subspan(range.begin, range.size); }
  Bytes stored(const KeptMessage& message) const { return bytes(message.stored); }
  core::PublishOp view(const KeptMessage& message) const;

  std::size_t& total_size_bytes_;
  std::vector<Step> steps_;       // limits::transaction_operations_max
  DeliveryTag claimed_through_ = 0;
  std::vector<DeliveryTag> claimed_;  // above that, ascending; one per step at most
  std::vector<std::byte> arena_;  // limits::transaction_size_max_bytes
};

}  // namespace tandem::wire::amqp
