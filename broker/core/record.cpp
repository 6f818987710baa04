#include "broker/core/record.h"

namespace tandem::core {
namespace {

bool keeps(const Enqueued& record) {
  return record.entry.durable;
}
bool keeps(const Removed& record) {
  return record.durable;
}
bool keeps(const DeliveryReserved& record) {
  return record.durable;
}
bool keeps(const Requeued& record) {
  return record.durable;
}
bool keeps(const ExchangeDeclared& record) {
  return record.durable;
}
bool keeps(const ExchangeDeleted& record) {
  return record.durable;
}
bool keeps(const QueueDeclared& record) {
  return record.durable && !record.exclusive;
}
bool keeps(const QueueDeleted& record) {
  return record.durable;
}
bool keeps(const Bound& record) {
  return record.durable;
}
bool keeps(const Unbound& record) {
  return record.durable;
}
// State records go into the checkpoint, not into the journal.
bool keeps(const QueueState&) {
  return false;
}
bool keeps(const RunHomed&) {
  return false;
}
bool keeps(const RunDropped&) {
  return false;
}
bool keeps(const PartitionState&) {
  return false;
}
bool keeps(const Counters&) {
  return false;
}
// Topics, groups and producers have no volatile form.
template <class R>
bool keeps(const R&) {
  return true;
}

}  // namespace

bool is_durable(const Record& record) {
  return std::visit([](const auto& one) { return keeps(one); }, record);
}

}  // namespace tandem::core
