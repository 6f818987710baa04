// A producer starts: it gets an id and an epoch that fences every earlier producer with its transactional id.
#include <limits>

#include "broker/base/limits.h"
#include "broker/core/producer_verbs.h"

namespace tandem::core {
namespace {

/// Kafka's transaction.max.timeout.ms: an open transaction holds up every read_committed reader.
constexpr DurationMs transaction_timeout_max_ms = 900'000;
/// The highest epoch is left for the broker, which needs one to abort a transaction with.
constexpr std::int16_t epoch_last = std::numeric_limits<std::int16_t>::max() - 1;

Refusal refusal(ErrorCode code, const InitProducer& input, std::string detail) {
  return {.code = code,
          .object = ObjectKind::producer,
          .name = std::string(input.transactional_id),
          .detail = std::move(detail)};
}

ProducerChanged next_producer(const State& state, const InitProducer& input, TimestampMs now) {
  return {.transactional_id = std::string(input.transactional_id),
          .producer_id = state.counters.next_producer,
          .timeout = input.timeout,
          .started_at = now};
}

void answer(Turn& turn, const InitProducer& input, ProducerChanged producer) {
  const ProducerOk ok{input.who, producer.producer_id, producer.epoch};
  turn.record(std::move(producer));
  turn.answer(input.who, ok);
}

/// For the case that the answer is lost.
void remember(Session& session, const InitProducer& input) {
  auto& named = session.producer_renewals.named;
  if (input.producer_id >= 0)
    named.insert_or_assign(std::string(input.transactional_id),
                           ProducerRenewals::Named{input.producer_id, input.epoch});
  else if (const auto it = named.find(input.transactional_id); it != named.end())
    named.erase(it);
}

void renew(Turn& turn, const InitProducer& input, ProducerChanged producer) {
  remember(turn.session(), input);
  answer(turn, input, std::move(producer));
}

/// The request that the newest epoch came from, once more. One who has begun something with that epoch has heard of it.
bool is_repeated(const Session& session, const ProducerChanged& current, const InitProducer& input) {
  const auto& named = session.producer_renewals.named;
  const auto it = named.find(input.transactional_id);
  if (it == named.end() || current.state != TransactionState::empty) return false;
  return it->second == ProducerRenewals::Named{input.producer_id, input.epoch};
}

void answer_again(Turn& turn, const InitProducer& input, const ProducerChanged& current) {
  turn.wait_for_earlier_turns();
  turn.answer(input.who, ProducerOk{input.who, current.producer_id, current.epoch});
}

/// A producer that names its id and epoch wants to go on; it must not be one that was fenced. After the
/// broker aborted its transaction the epoch is one ahead of what the producer knows.
bool is_fenced(const ProducerChanged& current, const InitProducer& input) {
  if (input.producer_id < 0) return false;
  if (input.producer_id != current.producer_id) return true;
  const bool aborted = current.state == TransactionState::complete_abort;
  return input.epoch != current.epoch && !(aborted && input.epoch == current.epoch - 1);
}

std::optional<Refusal> judge(const State& state, const InitProducer& input) {
  if (input.transactional_id.size() > limits::name_size_max_bytes)
    return refusal(
        ErrorCode::invalid_argument, input,
        "a transactional id has at most " + std::to_string(limits::name_size_max_bytes) + " bytes");
  if (input.timeout <= 0 || input.timeout > transaction_timeout_max_ms)
    return refusal(ErrorCode::invalid_argument, input,
                   "timeout must be from 1 to " + std::to_string(transaction_timeout_max_ms) + " ms");
  if (state.producers.all().size() >= limits::producers_max && !state.producers.find(input.transactional_id))
    return refusal(ErrorCode::limit_reached, input,
                   "producers_max is " + std::to_string(limits::producers_max));
  return std::nullopt;
}

void abort_and_ask_to_come_again(Turn& turn, const InitProducer& input, const ProducerChanged& current) {
  if (current.state == TransactionState::ongoing) {
    ProducerChanged fenced = current;
    fenced.epoch += 1;
    end_transaction(turn, std::move(fenced), false, std::nullopt);
  }
  turn.refuse(input.who,
              refusal(ErrorCode::concurrent_transactions, input, "an earlier transaction is being ended"));
}

ProducerChanged next_epoch(const State& state, const InitProducer& input, const ProducerChanged& current,
                           TimestampMs now) {
  ProducerChanged producer = next_producer(state, input, now);
  if (current.epoch >= epoch_last) return producer;
  producer.producer_id = current.producer_id;
  producer.epoch = static_cast<std::int16_t>(current.epoch + 1);
  return producer;
}

bool is_open(TransactionState state) {
  return state == TransactionState::ongoing || state == TransactionState::prepare_commit ||
         state == TransactionState::prepare_abort;
}

}  // namespace

void handle(Turn& turn, const InitProducer& input) {
  const State& state = turn.state();
  if (input.transactional_id.empty()) return answer(turn, input, next_producer(state, input, turn.now()));
  if (auto refused = judge(state, input)) return turn.refuse(input.who, std::move(*refused));
  const ProducerChanged* current = state.producers.find(input.transactional_id);
  if (!current) return renew(turn, input, next_producer(state, input, turn.now()));
  if (is_repeated(turn.session(), *current, input)) return answer_again(turn, input, *current);
  if (is_fenced(*current, input))
    return turn.refuse(input.who,
                       refusal(ErrorCode::fenced, input, "a newer producer has this transactional id"));
  if (is_open(current->state)) return abort_and_ask_to_come_again(turn, input, *current);
  renew(turn, input, next_epoch(state, input, *current, turn.now()));
}

}  // namespace tandem::core
