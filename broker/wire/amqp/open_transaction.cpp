#include "broker/wire/amqp/open_transaction.h"

#include <algorithm>

#include "broker/base/check.h"
#include "broker/base/limits.h"

namespace tandem::wire::amqp {

Verdict OpenTransaction::check_room(std::size_t size) const {
  if (steps_.size() < limits::transaction_operations_max &&
      arena_.size() + size <= limits::transaction_size_max_bytes)
    return std::nullopt;
  return Fault{ReplyCode::precondition_failed,
               "transaction larger than " + std::to_string(limits::transaction_operations_max) +
                   " operations or " + std::to_string(limits::transaction_size_max_bytes) + " bytes",
               Method::basic_publish};
}

Verdict OpenTransaction::add(const MessageParts& message, bool mandatory, Bytes routing_properties) {
  if (Verdict fault = check_room(message_size_bytes(message) + routing_properties.size())) return fault;
  total_size_bytes_ -= size_bytes();
  KeptMessage kept{{arena_.size(), message_size_bytes(message)}, {}, mandatory};
  append_message(arena_, message);
  kept.routing_properties = {arena_.size(), routing_properties.size()};
  arena_.insert(arena_.end(), routing_properties.begin(), routing_properties.end());
  steps_.emplace_back(kept);
  total_size_bytes_ += size_bytes();
  return std::nullopt;
}

Verdict OpenTransaction::add(const core::SettleOp& settle) {
  if (Verdict fault = check_room(0)) {
    fault->method = Method::basic_ack;
    return fault;
  }
  steps_.emplace_back(settle);
  total_size_bytes_ += sizeof(Step);
  if (settle.multiple) {
    claimed_through_ = std::max(claimed_through_, settle.last);
    std::erase_if(claimed_, [this](DeliveryTag tag) { return tag <= claimed_through_; });
  } else if (settle.last > claimed_through_) {
    claimed_.insert(std::ranges::upper_bound(claimed_, settle.last), settle.last);
  }
  return std::nullopt;
}

bool OpenTransaction::claims(DeliveryTag tag) const {
  return tag <= claimed_through_ || std::ranges::binary_search(claimed_, tag);
}

core::PublishOp OpenTransaction::view(const KeptMessage& message) const {
  const auto parts = parse_message(stored(message));
  CHECK(parts.has_value());
  const bool rewritten = message.routing_properties.size > 0;
  const auto glance = glance_properties(rewritten ? bytes(message.routing_properties) : parts->properties);
  CHECK(glance.has_value());
  core::PublishOp operation;
  operation.mandatory = message.mandatory;
  operation.message = {{},
                       static_cast<std::uint32_t>(message.stored.size),
                       static_cast<std::uint32_t>(parts->body.size()),
                       parts->exchange,
                       parts->routing_key,
                       *glance};
  return operation;
}

void OpenTransaction::clear() {
  total_size_bytes_ -= size_bytes();
  steps_.clear();
  claimed_through_ = 0;
  claimed_.clear();
  std::vector<std::byte>().swap(arena_);
  known_exchange.clear();
  knows_exchange = false;
}

}  // namespace tandem::wire::amqp
