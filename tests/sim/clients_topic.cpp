// Clients of topics.
#include <algorithm>

#include "schemas/batch.h"
#include "schemas/topic_record.h"
#include "tests/sim/clients.h"
#include "tests/sim/content.h"

namespace tandem::sim {

namespace {
constexpr const char* transactional_id = "accounts";
}  // namespace

std::pair<std::string, PartitionIndex> partition_of(const World& world, PlaceIndex place) {
  const std::string& name = world.place_name(place);
  const auto slash = name.find('/');
  if (slash == std::string::npos) return {name, 0};
  return {name.substr(0, slash), static_cast<PartitionIndex>(name[slash + 1] - '0')};
}

// --- appending -------------------------------------------------------------------------------------------

AppendingClient::AppendingClient(World& world, ConnectionId connection)
    : Client(world, connection), idempotent_(dice(2) == 0) {}

void AppendingClient::act() {
  if (idempotent_ && producer_ < 0) {
    if (std::exchange(asking_, true)) return;
    return world_.rim().submit(core::InitProducer{caller([this](const core::Send& answer) {
      asking_ = false;
      if (const auto* producer = std::get_if<core::ProducerOk>(&answer)) {
        producer_ = producer->producer_id;
        epoch_ = producer->epoch;
      }
    })});
  }
  if (std::exchange(sends_again_, false)) {  // the answers were lost with the broker: in their order
    for (const auto& recent : recent_) {
      const std::deque<Batch> again = recent;
      for (const Batch& batch : again)
        if (!batch.answered) append(batch);
    }
    return;
  }
  const int partition = static_cast<int>(dice(2));
  auto& recent = recent_[partition];
  if (!recent.empty() && dice(4) == 0) return append(Batch(recent[dice(recent.size())]));
  const bool full = recent.size() == recent_max;
  if (idempotent_ && full && !recent.front().answered) return;
  append_new(partition);
}

void AppendingClient::append_new(int partition) {
  Batch batch;
  batch.partition = partition;
  const std::size_t count = 1 + dice(3);
  for (std::size_t i = 0; i < count; ++i) {
    batch.numbers.push_back(world_.next_message());
    world_.promises().published({batch.numbers.back(), {world_.places().log[partition]}, 0, 0, true});
  }
  batch.base_sequence = next_sequence_[partition];
  if (idempotent_) {
    next_sequence_[partition] += static_cast<std::int32_t>(count);
    recent_[partition].push_back(batch);
    if (recent_[partition].size() > recent_max) recent_[partition].pop_front();
  }
  append(batch);
}

void AppendingClient::append(const Batch& batch) {
  BatchProducerView producer;
  if (idempotent_) producer = {producer_, epoch_, batch.base_sequence, false};
  const core::BatchView view = world_.stage_batch(batch.numbers, producer);
  world_.rim().submit(
      core::Append{.who = caller([this, batch](const core::Send& answer) { answered(batch, answer); }),
                   .topic = "log",
                   .partition = batch.partition,
                   .batch = view});
}

void AppendingClient::answered(const Batch& batch, const core::Send& answer) {
  const auto* ok = std::get_if<core::AppendedOk>(&answer);
  if (!ok) {
    const auto* refused = core::get_if<core::Refused>(&answer);
    // Behind a batch that a full disk turned away, the next ones are out of order until that one came again.
    const auto& recent = recent_[batch.partition];
    const bool is_behind_another = std::any_of(recent.begin(), recent.end(), [&](const Batch& other) {
      return !other.answered && other.base_sequence < batch.base_sequence;
    });
    const bool is_expected = refused && (refused->refusal.code == ErrorCode::resource_alarm ||
                                         (refused->refusal.code == ErrorCode::out_of_order_sequence && is_behind_another));
    if (refused && !is_expected)
      world_.promises().violation("an append was refused: " + core::to_text(refused->refusal));
    sends_again_ = true;
    return;
  }
  for (Batch& recent : recent_[batch.partition])
    if (recent.numbers == batch.numbers) recent.answered = true;
  Offset offset = ok->base_offset;
  for (const MessageNumber number : batch.numbers) {
    world_.promises().append_confirmed(world_.places().log[batch.partition], offset++, number);
    world_.promises().confirmed(number);
  }
}

void AppendingClient::closed() {
  sends_again_ = true;
  asking_ = false;
}

// --- producers' transactions -----------------------------------------------------------------------------

void TransactionalClient::act() {
  const auto answered = [this](Step then) {
    return [this, then](const core::Send& answer) {
      step_ = std::holds_alternative<core::Ok>(answer) ? then : Step::unknown;
    };
  };
  switch (step_) {
    case Step::unknown:
      step_ = Step::asking;
      return world_.rim().submit(core::InitProducer{.who = caller([this](const core::Send& answer) {
                                                      const auto* producer = std::get_if<core::ProducerOk>(&answer);
                                                      step_ = producer ? Step::ready : Step::unknown;
                                                      if (!producer) return;
                                                      producer_ = producer->producer_id;
                                                      epoch_ = producer->epoch;
                                                      next_sequence_ = 0;
                                                    }),
                                                    .transactional_id = transactional_id,
                                                    .timeout = 60'000});
    case Step::ready:
      step_ = Step::adding;
      numbers_.clear();
      appended_ = 0;
      return world_.rim().submit(core::AddPartitionsToTransaction{caller(answered(Step::open)), transactional_id,
                                                                  producer_, epoch_, "committed", 0});
    case Step::open:
      if (appended_ < numbers_.size()) return;  // waits for its answer
      return numbers_.size() < 2 || dice(3) != 0 ? append() : end(dice(4) != 0);
    case Step::asking:
    case Step::adding:
    case Step::ending:
      return;
  }
}

void TransactionalClient::append() {
  const MessageNumber number = world_.next_message();
  const PlaceIndex place = world_.places().committed;
  world_.promises().published({number, {place}, 0, 0, true});
  numbers_.push_back(number);
  const core::BatchView view = world_.stage_batch({number}, {producer_, epoch_, next_sequence_++, true});
  world_.rim().submit(core::Append{.who = caller([this, number, place](const core::Send& answer) {
                                     const auto* ok = std::get_if<core::AppendedOk>(&answer);
                                     if (!ok) {
                                       step_ = Step::unknown;  // fenced, or its transaction ran out of time
                                       return;
                                     }
                                     ++appended_;
                                     world_.promises().append_confirmed(place, ok->base_offset, number);
                                     world_.promises().confirmed(number);
                                     world_.promises().in_transaction(number, numbers_.front());
                                   }),
                                   .topic = "committed",
                                   .partition = 0,
                                   .batch = view});
}

void TransactionalClient::end(bool commit) {
  step_ = Step::ending;
  const std::uint64_t transaction = numbers_.front();
  world_.rim().submit(core::EndTransaction{caller([this, transaction, commit](const core::Send& answer) {
                                             const bool ok = std::holds_alternative<core::Ok>(answer);
                                             step_ = ok ? Step::ready : Step::unknown;
                                             if (ok) world_.promises().transaction_ended(transaction, commit);
                                           }),
                                           transactional_id, producer_, epoch_, commit});
}

// --- reading ---------------------------------------------------------------------------------------------

ReadingClient::ReadingClient(World& world, ConnectionId connection, PlaceIndex partition,
                             core::Isolation isolation)
    : Client(world, connection), partition_(partition), isolation_(isolation) {}

void ReadingClient::act() {
  if (waiting_) return;
  const auto [topic, index] = partition_of(world_, partition_);
  if (!world_.draining() && dice(6) == 0) return look_at_offset();
  waiting_ = true;
  const std::string name = topic;
  if (next_ < 0 || (!world_.draining() && dice(20) == 0)) {
    return world_.rim().submit(core::ListOffset{caller([this](const core::Send& answer) {
                                                  waiting_ = false;
                                                  const auto* listed = std::get_if<core::OffsetListed>(&answer);
                                                  if (!listed) return;
                                                  const Offset length = listed->end - listed->start;
                                                  next_ = world_.draining() ? listed->start
                                                          : listed->start + static_cast<Offset>(dice(
                                                                static_cast<std::uint64_t>(length) + 1));
                                                }),
                                                name, index, -1});
  }
  const core::FetchPartition wanted[] = {
      {name, index, next_, world_.draining() ? 1u << 20 : static_cast<std::uint32_t>(1 + dice(4'000))}};
  world_.rim().submit(core::Fetch{.who = caller([this](const core::Send&) { waiting_ = false; }),
                                  .partitions = wanted,
                                  .wait_max = world_.draining() ? 0 : static_cast<DurationMs>(dice(500)),
                                  .isolation = isolation_});
}

void ReadingClient::fetched(const core::Fetched& fetched, std::span<const wire::Body> bodies) {
  waiting_ = false;
  const core::FetchedPartition& partition = fetched.partitions.front();
  if (partition.error != ErrorCode::none || bodies.empty()) {
    next_ = -1;  // trimmed meanwhile
    return;
  }
  if (bodies.front().error != ErrorCode::none)
    return world_.unreadable(world_.place_name(partition_) + " at offset " + std::to_string(next_));
  read(bodies.front().bytes, next_, partition.visible_end, partition.aborted);
}

void ReadingClient::read(Bytes bytes, Offset from, Offset end,
                         const std::vector<core::AbortedTransaction>& aborted) {
  auto& promises = world_.promises();
  for (Bytes rest = bytes; !rest.empty();) {
    const auto header = parse_batch_header(rest);
    if (!header || header->size_bytes > rest.size()) return promises.violation("a fetch gives half a batch");
    const Bytes batch = rest.first(header->size_bytes);
    rest = rest.subspan(header->size_bytes);
    if (!judge_batch(batch)) return promises.violation("a fetch gives a damaged batch");
    if (header->last_offset() >= end)
      return promises.violation("a fetch gives offset " + std::to_string(header->last_offset()) + " of " +
                                world_.place_name(partition_) + ", which is not visible yet");
    next_ = header->last_offset() + 1;
    if (header->control()) {
      promises.read_marker(partition_, header->base_offset);
      continue;
    }
    const bool was_aborted =
        std::any_of(aborted.begin(), aborted.end(), [&](const core::AbortedTransaction& each) {
          return header->transactional() && each.producer_id == header->producer_id &&
                 each.first <= header->base_offset && header->base_offset <= each.last;
        });
    const auto visited = for_each_record(batch, [&](const RecordView& record) {
      const auto number = record.value ? number_in(*record.value) : std::nullopt;
      if (!number) {
        promises.violation("a record of " + world_.place_name(partition_) + " is no message of this world");
        return true;
      }
      if (record.offset < from) return true;
      promises.read(partition_, record.offset, *number);
      if (isolation_ == core::Isolation::read_committed && !was_aborted) promises.read_committed(*number);
      return true;
    });
    if (!visited) promises.violation("a fetch gives records that cannot be read: " + visited.error().text);
  }
}

void ReadingClient::look_at_offset() {
  const auto [topic, index] = partition_of(world_, partition_);
  const std::string group = "readers of " + world_.place_name(partition_), name = topic;
  const PartitionIndex partition = index;
  if (dice(2) == 0 || next_ < 0) {
    const core::FetchOffsetEntry entries[] = {{name, partition}};
    return world_.rim().submit(core::FetchOffsets{.who = caller([this, group](const core::Send& answer) {
                                                    const auto* found = std::get_if<core::OffsetsFetched>(&answer);
                                                    if (!found || found->offsets.empty()) return;
                                                    world_.promises().offset_found(group, found->offsets[0].offset);
                                                    if (found->offsets[0].offset > next_)
                                                      next_ = found->offsets[0].offset;
                                                  }),
                                                  .group = group,
                                                  .entries = entries});
  }
  // Never back: the newest that anybody asked for, or later.
  const Offset offset = std::max(next_, world_.promises().newest_asked(group));
  world_.promises().offset_asked(group, offset);
  const core::OffsetCommitEntry entries[] = {{name, partition, offset, -1, ""}};
  world_.rim().submit(core::CommitOffsets{
      .who = caller([this, group, offset](const core::Send& answer) {
        const auto* ok = std::get_if<core::OffsetsCommittedOk>(&answer);
        if (ok && ok->errors.front() == ErrorCode::none) world_.promises().offset_confirmed(group, offset);
      }),
      .group = group,
      .entries = entries});
}

}  // namespace tandem::sim
