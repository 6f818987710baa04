// Several operations in one turn: every one is checked, then every one is done. Nothing of the catalog
// changes in between, so what was found good in the first pass is good in the second.
#include <algorithm>
#include <map>

#include "broker/base/limits.h"
#include "broker/core/access.h"
#include "broker/core/enqueue.h"
#include "broker/core/group_verbs.h"
#include "broker/core/message_verbs.h"
#include "broker/core/publish.h"
#include "broker/core/route.h"
#include "broker/core/settlement.h"
#include "broker/core/topic_verbs.h"

namespace tandem::core {
namespace {

class Checker {
 public:
  Checker(Turn& turn, const Caller& who) : turn_(turn), who_(who) {}

  std::optional<Refusal> operator()(const SettleOp& op) {
    Channel* channel = op.channel.connection == who_.channel.connection
                           ? turn_.session().connections.find(op.channel)
                           : nullptr;
    if (!channel)
      return Refusal{
          ErrorCode::not_found, ObjectKind::channel, std::to_string(op.channel.number), "", "", "", ""};
    std::vector<std::size_t> places;
    // What an earlier `multiple` means is not looked at again: 10,000 of them that each reach a little further would be 10,000 times all.
    DeliveryTag& through = settled_through_[op.channel];
    if (auto refusal = find_deliveries(*channel, op.first, op.last, op.multiple, places, op.loosely, through)) return refusal;
    if (op.multiple && !places.empty()) through = channel->unsettled[places.back()].tag;
    SeqSet& settled = settled_[op.channel];
    for (const std::size_t place : places) {
      const DeliveryTag tag = channel->unsettled[place].tag;
      const bool is_second = settled.contains(tag);
      if (!is_second) settled.add(tag, tag);
      settles_ += !is_second;
      if (is_second && !op.multiple)
        return Refusal{ErrorCode::unknown_delivery,
                       ObjectKind::message,
                       std::to_string(tag),
                       "delivery_tag",
                       "",
                       "",
                       "delivery tag " + std::to_string(tag) + " is settled twice in the transaction"};
    }
    if (settles_ <= limits::transaction_settles_max) return std::nullopt;
    return Refusal{ErrorCode::limit_reached, ObjectKind::transaction, "", "transaction_settles_max", "", "",
                   "a transaction settles at most " + std::to_string(limits::transaction_settles_max) + " messages"};
  }

  std::optional<Refusal> operator()(const PublishOp& op) {
    if (turn_.session().disk_alarm)
      return Refusal{ErrorCode::resource_alarm,   ObjectKind::message, "", "", "", "",
                     "the disk is short of space"};
    if (auto refusal = judge_access(turn_, who_, Permission::write, ObjectKind::exchange, op.message.exchange))
      return refusal;
    const Exchange* exchange = turn_.state().catalog.find_exchange(op.message.exchange);
    if (auto refusal = check_publish(turn_, who_, exchange, op.message)) return refusal;
    size_bytes_ += op.message.size_bytes;
    for (const Match& match : route(turn_, *exchange, op.message)) {
      if (match.kind == DestinationKind::topic)
        if (auto refusal = judge_topic_size(TopicId(match.destination), op.message)) return refusal;
      if (match.kind != DestinationKind::queue) continue;
      const Queue* queue = turn_.state().queues.find(QueueId(match.destination));
      auto& [count, bytes] = entering_[match.destination];
      if (queue && rejects(turn_, *queue, op.message.size_bytes, count, bytes))
        return Refusal{ErrorCode::rejected_by_queue,
                       ObjectKind::queue,
                       queue->declared.name,
                       "x-overflow",
                       "",
                       "",
                       "queue '" + queue->declared.name + "' is full"};
      ++count;
      bytes += op.message.size_bytes;
    }
    return check_size();
  }

  std::optional<Refusal> operator()(const AppendOp& op) {
    size_bytes_ += op.batch.size_bytes;
    if (auto refusal = judge_access(turn_, who_, Permission::write, ObjectKind::topic, op.topic)) return refusal;
    if (auto refusal = check_append(turn_, op, appends_)) return refusal;
    return check_size();
  }

