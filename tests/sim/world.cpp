#include "tests/sim/world.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include "broker/core/user.h"
#include "schemas/batch.h"
#include "tests/sim/clients.h"
#include "tests/sim/content.h"

namespace tandem::sim {

namespace {

constexpr DurationMs year_ms = 365LL * 24 * 3600 * 1000;
constexpr std::size_t clients_max = 24;

}  // namespace

World::World(const WorldOptions& options) : options_(options), chance_(options.seed) {
  promises_.trace(options.trace);
  make_places();
  draw_options();
}

World::~World() {
  rim_.reset();
}

// --- what there is ---------------------------------------------------------------------------------------

void World::make_places() {
  const auto queue = [this](std::string name) { return promises_.add_place({.name = std::move(name)}); };
  const auto partition = [this](std::string name, bool ordered) {
    return promises_.add_place({.name = std::move(name), .is_queue = false, .ordered = ordered});
  };
  places_.a = queue("a");
  places_.b = queue("b");
  places_.in = queue("in");
  places_.out = queue("out");
  places_.priorities = queue("priorities");
  places_.dead = promises_.add_place({.name = "dead", .ordered = false});
  const PlaceIndex dead = places_.dead;
  places_.brief = promises_.add_place({.name = "brief", .ordered = false, .dead_letters = dead});
  places_.limited =
      promises_.add_place({.name = "limited", .ordered = false, .may_drop = true, .dead_letters = dead});
  // What a Get with no_ack takes is gone, also when its answer is never said: nothing can be said of such a queue's
  // messages but that they are whole and come once.
  places_.loose = promises_.add_place({.name = "loose", .ordered = false, .may_drop = true});
  // The answer of a Get may come behind deliveries of what is behind it: with Gets, order cannot be judged.
  const bool dies = refusing_dies();
  places_.refusing = promises_.add_place(
      {.name = "refusing", .ordered = false, .dead_letters = dies ? dead : support::no_place, .refuses_to_dead_letters = dies});
  places_.poison = promises_.add_place({.name = "poison", .dead_letters = dead});
  places_.history = partition("history", true);
  places_.ledger = partition("ledger", true);
  places_.log[0] = partition("log/0", false);
  places_.log[1] = partition("log/1", false);
  places_.committed = partition("committed", true);
}

void World::draw_options() {
  const auto one_of = [this](auto... choices) {
    const std::array all{static_cast<std::uint64_t>(choices)...};
    return all[dice(all.size())];
  };
  broker_options_.resident_entries_max = one_of(8, 60, 400, 1'000'000);
  broker_options_.front_entries_min = one_of(1, 4, 32, 256);
  broker_options_.reservation_max = static_cast<std::uint32_t>(one_of(16, 64, 1'024));
  broker_options_.deliveries_per_call_max = static_cast<std::uint32_t>(one_of(2, 3, 20, 2'048));
  broker_options_.delivered_bytes_per_call_max = one_of(500, 20'000, 4u << 20);
  broker_options_.entries_per_checkpoint_max = one_of(5, 100, 131'072);
  broker_options_.settles_per_call_max = one_of(1, 3, 512);
  broker_options_.unsettled_per_connection_max = static_cast<std::uint32_t>(one_of(3, 20, 262'144));
  store_options_ = disk_.store_options();
  if (options_.seed % 2 == 0) store_options_.quick_sync_max = std::chrono::microseconds::max();
  store_options_.journal_segment_size_bytes = one_of(64u << 10, 256u << 10);
  store_options_.journal_salt = static_cast<std::uint32_t>(one_of(0, 0x5A17, 0xFFFF'FFFF));
  // Small ones make groups of several frames: what a crash keeps of such a group must not be taken for more.
  store_options_.journal_buffer_size_bytes = one_of(4u << 10, 16u << 10, 1u << 20);
  // With small ones two are under way at once.
  store_options_.journal_group_size_max_bytes = one_of(1'000, 8u << 10, 8u << 20);
  store_options_.journal_size_max_bytes = one_of(256u << 10, 1u << 20, 4u << 20, 16u << 20);
  store_options_.checkpoint_interval_bytes = one_of(40u << 10, 150u << 10, 1u << 20);
  store_options_.body_cache_max_bytes = one_of(1, 100'000, 8u << 20);
  store_options_.large_tails.tail_min_bytes = one_of(1, 2'000, 512u << 10);
  store_options_.large_tails.entry_min_bytes = one_of(1, 300, 4u << 10);
  store_options_.large_tails.home_min_bytes = one_of(1, 250, 128u << 10);
  store_options_.removal_step_bytes = one_of(100, 4'000, 1u << 20);
  step_max_ms_ = static_cast<DurationMs>(one_of(20, 80, 300));
  brief_ttl_ = static_cast<DurationMs>(one_of(300, 2'000, 30'000));
  delivery_limit_ = static_cast<std::uint16_t>(one_of(1, 3));
  limited_length_ = static_cast<std::uint32_t>(one_of(1, 5, 40));
  disk_.files.set_cold(dice(2) == 0);
}

/// Safe to repeat; every start does.
void World::declare() {
  const core::Caller who{{new_connection(), 1}, 0};
  const std::string_view tags[] = {core::tag_administrator};
  rim_->submit(core::DeclareUser{.who = who, .name = administrator, .tags = tags});
  const auto declare_queue = [&](const char* name, Table arguments) {
    rim_->submit(core::DeclareQueue{.who = who, .name = name, .arguments = &arguments});
  };
  const Table dies{{"x-dead-letter-exchange", ""}, {"x-dead-letter-routing-key", "dead"}};
  const auto with = [](Table table, const char* key, Value value) {
    table.emplace_back(key, std::move(value));
    return table;
  };
  for (const char* name : {"a", "b", "in", "out", "dead", "loose"}) declare_queue(name, {});
  declare_queue("priorities", {{"x-max-priority", 3}});
  declare_queue("brief", with(dies, "x-message-ttl", std::int64_t{brief_ttl_}));
  declare_queue("limited", with(dies, "x-max-length", std::int64_t{limited_length_}));
  const Table refuses = with(refusing_dies() ? dies : Table(), "x-max-length", 30);
  declare_queue("refusing", with(refuses, "x-overflow", refusing_dies() ? "reject-publish-dlx" : "reject-publish"));
  declare_queue("poison", with(dies, "x-delivery-limit", int{delivery_limit_}));
  rim_->submit(core::DeclareExchange{.who = who, .name = "fan", .kind = core::ExchangeKind::fanout});
  const core::TopicConfigEntry small[] = {{"segment.bytes", "20000"}};
  rim_->submit(core::CreateTopic{.who = who, .name = "history", .config = small});
  rim_->submit(core::CreateTopic{.who = who, .name = "ledger"});
  rim_->submit(core::CreateTopic{.who = who, .name = "log", .partitions = 2, .config = small});
  rim_->submit(core::CreateTopic{.who = who, .name = "committed"});
  for (const char* name : {"a", "b"})
    rim_->submit(core::Bind{who, "fan", core::DestinationKind::queue, name, "", nullptr});
  rim_->submit(core::Bind{who, "fan", core::DestinationKind::topic, "history", "", nullptr});
  rim_->submit(core::ConnectionClosed{who.channel.connection});
}

void World::make_clients() {
  for (auto& client : clients_) {
    if (!client->outlives_broker()) continue;
    const ConnectionId id = new_connection();
    client->connect(id);
    by_connection_[id] = client.get();
  }
  std::erase_if(clients_, [](const auto& client) { return !client->outlives_broker(); });
  const std::size_t count = 6 + dice(clients_max - 6);
  while (clients_.size() < count) add_client();
}

ConnectionId World::new_connection(std::string_view user) {
  const ConnectionId id(next_connection_++);
  rim_->submit(core::ConnectionOpened{id, user, "sim", "sim"});
  return id;
}

void World::add_client() {
  const PlaceIndex queues[] = {places_.a,       places_.b,        places_.out,    places_.priorities, places_.brief,
                               places_.limited, places_.refusing, places_.poison, places_.loose, places_.dead};
  const PlaceIndex partitions[] = {places_.history, places_.ledger, places_.log[0], places_.log[1],
                                   places_.committed};
  const PlaceIndex unordered[] = {places_.brief, places_.limited, places_.refusing, places_.loose, places_.dead};
  std::unique_ptr<Client> client;
  const bool has_mover = std::any_of(clients_.begin(), clients_.end(), [](const auto& each) {
    return dynamic_cast<MovingClient*>(each.get()) != nullptr;
  });
  const bool has_producer = std::any_of(clients_.begin(), clients_.end(), [](const auto& each) {
    return dynamic_cast<TransactionalClient*>(each.get()) != nullptr;
  });
  const auto die = dice(24);
  const bool is_visitor = has_mover && has_producer && die >= 20 && die < 22;
  const ConnectionId id = new_connection(is_visitor ? visitor : administrator);
  if (!has_mover)
    client = std::make_unique<MovingClient>(*this, id);
  else if (!has_producer)
    client = std::make_unique<TransactionalClient>(*this, id);
  else if (die < 5)
    client = std::make_unique<PublishingClient>(*this, id);
  else if (die < 11)
    client = std::make_unique<ConsumingClient>(*this, id, queues[dice(std::size(queues))]);
  else if (die < 13)
    client = std::make_unique<GettingClient>(*this, id, unordered[dice(std::size(unordered))]);
  else if (die < 14)
    client = std::make_unique<PurgingClient>(*this, id);
  else if (die < 17)
    client = std::make_unique<AppendingClient>(*this, id);
  else if (is_visitor)
    client = std::make_unique<VisitingClient>(*this, id);
  else if (die == 22)
    client = std::make_unique<PermittingClient>(*this, id);
  else if (die == 23)
    client = std::make_unique<MemberClient>(*this, id);
  else
    client = std::make_unique<ReadingClient>(
        *this, id, partitions[dice(std::size(partitions))],
        dice(2) == 0 ? core::Isolation::read_committed : core::Isolation::read_uncommitted);
  by_connection_[id] = client.get();
  clients_.push_back(std::move(client));
}

// --- for clients -----------------------------------------------------------------------------------------

core::MessageView World::stage(MessageNumber number, const Properties& properties, std::string_view exchange,
                               std::string_view routing_key) {
  rooms_.push_back(message_of(number, properties, exchange, routing_key));
  if (rooms_.size() > views_kept) rooms_.pop_front();
  return view_of(number, rooms_.back(), rim_->stage(rooms_.back()));
}

void World::stage_large(ConnectionId connection, MessageNumber number, const Properties& properties, std::string_view exchange,
                        std::string_view routing_key, std::function<void(const core::MessageView&)> staged) {
  const auto room = std::make_shared<std::vector<std::byte>>(message_of(number, properties, exchange, routing_key));
  rim_->stage_large(*room, [this, connection, number, room, staged = std::move(staged)](BodyHandle body) {
    if (by_connection_.contains(connection)) staged(view_of(number, *room, body));
  });
}

core::MessageView World::view_of(MessageNumber number, Bytes stored, BodyHandle body) {
  const auto parts = parse_message(stored);
  core::MessageView view;
  view.body = body;
  view.size_bytes = static_cast<std::uint32_t>(stored.size());
  view.body_size_bytes = static_cast<std::uint32_t>(parts->body.size());
  view.exchange = parts->exchange;
  view.routing_key = parts->routing_key;
  view.properties = *glance_properties(parts->properties);
  staged_[view.body.value] = number;
  return view;
}

core::BatchView World::stage_batch(const std::vector<MessageNumber>& numbers, const BatchProducerView& producer) {
  BatchBuilder builder;
  for (const MessageNumber number : numbers) builder.add(now(), std::nullopt, content_of(number));
  const auto batch =
      builder.finish(Codec::none, {producer.id, producer.epoch, producer.base_sequence, producer.transactional});
  core::BatchView view;
  view.body = rim_->stage_batch("log", *batch);
  view.size_bytes = static_cast<std::uint32_t>(batch->size());
  view.record_count = static_cast<std::int32_t>(numbers.size());
  view.max_timestamp = now();
  view.producer_id = producer.id;
  view.producer_epoch = producer.epoch;
  view.base_sequence = producer.base_sequence;
  view.transactional = producer.transactional;
  return view;
}

MessageNumber World::message_at(QueueId queue, QueueSeq seq) const {
  const auto found = by_seq_.find({queue, seq});
  return found == by_seq_.end() ? 0 : found->second;
}

void World::verify(BodyHandle body, std::uint32_t size_bytes, MessageNumber number) {
  rim_->store().read(body, size_bytes, [this, number](Result<storage::StoredBytes> bytes) {
    if (!bytes) return unreadable("message " + std::to_string(number) + ": " + bytes.error().text);
    const auto parts = parse_message(bytes->bytes);
    if (!parts || number_in(parts->body) != number)
      promises_.violation("other bytes than those of message " + std::to_string(number));
  });
}

std::optional<MessageNumber> World::read_now(BodyHandle body, std::uint32_t size_bytes) {
  struct Answer {
    std::optional<MessageNumber> number;
    bool read = false;
  };
  const auto answer = std::make_shared<Answer>();  // it may outlive this call
  rim_->store().read(body, size_bytes, [this, answer](Result<storage::StoredBytes> bytes) {
    answer->read = true;
    if (!bytes) return unreadable("a message: " + bytes.error().text);
    const auto parts = parse_message(bytes->bytes);
    if (parts) answer->number = number_in(parts->body);
    if (!answer->number) promises_.violation("bytes that are no message of this world");
  });
  // One that joins a read which is under way may have to be read again.
  constexpr int rounds_max = 10;
  for (int round = 0; !answer->read && round < rounds_max; ++round) rim_->read_through();
  return answer->number;
}

void World::said(const core::Send& send) {
  const auto client = by_connection_.find(core::recipient(send));
  if (client != by_connection_.end()) client->second->said(send);
}

void World::fetched(const core::Fetched& fetched, std::span<const wire::Body> bodies) {
  const auto client = by_connection_.find(fetched.who.channel.connection);
  if (client != by_connection_.end()) client->second->fetched(fetched, bodies);
}

void World::enqueued(const core::Enqueued& record) {
  if (staged_[record.entry.body.value] == options_.trace)
    promises_.tell("queue " + std::to_string(record.queue.value) + " seq " + std::to_string(record.entry.seq));
  by_seq_[{record.queue, record.entry.seq}] = staged_[record.entry.body.value];
}

void World::staged(BodyHandle body, Bytes message) {
  const auto parts = parse_message(message);
  staged_[body.value] = parts ? number_in(parts->body).value_or(0) : 0;
}

void World::unreadable(const std::string& what) {
  report_.damage_reported = true;
  if (!faults_now_) return promises_.violation("unreadable: " + what);
  unreadable_now_ = true;
  promises_.forgives_order();  // it stays behind until a restart finds it again
}

// --- a life of the broker --------------------------------------------------------------------------------

bool World::open_once() {
  unreadable_now_ = false;
  staged_.clear();
  by_connection_.clear();
  rim_ = std::make_unique<Rim>(*this, broker_options_);
  const auto opened = rim_->open(store_options_, disk_.files, clock_);
  if (opened) return true;
  rim_.reset();
  if (!faults_now_) promises_.violation("the broker does not start: " + opened.error().text);
  return false;
}

/// Sometimes the start fails, or the power goes while it recovers.
bool World::open() {
  using storage::FaultKind;
  for (int attempt = 0; attempt < 3 && dice(6) == 0; ++attempt) {
    const FaultKind kinds[] = {FaultKind::power_off, FaultKind::io_error, FaultKind::disk_full};
    faults_now_ = true;
    disk_.files.fail(1 + dice(60), kinds[dice(std::size(kinds))]);
    const bool opened = open_once();
    rim_.reset();
    report_.failed_starts += !opened;
    disk_.files.crash(chance_);
    faults_now_ = false;
    // One that failed may have gone far enough to be taken for a life.
    promises_.restarted(false);
  }
  return open_once();
}

void World::pass_time() {
  const DurationMs passed = static_cast<DurationMs>(dice(static_cast<std::uint64_t>(step_max_ms_)));
  clock_ += passed;
  simulated_ms_ += static_cast<std::uint64_t>(passed);
  rim_->set_now(clock_);
}

void World::step() {
  pass_time();
  const auto die = dice(100);
  if (die < 45) {
    Client& client = *clients_[dice(clients_.size())];
    if (!rim_->behind()) client.act();
  } else if (die < 62) {
    rim_->end_turn();
  } else if (die < 97) {
    rim_->background(chance_);
  } else if (die == 97) {  // a client's connection ends, another comes
    const std::size_t index = dice(clients_.size());
    Client& client = *clients_[index];
    client.closed();
    rim_->submit(core::ConnectionClosed{client.connection()});
    by_connection_.erase(client.connection());
    if (client.outlives_broker()) {
      const ConnectionId id = new_connection();
      client.connect(id);
      by_connection_[id] = &client;
    } else {
      clients_.erase(clients_.begin() + static_cast<std::ptrdiff_t>(index));
      add_client();
    }
  } else if (die == 98) {
    if (dice(8) == 0) rim_->begin_checkpoint();
  } else if (dice(30) == 0) {
    rim_->settle();
    judge_counts(false);
  }
}

void World::maybe_fail_disk() {
  using storage::FaultKind;
  if (options_.fault || options_.damage || dice(4) != 0) return;
  const FaultKind kinds[] = {FaultKind::power_off, FaultKind::io_error, FaultKind::disk_full, FaultKind::short_write};
  faults_now_ = true;
  disk_.files.fail(1 + dice(2'000), kinds[dice(std::size(kinds))]);
}

void World::live() {
  make_clients();
  maybe_fail_disk();
  const int steps = options_.steps_per_life / 2 + static_cast<int>(dice(static_cast<std::uint64_t>(options_.steps_per_life)));
  for (int i = 0; i < steps && rim_->failure().empty(); ++i) step();
}

void World::stop_in_order() {
  disk_.files.clear_faults();
  for (auto& client : clients_) {
    client->closed();
    rim_->submit(core::ConnectionClosed{client->connection()});
    by_connection_.erase(client->connection());
  }
  const auto closed = rim_->close();
  if (!closed) promises_.violation("the broker does not stop in order: " + closed.error().text);
  rim_.reset();
  disk_.files.kill();
}

void World::end_life() {
  const bool failed = !rim_->failure().empty();
  if (rim_->restless()) promises_.violation(rim_->failure());
  report_.disk_failures += failed;
  if (!failed && dice(5) == 0) {
    // What is unanswered is answered before the stop; the connections are closed behind that.
    rim_->settle();
    if (rim_->failure().empty()) {
      ++report_.stops;
      stop_in_order();
      promises_.restarted(true);
      faults_now_ = false;
      return;
    }
  }
  rim_.reset();
  if (dice(3) == 0) {
    ++report_.kills;
    disk_.files.kill();
  } else {
    ++report_.power_losses;
    disk_.files.crash(chance_);
  }
  faults_now_ = false;
  promises_.restarted(false);
}

Report World::run() {
  for (int life = 1; life <= options_.lives && promises_.violations().empty(); ++life) {
    if (!open()) break;
    declare();
    judge_start();
    live();
    end_life();
    check_disk();
  }
  if (promises_.violations().empty() && open()) {
    declare();
    judge_start();
    drain();
    stop_in_order();
    check_disk();
  }
  return finish();
}

Report World::finish() {
  report_.violations = promises_.violations();
  report_.counts = promises_.counts();
  report_.simulated_ms = simulated_ms_;
  return report_;
}

}  // namespace tandem::sim
