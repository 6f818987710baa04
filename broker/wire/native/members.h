// Group members as they travel in Joined and in listings.
#pragma once

#include "broker/core/send.h"
#include "broker/wire/native/speaker.h"

namespace tandem::wire::native {

flatbuffers::Offset<flatbuffers::Vector<flatbuffers::Offset<fb::GroupMember>>> members_field(
    const std::vector<core::GroupMember>& members);

}  // namespace tandem::wire::native
