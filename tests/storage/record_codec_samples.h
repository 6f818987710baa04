// One record of every kind, with every field set to something else than its default, so that a field which
// the codec forgets shows up as a difference.
#pragma once

#include <limits>
#include <vector>

#include "broker/core/record.h"

namespace tandem::test {

inline Table sample_table() {
  return {{"x-message-ttl", 30000},
          {"x-dead-letter-exchange", "late"},
          {"nested", Table{{"deep", Array{1, true, "two"}}}}};
}

inline core::OffsetCommitted sample_offset() {
  return {.group = "readers",
          .partition = {TopicId(7), 3},
          .offset = 1ll << 40,
          .leader_epoch = 4,
          .metadata = "from the client",
          .committed_at = 1'700'000'000'123};
}

inline core::TopicCreated sample_topic() {
  return {.id = TopicId(9),
          .name = "orders",
          .uuid_high = 0xFEDCBA9876543210,
          .uuid_low = 77,
          .partitions = 12,
          .config = {{"retention.ms", "1000"}, {"cleanup.policy", "delete"}},
          .created_at = 1'700'000'000'000};
}

inline std::vector<core::Record> sample_records() {
  using namespace core;
  return {
      Enqueued{.queue = QueueId(300),
               .entry = {.seq = 70'000,
                         .body = {123'456'789'012},
                         .size_bytes = 140,
                         .deliveries = 2,
                         .priority = 9,
                         .durable = true,
                         .expires_at = 1'700'000'000'000},
               .reserved = true},
      Removed{
          .queue = QueueId(1), .seqs = {5, 900}, .reason = RemovalReason::dead_lettered, .durable = false},
      Appended{.partition = {TopicId(2), 5},
               .base_offset = 1'000'000,
               .record_count = 256,
               .body = {1ull << 50},
               .size_bytes = 16u << 20,
               .form = AppendedForm::message,
               .max_timestamp = -5,
               .log_append_time = true,
               .key = "k",
               .has_key = true,
               .producer_id = 4000,
               .producer_epoch = 3,
               .base_sequence = 17,
               .transactional = true,
               .control = true},
      sample_offset(),
      DeliveryReserved{
          .queue = QueueId(4), .through = std::numeric_limits<QueueSeq>::max(), .durable = false},
      Requeued{.queue = QueueId(4), .first = 12, .count = 65535, .deliveries = 65535, .durable = false},
      ExchangeDeclared{.id = ExchangeId(8),
                       .name = "events",
                       .kind = ExchangeKind::delayed,
                       .durable = false,
                       .auto_delete = true,
                       .internal = true,
                       .arguments = sample_table()},
      ExchangeDeleted{.id = ExchangeId(8), .durable = false},
      QueueDeclared{.id = QueueId(5),
                    .name = "jobs",
                    .durable = false,
                    .exclusive = true,
                    .auto_delete = true,
                    .owner = ConnectionId(99),
                    .arguments = sample_table()},
      QueueDeleted{.id = QueueId(5), .durable = false},
      Bound{.id = BindingId(6),
            .source = ExchangeId(8),
            .destination_kind = DestinationKind::topic,
            .destination = 9,
            .routing_key = "a.*.#",
            .arguments = sample_table(),
            .durable = false},
      Unbound{.id = BindingId(6), .durable = false},
      sample_topic(),
      TopicAltered{sample_topic()},
      TopicDeleted{TopicId(9)},
      Trimmed{.partition = {TopicId(9), 2}, .start = 500},
      ProducersForgotten{.partition = {TopicId(9), 2}, .before = 900},
      Compacted{.partition = {TopicId(9), 2}, .through = 400, .removed_bytes = 12345},
      OffsetDeleted{.group = "readers", .partition = {TopicId(9), 2}},
      GroupGeneration{.group = "readers", .protocol_type = "consumer", .generation = 41},
      GroupStable{"readers", "range", "b-1",
                  {{"b-1", "", "app", "10.0.0.1", 45'000, 60'000, {{"range", "subscription"}, {"roundrobin", ""}}, "assigned"},
                   {"a-2", "instance", "", "", 6'000, 1, {}, ""}}},
      GroupDeleted{"readers"},
      ProducerChanged{.transactional_id = "mover",
                      .producer_id = 12,
                      .epoch = 7,
                      .timeout = 60'000,
                      .state = TransactionState::complete_abort,
                      .started_at = 1'700'000'000'000,
                      .partitions = {{TopicId(1), 0}, {TopicId(2), 1}},
                      .groups = {"readers", ""},
                      .pending_offsets = {sample_offset()}},
      QueueState{.queue = QueueId(3),
                 .next_seq = 1000,
                 .head = 10,
                 .gone = {{12, 15}, {20, 20}},
                 .delivered_through = 400,
                 .deliveries = {{11, 2}, {16, 3}},
                 .unclean_through = 350},
      RunHomed{.queue = QueueId(3),
               .run = RunId(44),
               .priority = 2,
               .seqs = {100, 1123},
               .count = 1000,
               .size_bytes = 1u << 20,
               .position = 1ull << 41,
               .extent_bytes = 1u << 21},
      RunDropped{.queue = QueueId(3), .run = RunId(44)},
      PartitionState{.partition = {TopicId(9), 2},
                     .start = 5,
                     .end = 5'000'000'000,
                     .size_bytes = 1ull << 33,
                     .max_timestamp = 1'700'000'000'000,
                     .producers = {{.producer_id = 12,
                                    .epoch = 7,
                                    .batches = {{0, 9, 100}, {10, 19, 110}},
                                    .transaction_start = 100,
                                    .last_used = 55}},
                     .aborted = {{.producer_id = 12, .first = 3, .last = 4}}},
      PolicySet{.name = "ttl", .pattern = "^tmp", .target = PolicyTarget::queues, .priority = -3, .definition = sample_table()},
      PolicyDeleted{.name = "old"},
      UserDeclared{.name = "app",
                   .password_kind = PasswordKind::sha512,
                   .password_hash = std::string(68, 'h'),
                   .tags = {"administrator", "x"},
                   .permitted = false,
                   .permissions = {.configure = "", .write = "^a", .read = ".*"}},
      UserDeleted{.name = "app"},
      Counters{.next_exchange = 2,
               .next_queue = 3,
               .next_binding = 4,
               .next_topic = 5,
               .next_producer = 6,
               .turn = 7},
  };
}

}  // namespace tandem::test
