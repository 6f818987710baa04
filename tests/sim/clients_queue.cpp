// Clients of queues.
#include <algorithm>
#include <array>

#include "tests/sim/clients.h"

namespace tandem::sim {

// --- Client ----------------------------------------------------------------------------------------------

std::uint64_t Client::dice(std::uint64_t sides) {
  return world_.dice(sides);
}

core::Caller Client::caller(Answered answered) {
  const std::uint64_t request = next_request_++;
  asked_[request] = std::move(answered);
  return {{connection_, 1}, request};
}

namespace {

/// The request that a send answers; 0 for what nobody asked for.
std::uint64_t request_of(const core::Send& send) {
  return core::visit(
      [](const auto& answer) -> std::uint64_t {
        if constexpr (requires { answer.who.request; })
          return answer.who.request;
        else
          return 0;
      },
      send);
}

}  // namespace

void Client::said(const core::Send& send) {
  const auto asked = asked_.extract(request_of(send));
  if (!asked.empty() && asked.mapped()) asked.mapped()(send);
}

// --- publishing ------------------------------------------------------------------------------------------

void PublishingClient::act() {
  if (stages_) return;
  if (dice(8) == 0) return publish_large(draw_target());
  if (dice(3) != 0) {
    const core::PublishMany::One one = next(draw_target());
    return world_.rim().submit(core::Publish{caller(), one.confirm_seq, false, one.message});
  }
  std::vector<core::PublishMany::One> many;
  for (std::uint64_t count = 1 + dice(8); many.size() < count;) many.push_back(next(draw_target()));
  world_.rim().submit(core::PublishMany{caller(), many});
}

PublishingClient::Target PublishingClient::draw_target() {
  const Places& places = world_.places();
  switch (dice(13)) {
    case 0:
    case 1:
    case 2:
    case 3:
      return {"fan", "", {places.a, places.b, places.history}};
    case 4:
    case 5:
      return {"", "in", {places.in}};
    case 6:
    case 7:
      return {"", "priorities", {places.priorities}};
    case 8:
      return {"", "brief", {places.brief}};
    case 9:
      return {"", "limited", {places.limited}};
    case 10:
      return {"", "refusing", {places.refusing}};
    case 11:
      return {"", "loose", {places.loose}};
    default:
      return {"", "poison", {places.poison}};
  }
}

PublishingClient::Draft PublishingClient::draw_message(const Target& target) {
  Draft draft;
  auto& [published, properties] = draft;
  published.message = world_.next_message();
  published.places = target.places;
  const PlaceIndex place = published.places.front();
  published.persistent = dice(10) != 0;
  properties.delivery_mode = published.persistent ? 2 : 1;
  if (place == world_.places().priorities) {
    published.priority = static_cast<std::uint8_t>(dice(4));
    properties.priority = published.priority;
  }
  if (place == world_.places().brief) {
    DurationMs ttl = world_.brief_ttl();
    if (dice(2) == 0) {
      ttl = std::min<DurationMs>(ttl, static_cast<DurationMs>(dice(3'000)));
      properties.expiration = std::to_string(ttl);
    }
    published.expires_at = world_.now() + ttl;
  }
  return draft;
}

core::PublishMany::One PublishingClient::next(const Target& target) {
  const Draft draft = draw_message(target);
  return finished(draft, world_.stage(draft.published.message, draft.properties, target.exchange, target.key));
}

core::PublishMany::One PublishingClient::finished(const Draft& draft, const core::MessageView& view) {
  world_.promises().published(draft.published);
  const std::uint64_t seq = next_seq_++;
  waiting_[seq] = draft.published.message;
  return {0, seq, false, view};
}

void PublishingClient::publish_large(const Target& target) {
  stages_ = true;
  Draft draft = draw_message(target);
  world_.stage_large(connection(), draft.published.message, draft.properties, target.exchange, target.key,
                     [this, draft](const core::MessageView& view) mutable {
                       stages_ = false;
                       draft.published.order = world_.next_message();  // others came meanwhile
                       const core::PublishMany::One one = finished(draft, view);
                       world_.rim().submit(core::Publish{caller(), one.confirm_seq, false, one.message});
                     });
}

void PublishingClient::said(const core::Send& send) {
  const auto* confirmed = std::get_if<core::Confirmed>(&send);
  if (!confirmed) return Client::said(send);
  for (std::uint64_t seq = confirmed->first; seq <= confirmed->last; ++seq) {
    const auto waiting = waiting_.extract(seq);
    if (waiting.empty())
      world_.promises().violation("confirm " + std::to_string(seq) + " was not waited for");
    else if (confirmed->nack)
      world_.promises().refused(waiting.mapped());
    else
      world_.promises().confirmed(waiting.mapped());
  }
}

// --- holding ---------------------------------------------------------------------------------------------

void HoldingClient::take(const Held& held) {
  held_.push_back(held);
  took(held);
}

void HoldingClient::said(const core::Send& send) {
  const auto* deliver = std::get_if<core::Deliver>(&send);
  if (!deliver) return Client::said(send);
  const MessageNumber number = world_.message_at(deliver->queue, deliver->seq);
  const PlaceIndex place = place_of(deliver->consumer);
  world_.verify(deliver->body, deliver->size_bytes, number);
  world_.promises().delivered(place, number, deliver->deliveries, world_.now());
  if (no_ack(deliver->consumer))
    world_.promises().settled(place, number, support::Promises::Outcome::ack);
  else
    take({deliver->tag, number, place, deliver->deliveries});
}

support::Promises::Outcome HoldingClient::judged(const Held& held, core::Outcome outcome) const {
  using Outcome = support::Promises::Outcome;
  if (outcome == core::Outcome::ack) return Outcome::ack;
  if (outcome == core::Outcome::reject) return Outcome::reject;
  const bool is_limited = held.place == world_.places().poison;
  return is_limited && held.deliveries + 1u > world_.delivery_limit() ? Outcome::reject : Outcome::requeue;
}

void HoldingClient::note(const Held& held, core::Outcome outcome) {
  world_.promises().settled(held.place, held.message, judged(held, outcome));
}

void HoldingClient::note_confirmed(const Held& held, core::Outcome outcome) {
  world_.promises().settle_confirmed(held.place, held.message, judged(held, outcome));
}

/// Settles `count` of the deliveries from `first` on, or with `multiple` all up to there.
void HoldingClient::settle(std::size_t first, std::size_t count, bool multiple, core::Outcome outcome) {
  if (multiple) {
    count += first;
    first = 0;
  } else {  // a range must not have a gap
    std::size_t run = 1;
    while (run < count && held_[first + run].tag == held_[first].tag + run) ++run;
    count = run;
  }
  const auto begin = held_.begin() + static_cast<std::ptrdiff_t>(first);
  const std::vector<Held> settled(begin, begin + static_cast<std::ptrdiff_t>(count));
  held_.erase(begin, begin + static_cast<std::ptrdiff_t>(count));
  for (const Held& held : settled) note(held, outcome);
  core::Settle input{caller(), settled.front().tag, settled.back().tag, multiple, outcome, dice(2) == 0};
  if (input.confirm)
    input.who = caller([this, settled, outcome](const core::Send& answer) {
      if (!std::holds_alternative<core::Ok>(answer))
        return world_.promises().violation("settling what is held was refused");
      for (const Held& held : settled) note_confirmed(held, outcome);
    });
  world_.rim().submit(input);
}

void HoldingClient::settle_some(core::Outcome outcome) {
  if (held_.empty()) return;
  const std::size_t first = dice(held_.size());
  settle(first, 1 + dice(held_.size() - first), may_settle_multiple_ && dice(4) == 0, outcome);
}

/// By the order of the broker: all that was held goes back at once.
void HoldingClient::closed() {
  const std::deque<Held> held = std::exchange(held_, {});
  for (const Held& one : held) note(one, core::Outcome::requeue);
}

// --- consuming -------------------------------------------------------------------------------------------

ConsumingClient::ConsumingClient(World& world, ConnectionId connection, PlaceIndex place)
    : HoldingClient(world, connection), place_(place), no_ack_(dice(10) == 0) {}

void ConsumingClient::subscribe() {
  subscribed_ = true;
  constexpr std::array<std::uint32_t, 5> prefetches{1, 3, 10, 50, 0};
  world_.rim().submit(core::Subscribe{.who = caller([](const core::Send&) {}),
                                      .consumer = ++consumer_,
                                      .queue = world_.place_name(place_),
                                      .no_ack = no_ack_,
                                      .prefetch = prefetches[dice(prefetches.size())]});
}

void ConsumingClient::act() {
  if (!subscribed_) return subscribe();
  switch (dice(24)) {
    case 0:
      return settle_some(core::Outcome::reject);
    case 1:
    case 2:
    case 3:
      return settle_some(core::Outcome::requeue);
    case 4:  // the channel is closed and used again
      closed();
      return world_.rim().submit(core::ChannelClosed{caller([](const core::Send&) {})});
    case 5: {
      const std::deque<Held> held = std::exchange(held_, {});
      for (const Held& one : held) note(one, core::Outcome::requeue);
      return world_.rim().submit(core::Recover{caller([](const core::Send&) {})});
    }
    case 6:
      subscribed_ = false;
      return world_.rim().submit(core::Unsubscribe{caller([](const core::Send&) {}), consumer_});
    case 7:
      return world_.rim().submit(core::ConnectionWritable{connection(), dice(3) != 0});
    case 8:
      return world_.rim().submit(core::ConnectionWritable{connection(), true});
    case 9:
    case 10:
    case 11:
    case 12:
      return;  // holds on to it
    default:
      return settle_some(core::Outcome::ack);
  }
}

void ConsumingClient::closed() {
  HoldingClient::closed();
  subscribed_ = false;
}

void GettingClient::act() {
  if (!held_.empty() && dice(2) == 0)
    return settle_some(dice(3) == 0 ? core::Outcome::requeue : core::Outcome::ack);
  const bool no_ack = place_ == world_.places().loose && dice(2) == 0;
  world_.rim().submit(core::Get{caller([this, no_ack](const core::Send& answer) {
                                  const auto* got = std::get_if<core::GotMessage>(&answer);
                                  if (!got) return;
                                  const auto number = world_.read_now(got->body, got->size_bytes);
                                  if (!number) {  // a failing disk; what it is must not be acked with the others
                                    may_settle_multiple_ = false;
                                    return;
                                  }
                                  world_.promises().delivered(place_, *number, got->deliveries, world_.now());
                                  if (no_ack)
                                    world_.promises().settled(place_, *number, support::Promises::Outcome::ack);
                                  else
                                    take({got->tag, *number, place_, got->deliveries});
                                }),
                                world_.place_name(place_), no_ack});
}

void PurgingClient::act() {
  if (dice(40) != 0) return;
  const Places& places = world_.places();
  const PlaceIndex all[] = {places.a, places.out, places.priorities};  // none with Gets: they take messages unseen
  const PlaceIndex place = all[dice(std::size(all))];
  const auto meant = world_.promises().purged(place, world_.now());
  world_.rim().submit(core::PurgeQueue{caller([this, place, meant](const core::Send& answer) {
                                         if (std::holds_alternative<core::QueueOk>(answer))
                                           world_.promises().removal_confirmed(place, meant);
                                       }),
                                       world_.place_name(place)});
}

// --- moving ----------------------------------------------------------------------------------------------

void MovingClient::act() {
  if (!subscribed_) {
    subscribed_ = true;
    world_.rim().submit(core::Subscribe{
        .who = caller([](const core::Send&) {}), .consumer = 1, .queue = "in", .prefetch = 8});
  }
  if (version_ < 0 && !busy_) {
    busy_ = true;
    return world_.rim().submit(core::ListOffset{caller([this](const core::Send& answer) {
                                                  busy_ = false;
                                                  if (const auto* listed = std::get_if<core::OffsetListed>(&answer))
                                                    version_ = listed->offset;
                                                }),
                                                "ledger", 0});
  }
  if (busy_) return;  // settling up to a tag would take the transaction's message too
  if (dice(12) == 0) return settle_some(core::Outcome::requeue);
  if (!held_.empty()) move();
}

void MovingClient::move() {
  const Held held = held_.front();
  held_.pop_front();
  in_flight_ = held;
  busy_ = true;
  const Places& places = world_.places();
  const MessageNumber number = world_.next_message();
  world_.promises().published({number, {places.out, places.ledger}, 0, 0, true});
  Properties properties;
  properties.delivery_mode = 2;
  core::MessageView view = world_.stage(number, properties, "", "out");
  const core::BatchView batch = world_.stage_batch({number}, {});
  world_.promises().offset_asked("movers", version_ + 1);
  note(held, core::Outcome::ack);
  world_.promises().moves(number, held.place, held.message);
  const core::TransactionOp operations[] = {
      core::SettleOp{{connection(), 1}, held.tag, held.tag, false, core::Outcome::ack},
      core::PublishOp{false, view},
      core::AppendOp{"ledger", 0, batch, version_},
      core::CommitOffsetOp{"movers", "ledger", 0, version_ + 1, ""},
  };
  const Offset version = version_;
  world_.rim().submit(core::Transaction{
      caller([this, held, number, version](const core::Send& answer) {
        busy_ = false;
        in_flight_.reset();
        auto& promises = world_.promises();
        if (const auto* committed = std::get_if<core::Committed>(&answer)) {
          promises.confirmed(number);
          promises.settle_confirmed(held.place, held.message, support::Promises::Outcome::ack);
          promises.offset_confirmed("movers", version + 1);
          promises.append_confirmed(world_.places().ledger, committed->append_offsets.front(), number);
          if (committed->append_offsets.front() != version)
            promises.violation("an append on version " + std::to_string(version) + " got another offset");
          version_ = version + 1;
        } else {
          const auto* refused = core::get_if<core::Refused>(&answer);
          // Another connection's transaction may have been on its way when this one asked for the version.
          const bool conflict = refused && refused->refusal.code == ErrorCode::version_conflict;
          const bool expected = conflict || (refused && refused->refusal.code == ErrorCode::resource_alarm);
          if (conflict) version_ = -1;
          if (!expected)
            promises.violation("a transaction was refused: " +
                               (refused ? core::to_text(refused->refusal) : std::string("by no refusal")));
          promises.refused(number);
          promises.settle_undone(held.place, held.message);
          held_.push_front(held);
        }
      }),
      operations});
}

void MovingClient::closed() {
  HoldingClient::closed();
  if (in_flight_) world_.promises().settle_unknown(in_flight_->place, in_flight_->message);
  in_flight_.reset();
  subscribed_ = busy_ = false;
  version_ = -1;
}

}  // namespace tandem::sim
