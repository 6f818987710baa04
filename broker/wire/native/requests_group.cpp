// Consumer groups: offsets and membership.
#include "broker/wire/native/requests.h"

namespace tandem::wire::native {
namespace {

constexpr std::size_t member_random_size = 22;  // 128 bits as URL-safe text

using OffsetVector = flatbuffers::Vector<flatbuffers::Offset<fb::OffsetEntry>>;

std::vector<core::FetchOffsetEntry> partitions_of(const OffsetVector* entries) {
  std::vector<core::FetchOffsetEntry> partitions;
  if (!entries) return partitions;
  for (const fb::OffsetEntry* entry : *entries)
    partitions.push_back({text_of(entry->topic()), entry->partition()});
  return partitions;
}

}  // namespace

void Requests::on(const Request& r, const fb::CommitOffsets& m) {
  if (!names_fit(r, {text_of(m.group()), text_of(m.member())})) return;
  std::vector<core::OffsetCommitEntry> entries;
  if (m.entries()) {
    for (const fb::OffsetEntry* e : *m.entries()) {
      if (e->offset() < 0) return refuse(r, ErrorCode::invalid_argument, "an offset is 0 or more");
      const auto judged = judge_offset_metadata(text_of(e->metadata()));
      if (!judged) return refuse(r, judged.error().code, judged.error().text);
      entries.push_back({text_of(e->topic()), e->partition(), e->offset(), -1, text_of(e->metadata())});
    }
  }
  core::CommitOffsets input;
  input.who = r.who;
  input.group = text_of(m.group());
  input.member = text_of(m.member());
  input.generation = m.generation();
  input.entries = entries;
  submit(input);
}

void Requests::on(const Request& r, const fb::FetchOffsets& m) {
  if (!names_fit(r, {text_of(m.group())})) return;
  const auto partitions = partitions_of(m.entries());
  submit(core::FetchOffsets{r.who, text_of(m.group()), m.all(), partitions, false});
}

void Requests::on(const Request& r, const fb::DeleteOffsets& m) {
  if (!names_fit(r, {text_of(m.group())})) return;
  const auto partitions = partitions_of(m.entries());
  submit(core::DeleteOffsets{r.who, text_of(m.group()), partitions});
}

void Requests::on(const Request& r, const fb::JoinGroup& m) {
  if (!names_fit(
          r, {text_of(m.group()), text_of(m.member()), text_of(m.instance()), text_of(m.protocol_type())}))
    return;
  std::vector<core::GroupProtocol> protocols;
  if (m.protocols())
    for (const fb::GroupProtocol* p : *m.protocols())
      protocols.push_back({text_of(p->name()), bytes_of(p->metadata())});
  const std::string chosen =
      (client_name_.empty() ? "member" : client_name_) + "-" + port_.random_name(member_random_size);
  core::JoinGroup input;
  input.who = r.who;
  input.group = text_of(m.group());
  input.member = text_of(m.member());
  input.instance = text_of(m.instance());
  input.client_id = client_name_;
  input.client_host = context_.peer;
  input.protocol_type = text_of(m.protocol_type());
  input.chosen_member = chosen;
  input.session_timeout = m.session_timeout_ms();
  input.rebalance_timeout = m.rebalance_timeout_ms();
  input.protocols = protocols;
  submit(input);
}

void Requests::on(const Request& r, const fb::SyncGroup& m) {
  if (!names_fit(r, {text_of(m.group()), text_of(m.instance())})) return;
  std::vector<core::GroupAssignment> assignments;
  if (m.assignments())
    for (const fb::GroupAssignment* a : *m.assignments())
      assignments.push_back({text_of(a->member()), bytes_of(a->assignment())});
  core::SyncGroup input;
  input.who = r.who;
  input.group = text_of(m.group());
  input.member = text_of(m.member());
  input.instance = text_of(m.instance());
  input.generation = m.generation();
  input.assignments = assignments;
  submit(input);
}

void Requests::on(const Request& r, const fb::HeartbeatGroup& m) {
  submit(core::HeartbeatGroup{r.who, text_of(m.group()), text_of(m.member()), text_of(m.instance()),
                              m.generation()});
}

void Requests::on(const Request& r, const fb::LeaveGroup& m) {
  const core::GroupLeaver leaver{text_of(m.member()), text_of(m.instance())};
  submit(core::LeaveGroup{r.who, text_of(m.group()), std::span(&leaver, 1)});
}

void Requests::on(const Request& r, const fb::DeleteGroup& m) {
  submit(core::DeleteGroup{r.who, text_of(m.group())});
}

}  // namespace tandem::wire::native