  std::optional<Refusal> operator()(const CommitOffsetOp& op) {
    if (auto refusal = judge_access(turn_, who_, Permission::read, ObjectKind::group, op.group)) return refusal;
    return check_commit_offset(turn_, op);
  }

 private:
  std::optional<Refusal> judge_topic_size(TopicId id, const MessageView& message) const {
    const Topic* topic = turn_.state().topics.find(id);
    if (!topic || !is_too_large(*topic, message)) return std::nullopt;
    return Refusal{ErrorCode::too_large, ObjectKind::topic, topic->facts.name, "max.message.bytes", "", "",
                   "message of " + std::to_string(message.size_bytes) + " bytes, max.message.bytes is " +
                       std::to_string(topic->options.message_size_max_bytes)};
  }

  std::optional<Refusal> check_size() const {
    if (size_bytes_ <= limits::transaction_size_max_bytes) return std::nullopt;
    return Refusal{
        ErrorCode::limit_reached,
        ObjectKind::transaction,
        "",
        "transaction_size_max_bytes",
        "",
        "",
        "a transaction has at most " + std::to_string(limits::transaction_size_max_bytes) + " bytes"};
  }

  Turn& turn_;
  const Caller& who_;
  std::map<ChannelId, SeqSet> settled_;  // tags
  std::map<ChannelId, DeliveryTag> settled_through_;  // by a `multiple`
  std::size_t settles_ = 0;
  std::map<std::uint32_t, std::pair<std::uint64_t, std::uint64_t>> entering_;  // queue → messages, bytes
  AppendTally appends_;
  std::uint64_t size_bytes_ = 0;
};

class Doer {
 public:
  Doer(Turn& turn, const Caller& who) : turn_(turn), who_(who) {}

  void operator()(const SettleOp& op) {
    Channel& channel = turn_.session().connections.find_or_open(op.channel);
    std::vector<std::size_t> places;
    // A `multiple` may reach to a tag that an earlier operation settled: it means all up to there.
    const std::size_t end =
        op.last == 0 ? channel.unsettled.size() : channel.unsettled.index_from(op.last + 1);
    const std::size_t begin = op.multiple ? 0 : channel.unsettled.index_from(op.first);
    for (std::size_t place = begin; place < end; ++place)
      if (channel.unsettled.is_open(channel.unsettled[place])) places.push_back(place);
    settle(turn_, channel, places, op.outcome);
  }
  void operator()(const PublishOp& op) {
    const Exchange& exchange = *turn_.state().catalog.find_exchange(op.message.exchange);
    const PublishOutcome outcome = do_publish(turn_, exchange, op.message);
    if (!outcome.routed && op.mandatory)
      turn_.answer(who_, Returned{who_.channel, 0, op.message.body, op.message.size_bytes});
  }
  void operator()(const AppendOp& op) { offsets_.push_back(do_append(turn_, op)); }
  void operator()(const CommitOffsetOp& op) { do_commit_offset(turn_, op); }

  std::vector<Offset> take_offsets() { return std::move(offsets_); }

 private:
  Turn& turn_;
  const Caller& who_;
  std::vector<Offset> offsets_;
};

}  // namespace

void handle(Turn& turn, const Transaction& input) {
  if (input.operations.size() > limits::transaction_operations_max)
    return turn.refuse(
        input.who,
        {ErrorCode::limit_reached, ObjectKind::transaction, "", "transaction_operations_max", "", "",
         "a transaction has at most " + std::to_string(limits::transaction_operations_max) + " operations"});
  Checker checker(turn, input.who);
  for (std::size_t i = 0; i < input.operations.size(); ++i)
    if (auto refusal = std::visit(checker, input.operations[i]))
      return turn.answer(input.who, Refused{input.who, std::move(*refusal), static_cast<std::int32_t>(i)});
  Doer doer(turn, input.who);
  for (const TransactionOp& operation : input.operations) std::visit(doer, operation);
  turn.answer(input.who, Committed{input.who, doer.take_offsets()});
}

}  // namespace tandem::core
