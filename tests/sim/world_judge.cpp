// What a world looks at in the broker and on its disk, beside what clients are told.
#include <algorithm>

#include "tests/sim/clients.h"

namespace tandem::sim {

namespace {

/// Asks, and takes the answer wherever it comes.
class AskingClient : public Client {
 public:
  using Client::Client;
  void act() override {}
  template <class Request, class Answer>
  bool ask(Request request, Answer& into) {
    bool answered = false;
    request.who = caller([&](const core::Send& send) {
      if (const auto* answer = core::get_if<Answer>(&send)) {
        into = *answer;
        answered = true;
      }
    });
    world_.rim().submit(request);
    world_.rim().settle();
    return answered;
  }
  struct Got {
    core::GotMessage answer;
    MessageNumber number = 0;
  };
  /// The bytes are read when the answer comes, as the server does: later its journal segment may be gone.
  std::optional<Got> get(const std::string& queue) {
    std::optional<Got> taken;
    world_.rim().submit(core::Get{caller([&](const core::Send& send) {
                                    const auto* got = std::get_if<core::GotMessage>(&send);
                                    const auto number = got ? world_.read_now(got->body, got->size_bytes) : std::nullopt;
                                    if (number) taken = Got{*got, *number};
                                  }),
                                  queue, false});
    world_.rim().settle();
    return taken;
  }
};

}  // namespace

std::vector<core::QueueInfo> World::describe_queues() {
  const ConnectionId id = new_connection();
  AskingClient client(*this, id);
  by_connection_[id] = &client;
  core::Described described;
  const bool answered = client.ask(core::Describe{{}, core::Subject::queues, ""}, described);
  by_connection_.erase(id);
  rim_->submit(core::ConnectionClosed{id});
  if (!answered && rim_->failure().empty()) promises_.violation("Describe was not answered");
  return described.queues;
}

/// The names that each permission finds, for a Permitted.
core::Permissions permissions_of(const Permitted& permitted) {
  const auto one_of = [](std::initializer_list<std::pair<bool, const char*>> names) {
    std::string pattern = "^(nothing";
    for (const auto& [is_there, name] : names)
      if (is_there) pattern += std::string("|") + name;
    return pattern + ")$";
  };
  return {"^$", one_of({{permitted.write_fan, "fan"}, {permitted.write_default, "amq\\.default"}}),
          one_of({{permitted.read_loose, "loose"}, {permitted.read_out, "out"}})};
}

/// What is permitted after a start is what was confirmed, or was asked for later.
void World::judge_permissions(const std::vector<core::UserDeclared>& users) {
  const auto found = std::find_if(users.begin(), users.end(), [](const auto& user) { return user.name == visitor; });
  const auto is_found = [&](const auto& each) {
    const bool was_declared = each.first != 0;
    if (found == users.end()) return !was_declared;
    return was_declared && found->permissions == permissions_of(each.second);
  };
  const auto kept = std::find_if(permitted_.begin(), permitted_.end(), is_found);
  if (kept == permitted_.end())
    return promises_.violation("what the visitor is permitted is neither what was confirmed nor what was asked since");
  permitted_ = {*kept};
}

std::uint64_t World::permit(const Permitted& permitted) {
  permitted_.emplace_back(next_permit_, permitted);
  return next_permit_++;
}

void World::permitting_confirmed(std::uint64_t number) {
  while (permitted_.front().first < number) permitted_.pop_front();
}

/// Promise 6: what was accepted is somewhere.
void World::judge_counts(bool after_restart) {
  if (!rim_->failure().empty() || unreadable_now_) return;
  for (const core::QueueInfo& info : describe_queues()) {
    const std::string& name = info.queue.name;
    const std::uint64_t left = info.acked + info.expired + info.dropped + info.dead_lettered + info.purged;
    if (after_restart) found_[name] = info.ready + info.unsettled + left - info.accepted;
    const std::uint64_t came = found_[name] + info.accepted;
    if (came != left + info.ready + info.unsettled)
      promises_.violation("queue " + name + " took in " + std::to_string(came) + " (" +
                          std::to_string(found_[name]) + " at the start), but " + std::to_string(info.ready) +
                          " are ready, " + std::to_string(info.unsettled) + " unsettled and " + std::to_string(left) +
                          " left");
    for (PlaceIndex place : {places_.a, places_.b, places_.in, places_.out, places_.priorities, places_.refusing}) {
      if (place_name(place) != name) continue;
      const auto bounds = promises_.copies(place, now());
      const std::uint64_t there = info.ready + info.unsettled;
      if (there < bounds.least || there > bounds.most)
        promises_.violation("queue " + name + " has " + std::to_string(there) + " messages, its clients know of " +
                            std::to_string(bounds.least) + " to " + std::to_string(bounds.most));
    }
    if (name == "limited" && info.ready > limited_length_)
      promises_.violation("queue limited has " + std::to_string(info.ready) + " messages ready");
  }
}

void World::judge_start() {
  rim_->settle();
  const ConnectionId id = new_connection();
  AskingClient client(*this, id);
  by_connection_[id] = &client;
  core::Described described;
  if (client.ask(core::Describe{{}, core::Subject::topics, ""}, described))
    for (PlaceIndex place : {places_.history, places_.ledger, places_.log[0], places_.log[1], places_.committed}) {
      const auto [topic, index] = partition_of(*this, place);
      for (const core::TopicInfo& info : described.topics)
        if (info.topic.name == topic) {
          const auto& partition = info.partitions[static_cast<std::size_t>(index)];
          promises_.bounds(place, partition.start, partition.end);
        }
    }
  core::Described described_users;
  if (client.ask(core::Describe{{}, core::Subject::users, ""}, described_users)) judge_permissions(described_users.users);
  core::OffsetsFetched offsets;
  const core::FetchOffsetEntry ledger[] = {{"ledger", 0}};
  if (client.ask(core::FetchOffsets{.group = "movers", .entries = ledger}, offsets))
    promises_.offset_found("movers", offsets.offsets.front().offset);
  by_connection_.erase(id);
  rim_->submit(core::ConnectionClosed{id});
  judge_counts(true);
}

void World::check_disk() {
  for (const std::string& problem : disk_.problems()) promises_.violation("check-store: " + problem);
}

/// Takes out all that is left: every queue by Get, every partition from its start.
void World::drain() {
  draining_ = true;
  promises_.drains();
  clients_.clear();
  const auto empty = [&](PlaceIndex place) {
    const ConnectionId id = new_connection();
    AskingClient client(*this, id);
    by_connection_[id] = &client;
    while (rim_->failure().empty()) {
      const auto got = client.get(place_name(place));
      if (!got) break;
      promises_.delivered(place, got->number, got->answer.deliveries, now());
      promises_.settled(place, got->number, support::Promises::Outcome::ack);
      core::Ok ok;
      const DeliveryTag tag = got->answer.tag;
      if (client.ask(core::Settle{{}, tag, tag, false, core::Outcome::ack, true}, ok))
        promises_.settle_confirmed(place, got->number, support::Promises::Outcome::ack);
    }
    by_connection_.erase(id);
    rim_->submit(core::ConnectionClosed{id});
  };
  for (PlaceIndex place : {places_.a, places_.b, places_.in, places_.out, places_.priorities, places_.brief,
                           places_.limited, places_.refusing, places_.poison, places_.loose, places_.dead})
    empty(place);
  for (PlaceIndex place : {places_.history, places_.ledger, places_.log[0], places_.log[1], places_.committed})
    for (auto isolation : {core::Isolation::read_uncommitted, core::Isolation::read_committed}) {
      const ConnectionId id = new_connection();
      auto reader = std::make_unique<ReadingClient>(*this, id, place, isolation);
      by_connection_[id] = reader.get();
      std::uint64_t read = 0;
      do {
        read = promises_.counts().records_read;
        for (int i = 0; i < 3; ++i) {
          reader->act();
          rim_->settle();
        }
      } while (promises_.counts().records_read > read && rim_->failure().empty());
      by_connection_.erase(id);
      rim_->submit(core::ConnectionClosed{id});
    }
  judge_counts(false);
  if (!rim_->failure().empty()) promises_.violation("the store failed without a fault: " + rim_->failure());
  promises_.judge_end(now());
}

}  // namespace tandem::sim
