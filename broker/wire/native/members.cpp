#include "broker/wire/native/members.h"

namespace tandem::wire::native {

flatbuffers::Offset<flatbuffers::Vector<flatbuffers::Offset<fb::GroupMember>>> members_field(
    const std::vector<core::GroupMember>& members) {
  Builder& b = Speaker::builder();
  std::vector<flatbuffers::Offset<fb::GroupMember>> fields;
  for (const core::GroupMember& m : members) {
    const auto member = text_field(m.member);
    const auto instance = text_field(m.instance);
    const auto client_id = text_field(m.client_id);
    const auto client_host = text_field(m.client_host);
    const auto metadata = bytes_field(m.metadata);
    const auto assignment = bytes_field(m.assignment);
    fields.push_back(
        fb::CreateGroupMember(b, member, instance, client_id, client_host, metadata, assignment));
  }
  return b.CreateVector(fields);
}

}  // namespace tandem::wire::native
