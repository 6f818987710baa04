// Every limit of the broker, with its reason and what happens when it is reached.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace tandem::limits {

/// Stored form of a message: as much as a transaction, and with its envelope a frame of the native protocol
/// (schemas/frame.h). RabbitMQ 4 takes 16 MiB unless told otherwise, RabbitMQ 3 takes 128. Reached: too_large.
inline constexpr std::size_t message_size_max_bytes = 32u << 20;
/// From this size on a message is written to the journal piece by piece, beside the commit groups, while its connection waits: all of it in
/// one group would keep everybody else waiting for a millisecond or more.
inline constexpr std::size_t large_message_min_bytes = 2u << 20;
/// One record batch: what a fetch of the native protocol may bring. Kafka's own default is 1 MiB. Reached: too_large.
inline constexpr std::size_t batch_size_max_bytes = 16u << 20;
/// What the loop's thread decompresses itself (gzip 1.2 ms, zstd 0.2, others less), and compresses itself (gzip 0.7 ms).
/// Reached: another thread does it, and this connection waits (BrokerPort::do_apart()).
inline constexpr std::size_t decompressed_at_once_bytes = 256u << 10, compressed_at_once_bytes = 32u << 10;
/// Names of exchanges, queues, topics, groups, routing keys: a length octet in AMQP. Reached: invalid_argument.
inline constexpr std::size_t name_size_max_bytes = 255;
/// Kafka's own limit for topic names (and what makes a safe directory name elsewhere). Reached: invalid_argument.
inline constexpr std::size_t topic_name_size_max_bytes = 249;
/// Catalog sizes: 64 bit machines have room; the bound keeps a runaway client from eating the heap
/// (about 1 KiB each). Reached: limit_reached.
inline constexpr std::size_t exchanges_max = 100'000;
inline constexpr std::size_t queues_max = 200'000;
inline constexpr std::size_t bindings_max = 1'000'000;
inline constexpr std::size_t topics_max = 20'000;
inline constexpr std::int32_t partitions_per_topic_max = 4'096;
inline constexpr std::size_t partitions_max = 50'000;
inline constexpr std::size_t groups_max = 50'000;
inline constexpr std::size_t group_members_max = 5'000;
inline constexpr std::size_t producers_max = 200'000;
/// What the members of all groups together subscribe to and are assigned, which is in RAM until their sessions end, half an
/// hour after they were last heard of if they want it so: 5,000 members with 50 KiB each fit. Reached: limit_reached, to who
/// would add to it. What is kept of stable groups for a restart takes as much again at the most.
inline constexpr std::size_t membership_size_max_bytes = 256u << 20;
/// Of one group's members, to be kept over a restart: the record is written with each rebalance, in one turn of the loop. Kafka's
/// limit is the largest record of __consumer_offsets, 1 MiB.
inline constexpr std::size_t stable_group_size_max_bytes = 1u << 20;
/// Committed offsets of all groups (150 bytes and their metadata each), which are in RAM: 1,700,000 without metadata. Reached:
/// limit_reached, to those that would add to it; what is there may move on.
inline constexpr std::size_t offsets_size_max_bytes = 256u << 20;
/// Every name is matched with every pattern when a queue is declared (a microsecond each). Reached: limit_reached.
inline constexpr std::size_t policies_max = 256;
/// Users, and tags of one: all are in RAM (a few hundred bytes each, and some KiB for each permission that is not .*)
/// and in one listing. Reached: limit_reached,
/// invalid_argument.
inline constexpr std::size_t users_max = 10'000;
inline constexpr std::size_t user_tags_max = 16;
/// Messages that wait in one delayed exchange: all are in RAM (160 bytes each), by time. Reached: the publish is refused
/// like by a full queue.
inline constexpr std::uint64_t delayed_per_exchange_max = 1'000'000;
/// How often a message may come back to its queue when nobody said (x-delivery-limit): then it is dead-lettered, or
/// dropped where there is no dead-letter exchange, so that a poisonous one does not go round for ever. Queues of type
/// quorum have RabbitMQ 4's limit; others one that only an endless loop reaches.
inline constexpr std::uint16_t delivery_limit_quorum = 20;
inline constexpr std::uint16_t delivery_limit_classic = 10'000;
/// How long a delivery may be held when nobody said (x-consumer-timeout): RabbitMQ's time. Reached: it goes back to its
/// queue, so that a consumer that hangs does not keep messages for ever.
inline constexpr std::int64_t consumer_timeout_default_ms = 30 * 60 * 1'000;
/// Connections: two descriptors' worth of the usual hard limit. Reached: the new connection is told and closed.
inline constexpr std::size_t connections_max = 20'000;
inline constexpr std::uint16_t channels_per_connection_max = 2'047;
inline constexpr std::size_t consumers_per_channel_max = 65'535;
/// Unsettled deliveries of one connection, whatever the prefetch of its consumers: 72 bytes each in RAM, which count for
/// connection_memory_max_bytes. Reached: its consumers get nothing until it has settled one of eight; a Get is refused
/// (limit_reached).
inline constexpr std::uint32_t unsettled_per_connection_max = 262'144;
/// Operations and bytes of one transaction: it must fit one journal frame. Reached: limit_reached.
inline constexpr std::size_t transaction_operations_max = 10'000;
/// Messages that one settles: it happens in one turn, in which everybody waits, and 100,000 took 3.4 ms. Reached: limit_reached.
inline constexpr std::size_t transaction_settles_max = 10'000;
inline constexpr std::size_t transaction_size_max_bytes = 32u << 20;
/// Hops of exchange-to-exchange routing are bounded by visiting each exchange once; destinations of one publish by the
/// catalog. A field table may nest this deep. Reached: the frame is malformed.
inline constexpr int table_depth_max = 32;
/// Entries of queues in RAM, over all queues (32 bytes each): beyond it, homed entries are dropped from RAM and read
/// back as runs. Not homed yet: kept (the journal's size bounds them).
inline constexpr std::size_t resident_entries_max = 500'000;
/// Entries and bytes of one backlog run: one read brings it back, and its ack ranges stay small.
inline constexpr std::size_t run_entries_max = 1'024;
inline constexpr std::size_t run_size_max_bytes = 1u << 20;
/// Bodies kept in RAM for delivery. Reached: the oldest are dropped and read back from disk when needed.
inline constexpr std::size_t body_cache_max_bytes = 64u << 20;
/// Journal: segments are pre-written and recycled; a frame never crosses a segment.
inline constexpr std::size_t journal_segment_size_bytes = 64u << 20;
/// A disk that reads 1 GB/s has a journal of this size replayed within a second (docs/decisions/0010).
inline constexpr std::size_t journal_size_max_bytes = 512u << 20;
/// Journal bytes between two checkpoints: bounds replay time and entries that are not homed.
inline constexpr std::size_t checkpoint_interval_bytes = 128u << 20;
/// The same in messages that are still in their queues: what a checkpoint has moved is looked up when it is done, which took 1 ms for so many
/// and is done in pieces. 128 MiB hold 980,000 messages of 100 bytes (137 bytes of journal each).
inline constexpr std::size_t entries_per_checkpoint_max = 131'072;
/// One commit group; when the gathering one is this full and the disk is behind, connections are not read.
inline constexpr std::size_t group_size_max_bytes = 8u << 20;
/// A disk whose last sync took less is waited for by the loop when one block is all that is to be written
/// (docs/decisions/0009). Above it, waiting would cost others more than two threads that wake each other.
inline constexpr std::chrono::microseconds quick_sync_max{500};
/// A connection's unwritten bytes: beyond high no dispatch to it, below low again; beyond the hard limit a peer that
/// never reads is dropped.
inline constexpr std::size_t outbox_high_bytes = 1u << 20;
inline constexpr std::size_t outbox_low_bytes = 256u << 10;
inline constexpr std::size_t outbox_hard_max_bytes = 256u << 20;
/// What all connections hold together: answers that are not read yet, input that came in part, unfinished messages, open
/// transactions, unsettled deliveries. A thousand consumers with full outboxes fit. Above half of it connections that do not read get no more
/// than the low mark; reached: those that hold most are closed.
inline constexpr std::size_t connection_memory_max_bytes = 1u << 30;
/// Before its handshake a connection costs at most this.
inline constexpr std::size_t handshake_input_max_bytes = 4096;
inline constexpr std::int64_t handshake_timeout_ms = 5'000;
/// Free disk space below which publishers wait: two journal segments and a checkpoint's working room.
inline constexpr std::uint64_t disk_free_min_bytes = 256ull << 20;
/// Aborted transactions of which a partition must tell its readers, 24 bytes each; retention, trimming and compaction make
/// them fewer. Reached: limit_reached, to a transaction that would add the partition.
inline constexpr std::size_t aborted_per_partition_max = 100'000;
/// Partitions one fetch may name, and fetches that wait: bounds a poll. Reached: limit_reached.
inline constexpr std::size_t fetch_partitions_max = 10'000;
inline constexpr std::size_t parked_fetches_max = 100'000;

}  // namespace tandem::limits
