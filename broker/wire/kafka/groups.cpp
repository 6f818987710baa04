// Groups as administrators see them: describe, list, delete.
#include <algorithm>
#include <cctype>

#include "broker/wire/kafka/error.h"
#include "broker/wire/kafka/messages_group.h"
#include "broker/wire/kafka/operations.h"
#include "broker/wire/kafka/repeats.h"
#include "broker/wire/kafka/tasks.h"

namespace tandem::wire::kafka {
namespace {

DescribeGroupsResponse::Member shown(const core::GroupMember& member) {
  DescribeGroupsResponse::Member out;
  out.id = member.member;
  if (!member.instance.empty()) out.instance = member.instance;
  out.client_id = member.client_id;
  out.client_host = member.client_host;
  out.metadata.value = member.metadata;
  out.assignment.value = member.assignment;
  return out;
}

class DescribeGroups final : public TaskOf<DescribeGroupsRequest, DescribeGroupsResponse> {
 public:
  using TaskOf::TaskOf;

  void begin(const Request& request) {
    response_.groups.resize(request.groups.size());
    Repeats<std::string_view> repeats;
    for (std::uint32_t part = 0; part < request.groups.size(); ++part) {
      auto& group = response_.groups[part];
      group.name = request.groups[part];
      if (version() >= first_version_with_not_found) {
        group.error = error::group_id_not_found;
        group.error_message = "there is no such group";
      }
      group.state = "Dead";  // as Kafka says of a group that does not exist
      group.operations = request.include_operations ? group_operations(conversation(), group.name) : operations_not_asked;
      if (group.name.empty())
        refuse(group, error::invalid_group_id, "a group has a name");
      else if (repeats(request.groups[part]))
        refuse(group, error::invalid_request, named_before);
      else
        submit(core::Describe{expect(part), core::Subject::groups, group.name});
    }
  }

  void take(std::uint32_t part, const core::Send& send, Bodies) override {
    const auto* described = core::get_if<core::Described>(&send);
    if (!described || described->groups.empty()) return;
    const core::GroupInfo& info = described->groups.front();
    auto& group = response_.groups[part];
    group.error = error::none;
    group.error_message.reset();
    group.state = info.state;
    group.protocol_type = info.protocol_type;
    group.protocol_name = info.protocol_name;
    for (const core::GroupMember& member : info.members) group.members.push_back(shown(member));
  }

 private:
  static constexpr std::int16_t first_version_with_not_found = 6;

  static void refuse(DescribeGroupsResponse::Group& group, std::int16_t error, const char* why) {
    group.error = error;
    group.error_message = why;
  }
};

class ListGroups final : public TaskOf<ListGroupsRequest, ListGroupsResponse> {
 public:
  using TaskOf::TaskOf;

  void begin(const Request& request) {
    if (!asks_for_classic(request)) return;
    states_.assign(request.states.begin(), request.states.end());
    submit(core::Describe{expect(), core::Subject::groups, ""});
  }

  void take(std::uint32_t, const core::Send& send, Bodies) override {
    const auto* described = core::get_if<core::Described>(&send);
    if (!described) return;
    for (const core::GroupInfo& info : described->groups)
      if (states_.empty() || std::find(states_.begin(), states_.end(), info.state) != states_.end())
        response_.groups.push_back({info.name, info.protocol_type, info.state, std::string(only_type)});
  }

 private:
  /// The one protocol that groups have here.
  static constexpr std::string_view only_type = "classic";

  static bool asks_for_classic(const Request& request) {
    const auto is_classic = [](std::string_view type) {
      return std::ranges::equal(type, only_type, {}, [](unsigned char c) { return std::tolower(c); });
    };
    return request.types.empty() || std::ranges::any_of(request.types, is_classic);
  }

  std::vector<std::string> states_;  // empty: all
};

class DeleteGroups final : public TaskOf<DeleteGroupsRequest, DeleteGroupsResponse> {
 public:
  using TaskOf::TaskOf;

  void begin(const Request& request) {
    response_.groups.resize(request.groups.size());
    for (std::uint32_t part = 0; part < request.groups.size(); ++part) {
      response_.groups[part].name = request.groups[part];
      submit(core::DeleteGroup{expect(part), request.groups[part]});
    }
  }

  void take(std::uint32_t part, const core::Send& send, Bodies) override {
    const auto* refused = core::get_if<core::Refused>(&send);
    if (!refused) return;
    const ErrorCode code = refused->refusal.code;
    response_.groups[part].error =
        code == ErrorCode::not_found ? error::group_id_not_found : group_error_of(code);
  }
};

}  // namespace

bool begin_describe_groups(Arrival& arrival) {
  return begin<DescribeGroups>(arrival);
}
bool begin_list_groups(Arrival& arrival) {
  return begin<ListGroups>(arrival);
}
bool begin_delete_groups(Arrival& arrival) {
  return begin<DeleteGroups>(arrival);
}

}  // namespace tandem::wire::kafka
