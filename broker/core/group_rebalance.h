// Steps of the classic group protocol that several verbs share. A verb that changed a LiveGroup ends with
// done_with_group().
#pragma once

#include <string_view>

#include "broker/core/turn.h"

namespace tandem::core {

/// Finds a member for a request that names member and instance. error none: `member` is set.
struct FoundMember {
  ErrorCode error = ErrorCode::none;
  Member* member = nullptr;
};
/// unknown_member, or fenced: the instance belongs to another member id by now.
FoundMember find_member(LiveGroup* group, std::string_view member, std::string_view instance);

/// Answers what waits of the member; the session begins anew.
void answer_join(Turn& turn, const LiveGroup& group, Member& member, ErrorCode error);
void answer_sync(Turn& turn, const LiveGroup& group, Member& member, ErrorCode error);

/// Every member has to join again.
void prepare_rebalance(Turn& turn, LiveGroup& group);
/// Starts the next generation when nobody is missing.
void try_complete_join(Turn& turn, LiveGroup& group);
/// Starts the next generation without those who are missing.
void complete_join(Turn& turn, LiveGroup& group);

/// The members of a group that is stable go on behind a restart. Too many bytes: they are not kept, and join again.
void keep_members(Turn& turn, const LiveGroup& group);
/// After replay: those that were kept.
void wake_up_members(const State& state, Session& session, TimestampMs now);

/// Takes a member out; what waits of it is answered unknown_member. Then members_changed() is due.
void remove_member(Turn& turn, LiveGroup& group, std::string_view member);
void members_changed(Turn& turn, LiveGroup& group);

/// What ran out of time in the group: sessions, promised ids, the rebalance.
void expire_members(Turn& turn, LiveGroup& group);
/// Requests that wait on the channels from `first` to `last` will not be answered.
void forget_waiting_members(Turn& turn, ChannelId first, ChannelId last);

/// Notes when the group is due next, or forgets it when there is nothing to it.
void done_with_group(Turn& turn, LiveGroup& group);

}  // namespace tandem::core
