// One topic as a script of FakeBroker: keeps batches, answers Describe, InitProducer, Append, Fetch and ListOffset. Fetches
// at the end wait for the next append. Sequences of producers are judged as the broker does, but for what it forgets.
#pragma once

#include <deque>
#include <map>
#include <mutex>
#include <optional>

#include "schemas/batch.h"
#include "schemas/sequence.h"
#include "tests/client/fake_broker.h"

namespace tandem::testing {

class FakeTopics {
 public:
  FakeTopics(std::string topic, std::int32_t partitions)
      : topic_(std::move(topic)), partitions_(static_cast<std::size_t>(partitions)) {}

  void operator()(FakeBroker& broker, const fb::Envelope& said, Bytes payload) {
    std::lock_guard lock(mutex_);
    if (const auto* describe = said.message_as_Describe()) return describe_topic(broker, said, *describe);
    if (said.message_as_InitProducer()) return take_init_producer(broker, said);
    if (const auto* append = said.message_as_Append()) return take_append(broker, said, *append, payload);
    if (const auto* fetch = said.message_as_Fetch()) return take_fetch(broker, said, *fetch);
    if (const auto* list = said.message_as_ListOffset()) {
      const auto& partition = partitions_.at(static_cast<std::size_t>(list->partition()));
      const auto offset = list->at() == -2 ? partition.start : partition.end;
      return broker.answer(said, [&](auto& b) { return fb::CreateOffsetListed(b, offset); });
    }
    broker.answer_ok(said);
  }

  std::size_t appends() {
    std::lock_guard lock(mutex_);
    return appends_;
  }
  /// Producer ids that were given.
  std::int64_t producers() {
    std::lock_guard lock(mutex_);
    return producers_;
  }
  void have_no_producer_ids() {
    std::lock_guard lock(mutex_);
    no_producer_ids_ = true;
  }
  void answer_no_producer(bool silent) {
    std::lock_guard lock(mutex_);
    silent_ = silent;
  }
  /// The next batch is stored, and then the connection breaks.
  void lose_next_answer() {
    std::lock_guard lock(mutex_);
    lose_answer_ = true;
  }
  void trim(std::size_t partition, Offset start) {
    std::lock_guard lock(mutex_);
    partitions_[partition].start = start;
  }
  void damage(std::size_t partition, std::size_t batch) {
    std::lock_guard lock(mutex_);
    partitions_[partition].batches[batch].back() ^= std::byte{1};
  }
  /// While held, appends are not answered.
  void hold(bool held) {
    std::lock_guard lock(mutex_);
    held_ = held;
  }
  /// Refuses the append that was held, or else the next one.
  void refuse_next(FakeBroker& broker, ErrorCode code) {
    std::lock_guard lock(mutex_);
    if (held_append_ == 0) {
      refusal_ = code;
      return;
    }
    broker.say(make_frame({held_append_, 0}, [&](auto& b) {
      return fb::CreateRefusedDirect(b, static_cast<std::uint16_t>(code), "not now");
    }));
    held_append_ = 0;
  }

 private:
  struct Partition {
    Offset start = 0, end = 0;
    std::deque<std::vector<std::byte>> batches;
    std::map<std::int64_t, std::int32_t> next_sequence;  // by producer id
  };

  void take_init_producer(FakeBroker& broker, const fb::Envelope& said) {
    if (no_producer_ids_) return broker.refuse(said, ErrorCode::not_supported, "too old for that");
    if (silent_) return;
    ++producers_;
    broker.answer(said, [&](auto& b) { return fb::CreateProducerOk(b, producers_, 0); });
  }

  /// The batch that has these sequences already; nullopt with code none: none has, and it may be appended.
  std::optional<Offset> judge_sequence(Partition& partition, const BatchHeader& header, ErrorCode& code) {
    code = ErrorCode::none;
    if (header.producer_id < 0) return std::nullopt;
    for (const auto& batch : partition.batches) {
      const auto known = parse_batch_header(batch);
      if (known->producer_id == header.producer_id && known->base_sequence == header.base_sequence) return known->base_offset;
    }
    const auto [next, is_new] = partition.next_sequence.try_emplace(header.producer_id, header.base_sequence);
    if (next->second != header.base_sequence) code = ErrorCode::out_of_order_sequence;
    else next->second = sequence_after(header.base_sequence, header.record_count);
    return std::nullopt;
  }

