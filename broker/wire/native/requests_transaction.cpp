// A transaction: every operation is judged, then the messages and batches are staged, then all of it goes to
// the core as one input.
#include "broker/base/limits.h"
#include "broker/wire/native/requests.h"

namespace tandem::wire::native {
namespace {

/// Turns the client's operations into the core's, keeping which of the core's came from which of the
/// client's.
class OperationList {
 public:
  OperationList(BrokerPort& port, BatchJudge& judge, ConnectionId connection, std::string_view user, Bytes payload)
      : port_(port), judge_(judge), connection_(connection), user_(user), payload_(payload) {}

  Result<> add(const fb::OperationEntry& entry, std::int32_t index) {
    index_ = index;
    if (!entry.operation())
      return Error{ErrorCode::invalid_argument, "an entry of a transaction has no operation"};
    switch (entry.operation_type()) {
      case fb::Operation::SettleOp:
        return add(*entry.operation_as_SettleOp());
      case fb::Operation::PublishOp:
        return add(*entry.operation_as_PublishOp());
      case fb::Operation::AppendOp:
        return add(*entry.operation_as_AppendOp());
      case fb::Operation::CommitOffsetOp:
        return add(*entry.operation_as_CommitOffsetOp());
      default:
        return Error{ErrorCode::not_supported, "unknown operation in a transaction"};
    }
  }

  void stage() {
    for (const auto& [operation, bytes] : bodies_) {
      if (auto* publish = std::get_if<core::PublishOp>(&operations_[operation])) publish->message.body = port_.stage({bytes});
      if (auto* append = std::get_if<core::AppendOp>(&operations_[operation])) append->batch.body = port_.stage_batch(append->topic, append->partition, bytes);
    }
  }

  /// The batch that came last is being judged apart: all is to be added anew when it is known.
  bool waits() const { return waits_; }
  const std::vector<core::TransactionOp>& operations() const { return operations_; }
  /// Empty when they are the same as the client's.
  std::vector<std::int32_t> take_indexes() {
    return expanded_ ? std::move(indexes_) : std::vector<std::int32_t>();
  }

 private:
  Result<> add(const fb::SettleOp& m) {
    const auto outcome = outcome_of(m.outcome());
    if (!outcome) return Error{ErrorCode::invalid_argument, "unknown outcome of a settle"};
    if (size_of(m.ranges()) == 0)
      return Error{ErrorCode::invalid_argument, "a settle needs at least one range of tags"};
    expanded_ |= m.ranges()->size() > 1;
    for (const fb::Range range : structs_of(m.ranges()))
      keep(core::SettleOp{{connection_, m.channel()}, range.first(), range.last(), m.multiple(), *outcome});
    return Done{};
  }
  Result<> add(const fb::PublishOp& m) {
    const Bytes stored = take_payload(m.size());
    const auto message = judge_message(stored, user_);
    if (!message) return message.error();
    keep(core::PublishOp{m.mandatory(), *message});
    return Done{};
  }
  Result<> add(const fb::AppendOp& m) {
    const Bytes bytes = take_payload(m.size());
    const Judgement* judgement =
        judge_.judge(static_cast<std::uint32_t>(index_), bytes, port_.batch_rules(text_of(m.topic())));
    waits_ = judgement == nullptr;
    if (waits_) return Done{};
    const auto& judged = judgement->batch;
    if (!judged) return judged.error();
    recompressed_size_bytes_ += judged->recompressed.size();
    if (recompressed_size_bytes_ > limits::transaction_size_max_bytes)
      return Error{ErrorCode::limit_reached, "the batches of a transaction may have " +
                                                 std::to_string(limits::transaction_size_max_bytes) +
                                                 " bytes, also in the compression of their topics"};
    bodies_.back().second = judged->bytes;
    keep(core::AppendOp{text_of(m.topic()), m.partition(), judged->view, m.expected_end()});
    return Done{};
  }
  Result<> add(const fb::CommitOffsetOp& m) {
    const auto judged = judge_offset_metadata(text_of(m.metadata()));
    if (!judged) return judged.error();
    keep(core::CommitOffsetOp{text_of(m.group()), text_of(m.topic()), m.partition(), m.offset(),
                              text_of(m.metadata())});
    return Done{};
  }

  /// The bytes of the operation that is kept next.
  Bytes take_payload(std::uint32_t size) {
    const Bytes taken = payload_.first(size);
    payload_ = payload_.subspan(size);
    bodies_.emplace_back(operations_.size(), taken);
    return taken;
  }
  void keep(core::TransactionOp operation) {
    operations_.push_back(std::move(operation));
    indexes_.push_back(index_);
  }

  BrokerPort& port_;
  BatchJudge& judge_;
  ConnectionId connection_;
  std::string_view user_;
  Bytes payload_;
  std::int32_t index_ = 0;
  bool expanded_ = false;
  std::vector<core::TransactionOp> operations_;
  std::vector<std::int32_t> indexes_;
  std::vector<std::pair<std::size_t, Bytes>> bodies_;  // index in operations_, bytes to stage
  std::size_t recompressed_size_bytes_ = 0;
  bool waits_ = false;
};

std::size_t payload_size_of(const fb::OperationEntry& entry) {
  // Null also when an entry names a type and has no value.
  if (const auto* publish = entry.operation_as_PublishOp()) return publish->size();
  if (const auto* append = entry.operation_as_AppendOp()) return append->size();
  return 0;
}

std::size_t core_operation_count(const fb::OperationEntry& entry) {
  const auto* settle = entry.operation_as_SettleOp();
  return settle ? size_of(settle->ranges()) : 1;
}

}  // namespace

Result<> Requests::on(const Request& r, const fb::Transaction& m) {
  std::size_t payload_size = 0;
  std::size_t operation_count = 0;
  const auto count = static_cast<std::int32_t>(size_of(m.operations()));
  for (std::int32_t i = 0; i < count; ++i) {
    const fb::OperationEntry& entry = *m.operations()->Get(static_cast<flatbuffers::uoffset_t>(i));
    payload_size += payload_size_of(entry);
    operation_count += core_operation_count(entry);
  }
  if (payload_size != r.payload.size())
    return Error{ErrorCode::corrupt, "the sizes of a Transaction do not add up to its payload"};
  if (operation_count > limits::transaction_operations_max ||
      payload_size > limits::transaction_size_max_bytes) {
    refuse(r, ErrorCode::limit_reached,
           "a transaction may have " + std::to_string(limits::transaction_operations_max) +
               " operations and " + std::to_string(limits::transaction_size_max_bytes) +
               " bytes of messages");
    return Done{};
  }

  OperationList list(port_, judge_, context_.connection, user_, r.payload);
  for (std::int32_t i = 0; i < count; ++i) {
    const auto added = list.add(*m.operations()->Get(static_cast<flatbuffers::uoffset_t>(i)), i);
    if (list.waits()) return Done{};
    if (added) continue;
    refuse(r, added.error().code, added.error().text, i);
    judge_.forget();
    return Done{};
  }
  list.stage();
  judge_.forget();
  auto indexes = list.take_indexes();
  if (!indexes.empty()) unanswered_.operation_indexes.emplace_back(r.who.request, std::move(indexes));
  submit(core::Transaction{r.who, list.operations()});
  return Done{};
}

}  // namespace tandem::wire::native
