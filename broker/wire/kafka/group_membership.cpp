// Members of groups: join, sync, heartbeat, leave. The rules of the classic protocol are the core's.
#include <algorithm>

#include "broker/base/limits.h"
#include "broker/core/group_name.h"
#include "broker/wire/kafka/error.h"
#include "broker/wire/kafka/messages_group.h"
#include "broker/wire/kafka/tasks.h"

namespace tandem::wire::kafka {
namespace {

constexpr DurationMs session_timeout_max_ms = 1'800'000;  // Kafka's group.max.session.timeout.ms
constexpr std::size_t member_random_size = 22;            // 128 bits as URL-safe text
/// From this version on a member without an id is told one and asked to join again (KIP-394).
constexpr std::int16_t first_version_with_member_id_required = 4;
/// Subscriptions of one member are kept in memory for as long as it is one; a list of 10,000 topics fits.
constexpr std::size_t member_metadata_max_bytes = 1u << 20;
constexpr std::size_t member_protocols_max = 64;

bool fits(std::string_view name) {
  return name.size() <= limits::name_size_max_bytes;
}

std::optional<std::string> null_if_empty(const std::string& text) {
  return text.empty() ? std::nullopt : std::optional<std::string>(text);
}

/// "127.0.0.1:5555" → "/127.0.0.1", as Kafka's tools are used to.
std::string host_of(const std::string& peer) {
  return "/" + peer.substr(0, peer.rfind(':'));
}

std::int16_t judge_join(const JoinGroupRequest& request) {
  if (!core::is_group_name(request.group)) return error::invalid_group_id;
  if (request.session_timeout_ms <= 0 || request.session_timeout_ms > session_timeout_max_ms)
    return error::invalid_session_timeout;
  if (!fits(request.instance.value_or("")) || !fits(request.protocol_type)) return error::invalid_request;
  if (request.protocols.size() > member_protocols_max) return error::invalid_request;
  std::size_t size = 0;
  for (const auto& protocol : request.protocols) {
    if (!fits(protocol.name)) return error::invalid_request;
    size += protocol.metadata.size();
  }
  return size > member_metadata_max_bytes ? error::invalid_request : error::none;
}

class JoinGroup final : public TaskOf<JoinGroupRequest, JoinGroupResponse> {
 public:
  using TaskOf::TaskOf;

  void begin(const Request& request) {
    if (version() < first_version_with_null_protocol) response_.protocol_name = "";
    response_.member = request.member;
    response_.error = judge_join(request);
    if (response_.error != error::none) return;
    const std::string client_id = conversation().client_id.substr(0, limits::name_size_max_bytes);
    const std::string host = host_of(conversation().context.peer);
    const std::string_view instance = request.instance.value_or("");
    const std::string chosen =
        (instance.empty() ? client_id : std::string(instance)) + "-" + port().random_name(member_random_size);
    std::vector<core::GroupProtocol> protocols;
    for (const auto& protocol : request.protocols) protocols.push_back({protocol.name, protocol.metadata});

    core::JoinGroup input;
    input.who = expect();
    input.group = request.group;
    input.member = request.member;
    input.instance = instance;
    input.client_id = client_id;
    input.client_host = host;
    input.protocol_type = request.protocol_type;
    input.chosen_member = chosen;
    input.session_timeout = request.session_timeout_ms;
    input.rebalance_timeout = version() == 0 ? request.session_timeout_ms : request.rebalance_timeout_ms;
    input.protocols = protocols;
    input.require_member_id = version() >= first_version_with_member_id_required;
    submit(input);
  }

  void take(std::uint32_t, const core::Send& send, Bodies) override {
    const auto* joined = core::get_if<core::Joined>(&send);
    if (!joined) return;
    response_.error = group_error_of(joined->error);
    response_.generation = joined->generation;
    response_.protocol_type = null_if_empty(joined->protocol_type);
    if (version() < first_version_with_null_protocol || !joined->protocol_name.empty())
      response_.protocol_name = joined->protocol_name;
    response_.leader = joined->leader;
    response_.member = joined->member;
    for (const core::GroupMember& member : joined->members)
      response_.members.push_back({member.member, null_if_empty(member.instance), {member.metadata}});
  }

 private:
  static constexpr std::int16_t first_version_with_null_protocol = 7;
};

class SyncGroup final : public TaskOf<SyncGroupRequest, SyncGroupResponse> {
 public:
  using TaskOf::TaskOf;

  void begin(const Request& request) {
    std::size_t size = 0;
    std::vector<core::GroupAssignment> assignments;
    for (const auto& each : request.assignments) {
      assignments.push_back({each.member, each.assignment});
      size = std::max(size, each.assignment.size());
    }
    if (size > member_metadata_max_bytes) {
      response_.error = error::invalid_request;
      return;
    }
    core::SyncGroup input;
    input.who = expect();
    input.group = request.group;
    input.member = request.member;
    input.instance = request.instance.value_or("");
    input.generation = request.generation;
    input.protocol_type = request.protocol_type.value_or("");
    input.protocol_name = request.protocol_name.value_or("");
    input.assignments = assignments;
    submit(input);
  }

  void take(std::uint32_t, const core::Send& send, Bodies) override {
    const auto* synced = core::get_if<core::Synced>(&send);
    if (!synced) return;
    response_.error = group_error_of(synced->error);
    response_.protocol_type = null_if_empty(synced->protocol_type);
    response_.protocol_name = null_if_empty(synced->protocol_name);
    response_.assignment.value = synced->assignment;
  }
};

class Heartbeat final : public TaskOf<HeartbeatRequest, HeartbeatResponse> {
 public:
  using TaskOf::TaskOf;

  void begin(const Request& request) {
    submit(core::HeartbeatGroup{expect(), request.group, request.member, request.instance.value_or(""),
                                request.generation});
  }

  void take(std::uint32_t, const core::Send& send, Bodies) override {
    if (const auto* ok = std::get_if<core::GroupHeartbeatOk>(&send))
      response_.error = group_error_of(ok->error);
  }
};

class LeaveGroup final : public TaskOf<LeaveGroupRequest, LeaveGroupResponse> {
 public:
  using TaskOf::TaskOf;

  void begin(const Request& request) {
    std::vector<core::GroupLeaver> leavers;
    if (version() < first_version_with_many) leavers.push_back({request.member, ""});
    for (const auto& member : request.members) {
      leavers.push_back({member.id, member.instance.value_or("")});
      auto& out = response_.members.emplace_back();
      out.id = member.id;
      if (member.instance) out.instance = std::string(*member.instance);
    }
    submit(core::LeaveGroup{expect(), request.group, leavers});
  }

  void take(std::uint32_t, const core::Send& send, Bodies) override {
    const auto* left = std::get_if<core::GroupLeft>(&send);
    if (!left) return;
    if (version() < first_version_with_many) {
      response_.error = group_error_of(left->error);
      return;
    }
    const std::size_t count = std::min(response_.members.size(), left->errors.size());
    for (std::size_t i = 0; i < count; ++i) response_.members[i].error = group_error_of(left->errors[i]);
  }

 private:
  static constexpr std::int16_t first_version_with_many = 3;
};

}  // namespace

bool begin_join_group(Arrival& arrival) {
  return begin<JoinGroup>(arrival);
}
bool begin_sync_group(Arrival& arrival) {
  return begin<SyncGroup>(arrival);
}
bool begin_heartbeat(Arrival& arrival) {
  return begin<Heartbeat>(arrival);
}
bool begin_leave_group(Arrival& arrival) {
  return begin<LeaveGroup>(arrival);
}

}  // namespace tandem::wire::kafka
