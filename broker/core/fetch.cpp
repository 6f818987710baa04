// Reading partitions, with a long poll: the core says what may be read and when; the bytes are storage's.
#include <algorithm>
#include <limits>

#include "broker/base/limits.h"
#include "broker/core/access.h"
#include "broker/core/fetch.h"
#include "broker/core/readable.h"
#include "broker/core/topic_verbs.h"

namespace tandem::core {
namespace {

std::vector<AbortedTransaction> aborted_in(const Partition& partition, Offset from, Offset to) {
  const auto first =
      std::lower_bound(partition.aborted.begin(), partition.aborted.end(), from,
                       [](const AbortedTransaction& each, Offset offset) { return each.last < offset; });
  std::vector<AbortedTransaction> found;
  std::copy_if(first, partition.aborted.end(), std::back_inserter(found),
               [to](const AbortedTransaction& each) { return each.first < to; });
  return found;
}

bool is_outside(const Partition& partition, Offset offset) {
  return offset < partition.start || offset > partition.end;
}

FetchedPartition read(const State& state, const Session& session, const ParkedFetch::Wanted& wanted,
                      Isolation isolation) {
  FetchedPartition read{.partition = wanted.id, .topic = wanted.topic, .offset = wanted.offset};
  read.size_max_bytes = wanted.size_max_bytes;
  const Partition* partition = state.topics.find(wanted.id);
  if (!partition) {
    read.error = wanted.refused ? ErrorCode::not_authorized : ErrorCode::not_found;
    return read;
  }
  if (is_outside(*partition, wanted.offset)) read.error = ErrorCode::out_of_range;
  read.start = partition->start;
  read.high_watermark = visible_end(session, wanted.id, *partition);
  read.last_stable = last_stable(session, wanted.id, *partition);
  read.visible_end = readable_end(session, wanted.id, *partition, isolation);
  if (isolation == Isolation::read_committed && read.error == ErrorCode::none)
    read.aborted = aborted_in(*partition, wanted.offset, read.visible_end);
  return read;
}

Fetched answer_to(const State& state, const Session& session, const ParkedFetch& fetch) {
  Fetched answer{fetch.who, fetch.size_max_bytes, {}};
  answer.partitions.reserve(fetch.partitions.size());
  for (const ParkedFetch::Wanted& wanted : fetch.partitions)
    answer.partitions.push_back(read(state, session, wanted, fetch.isolation));
  return answer;
}

/// Takes the fetch's own limit for the partition into account; a reader that is far behind has enough at
/// once.
std::uint64_t ready_bytes(const State& state, const Session& session, const ParkedFetch& fetch,
                          const ParkedFetch::Wanted& wanted) {
  const Partition* partition = state.topics.find(wanted.id);
  if (!partition) return fetch.size_min_bytes;
  const Offset limit = readable_end(session, wanted.id, *partition, fetch.isolation);
  const std::uint64_t there = session.parked_fetches.available_bytes(wanted.id, wanted.offset, limit);
  if (there == std::numeric_limits<std::uint64_t>::max()) return fetch.size_min_bytes;
  return std::min<std::uint64_t>(there, wanted.size_max_bytes);
}

void count(const State& state, const Session& session, ParkedFetch& fetch, ParkedFetch::Wanted& wanted) {
  const std::uint64_t ready = ready_bytes(state, session, fetch, wanted);
  fetch.ready_bytes += ready - wanted.ready_bytes;
  wanted.ready_bytes = ready;
}

bool has_error(const State& state, const ParkedFetch::Wanted& wanted) {
  const Partition* partition = state.topics.find(wanted.id);
  return !partition || is_outside(*partition, wanted.offset);
}

const Topic* topic_of(const State& state, const FetchPartition& asked) {
  const bool by_uuid = asked.uuid_high != 0 || asked.uuid_low != 0;
  return by_uuid ? state.topics.find_uuid(asked.uuid_high, asked.uuid_low) : state.topics.find(asked.topic);
}

ParkedFetch fetch_of(Turn& turn, const Fetch& input) {
  const State& state = turn.state();
  const TimestampMs now = turn.now();
  ParkedFetch fetch{.who = input.who, .isolation = input.isolation};
  fetch.size_max_bytes = input.size_max_bytes;
  fetch.size_min_bytes = std::min(input.size_min_bytes, input.size_max_bytes);
  fetch.due = input.wait_max > never - now ? never : now + input.wait_max;
  fetch.partitions.reserve(input.partitions.size());
  for (const FetchPartition& asked : input.partitions) {
    const Topic* topic = topic_of(state, asked);
    const std::string_view name = topic ? topic->facts.name : asked.topic;
    const bool refused = judge_access(turn, input.who, Permission::read, ObjectKind::topic, name).has_value();
    const PartitionId id{topic && !refused ? topic->facts.id : TopicId{}, asked.partition};
    fetch.partitions.push_back({id, std::string(name), asked.offset, asked.size_max_bytes, 0, refused});
  }
  return fetch;
}

/// Counts what is there; true when there is nothing to wait for.
bool is_ready(const State& state, const Session& session, ParkedFetch& fetch) {
  bool error = false;
  for (ParkedFetch::Wanted& wanted : fetch.partitions) {
    error = error || has_error(state, wanted);
    count(state, session, fetch, wanted);
  }
  return error || fetch.ready_bytes >= fetch.size_min_bytes;
}

Refusal too_many_partitions() {
  return {.code = ErrorCode::limit_reached,
          .object = ObjectKind::partition,
          .detail = "fetch_partitions_max is " + std::to_string(limits::fetch_partitions_max)};
}

}  // namespace

void handle(Turn& turn, const Fetch& input) {
  if (input.partitions.size() > limits::fetch_partitions_max)
    return turn.refuse(input.who, too_many_partitions());
  ParkedFetches& parked = turn.session().parked_fetches;
  ParkedFetch fetch = fetch_of(turn, input);
  const bool ready = is_ready(turn.state(), turn.session(), fetch);
  // With all places taken a fetch is answered at once, maybe empty: its client asks again.
  if (ready || input.wait_max <= 0 || parked.size() >= limits::parked_fetches_max)
    return turn.say_now(answer_to(turn.state(), turn.session(), fetch));
  parked.park(std::move(fetch));
}

void partition_visible(Turn& turn, PartitionId partition, Offset end) {
  ParkedFetches& parked = turn.session().parked_fetches;
  parked.set_visible_end(partition, end);
  for (const auto& [id, index] : parked.waiting(partition)) {
    ParkedFetch* fetch = parked.find(id);
    if (!fetch) continue;  // answered for another of its partitions
    count(turn.state(), turn.session(), *fetch, fetch->partitions[index]);
    if (fetch->ready_bytes >= fetch->size_min_bytes)
      turn.say_now(answer_to(turn.state(), turn.session(), parked.take(id)));
  }
}

void answer_fetches_of(Turn& turn, PartitionId partition) {
  ParkedFetches& parked = turn.session().parked_fetches;
  for (const auto& [id, index] : parked.waiting(partition))
    if (parked.find(id)) turn.say(answer_to(turn.state(), turn.session(), parked.take(id)));
}

void answer_due_fetches(Turn& turn) {
  ParkedFetches& parked = turn.session().parked_fetches;
  while (const auto id = parked.first_due(turn.now()))
    turn.say_now(answer_to(turn.state(), turn.session(), parked.take(*id)));
}

}  // namespace tandem::core
