#include "tests/support/core_fixture.h"

#include <algorithm>
#include <set>

#include "doctest/doctest.h"

namespace tandem::core {
namespace {

constexpr std::uint64_t home_bit = 1ull << 62;

/// Of these a checkpoint keeps the newest by key; all of them in their order come to the same.
bool is_catalog(const Record& record) {
  return std::holds_alternative<ExchangeDeclared>(record) ||
         std::holds_alternative<ExchangeDeleted>(record) || std::holds_alternative<QueueDeclared>(record) ||
         std::holds_alternative<QueueDeleted>(record) || std::holds_alternative<Bound>(record) ||
         std::holds_alternative<Unbound>(record) || std::holds_alternative<TopicCreated>(record) ||
         std::holds_alternative<PolicySet>(record) || std::holds_alternative<PolicyDeleted>(record) ||
         std::holds_alternative<UserDeclared>(record) || std::holds_alternative<UserDeleted>(record) ||
         std::holds_alternative<OffsetCommitted>(record);
}

/// An unclean start counts deliveries that no record tells of, so a comparison with the records leaves them
/// out.
void forget_deliveries(std::vector<Record>& state) {
  for (Record& record : state) {
    if (auto* queue = std::get_if<QueueState>(&record)) {
      queue->deliveries.clear();
      queue->unclean_through = 0;
    }
    if (auto* message = std::get_if<Enqueued>(&record)) message->entry.deliveries = 0;
  }
}

/// With several priorities the records do not tell which run a message that is gone was in: whether a run is
/// empty shows when it is read.
void forget_runs_of_priorities(std::vector<Record>& state) {
  std::set<QueueId> with_priorities;
  for (const Record& record : state)
    if (const auto* queue = std::get_if<QueueDeclared>(&record);
        queue && find(queue->arguments, "x-max-priority"))
      with_priorities.insert(queue->id);
  std::erase_if(state, [&](const Record& record) {
    const auto* run = std::get_if<RunHomed>(&record);
    return run && with_priorities.contains(run->queue);
  });
}

}  // namespace

BrokerOptions tight_limits() {
  BrokerOptions options;
  options.resident_entries_max = 12;
  options.front_entries_min = 3;
  options.reservation_max = 4;
  options.deliveries_per_call_max = 5;
  options.settles_per_call_max = 2;
  return options;
}

CoreFixture::CoreFixture(const BrokerOptions& options)
    : options_(options), broker_(std::make_unique<Broker>(options)) {
  broker_->replayed(now, true);
}

CoreFixture::~CoreFixture() {
  finish();
}

void CoreFixture::take_in(Outputs& out) {
  for (const Record& record : out.records) {
    records.push_back(record);
    if (is_durable(record)) journal_.emplace_back(record, out.turn);
    if (const auto* deleted = std::get_if<QueueDeleted>(&record))
      for (const auto& [id, run] : runs_)
        if (run.homed.queue == deleted->id) dropped_.push_back(id);
  }
  if (out.turn != 0) last_turn_ = out.turn;
  for (Send& send : out.sends) {
    if (const auto* drop = std::get_if<DropRun>(&send)) dropped_.push_back(drop->run);
    sends.push_back(std::move(send));
  }
}

void CoreFixture::give(const Input& input) {
  Outputs out;
  broker_->handle(now, input, out);
  take_in(out);
  if (loads) answer_loads();
  if (persists) persist();
}

void CoreFixture::answer_loads() {
  for (auto loads_now = take<LoadRun>(); !loads_now.empty(); loads_now = take<LoadRun>()) {
    for (const LoadRun& load : loads_now) {
      const auto run = runs_.find(load.run);
      REQUIRE(run != runs_.end());
      Outputs out;
      broker_->handle(now, RunLoaded{load.queue, load.run, run->second.entries}, out);
      take_in(out);
    }
  }
}

/// What is handed out may be reserved first, and that has to be on disk in turn.
void CoreFixture::persist() {
  for (int round = 0; round < 1000 && (persisted_ < last_turn_ || broker_->next_due() <= now); ++round) {
    const bool is_behind = persisted_ < last_turn_;
    persisted_ = last_turn_;
    Outputs out;
    if (is_behind)
      broker_->handle(now, Persisted{persisted_}, out);
    else
      broker_->handle(now, Tick{}, out);
    take_in(out);
    if (loads) answer_loads();
  }
  CHECK(persisted_ == last_turn_);
}

void CoreFixture::tick(DurationMs passed) {
  now += passed;
  give(Tick{});
}

void CoreFixture::declare_queue(std::string_view name, const Table& arguments, bool durable) {
  give(DeclareQueue{.who = caller(), .name = name, .durable = durable, .arguments = &arguments});
}

void CoreFixture::declare_exchange(std::string_view name, ExchangeKind kind, const Table& arguments,
                                   bool auto_delete) {
  give(DeclareExchange{
      .who = caller(), .name = name, .kind = kind, .auto_delete = auto_delete, .arguments = &arguments});
}

void CoreFixture::bind(std::string_view source, std::string_view queue, std::string_view key,
                       const Table& arguments) {
  give(Bind{caller(), source, DestinationKind::queue, queue, key, &arguments});
}

void CoreFixture::bind_exchange(std::string_view source, std::string_view destination, std::string_view key) {
  give(Bind{caller(), source, DestinationKind::exchange, destination, key, nullptr});
}

MessageView CoreFixture::view_of(const TestMessage& message) {
  message_ = message;
  headers_.clear();
  if (!message_.headers.empty()) append_table(headers_, message_.headers);
  MessageView view;
  view.body = BodyHandle{next_message_};
  homes_[next_message_] = next_message_;
  ++next_message_;
  view.size_bytes = message_.size_bytes;
  view.body_size_bytes = message_.size_bytes;
  view.exchange = message_.exchange;
  view.routing_key = message_.key;
  view.properties.persistent = message_.persistent;
  view.properties.priority = message_.priority;
  view.properties.expiration = message_.expiration;
  if (!message_.expiration.empty()) view.properties.flags |= flag_expiration;
  view.properties.user_id = message_.user_id;
  view.properties.headers = headers_;
  return view;
}

std::uint64_t CoreFixture::publish(const TestMessage& message, bool mandatory, Caller who) {
  const std::uint64_t number = next_message_;
  const MessageView view = view_of(message);
  give(Publish{who, ++confirms_[who.channel], mandatory, view});
  return number;
}

void CoreFixture::subscribe(std::string_view queue, std::uint64_t consumer, std::uint32_t prefetch,
                            bool no_ack, Caller who, std::int32_t priority) {
  give(Subscribe{.who = who,
                 .consumer = consumer,
                 .queue = queue,
                 .no_ack = no_ack,
                 .prefetch = prefetch,
                 .priority = priority});
}

void CoreFixture::settle(DeliveryTag first, DeliveryTag last, Outcome outcome, Caller who) {
  give(Settle{who, first, last, false, outcome, false});
}

std::uint64_t CoreFixture::number_of(BodyHandle body) const {
  const auto it = homes_.find(body.value);
  return it == homes_.end() ? 0 : it->second;
}

std::vector<std::uint64_t> CoreFixture::take_delivered() {
  std::vector<std::uint64_t> numbers;
  for (const Deliver& deliver : take<Deliver>()) numbers.push_back(number_of(deliver.body));
  return numbers;
}

ErrorCode CoreFixture::take_refusal() {
  const auto refused = take<Refused>();
  return refused.empty() ? ErrorCode::none : refused.front().refusal.code;
}

QueueInfo CoreFixture::queue(std::string_view name) {
  give(Describe{caller(), Subject::queues, name});
  auto described = take<Described>();
  if (described.empty() || described.back().queues.empty()) return {};
  return described.back().queues.front();
}

std::vector<std::uint64_t> CoreFixture::drain(std::string_view queue) {
  std::vector<std::uint64_t> numbers;
  for (;;) {
    give(Get{caller(99, 9), queue, true});
    const auto got = take_one<GotMessage>();
    if (!got) break;
    numbers.push_back(number_of(got->body));
  }
  take<GotNothing>();
  return numbers;
}

// --- disk
// -------------------------------------------------------------------------------------------------------------------

void CoreFixture::begin_checkpoint(bool is_last) {
  Outputs out;
  broker_->handle(now, CheckpointBegun{is_last}, out);
  take_in(out);
  auto states = take<CheckpointState>();
  REQUIRE(states.size() == 1);
  running_ = std::move(states.front());
  begun_at_ = journal_.size();
}

void CoreFixture::finish_checkpoint() {
  REQUIRE(running_);
  std::vector<std::vector<std::pair<QueueSeq, BodyHandle>>> moved;
  std::vector<RunStored> stored;
  running_->gather();
  for (const Survivors& survivors : running_->survivors) {
    for (std::size_t from = 0; from < survivors.entries.size();) {
      const std::size_t to = std::min(from + 16, survivors.entries.size());
      StoredRun run;
      const RunId id(next_run_++);
      auto& places = moved.emplace_back();
      for (; from < to; ++from) {
        QueueEntry entry = survivors.entries[from];
        const std::uint64_t number = number_of(entry.body);
        entry.body = BodyHandle{home_bit | next_run_ << 32 | entry.seq};
        homes_[entry.body.value] = number;
        places.emplace_back(entry.seq, entry.body);
        run.entries.push_back(entry);
        run.homed.size_bytes += entry.size_bytes;
      }
      run.homed.queue = survivors.queue;
      run.homed.run = id;
      run.homed.priority = survivors.priority;
      run.homed.seqs = {run.entries.front().seq, run.entries.back().seq};
      run.homed.count = static_cast<std::uint32_t>(run.entries.size());
      stored.push_back({survivors.queue,
                        id,
                        survivors.priority,
                        run.homed.seqs.first,
                        run.homed.seqs.last,
                        run.homed.count,
                        run.homed.size_bytes,
                        {}});
      runs_[id] = std::move(run);
    }
  }
  for (std::size_t i = 0; i < stored.size(); ++i) stored[i].moved = moved[i];

  for (std::size_t i = 0; i < begun_at_; ++i)
    if (is_catalog(journal_[i].first)) catalog_.push_back(journal_[i].first);
  journal_.erase(journal_.begin(), journal_.begin() + static_cast<std::ptrdiff_t>(begun_at_));
  for (const Record& record : running_->states) {
    if (const auto* state = std::get_if<QueueState>(&record)) states_[state->queue] = *state;
    if (const auto* partition = std::get_if<PartitionState>(&record)) partitions_[partition->partition] = *partition;
    if (const auto* counters = std::get_if<Counters>(&record)) counters_ = *counters;
  }
  for (const RunId run : std::exchange(dropped_, {})) runs_.erase(run);
  running_.reset();
  // In pieces, as the loop does.
  std::span<const RunStored> left = stored;
  do {
    const auto piece = left.first(std::min<std::size_t>(3, left.size()));
    left = left.subspan(piece.size());
    give(CheckpointDone{piece, left.empty()});
  } while (!left.empty());
}

std::unique_ptr<Broker> CoreFixture::replayed(TurnNumber until) const {
  auto broker = std::make_unique<Broker>(options_);
  broker->replay(counters_, 0);
  for (const Record& record : catalog_) broker->replay(record, 0);
  for (const auto& [id, state] : states_) broker->replay(state, 0);
  for (const auto& [id, run] : runs_) broker->replay(run.homed, 0);
  for (const auto& [id, partition] : partitions_) broker->replay(partition, 0);
  for (const auto& [record, turn] : journal_)
    if (turn <= until) broker->replay(record, turn);
  return broker;
}

void CoreFixture::restart(bool clean) {
  std::erase_if(journal_, [this](const auto& entry) { return entry.second > persisted_; });
  broker_ = replayed(persisted_);
  broker_->replayed(now, clean);
  was_unclean_ |= !clean;
  dropped_.clear();  // storage had them in memory only
  last_turn_ = persisted_;
  running_.reset();
  sends.clear();
  confirms_.clear();
  if (persists) tick();
}

void CoreFixture::finish() {
  if (running_)
    return;  // a checkpoint that never finished: the journal from before it is gone from the bookkeeping
  persist();
  auto again = replayed(last_turn_);
  again->replayed(now, true);
  auto there = again->durable_state(), here = broker_->durable_state();
  forget_runs_of_priorities(there);
  forget_runs_of_priorities(here);
  if (was_unclean_) {
    forget_deliveries(there);
    forget_deliveries(here);
  }
  CHECK(there.size() == here.size());
  for (std::size_t i = 0; i < std::min(there.size(), here.size()); ++i) {
    CAPTURE(i);
    CAPTURE(here[i].index());
    CHECK(there[i] == here[i]);
  }
}

}  // namespace tandem::core