  void describe_topic(FakeBroker& broker, const fb::Envelope& said, const fb::Describe& describe) {
    if (describe.name()->str() != topic_) return broker.refuse(said, ErrorCode::not_found, "no such topic");
    broker.answer(said, [&](flatbuffers::FlatBufferBuilder& b) {
      std::vector<flatbuffers::Offset<fb::PartitionInfo>> infos;
      for (std::size_t i = 0; i < partitions_.size(); ++i)
        infos.push_back(fb::CreatePartitionInfo(b, static_cast<std::int32_t>(i), partitions_[i].start));
      const auto name = b.CreateString(topic_);
      const auto partitions = b.CreateVector(infos);
      fb::TopicInfoBuilder topic(b);
      topic.add_name(name);
      topic.add_partitions(partitions);
      const std::vector<flatbuffers::Offset<fb::TopicInfo>> topics{topic.Finish()};
      return fb::CreateDescribedDirect(b, nullptr, nullptr, nullptr, &topics);
    });
  }

  void take_append(FakeBroker& broker, const fb::Envelope& said, const fb::Append& append, Bytes payload) {
    ++appends_;
    auto& partition = partitions_.at(static_cast<std::size_t>(append.partition()));
    if (held_) {
      held_append_ = said.correlation();
      return;
    }
    if (const auto code = std::exchange(refusal_, ErrorCode::none); code != ErrorCode::none)
      return broker.refuse(said, code, "not now");
    const auto header = judge_batch(payload);
    if (!header) return broker.refuse(said, header.error().code, header.error().text.c_str());
    if (append.expected_end() >= 0 && append.expected_end() != partition.end)
      return broker.refuse(said, ErrorCode::version_conflict, "the end is another");
    ErrorCode code = ErrorCode::none;
    if (const auto known = judge_sequence(partition, *header, code))
      return broker.answer(said, [&](auto& b) { return fb::CreateAppended(b, *known, -1, 0, true); });
    if (code != ErrorCode::none) return broker.refuse(said, code, "a gap");
    std::vector<std::byte> batch(payload.begin(), payload.end());
    patch_base_offset(batch, partition.end);
    partition.batches.push_back(std::move(batch));
    const auto base = std::exchange(partition.end, partition.end + header->last_offset_delta + 1);
    if (std::exchange(lose_answer_, false)) return broker.drop();
    broker.answer(said, [&](auto& b) { return fb::CreateAppended(b, base, -1); });
    if (const auto parked = std::exchange(parked_, 0)) {
      const auto fetch = std::move(parked_fetch_);
      answer_fetch(broker, parked, fetch);
    }
  }

  void take_fetch(FakeBroker& broker, const fb::Envelope& said, const fb::Fetch& fetch) {
    std::vector<std::pair<std::int32_t, Offset>> asked;
    bool something = false;
    for (const auto* entry : *fetch.partitions()) {
      asked.emplace_back(entry->partition(), entry->offset());
      const auto& partition = partitions_.at(static_cast<std::size_t>(entry->partition()));
      something |= entry->offset() != partition.end;
    }
    if (something) return answer_fetch(broker, said.correlation(), asked);
    parked_ = said.correlation();
    parked_fetch_ = asked;
  }

  void answer_fetch(FakeBroker& broker, std::uint64_t correlation,
                    const std::vector<std::pair<std::int32_t, Offset>>& asked) {
    std::vector<std::byte> payload;
    auto build = [&](flatbuffers::FlatBufferBuilder& b) {
      std::vector<flatbuffers::Offset<fb::FetchedPartition>> fetched;
      for (const auto& [index, offset] : asked) {
        const auto& partition = partitions_.at(static_cast<std::size_t>(index));
        const bool inside = offset >= partition.start && offset <= partition.end;
        const auto code = inside ? ErrorCode::none : ErrorCode::out_of_range;
        const auto before = payload.size();
        for (const auto& batch : partition.batches)
          if (inside && parse_batch_header(batch)->last_offset() >= offset)
            payload.insert(payload.end(), batch.begin(), batch.end());
        fetched.push_back(fb::CreateFetchedPartitionDirect(
            b, topic_.c_str(), index, static_cast<std::uint16_t>(code), partition.start, partition.end,
            partition.end, partition.end, static_cast<std::uint32_t>(payload.size() - before)));
      }
      return fb::CreateFetchedDirect(b, &fetched);
    };
    auto& builder = client::fresh_builder();
    const auto message = build(builder);
    broker.say(client::finish_frame(builder, {correlation, 0}, message, Bytes(payload), nullptr));
  }

  std::mutex mutex_;
  std::string topic_;
  std::vector<Partition> partitions_;
  std::size_t appends_ = 0;
  std::int64_t producers_ = 0;
  bool held_ = false, no_producer_ids_ = false, silent_ = false, lose_answer_ = false;
  std::uint64_t held_append_ = 0;
  ErrorCode refusal_ = ErrorCode::none;
  std::uint64_t parked_ = 0;  // correlation of a fetch at the end
  std::vector<std::pair<std::int32_t, Offset>> parked_fetch_;
};

}  // namespace tandem::testing
