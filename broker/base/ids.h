// Strong ids: an offset is not a queue id, a count is not a size.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>

namespace tandem {

template <class Tag, class Rep = std::uint64_t>
struct Id {
  Rep value{};
  constexpr Id() = default;
  constexpr explicit Id(Rep v) : value(v) {}
  friend constexpr auto operator<=>(Id, Id) = default;
  constexpr explicit operator bool() const { return value != Rep{}; }  // 0 is "none"
};

using ConnectionId = Id<struct ConnectionTag>;          // never reused while the process lives
using ExchangeId = Id<struct ExchangeTag, std::uint32_t>;  // given once, never reused, 0 = none
using QueueId = Id<struct QueueTag, std::uint32_t>;
using TopicId = Id<struct TopicTag, std::uint32_t>;
using BindingId = Id<struct BindingTag, std::uint32_t>;
using ProducerId = Id<struct ProducerTag, std::int64_t>;
using RunId = Id<struct RunTag>;                        // a run of queue messages in the backlog store

/// Position of a message in its queue: grows by one per message, never reused. Requeue keeps it.
using QueueSeq = std::uint64_t;
/// Offset of a topic record in its partition (Kafka's meaning).
using Offset = std::int64_t;
using PartitionIndex = std::int32_t;
/// Delivery tag: counts the deliveries of a channel from 1 (AMQP's meaning).
using DeliveryTag = std::uint64_t;
/// Counts the turns of the core that gave at least one durable record, from 1.
using TurnNumber = std::uint64_t;

/// Where the bytes of a message or of a topic batch are. The core only carries it about; storage knows that the top
/// two bits say which file (0 = journal position, 1 = backlog position) and the rest is a byte position in it.
struct BodyHandle {
  std::uint64_t value{};
  friend constexpr auto operator<=>(BodyHandle, BodyHandle) = default;
};

/// One conversation inside a connection: holds consumers, unsettled deliveries and a transaction.
struct ChannelId {
  ConnectionId connection;
  std::uint16_t number{};
  friend constexpr auto operator<=>(ChannelId, ChannelId) = default;
};

/// A partition of a topic.
struct PartitionId {
  TopicId topic;
  PartitionIndex index{};
  friend constexpr auto operator<=>(PartitionId, PartitionId) = default;
};

/// Milliseconds since 1970-01-01 UTC. Reaches the core only as an input.
using TimestampMs = std::int64_t;
using DurationMs = std::int64_t;

}  // namespace tandem

template <class Tag, class Rep>
struct std::hash<tandem::Id<Tag, Rep>> {
  std::size_t operator()(tandem::Id<Tag, Rep> id) const noexcept {
    return static_cast<std::size_t>(static_cast<std::uint64_t>(id.value) * 0x9E3779B97F4A7C15ull);
  }
};
template <>
struct std::hash<tandem::ChannelId> {
  std::size_t operator()(tandem::ChannelId id) const noexcept {
    return static_cast<std::size_t>((id.connection.value * 65536 + id.number) * 0x9E3779B97F4A7C15ull);
  }
};
template <>
struct std::hash<tandem::PartitionId> {
  std::size_t operator()(tandem::PartitionId id) const noexcept {
    return static_cast<std::size_t>((std::uint64_t{id.topic.value} << 32 | static_cast<std::uint32_t>(id.index)) *
                                    0x9E3779B97F4A7C15ull);
  }
};
