// Requests about groups: their offsets and their members.
#include "client/asking.h"
#include "client/group_requests.h"

namespace tandem::client {

template <>
inline constexpr bool repeatable<DeleteGroup> = false;
// A membership does not outlive its connection unchanged: the member looks at the answer and joins anew.
template <>
inline constexpr bool repeatable<JoinGroup> = false;
template <>
inline constexpr bool repeatable<SyncGroup> = false;

// Both wait for the other members.
template <>
Milliseconds held_back(const JoinGroup& request) {
  return Milliseconds(request.rebalance_timeout_ms);
}
template <>
Milliseconds held_back(const SyncGroup& request) {
  return Milliseconds(request.rebalance_timeout_ms);
}

using EntryOffsets = std::vector<flatbuffers::Offset<fb::OffsetEntry>>;

static EntryOffsets put_partitions(flatbuffers::FlatBufferBuilder& b,
                                   const std::vector<TopicPartition>& partitions) {
  EntryOffsets entries;
  for (const auto& [topic, partition] : partitions)
    entries.push_back(fb::CreateOffsetEntry(b, put_text(b, topic), partition));
  return entries;
}

static Frame encode(Address address, const CommitOffsets& r) {
  return make_frame(address, [&](auto& b) {
    EntryOffsets entries;
    for (const auto& entry : r.offsets) {
      const auto topic = put_text(b, entry.topic), metadata = put_text(b, entry.metadata);
      entries.push_back(fb::CreateOffsetEntry(b, topic, entry.partition, entry.offset, metadata));
    }
    const auto group = put_text(b, r.group), member = put_text(b, r.member);
    return fb::CreateCommitOffsets(b, group, member, r.generation, b.CreateVector(entries));
  });
}
static Frame encode(Address address, const FetchOffsets& r) {
  return make_frame(address, [&](auto& b) {
    const auto entries = b.CreateVector(put_partitions(b, r.partitions));
    return fb::CreateFetchOffsets(b, put_text(b, r.group), r.all, entries);
  });
}
static Frame encode(Address address, const DeleteOffsets& r) {
  return make_frame(address, [&](auto& b) {
    const auto entries = b.CreateVector(put_partitions(b, r.partitions));
    return fb::CreateDeleteOffsets(b, put_text(b, r.group), entries);
  });
}
static Frame encode(Address address, const DeleteGroup& r) {
  return make_frame(address, [&](auto& b) { return fb::CreateDeleteGroup(b, put_text(b, r.group)); });
}
static Frame encode(Address address, const JoinGroup& r) {
  return make_frame(address, [&](auto& b) {
    std::vector<flatbuffers::Offset<fb::GroupProtocol>> protocols;
    for (const auto& [name, metadata] : r.protocols) {
      const auto name_field = put_text(b, name);
      protocols.push_back(fb::CreateGroupProtocol(b, name_field, put_bytes(b, tandem::bytes_of(metadata))));
    }
    const auto group = put_text(b, r.group), member = put_text(b, r.member),
               instance = put_text(b, r.instance);
    const auto type = put_text(b, r.protocol_type);
    return fb::CreateJoinGroup(b, group, member, instance, type, r.session_timeout_ms, r.rebalance_timeout_ms,
                               b.CreateVector(protocols));
  });
}
static Frame encode(Address address, const SyncGroup& r) {
  return make_frame(address, [&](auto& b) {
    std::vector<flatbuffers::Offset<fb::GroupAssignment>> assignments;
    for (const auto& [member, assignment] : r.assignments) {
      const auto member_field = put_text(b, member);
      assignments.push_back(
          fb::CreateGroupAssignment(b, member_field, put_bytes(b, tandem::bytes_of(assignment))));
    }
    const auto group = put_text(b, r.group), member = put_text(b, r.member),
               instance = put_text(b, r.instance);
    return fb::CreateSyncGroup(b, group, member, instance, r.generation, b.CreateVector(assignments));
  });
}
static Frame encode(Address address, const HeartbeatGroup& r) {
  return make_frame(address, [&](auto& b) {
    const auto group = put_text(b, r.group), member = put_text(b, r.member),
               instance = put_text(b, r.instance);
    return fb::CreateHeartbeatGroup(b, group, member, instance, r.generation);
  });
}
static Frame encode(Address address, const LeaveGroup& r) {
  return make_frame(address, [&](auto& b) {
    const auto group = put_text(b, r.group), member = put_text(b, r.member),
               instance = put_text(b, r.instance);
    return fb::CreateLeaveGroup(b, group, member, instance);
  });
}

template <class Request>
requires std::is_same_v<typename Request::Answer, std::vector<ErrorCode>>
static Result<bool> read(const Request&, const Answer& answer, std::vector<ErrorCode>& out) {
  const auto* committed = answer.envelope.message_as_OffsetsCommitted();
  if (!committed) return unexpected_answer(answer);
  if (committed->codes())
    for (const auto code : *committed->codes()) out.push_back(static_cast<ErrorCode>(code));
  return true;
}
static Result<bool> read(const FetchOffsets&, const Answer& answer, std::vector<GroupOffset>& out) {
  const auto* fetched = answer.envelope.message_as_OffsetsFetched();
  if (!fetched) return unexpected_answer(answer);
  if (fetched->offsets())
    for (const auto* entry : *fetched->offsets())
      out.push_back({owned(entry->topic()), entry->partition(), entry->offset(), owned(entry->metadata()),
                     static_cast<ErrorCode>(entry->code())});
  return true;
}
static Result<bool> read(const DeleteGroup&, const Answer& answer, Done&) {
  if (answer.envelope.message_as_Ok()) return true;
  return unexpected_answer(answer);
}
static Result<bool> read(const JoinGroup&, const Answer& answer, JoinedGroup& out) {
  const auto* joined = answer.envelope.message_as_Joined();
  if (!joined) return unexpected_answer(answer);
  out = {static_cast<ErrorCode>(joined->code()),
         joined->generation(),
         owned(joined->protocol_name()),
         owned(joined->leader()),
         owned(joined->member()),
         {}};
  if (joined->members())
    for (const auto* member : *joined->members())
      out.members.push_back({owned(member->member()), owned(member->instance()), owned(member->client_id()),
                             owned(member->client_host()),
                             std::string(tandem::text_of(bytes_of(member->metadata()))),
                             std::string(tandem::text_of(bytes_of(member->assignment())))});
  return true;
}
static Result<bool> read(const SyncGroup&, const Answer& answer, SyncedGroup& out) {
  const auto* synced = answer.envelope.message_as_Synced();
  if (!synced) return unexpected_answer(answer);
  out = {static_cast<ErrorCode>(synced->code()),
         std::string(tandem::text_of(bytes_of(synced->assignment())))};
  return true;
}
static Result<bool> read(const HeartbeatGroup&, const Answer& answer, ErrorCode& out) {
  const auto* beat = answer.envelope.message_as_GroupHeartbeatOk();
  if (!beat) return unexpected_answer(answer);
  out = static_cast<ErrorCode>(beat->code());
  return true;
}
static Result<bool> read(const LeaveGroup&, const Answer& answer, ErrorCode& out) {
  const auto* left = answer.envelope.message_as_GroupLeft();
  if (!left) return unexpected_answer(answer);
  out = static_cast<ErrorCode>(left->code());
  return true;
}

template void ask(Driver&, const CommitOffsets&, Completion<std::vector<ErrorCode>>);
template void ask(Driver&, const FetchOffsets&, Completion<std::vector<GroupOffset>>);
template void ask(Driver&, const DeleteOffsets&, Completion<std::vector<ErrorCode>>);
template void ask(Driver&, const DeleteGroup&, Completion<Done>);
template void ask(Driver&, const JoinGroup&, Completion<JoinedGroup>);
template void ask(Driver&, const SyncGroup&, Completion<SyncedGroup>);
template void ask(Driver&, const HeartbeatGroup&, Completion<ErrorCode>);
template void ask(Driver&, const LeaveGroup&, Completion<ErrorCode>);

}  // namespace tandem::client
