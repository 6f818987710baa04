// Each record's type byte and fields, in their order on disk: the only description of the format (drawn in
// docs/disk_format.md, "Records"). Changing a line here changes the format: add a new record type instead.
#pragma once

#include <concepts>
#include <cstdint>
#include <type_traits>

#include "broker/core/record.h"

namespace tandem::storage::codec {

/// R is T or const T: one function serves reading (T&) and writing (const T&).
template <class R, class T>
concept Of = std::same_as<std::remove_const_t<R>, T>;

template <class R>
inline constexpr std::uint8_t type_byte = 0;
template <>
inline constexpr std::uint8_t type_byte<core::Enqueued> = 0x10;
template <>
inline constexpr std::uint8_t type_byte<core::Removed> = 0x11;
template <>
inline constexpr std::uint8_t type_byte<core::Appended> = 0x12;
template <>
inline constexpr std::uint8_t type_byte<core::OffsetCommitted> = 0x13;
template <>
inline constexpr std::uint8_t type_byte<core::DeliveryReserved> = 0x14;
template <>
inline constexpr std::uint8_t type_byte<core::Requeued> = 0x30;
template <>
inline constexpr std::uint8_t type_byte<core::ExchangeDeclared> = 0x16;
template <>
inline constexpr std::uint8_t type_byte<core::ExchangeDeleted> = 0x17;
template <>
inline constexpr std::uint8_t type_byte<core::QueueDeclared> = 0x18;
template <>
inline constexpr std::uint8_t type_byte<core::QueueDeleted> = 0x19;
template <>
inline constexpr std::uint8_t type_byte<core::Bound> = 0x1A;
template <>
inline constexpr std::uint8_t type_byte<core::Unbound> = 0x1B;
template <>
inline constexpr std::uint8_t type_byte<core::TopicCreated> = 0x1C;
template <>
inline constexpr std::uint8_t type_byte<core::TopicAltered> = 0x1D;
template <>
inline constexpr std::uint8_t type_byte<core::TopicDeleted> = 0x1E;
template <>
inline constexpr std::uint8_t type_byte<core::Trimmed> = 0x1F;
template <>
inline constexpr std::uint8_t type_byte<core::OffsetDeleted> = 0x20;
template <>
inline constexpr std::uint8_t type_byte<core::GroupGeneration> = 0x21;
template <>
inline constexpr std::uint8_t type_byte<core::GroupDeleted> = 0x22;
template <>
inline constexpr std::uint8_t type_byte<core::ProducerChanged> = 0x23;
template <>
inline constexpr std::uint8_t type_byte<core::QueueState> = 0x24;
template <>
inline constexpr std::uint8_t type_byte<core::RunHomed> = 0x25;
template <>
inline constexpr std::uint8_t type_byte<core::RunDropped> = 0x26;
template <>
inline constexpr std::uint8_t type_byte<core::PartitionState> = 0x27;
template <>
inline constexpr std::uint8_t type_byte<core::Counters> = 0x28;
template <>
inline constexpr std::uint8_t type_byte<core::PolicySet> = 0x29;
template <>
inline constexpr std::uint8_t type_byte<core::PolicyDeleted> = 0x2A;
template <>
inline constexpr std::uint8_t type_byte<core::Compacted> = 0x2B;
template <>
inline constexpr std::uint8_t type_byte<core::ProducersForgotten> = 0x2C;
template <>
inline constexpr std::uint8_t type_byte<core::UserDeclared> = 0x2F;
template <>
inline constexpr std::uint8_t type_byte<core::UserDeleted> = 0x2E;
template <>
inline constexpr std::uint8_t type_byte<core::GroupStable> = 0x31;

// --- parts
// --------------------------------------------------------------------------------------------------------

template <class IO>
void fields(IO& io, Of<core::SeqRange> auto& r) {
  io.number(r.first);
  io.number(r.last);
}
template <class IO>
void fields(IO& io, Of<PartitionId> auto& r) {
  io.id(r.topic);
  io.number(r.index);
}
template <class IO>
void fields(IO& io, Of<core::QueueEntry> auto& r) {
  io.number(r.seq);
  io.number(r.body.value);
  io.number(r.size_bytes);
  io.number(r.deliveries);
  io.number(r.priority);
  io.number(r.expires_at);
}

// --- queue messages
// -----------------------------------------------------------------------------------------------

template <class IO>
void fields(IO& io, Of<core::Enqueued> auto& r) {
  io.flags(r.reserved, r.entry.durable);
  io.id(r.queue);
  fields(io, r.entry);
}
template <class IO>
void fields(IO& io, Of<core::Removed> auto& r) {
  io.choice(r.reason, core::RemovalReason::rejected);
  io.flags(r.durable);
  io.id(r.queue);
  fields(io, r.seqs);
}
/// All of a Requeued as it was written when it was of one message (0x15): that is only read.
inline constexpr std::uint8_t requeued_one_type = 0x15;
template <class IO>
void fields_of_one(IO& io, Of<core::Requeued> auto& r) {
  io.flags(r.durable);
  io.id(r.queue);
  io.number(r.first);
  io.number(r.deliveries);
}
template <class IO>
void fields(IO& io, Of<core::Requeued> auto& r) {
  fields_of_one(io, r);
  io.number(r.count);
}
template <class IO>
void fields(IO& io, Of<core::DeliveryReserved> auto& r) {
  io.flags(r.durable);
  io.id(r.queue);
  io.number(r.through);
}

// --- topics
// -------------------------------------------------------------------------------------------------------

template <class IO>
void fields(IO& io, Of<core::Appended> auto& r) {
  io.choice(r.form, core::AppendedForm::message);
  io.flags(r.log_append_time, r.has_key, r.transactional, r.control);
  fields(io, r.partition);
  io.number(r.base_offset);
  io.number(r.record_count);
  io.number(r.body.value);
  io.number(r.size_bytes);
  io.number(r.max_timestamp);
  io.text(r.key);
  io.number(r.producer_id);
  io.number(r.producer_epoch);
  io.number(r.base_sequence);
}
template <class IO>
void fields(IO& io, Of<core::Trimmed> auto& r) {
  fields(io, r.partition);
  io.number(r.start);
}
template <class IO>
void fields(IO& io, Of<core::Compacted> auto& r) {
  fields(io, r.partition);
  io.number(r.through);
  io.number(r.removed_bytes);
}
template <class IO>
void fields(IO& io, Of<core::ProducersForgotten> auto& r) {
  fields(io, r.partition);
  io.number(r.before);
}

// --- groups and producers
// -----------------------------------------------------------------------------------------

template <class IO>
void fields(IO& io, Of<core::OffsetCommitted> auto& r) {
  io.text(r.group);
  fields(io, r.partition);
  io.number(r.offset);
  io.number(r.leader_epoch);
  io.text(r.metadata);
  io.number(r.committed_at);
}
template <class IO>
void fields(IO& io, Of<core::OffsetDeleted> auto& r) {
  io.text(r.group);
  fields(io, r.partition);
}
template <class IO>
void fields(IO& io, Of<core::GroupGeneration> auto& r) {
  io.text(r.group);
  io.text(r.protocol_type);
  io.number(r.generation);
}
template <class IO>
void fields(IO& io, Of<core::StableMember> auto& r) {
  io.text(r.id);
  io.text(r.instance);
  io.text(r.client_id);
  io.text(r.client_host);
  io.number(r.session_timeout);
  io.number(r.rebalance_timeout);
  io.list(r.protocols, [](auto& each, auto& protocol) {
    each.text(protocol.name);
    each.text(protocol.metadata);
  });
  io.text(r.assignment);
}
template <class IO>
void fields(IO& io, Of<core::GroupStable> auto& r) {
  io.text(r.group);
  io.text(r.protocol_name);
  io.text(r.leader);
  io.list(r.members, [](auto& each, auto& member) { fields(each, member); });
}
template <class IO>
void fields(IO& io, Of<core::GroupDeleted> auto& r) {
  io.text(r.group);
}
template <class IO>
void fields(IO& io, Of<core::ProducerChanged> auto& r) {
  io.text(r.transactional_id);
  io.number(r.producer_id);
  io.number(r.epoch);
  io.number(r.timeout);
  io.choice(r.state, core::TransactionState::complete_abort);
  io.number(r.started_at);
  io.list(r.partitions, [](auto& each, auto& partition) { fields(each, partition); });
  io.list(r.groups, [](auto& each, auto& group) { each.text(group); });
  io.list(r.pending_offsets, [](auto& each, auto& offset) { fields(each, offset); });
}

// --- catalog
// ------------------------------------------------------------------------------------------------------

template <class IO>
void fields(IO& io, Of<core::ExchangeDeclared> auto& r) {
  io.id(r.id);
  io.text(r.name);
  io.choice(r.kind, core::ExchangeKind::delayed);
  io.flags(r.durable, r.auto_delete, r.internal);
  io.table(r.arguments);
}
template <class IO>
void fields(IO& io, Of<core::QueueDeclared> auto& r) {
  io.id(r.id);
  io.text(r.name);
  io.flags(r.durable, r.exclusive, r.auto_delete);
  io.id(r.owner);
  io.table(r.arguments);
}
template <class IO>
void fields(IO& io, Of<core::Bound> auto& r) {
  io.id(r.id);
  io.id(r.source);
  io.choice(r.destination_kind, core::DestinationKind::topic);
  io.number(r.destination);
  io.text(r.routing_key);
  io.table(r.arguments);
  io.flags(r.durable);
}
template <class IO>
void fields(IO& io, Of<core::PolicySet> auto& r) {
  io.text(r.name);
  io.text(r.pattern);
  io.choice(r.target, core::PolicyTarget::quorum_queues);
  io.number(r.priority);
  io.table(r.definition);
}
template <class IO>
void fields(IO& io, Of<core::PolicyDeleted> auto& r) {
  io.text(r.name);
}
/// All of a user as it was written before it had permissions (0x2D): that is only read, and gives all of them.
inline constexpr std::uint8_t user_before_permissions_type = 0x2D;
template <class IO>
void fields_before_permissions(IO& io, Of<core::UserDeclared> auto& r) {
  io.text(r.name);
  io.choice(r.password_kind, core::PasswordKind::sha512);
  io.text(r.password_hash);
  io.list(r.tags, [](auto& each, auto& tag) { each.text(tag); });
  io.flags(r.permitted);
}
template <class IO>
void fields(IO& io, Of<core::UserDeclared> auto& r) {
  fields_before_permissions(io, r);
  io.text(r.permissions.configure);
  io.text(r.permissions.write);
  io.text(r.permissions.read);
}
template <class IO>
void fields(IO& io, Of<core::UserDeleted> auto& r) {
  io.text(r.name);
}
template <class IO, class R>
requires Of<R, core::ExchangeDeleted> || Of<R, core::QueueDeleted> || Of<R, core::Unbound>
void fields(IO& io, R& r) {
  io.id(r.id);
  io.flags(r.durable);
}
template <class IO>
void fields(IO& io, Of<core::TopicCreated> auto& r) {
  io.id(r.id);
  io.text(r.name);
  io.number(r.uuid_high);
  io.number(r.uuid_low);
  io.number(r.partitions);
  io.list(r.config, [](auto& each, auto& entry) {
    each.text(entry.first);
    each.text(entry.second);
  });
  io.number(r.created_at);
}
template <class IO>
void fields(IO& io, Of<core::TopicAltered> auto& r) {
  fields(io, r.topic);
}
template <class IO>
void fields(IO& io, Of<core::TopicDeleted> auto& r) {
  io.id(r.id);
}

// --- state records
// ------------------------------------------------------------------------------------------------

template <class IO>
void fields(IO& io, Of<core::QueueState> auto& r) {
  io.id(r.queue);
  io.number(r.next_seq);
  io.number(r.head);
  io.list(r.gone, [](auto& each, auto& range) { fields(each, range); });
  io.number(r.delivered_through);
  io.list(r.deliveries, [](auto& each, auto& entry) {
    each.number(entry.first);
    each.number(entry.second);
  });
  io.number(r.unclean_through);
}
template <class IO>
void fields(IO& io, Of<core::RunHomed> auto& r) {
  io.id(r.queue);
  io.id(r.run);
  io.number(r.priority);
  fields(io, r.seqs);
  io.number(r.count);
  io.number(r.size_bytes);
  io.number(r.position);
  io.number(r.extent_bytes);
}
template <class IO>
void fields(IO& io, Of<core::RunDropped> auto& r) {
  io.id(r.queue);
  io.id(r.run);
}
template <class IO>
void fields(IO& io, Of<core::ProducerWindow> auto& r) {
  io.number(r.producer_id);
  io.number(r.epoch);
  io.list(r.batches, [](auto& each, auto& batch) {
    each.number(batch.first_sequence);
    each.number(batch.last_sequence);
    each.number(batch.base_offset);
  });
  io.number(r.transaction_start);
  io.number(r.last_used);
}
template <class IO>
void fields(IO& io, Of<core::PartitionState> auto& r) {
  fields(io, r.partition);
  io.number(r.start);
  io.number(r.end);
  io.number(r.size_bytes);
  io.number(r.max_timestamp);
  io.list(r.producers, [](auto& each, auto& window) { fields(each, window); });
  io.list(r.aborted, [](auto& each, auto& transaction) {
    each.number(transaction.producer_id);
    each.number(transaction.first);
    each.number(transaction.last);
  });
}
template <class IO>
void fields(IO& io, Of<core::Counters> auto& r) {
  io.number(r.next_exchange);
  io.number(r.next_queue);
  io.number(r.next_binding);
  io.number(r.next_topic);
  io.number(r.next_producer);
  io.number(r.turn);
}

}  // namespace tandem::storage::codec
