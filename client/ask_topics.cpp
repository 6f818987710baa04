// Requests about topics.
#include "client/asking.h"
#include "client/producer_request.h"

namespace tandem::client {

template <>
inline constexpr bool repeatable<CreateTopic> = false;
template <>
inline constexpr bool repeatable<AlterTopic> = false;
template <>
inline constexpr bool repeatable<DeleteTopic> = false;

static auto put_config(flatbuffers::FlatBufferBuilder& b, const Config& config) {
  std::vector<flatbuffers::Offset<fb::ConfigEntry>> entries;
  for (const auto& [key, value] : config) {
    const auto key_field = put_text(b, key);
    entries.push_back(fb::CreateConfigEntry(b, key_field, put_text(b, value)));
  }
  return b.CreateVector(entries);
}

static Frame encode(Address address, const CreateTopic& r) {
  return make_frame(address, [&](auto& b) {
    const auto name = put_text(b, r.name);
    return fb::CreateCreateTopic(b, name, r.partitions, put_config(b, r.config), r.validate_only);
  });
}
static Frame encode(Address address, const AlterTopic& r) {
  return make_frame(address, [&](auto& b) {
    const auto name = put_text(b, r.name);
    const auto set = put_config(b, r.set);
    const auto remove = b.CreateVectorOfStrings(r.remove);
    return fb::CreateAlterTopic(b, name, r.partitions, set, remove, r.validate_only);
  });
}
static Frame encode(Address address, const DeleteTopic& r) {
  return make_frame(address, [&](auto& b) { return fb::CreateDeleteTopic(b, put_text(b, r.name)); });
}
static Frame encode(Address address, const ListOffset& r) {
  return make_frame(
      address, [&](auto& b) { return fb::CreateListOffset(b, put_text(b, r.topic), r.partition, r.at); });
}
static Frame encode(Address address, const TrimTopic& r) {
  return make_frame(
      address, [&](auto& b) { return fb::CreateTrimTopic(b, put_text(b, r.topic), r.partition, r.offset); });
}

static Frame encode(Address address, const InitProducer&) {
  return make_frame(address, [](auto& b) { return fb::CreateInitProducer(b); });
}

template <class Request>
requires std::is_same_v<typename Request::Answer, TopicStatus>
static Result<bool> read(const Request&, const Answer& answer, TopicStatus& out) {
  const auto* topic = answer.envelope.message_as_TopicOk();
  if (!topic) return unexpected_answer(answer);
  out = {owned(topic->name()), topic->partitions(), topic->uuid_high(), topic->uuid_low()};
  return true;
}
static Result<bool> read(const DeleteTopic&, const Answer& answer, Done&) {
  if (answer.envelope.message_as_Ok()) return true;
  return unexpected_answer(answer);
}
static Result<bool> read(const ListOffset&, const Answer& answer, ListedOffset& out) {
  const auto* listed = answer.envelope.message_as_OffsetListed();
  if (!listed) return unexpected_answer(answer);
  out = {listed->offset(), listed->timestamp()};
  return true;
}
static Result<bool> read(const TrimTopic&, const Answer& answer, Offset& out) {
  const auto* trimmed = answer.envelope.message_as_TrimmedOk();
  if (!trimmed) return unexpected_answer(answer);
  out = trimmed->start();
  return true;
}

static Result<bool> read(const InitProducer&, const Answer& answer, ProducerIdentity& out) {
  const auto* producer = answer.envelope.message_as_ProducerOk();
  if (!producer) return unexpected_answer(answer);
  out = {producer->producer_id(), producer->epoch()};
  return true;
}

template void ask(Driver&, const CreateTopic&, Completion<TopicStatus>);
template void ask(Driver&, const AlterTopic&, Completion<TopicStatus>);
template void ask(Driver&, const DeleteTopic&, Completion<Done>);
template void ask(Driver&, const ListOffset&, Completion<ListedOffset>);
template void ask(Driver&, const TrimTopic&, Completion<Offset>);
template void ask(Driver&, const InitProducer&, Completion<ProducerIdentity>);

}  // namespace tandem::client
