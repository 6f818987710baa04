// A producer's transaction: what belongs to it, and its end.
#include <algorithm>

#include "broker/core/group_name.h"
#include "broker/wire/kafka/error.h"
#include "broker/wire/kafka/messages_transaction.h"
#include "broker/wire/kafka/parts.h"
#include "broker/wire/kafka/repeats.h"
#include "broker/wire/kafka/tasks.h"

namespace tandem::wire::kafka {
namespace {

/// The first version of these requests that knows PRODUCER_FENCED.
constexpr std::int16_t transaction_tells_fenced = 2;

/// All partitions are added, or, when one of them does not exist, none: the core is asked for the topics
/// first.
class AddPartitionsToTxn final : public TaskOf<AddPartitionsToTxnRequest, PartitionErrorsResponse> {
 public:
  using TaskOf::TaskOf;

  void begin(const Request& request) {
    transactional_id_ = request.transactional_id;
    producer_id_ = request.producer_id;
    epoch_ = request.epoch;
    parts_ = mirror(request.topics, response_.topics);
    topics_open_ = response_.topics.size();
    Repeats<std::string_view> repeats;
    for (const auto& topic : request.topics) {
      if (!repeats(topic.name)) continue;
      for (auto* part : parts_) part->error = error::invalid_request;
      return;
    }
    for (std::uint32_t i = 0; i < response_.topics.size(); ++i)
      submit(core::Describe{expect(i), core::Subject::topics, response_.topics[i].name});
  }

  void take(std::uint32_t part, const core::Send& send, Bodies) override {
    if (const auto* described = core::get_if<core::Described>(&send)) return take_topic(part, *described);
    if (const auto* refused = core::get_if<core::Refused>(&send))
      parts_[part]->error =
          producer_error_of(refused->refusal, version() >= transaction_tells_fenced);
  }

 private:
  void take_topic(std::uint32_t index, const core::Described& described) {
    auto& topic = response_.topics[index];
    const bool exists = described.topics.size() == 1 && !topic.name.empty();
    const std::int32_t count = exists ? described.topics[0].topic.partitions : 0;
    for (auto& partition : topic.partitions)
      if (partition.index < 0 || partition.index >= count)
        partition.error = error::unknown_topic_or_partition;
    if (--topics_open_ == 0) add();
  }

  void add() {
    const auto failed = [](const auto* part) { return part->error != error::none; };
    if (std::any_of(parts_.begin(), parts_.end(), failed)) {
      for (auto* part : parts_)
        if (part->error == error::none) part->error = error::operation_not_attempted;
      return;
    }
    for_each_part(response_.topics, [&](std::uint32_t part, const auto& topic, const auto& partition) {
      submit(core::AddPartitionsToTransaction{expect(part), transactional_id_, producer_id_, epoch_,
                                              topic.name, partition.index});
    });
  }

  std::string transactional_id_;
  std::int64_t producer_id_ = -1;
  std::int16_t epoch_ = -1;
  std::size_t topics_open_ = 0;
  std::vector<PartitionErrorsResponse::Partition*> parts_;
};

template <class Request>
class TransactionTask : public TaskOf<Request, TransactionResponse> {
 public:
  using TaskOf<Request, TransactionResponse>::TaskOf;
  void take(std::uint32_t, const core::Send& send, Bodies) override {
    if (const auto* refused = core::get_if<core::Refused>(&send))
      this->response_.error =
          producer_error_of(refused->refusal, this->version() >= transaction_tells_fenced);
  }
};

class AddOffsetsToTxn final : public TransactionTask<AddOffsetsToTxnRequest> {
 public:
  using TransactionTask::TransactionTask;
  void begin(const AddOffsetsToTxnRequest& request) {
    if (!core::is_group_name(request.group)) {
      response_.error = error::invalid_group_id;
      return;
    }
    submit(core::AddOffsetsToTransaction{expect(), request.transactional_id, request.producer_id,
                                         request.epoch, request.group});
  }
};

class EndTxn final : public TransactionTask<EndTxnRequest> {
 public:
  using TransactionTask::TransactionTask;
  void begin(const EndTxnRequest& request) {
    submit(core::EndTransaction{expect(), request.transactional_id, request.producer_id, request.epoch,
                                request.commit});
  }
};

class TxnOffsetCommit final : public TaskOf<TxnOffsetCommitRequest, PartitionErrorsResponse> {
 public:
  using TaskOf::TaskOf;

  void begin(const Request& request) {
    has_instance_ = request.instance.has_value() && !request.instance->empty();
    parts_ = mirror(request.topics, response_.topics);
    std::vector<core::OffsetCommitEntry> entries;
    for_each_part(request.topics, [&](std::uint32_t, const auto& topic, const auto& partition) {
      entries.push_back({topic.name, partition.index, partition.offset, partition.leader_epoch,
                         partition.metadata.value_or("")});
    });
    core::CommitOffsets input;
    input.who = expect();
    input.group = request.group;
    input.member = request.member;
    input.instance = request.instance.value_or("");
    input.generation = request.generation;
    input.entries = entries;
    input.producer_id = std::max<std::int64_t>(request.producer_id, 0);  // never a commit by itself
    input.producer_epoch = request.epoch;
    submit(input);
  }

  void take(std::uint32_t, const core::Send& send, Bodies) override {
    const auto* committed = std::get_if<core::OffsetsCommittedOk>(&send);
    if (!committed) return;
    const std::size_t count = std::min(parts_.size(), committed->errors.size());
    for (std::size_t i = 0; i < count; ++i) parts_[i]->error = error_of(committed->errors[i]);
  }

 private:
  std::int16_t error_of(ErrorCode code) const {
    if (code == ErrorCode::fenced && !has_instance_) return error::invalid_producer_epoch;
    if (code == ErrorCode::concurrent_transactions) return error::concurrent_transactions;
    if (code == ErrorCode::unknown_producer || code == ErrorCode::invalid_transaction_state)
      return producer_error_of({.code = code}, false);
    return group_error_of(code);
  }

  bool has_instance_ = false;
  std::vector<PartitionErrorsResponse::Partition*> parts_;
};

}  // namespace

bool begin_add_partitions_to_txn(Arrival& arrival) {
  return begin<AddPartitionsToTxn>(arrival);
}
bool begin_add_offsets_to_txn(Arrival& arrival) {
  return begin<AddOffsetsToTxn>(arrival);
}
bool begin_end_txn(Arrival& arrival) {
  return begin<EndTxn>(arrival);
}
bool begin_txn_offset_commit(Arrival& arrival) {
  return begin<TxnOffsetCommit>(arrival);
}

}  // namespace tandem::wire::kafka
