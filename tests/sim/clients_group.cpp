// The member of a group of its own, so that nobody else begins a rebalance: once its assignment is confirmed it is a member
// with that generation and assignment, whatever dies, until it asks to leave.
#include "tests/sim/clients.h"

namespace tandem::sim {

MemberClient::MemberClient(World& world, ConnectionId connection)
    : Client(world, connection), group_("group of " + std::to_string(connection.value)) {}

void MemberClient::act() {
  if (asking_ || dice(3) != 0) return;
  switch (stage_) {
    case Stage::out:
      return join();
    case Stage::joined:
    case Stage::unknown:
      return sync();
    case Stage::gone:
      return heartbeat();
    case Stage::member:
      if (dice(6) == 0) return leave();
      return dice(3) == 0 ? sync() : heartbeat();
  }
}

/// What was asked and not answered may have been done.
void MemberClient::closed() {
  if (std::exchange(asking_, false) && stage_ == Stage::joined) stage_ = Stage::unknown;
  if (std::exchange(leaving_, false)) stage_ = Stage::unknown;
}

void MemberClient::must_be(ErrorCode error, const char* what) {
  if (error != ErrorCode::none)
    world_.promises().violation("a member of '" + group_ + "' whose assignment was confirmed was refused " + what + ": " + std::string(name(error)));
}

void MemberClient::join() {
  asking_ = true;
  const std::string chosen = group_ + "/" + std::to_string(++names_);
  const std::string metadata(dice(400), 's');
  const core::GroupProtocol protocols[] = {{"range", bytes_of(metadata)}};
  world_.rim().submit(core::JoinGroup{.who = caller([this](const core::Send& answer) {
                                        const auto* joined = core::get_if<core::Joined>(&answer);
                                        asking_ = false;
                                        if (!joined || joined->error != ErrorCode::none) return;
                                        id_ = joined->member;
                                        generation_ = joined->generation;
                                        stage_ = Stage::joined;
                                      }),
                                      .group = group_,
                                      .protocol_type = "consumer",
                                      .chosen_member = chosen,
                                      .session_timeout = 1'800'000,
                                      .rebalance_timeout = 1'000,
                                      .protocols = protocols});
}

void MemberClient::sync() {
  asking_ = true;
  const bool was_member = stage_ == Stage::member;
  if (stage_ == Stage::joined) assignment_ = "work " + std::to_string(++names_) + std::string(dice(3'000), 'w');
  const core::GroupAssignment assignments[] = {{id_, bytes_of(assignment_)}};
  world_.rim().submit(core::SyncGroup{.who = caller([this, was_member](const core::Send& answer) {
                                        const auto* synced = core::get_if<core::Synced>(&answer);
                                        asking_ = false;
                                        if (!synced) return;
                                        if (was_member) must_be(synced->error, "its assignment");
                                        stage_ = synced->error == ErrorCode::none ? Stage::member : Stage::out;
                                        if (stage_ == Stage::member && synced->assignment != assignment_)
                                          world_.promises().violation("a member of '" + group_ + "' has another assignment");
                                      }),
                                      .group = group_,
                                      .member = id_,
                                      .generation = generation_,
                                      .assignments = assignments});
}

void MemberClient::heartbeat() {
  asking_ = true;
  world_.rim().submit(core::HeartbeatGroup{.who = caller([this](const core::Send& answer) {
                                             const auto* beat = std::get_if<core::GroupHeartbeatOk>(&answer);
                                             asking_ = false;
                                             if (!beat) return;
                                             if (stage_ == Stage::member) return must_be(beat->error, "a heartbeat");
                                             if (beat->error == ErrorCode::none)
                                               world_.promises().violation("who left '" + group_ + "' is a member again");
                                             stage_ = Stage::out;
                                           }),
                                           .group = group_,
                                           .member = id_,
                                           .generation = generation_});
}

void MemberClient::leave() {
  asking_ = leaving_ = true;
  const core::GroupLeaver leavers[] = {{id_, ""}};
  world_.rim().submit(core::LeaveGroup{.who = caller([this](const core::Send& answer) {
                                         const auto* left = std::get_if<core::GroupLeft>(&answer);
                                         asking_ = leaving_ = false;
                                         if (!left) return;
                                         must_be(left->error, "to leave");
                                         stage_ = Stage::gone;
                                       }),
                                       .group = group_,
                                       .leavers = leavers});
}

}  // namespace tandem::sim
