// A group's member as a client plays it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tests/core/topic_fixture.h"

namespace tandem::core {

class GroupMemberPlayer {
 public:
  GroupMemberPlayer(TopicFixture& at, std::uint64_t connection, std::string instance = "")
      : at_(at),
        who_(at.caller(connection)),
        instance_(std::move(instance)),
        chosen_("m" + std::to_string(connection)) {}

  std::vector<std::pair<std::string, std::string>> protocols = {{"range", "topics"}};
  std::string group = "billing", protocol_type = "consumer";
  DurationMs session_timeout = 10'000, rebalance_timeout = 60'000;
  bool require_member_id = false;

  std::string id;
  std::int32_t generation = -1;

  void choose(std::string member_id) { chosen_ = std::move(member_id); }

  void join() {
    std::vector<GroupProtocol> offered;
    for (const auto& [name, metadata] : protocols) offered.push_back({name, bytes_of(metadata)});
    at_.give_and_persist(JoinGroup{.who = who_,
                                   .group = group,
                                   .member = id,
                                   .instance = instance_,
                                   .client_id = "client",
                                   .client_host = "/127.0.0.1",
                                   .protocol_type = protocol_type,
                                   .chosen_member = chosen_,
                                   .session_timeout = session_timeout,
                                   .rebalance_timeout = rebalance_timeout,
                                   .protocols = offered,
                                   .require_member_id = require_member_id});
  }
  /// The answer to this member's oldest join, if it has come.
  std::optional<Joined> take_joined() {
    auto joined = take<Joined>();
    if (joined && !joined->member.empty()) id = joined->member;
    if (joined && joined->error == ErrorCode::none) generation = joined->generation;
    return joined;
  }
  Joined joined() {
    auto answer = take_joined();
    REQUIRE(answer);
    return *answer;
  }
  Joined join_now() {
    join();
    return joined();
  }

  void sync(const std::vector<GroupAssignment>& assignments = {}) {
    at_.give_and_persist(SyncGroup{.who = who_,
                                   .group = "billing",
                                   .member = id,
                                   .instance = instance_,
                                   .generation = generation,
                                   .assignments = assignments});
  }
  std::optional<Synced> take_synced() { return take<Synced>(); }
  Synced synced() {
    auto answer = take_synced();
    REQUIRE(answer);
    return *answer;
  }
  Synced sync_now(const std::vector<GroupAssignment>& assignments = {}) {
    sync(assignments);
    return synced();
  }
  ErrorCode heartbeat() {
    return at_.ask<GroupHeartbeatOk>(HeartbeatGroup{who_, "billing", id, instance_, generation}).error;
  }
  ErrorCode leave() {
    const std::vector<GroupLeaver> leavers = {{id, instance_}};
    return at_.ask<GroupLeft>(LeaveGroup{who_, "billing", leavers}).error;
  }
  ErrorCode commit(Offset offset) {
    const std::vector<OffsetCommitEntry> entries = {{.topic = "orders", .offset = offset}};
    return at_
        .ask<OffsetsCommittedOk>(CommitOffsets{.who = who_,
                                               .group = "billing",
                                               .member = id,
                                               .instance = instance_,
                                               .generation = generation,
                                               .entries = entries})
        .errors.at(0);
  }
  void close() { at_.give_and_persist(ConnectionClosed{who_.channel.connection}); }

 private:
  template <class T>
  std::optional<T> take() {
    for (auto it = at_.sends.begin(); it != at_.sends.end(); ++it) {
      const T* answer = core::get_if<T>(&*it);
      if (!answer || answer->who.channel != who_.channel) continue;
      T taken = *answer;
      at_.sends.erase(it);
      return taken;
    }
    return std::nullopt;
  }

  TopicFixture& at_;
  Caller who_;
  std::string instance_, chosen_;
};

/// Two members in a stable group: the first one leads, and each has its own name as assignment.
struct StablePair {
  explicit StablePair(TopicFixture& at) : first(at, 11), second(at, 12) {
    first.join_now();
    second.join();
    first.join();
    first.joined();
    second.joined();
    settle();
  }
  void settle() {
    second.sync();
    const std::vector<GroupAssignment> assignments = {{first.id, bytes_of("one")},
                                                      {second.id, bytes_of("two")}};
    first.sync_now(assignments);
    second.synced();
  }
  GroupMemberPlayer first, second;
};

}  // namespace tandem::core
