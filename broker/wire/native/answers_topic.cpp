// Answers about topics and groups.
#include "broker/base/check.h"
#include "broker/wire/native/answers.h"
#include "broker/wire/native/members.h"
#include "schemas/frame.h"

namespace tandem::wire::native {
namespace {

constexpr std::size_t fetched_payload_max_bytes = frame::frame_size_max_bytes - (4u << 20);

flatbuffers::Offset<flatbuffers::Vector<std::uint16_t>> codes_field(const std::vector<ErrorCode>& errors) {
  std::vector<std::uint16_t> codes;
  for (const ErrorCode error : errors) codes.push_back(code_field(error));
  return Speaker::builder().CreateVector(codes);
}

/// What of each partition travels in this frame. What does not fit is left for the client's next fetch.
std::vector<Bytes> fitting(std::span<const Body> bodies) {
  std::vector<Bytes> pieces;
  std::size_t total = 0;
  for (const Body& body : bodies) {
    const bool fits = body.error == ErrorCode::none && total + body.bytes.size() <= fetched_payload_max_bytes;
    pieces.push_back(fits ? body.bytes : Bytes());
    total += pieces.back().size();
  }
  return pieces;
}

flatbuffers::Offset<fb::FetchedPartition> fetched_field(const core::FetchedPartition& p, ErrorCode code,
                                                        Bytes bytes) {
  std::vector<fb::AbortedTransaction> aborted;
  for (const auto& transaction : p.aborted) aborted.emplace_back(transaction.producer_id, transaction.first);
  const auto topic = text_field(p.topic);
  const auto aborted_field = Speaker::builder().CreateVectorOfStructs(aborted);
  return fb::CreateFetchedPartition(Speaker::builder(), topic, p.partition.index, code_field(code), p.start,
                                    p.visible_end, p.high_watermark, p.last_stable,
                                    static_cast<std::uint32_t>(bytes.size()), aborted_field);
}

}  // namespace

void Answers::on(const core::TopicOk& s, Bodies) {
  if (!wants_answer(s.who)) return;
  const auto name = text_field(s.topic.name);
  answer(s.who, fb::CreateTopicOk(Speaker::builder(), name, s.topic.partitions, s.topic.uuid_high,
                                  s.topic.uuid_low));
}

void Answers::on(const core::AppendedOk& s, Bodies) {
  if (!wants_answer(s.who)) return;
  answer(s.who, fb::CreateAppended(Speaker::builder(), s.base_offset, s.append_time, s.start, s.duplicate));
}

void Answers::on(const core::Fetched& s, Bodies bodies) {
  CHECK(bodies.size() == s.partitions.size());
  const std::vector<Bytes> pieces = fitting(bodies);
  std::vector<flatbuffers::Offset<fb::FetchedPartition>> fields;
  std::size_t payload_size = 0;
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    const core::FetchedPartition& partition = s.partitions[i];
    const ErrorCode code = partition.error != ErrorCode::none ? partition.error : bodies[i].error;
    fields.push_back(fetched_field(partition, code, pieces[i]));
    payload_size += pieces[i].size();
  }
  const auto partitions = Speaker::builder().CreateVector(fields);
  answer(s.who, fb::CreateFetched(Speaker::builder(), partitions), payload_size);
  for (std::size_t i = 0; i < pieces.size(); ++i) speaker_.payload(pieces[i], bodies[i].owner);
}

void Answers::on(const core::OffsetListed& s, Bodies) {
  answer(s.who, fb::CreateOffsetListed(Speaker::builder(), s.offset, s.timestamp));
}

void Answers::on(const core::TrimmedOk& s, Bodies) {
  if (wants_answer(s.who)) answer(s.who, fb::CreateTrimmedOk(Speaker::builder(), s.start));
}

void Answers::on(const core::ProducerOk& s, Bodies) {
  if (wants_answer(s.who)) answer(s.who, fb::CreateProducerOk(Speaker::builder(), s.producer_id, s.epoch));
}

void Answers::on(const core::OffsetsCommittedOk& s, Bodies) {
  if (!wants_answer(s.who)) return;
  const auto codes = codes_field(s.errors);
  answer(s.who, fb::CreateOffsetsCommitted(Speaker::builder(), codes));
}

void Answers::on(const core::OffsetsDeletedOk& s, Bodies) {
  if (!wants_answer(s.who)) return;
  const auto codes = codes_field(s.errors);
  answer(s.who, fb::CreateOffsetsCommitted(Speaker::builder(), codes));
}

void Answers::on(const core::OffsetsFetched& s, Bodies) {
  std::vector<flatbuffers::Offset<fb::FetchedOffset>> fields;
  for (const core::FetchedOffset& o : s.offsets) {
    const auto topic = text_field(o.topic);
    const auto metadata = text_field(o.metadata);
    fields.push_back(fb::CreateFetchedOffset(Speaker::builder(), topic, o.partition, o.offset, metadata,
                                             code_field(o.error)));
  }
  const auto offsets = Speaker::builder().CreateVector(fields);
  answer(s.who, fb::CreateOffsetsFetched(Speaker::builder(), offsets));
}

void Answers::on(const core::Joined& s, Bodies) {
  const auto protocol = text_field(s.protocol_name);
  const auto leader = text_field(s.leader);
  const auto member = text_field(s.member);
  const auto members = members_field(s.members);
  answer(s.who, fb::CreateJoined(Speaker::builder(), code_field(s.error), s.generation, protocol, leader,
                                 member, members));
}

void Answers::on(const core::Synced& s, Bodies) {
  const auto assignment = bytes_field(s.assignment);
  answer(s.who, fb::CreateSynced(Speaker::builder(), code_field(s.error), assignment));
}

void Answers::on(const core::GroupHeartbeatOk& s, Bodies) {
  if (wants_answer(s.who)) answer(s.who, fb::CreateGroupHeartbeatOk(Speaker::builder(), code_field(s.error)));
}

/// One leaver was asked for, so its own error is the answer's.
void Answers::on(const core::GroupLeft& s, Bodies) {
  if (!wants_answer(s.who)) return;
  const bool own = s.error == ErrorCode::none && !s.errors.empty();
  answer(s.who, fb::CreateGroupLeft(Speaker::builder(), code_field(own ? s.errors.front() : s.error)));
}

}  // namespace tandem::wire::native
