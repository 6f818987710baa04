// Clients of users that may not do everything, and who says what they may.
#include "tests/sim/clients.h"

namespace tandem::sim {

void PermittingClient::act() {
  if (dice(12) != 0) return;
  const Permitted permitted{dice(2) == 0, dice(2) == 0, dice(2) == 0, dice(2) == 0};
  const core::Permissions patterns = permissions_of(permitted);
  const std::uint64_t number = world_.permit(permitted);
  core::DeclareUser input{.who = caller([this, number](const core::Send& answer) {
                            if (std::holds_alternative<core::Ok>(answer)) return world_.permitting_confirmed(number);
                            world_.promises().violation("an administrator was refused to permit something");
                          }),
                          .name = visitor};
  input.configure = patterns.configure;
  input.write = patterns.write;
  input.read = patterns.read;
  world_.rim().submit(input);
}

// The answer of a Get may come behind deliveries with later tags: settling up to a tag would take it too.
VisitingClient::VisitingClient(World& world, ConnectionId connection) : HoldingClient(world, connection) {
  may_settle_multiple_ = false;
}

bool VisitingClient::is_refused(const core::Send& answer, bool allowed, const char* what) {
  const auto* refused = core::get_if<core::Refused>(&answer);
  const bool is_for_rights = refused && refused->refusal.code == ErrorCode::not_authorized;
  if (is_for_rights && allowed) world_.promises().violation(std::string("what is permitted was refused: ") + what);
  // When there is no room on the disk, it may be refused for that.
  if (!refused && !allowed) world_.promises().violation(std::string("what is not permitted was done: ") + what);
  return refused != nullptr;
}

void VisitingClient::act() {
  switch (dice(10)) {
    case 0:
    case 1:
      return publish();
    case 2:
      return publish_both();
    case 3:
      return get();
    case 4:
      return subscribe();
    case 5:
      return purge();
    case 6:
      return settle_some(core::Outcome::requeue);
    default:
      return settle_some(core::Outcome::ack);
  }
}

core::MessageView VisitingClient::next(bool to_fan, bool allowed, MessageNumber& number) {
  const Places& places = world_.places();
  number = world_.next_message();
  support::Published published{number, {places.loose}, 0, 0, true};
  if (to_fan) published.places = {places.a, places.b, places.history};
  Properties properties;
  properties.delivery_mode = 2;
  const core::MessageView view = world_.stage(number, properties, to_fan ? "fan" : "", to_fan ? "" : "loose");
  world_.promises().published(published);
  // From here on: also when a crash comes before the answer, nobody may see it.
  if (!allowed) world_.promises().refused(number);
  return view;
}

void VisitingClient::publish() {
  const bool to_fan = dice(2) == 0;
  const bool allowed = to_fan ? world_.permitted().write_fan : world_.permitted().write_default;
  MessageNumber number = 0;
  const core::MessageView view = next(to_fan, allowed, number);
  const std::uint64_t seq = next_seq_++;
  if (allowed) waiting_[seq] = number;
  const core::Caller who = caller([this, allowed](const core::Send& answer) { is_refused(answer, allowed, "a publish"); });
  world_.rim().submit(core::Publish{who, seq, false, view});
}

/// Whole or not at all, also when only one half of it may be.
void VisitingClient::publish_both() {
  const bool allowed = world_.permitted().write_fan && world_.permitted().write_default;
  MessageNumber numbers[2];
  const core::TransactionOp operations[] = {core::PublishOp{false, next(true, allowed, numbers[0])},
                                            core::PublishOp{false, next(false, allowed, numbers[1])}};
  const core::Caller who = caller([this, allowed, numbers](const core::Send& answer) {
    const bool refused = is_refused(answer, allowed, "a transaction");
    for (const MessageNumber number : numbers)
      if (allowed) refused ? world_.promises().refused(number) : world_.promises().confirmed(number);
  });
  world_.rim().submit(core::Transaction{who, operations});
}

void VisitingClient::get() {
  const PlaceIndex place = world_.places().loose;
  const bool allowed = world_.permitted().read_loose;
  const core::Caller who = caller([this, place, allowed](const core::Send& answer) {
    if (is_refused(answer, allowed, "a Get")) return;
    const auto* got = std::get_if<core::GotMessage>(&answer);
    if (!got) return;
    const auto number = world_.read_now(got->body, got->size_bytes);
    if (!number) return;  // a failing disk
    world_.promises().delivered(place, *number, got->deliveries, world_.now());
    take({got->tag, *number, place, got->deliveries});
  });
  world_.rim().submit(core::Get{who, world_.place_name(place), false});
}

void VisitingClient::subscribe() {
  if (subscribed_) return;
  const bool allowed = world_.permitted().read_out;
  subscribed_ = allowed;
  world_.rim().submit(core::Subscribe{
      .who = caller([this, allowed](const core::Send& answer) { is_refused(answer, allowed, "a consumer"); }),
      .consumer = 1,
      .queue = "out",
      .prefetch = 5});
}

/// Only what must be refused: PurgingClient does the rest.
void VisitingClient::purge() {
  if (world_.permitted().read_out) return;
  const core::Caller who = caller([this](const core::Send& answer) { is_refused(answer, false, "a purge"); });
  world_.rim().submit(core::PurgeQueue{who, "out"});
}

void VisitingClient::said(const core::Send& send) {
  const auto* confirmed = std::get_if<core::Confirmed>(&send);
  if (!confirmed) return HoldingClient::said(send);
  for (std::uint64_t seq = confirmed->first; seq <= confirmed->last; ++seq) {
    const auto waiting = waiting_.extract(seq);
    if (waiting.empty())
      world_.promises().violation("confirm " + std::to_string(seq) + " was not waited for, or is of what is not permitted");
    else if (confirmed->nack)
      world_.promises().refused(waiting.mapped());
    else
      world_.promises().confirmed(waiting.mapped());
  }
}

void VisitingClient::closed() {
  HoldingClient::closed();
  subscribed_ = false;
}

}  // namespace tandem::sim
