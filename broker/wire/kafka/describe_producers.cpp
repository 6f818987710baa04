// Producers and transactions as administrators see them.
#include <algorithm>
#include <array>

#include "broker/wire/kafka/error.h"
#include "broker/wire/kafka/messages_transaction.h"
#include "broker/wire/kafka/parts.h"
#include "broker/wire/kafka/repeats.h"
#include "broker/wire/kafka/tasks.h"

namespace tandem::wire::kafka {
namespace {

/// By core::TransactionState.
constexpr std::array<std::string_view, 6> state_names = {"Empty",        "Ongoing",        "PrepareCommit",
                                                         "PrepareAbort", "CompleteCommit", "CompleteAbort"};

std::string state_of(const core::ProducerChanged& producer) {
  return std::string(state_names.at(static_cast<std::size_t>(producer.state)));
}

DescribeProducersResponse::Producer shown(const core::ProducerWindow& window) {
  DescribeProducersResponse::Producer out;
  out.id = window.producer_id;
  out.epoch = window.epoch;
  if (!window.batches.empty()) out.last_sequence = window.batches.back().last_sequence;
  out.last_timestamp = window.last_used;
  out.transaction_start = window.transaction_start;
  return out;
}

/// For each topic two questions: its partitions, and their producers.
class DescribeProducers final : public TaskOf<DescribeProducersRequest, DescribeProducersResponse> {
 public:
  using TaskOf::TaskOf;

  void begin(const Request& request) {
    const auto parts = mirror(request.topics, response_.topics);
    Repeats<std::pair<std::string_view, std::int32_t>> repeats;
    for_each_part(request.topics, [&](std::uint32_t part, const auto& topic, std::int32_t partition) {
      if (repeats({topic.name, partition})) parts[part]->error = error::invalid_request;
    });
    Repeats<std::string_view> topics;
    for (std::uint32_t i = 0; i < response_.topics.size(); ++i) {
      if (topics(request.topics[i].name)) {
        for (auto& partition : response_.topics[i].partitions) partition.error = error::invalid_request;
        continue;
      }
      submit(core::Describe{expect(i), core::Subject::topics, response_.topics[i].name});
      submit(core::Describe{expect(i), core::Subject::producers, response_.topics[i].name});
    }
  }

  void take(std::uint32_t part, const core::Send& send, Bodies) override {
    const auto* described = core::get_if<core::Described>(&send);
    if (!described) return;
    auto& topic = response_.topics[part];
    if (described->subject == core::Subject::topics) {
      const bool exists = described->topics.size() == 1 && !topic.name.empty();
      const std::int32_t count = exists ? described->topics[0].topic.partitions : 0;
      for (auto& partition : topic.partitions)
        if (partition.index < 0 || partition.index >= count)
          partition.error = error::unknown_topic_or_partition;
      return;
    }
    for (const core::ProducerInfo& info : described->producers)
      for (auto& partition : topic.partitions)
        if (partition.error == error::none && partition.index == info.partition && topic.name == info.topic)
          partition.producers.push_back(shown(info.window));
  }
};

class DescribeTransactions final
    : public TaskOf<DescribeTransactionsRequest, DescribeTransactionsResponse> {
 public:
  using TaskOf::TaskOf;

  void begin(const Request& request) {
    response_.transactions.resize(request.transactional_ids.size());
    Repeats<std::string_view> repeats;
    for (std::uint32_t i = 0; i < response_.transactions.size(); ++i) {
      auto& transaction = response_.transactions[i];
      transaction.transactional_id = request.transactional_ids[i];
      transaction.error = error::transactional_id_not_found;
      if (repeats(request.transactional_ids[i]))
        transaction.error = error::invalid_request;
      else if (!transaction.transactional_id.empty())
        submit(core::Describe{expect(i), core::Subject::transactions, transaction.transactional_id});
    }
  }

  void take(std::uint32_t part, const core::Send& send, Bodies) override {
    const auto* described = core::get_if<core::Described>(&send);
    if (!described || described->transactions.empty()) return;
    const core::TransactionInfo& info = described->transactions.front();
    auto& out = response_.transactions[part];
    out.error = error::none;
    out.state = state_of(info.producer);
    out.timeout_ms = static_cast<std::int32_t>(info.producer.timeout);
    const bool ongoing = info.producer.state == core::TransactionState::ongoing;
    out.started_at = ongoing ? info.producer.started_at : -1;
    out.producer_id = info.producer.producer_id;
    out.epoch = info.producer.epoch;
    for (const auto& [topic, partition] : info.partitions) {
      if (out.topics.empty() || out.topics.back().name != topic) out.topics.push_back({topic, {}});
      out.topics.back().partitions.push_back(partition);
    }
  }
};

class ListTransactions final : public TaskOf<ListTransactionsRequest, ListTransactionsResponse> {
 public:
  using TaskOf::TaskOf;

  void begin(const Request& request) {
    for (const std::string_view state : request.states) {
      const bool known = std::find(state_names.begin(), state_names.end(), state) != state_names.end();
      (known ? states_ : response_.unknown_states).emplace_back(state);
    }
    any_state_ = request.states.empty();
    producer_ids_ = request.producer_ids;
    duration_min_ms_ = request.duration_min_ms;
    submit(core::Describe{expect(), core::Subject::transactions, ""});
  }

  void take(std::uint32_t, const core::Send& send, Bodies) override {
    const auto* described = core::get_if<core::Described>(&send);
    if (!described) return;
    for (const core::TransactionInfo& info : described->transactions)
      if (is_wanted(info.producer))
        response_.transactions.push_back(
            {info.producer.transactional_id, info.producer.producer_id, state_of(info.producer)});
  }

 private:
  bool is_wanted(const core::ProducerChanged& producer) const {
    const auto has = [](const auto& list, const auto& item) {
      return std::find(list.begin(), list.end(), item) != list.end();
    };
    if (!any_state_ && !has(states_, state_of(producer))) return false;
    if (!producer_ids_.empty() && !has(producer_ids_, producer.producer_id)) return false;
    return duration_min_ms_ < 0 || port().now() - producer.started_at > duration_min_ms_;
  }

  bool any_state_ = true;
  std::vector<std::string> states_;
  std::vector<std::int64_t> producer_ids_;  // empty: all
  std::int64_t duration_min_ms_ = -1;
};

}  // namespace

bool begin_describe_producers(Arrival& arrival) {
  return begin<DescribeProducers>(arrival);
}
bool begin_describe_transactions(Arrival& arrival) {
  return begin<DescribeTransactions>(arrival);
}
bool begin_list_transactions(Arrival& arrival) {
  return begin<ListTransactions>(arrival);
}

}  // namespace tandem::wire::kafka
