// What producers have to do when time passes.
#include <algorithm>

#include "broker/core/producer_transaction.h"
#include "broker/core/producer_verbs.h"

namespace tandem::core {
namespace {

/// As Kafka's transactional.id.expiration.ms.
constexpr DurationMs idle_max_ms = 7 * 24 * 60 * 60 * 1000ll;
constexpr DurationMs idle_interval_ms = 60 * 60 * 1000;

void abort_late_transactions(Turn& turn) {
  const auto& ongoing = turn.state().producers.ongoing();
  while (!ongoing.empty() && ongoing.begin()->first <= turn.now()) {
    ProducerChanged late = *turn.state().producers.find(ongoing.begin()->second);
    late.epoch += 1;  // its producer may still be there: what it sends from now on is refused
    end_transaction(turn, std::move(late), false, std::nullopt);
  }
}

bool is_idle(const ProducerChanged& producer, TimestampMs now) {
  const bool open = producer.state == TransactionState::ongoing ||
                    producer.state == TransactionState::prepare_commit ||
                    producer.state == TransactionState::prepare_abort;
  return !open && producer.started_at + idle_max_ms <= now;
}

void forget_idle_producers(Turn& turn) {
  TimestampMs& next = turn.session().ending_transactions.next_idle_at;
  if (turn.now() < next) return;
  next = turn.now() + idle_interval_ms;
  std::vector<std::string> idle;
  for (const auto& [id, producer] : turn.state().producers.all())
    if (is_idle(producer, turn.now())) idle.push_back(id);
  for (std::string& id : idle) {
    turn.session().producer_renewals.named.erase(id);
    turn.record(ProducerChanged{.transactional_id = std::move(id)});
  }
}

}  // namespace

void tick_producers(Turn& turn) {
  abort_late_transactions(turn);
  ask_for_lost_markers(turn);
  forget_idle_producers(turn);
}

TimestampMs next_due_producers(const State& state, const Session& session) {
  const Producers& producers = state.producers;
  const EndingTransactions& ending = session.ending_transactions;
  if (producers.ending().size() > ending.asked.size()) return 0;  // a restart lost some
  const TimestampMs late = producers.ongoing().empty() ? never : producers.ongoing().begin()->first;
  return std::min(late, producers.all().empty() ? never : ending.next_idle_at);
}

}  // namespace tandem::core
