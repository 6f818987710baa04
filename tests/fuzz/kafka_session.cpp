// The Kafka face under arbitrary bytes: whatever comes must be answered or end the connection, every response
// must be a whole frame, and memory must stay bounded. The first byte chooses how the rest is cut; each piece
// is given the size prefix that a real client would send, so that the decoders behind it are reached.
// Run: tandem_fuzz_kafka_session CORPUS_DIR
#include <algorithm>
#include <cstdlib>
#include <string>

#include "broker/wire/face.h"
#include "schemas/byte_order.h"
#include "tests/fuzz/granting_port.h"

namespace {

using namespace tandem;

class Port final : public fuzz::GrantingPort<Port> {
 public:
  void say(const core::Send& send) { face->send(send, {}); }
  void grant(const auto& asked) { say(core::Ok{asked.who}); }
  void grant(const core::Append& asked) {
    if (asked.wants_reply) say(core::AppendedOk{.who = asked.who});
  }
  void grant(const core::Fetch& asked) {
    core::Fetched fetched{asked.who, asked.size_max_bytes, {}};
    fetched.partitions.resize(asked.partitions.size());
    face->send(fetched, std::vector<wire::Body>(asked.partitions.size()));
  }
  void grant(const core::ListOffset& asked) {
    core::OffsetListed listed;
    listed.who = asked.who;
    say(listed);
  }
  void grant(const core::Describe& asked) {
    core::Described described;
    described.who = asked.who;
    described.subject = asked.subject;
    core::TopicInfo topic;
    topic.topic.name = asked.name;
    topic.topic.partitions = 2;
    described.topics.push_back(topic);
    described.groups.push_back({.name = std::string(asked.name), .state = "Empty"});
    described.producers.push_back({std::string(asked.name), 0, {}});
    described.transactions.push_back({{}, {{"t", 0}}});
    say(described);
  }
  void grant(const core::CreateTopic& asked) {
    core::TopicOk ok{asked.who, {}};
    ok.topic.partitions = std::min(asked.partitions, 10);
    say(ok);
  }
  void grant(const core::InitProducer& asked) { say(core::ProducerOk{asked.who, 1, 0}); }
  void grant(const core::CommitOffsets& asked) {
    say(core::OffsetsCommittedOk{asked.who, std::vector<ErrorCode>(asked.entries.size())});
  }
  void grant(const core::FetchOffsets& asked) {
    core::OffsetsFetched fetched{asked.who, {}};
    for (const auto& entry : asked.entries) fetched.offsets.push_back({std::string(entry.topic), entry.partition});
    say(fetched);
  }
  void grant(const core::DeleteOffsets& asked) {
    say(core::OffsetsDeletedOk{asked.who, std::vector<ErrorCode>(asked.entries.size())});
  }
  void grant(const core::JoinGroup& asked) {
    core::Joined joined;
    joined.who = asked.who;
    joined.member = asked.chosen_member;
    say(joined);
  }
  void grant(const core::SyncGroup& asked) { say(core::Synced{.who = asked.who}); }
  void grant(const core::HeartbeatGroup& asked) { say(core::GroupHeartbeatOk{asked.who, ErrorCode::none}); }
  void grant(const core::LeaveGroup& asked) {
    say(core::GroupLeft{asked.who, ErrorCode::none, std::vector<ErrorCode>(asked.leavers.size())});
  }
};

void must_be_frames(wire::Outbox& outbox) {
  std::vector<Bytes> pieces;
  outbox.gather(pieces, 1'000'000);
  std::vector<std::byte> said;
  for (const Bytes piece : pieces) said.insert(said.end(), piece.begin(), piece.end());
  for (Bytes rest = said; !rest.empty();) {
    if (rest.size() < 8) std::abort();
    const auto size = load_big<std::uint32_t>(rest.data());
    if (size < 4 || rest.size() - 4 < size) std::abort();
    rest = rest.subspan(4 + size);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  Port port;
  const auto face = wire::make_kafka_face({ConnectionId{1}, &port, "fuzz:1", true});
  port.face = face.get();
  const std::size_t piece_max = data[0] == 0 ? size : std::size_t{data[0]} * 4;
  Bytes rest = std::as_bytes(std::span(data + 1, size - 1));
  while (!rest.empty() && !face->closing()) {
    const Bytes piece = rest.first(std::min(rest.size(), piece_max));
    rest = rest.subspan(piece.size());
    std::vector<std::byte> frame(4);
    store_big(frame.data(), static_cast<std::uint32_t>(piece.size()));
    frame.insert(frame.end(), piece.begin(), piece.end());
    const std::size_t consumed = face->receive(frame);
    if (consumed > frame.size()) std::abort();
    if (!face->closing() && consumed != frame.size()) std::abort();  // everything is granted at once
  }
  must_be_frames(face->outbox());
  return 0;
}
