// Requests of a group's members; users have GroupConsumer instead.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "tandem/requests.h"

namespace tandem::client {

struct JoinedGroup {
  ErrorCode code = ErrorCode::none;
  std::int32_t generation = -1;
  std::string protocol_name, leader, member;
  std::vector<GroupMemberInfo> members;  // only the leader's answer has them
};
struct JoinGroup {
  using Answer = JoinedGroup;
  std::string group, member, instance, protocol_type;
  std::uint32_t session_timeout_ms = 0, rebalance_timeout_ms = 0;
  std::vector<std::pair<std::string, std::string>> protocols;  // name, metadata
};

struct SyncedGroup {
  ErrorCode code = ErrorCode::none;
  std::string assignment;
};
struct SyncGroup {
  using Answer = SyncedGroup;
  std::string group, member, instance;
  std::int32_t generation = -1;
  std::uint32_t rebalance_timeout_ms = 0;                        // how long the leader may take
  std::vector<std::pair<std::string, std::string>> assignments;  // member, assignment; only from the leader
};

struct HeartbeatGroup {
  using Answer = ErrorCode;
  std::string group, member, instance;
  std::int32_t generation = -1;
};
struct LeaveGroup {
  using Answer = ErrorCode;
  std::string group, member, instance;
};

}  // namespace tandem::client
