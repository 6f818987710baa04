// Where partitions begin and end, where a time is in them, and giving up their front.
#include "broker/wire/kafka/error.h"
#include "broker/wire/kafka/messages_topic.h"
#include "broker/wire/kafka/parts.h"
#include "broker/wire/kafka/repeats.h"
#include "broker/wire/kafka/settings.h"
#include "broker/wire/kafka/tasks.h"

namespace tandem::wire::kafka {
namespace {

class ListOffsets final : public TaskOf<ListOffsetsRequest, ListOffsetsResponse> {
 public:
  using TaskOf::TaskOf;

  void begin(const Request& request) {
    parts_ = mirror(request.topics, response_.topics);
    nothing_tiered_.resize(parts_.size());
    const auto isolation =
        request.isolation == 1 ? core::Isolation::read_committed : core::Isolation::read_uncommitted;
    Repeats<std::pair<std::string_view, std::int32_t>> repeats;  // each may be a look at the disk
    for_each_part(request.topics, [&](std::uint32_t part, const auto& topic, const auto& partition) {
      if (repeats({topic.name, partition.index}))
        parts_[part]->error = error::invalid_request;
      else if (partition.leader_epoch > leader_epoch)
        parts_[part]->error = error::unknown_leader_epoch;
      else
        ask(part, topic.name, partition, isolation);
    });
  }

  void take(std::uint32_t part, const core::Send& send, Bodies) override {
    ListOffsetsResponse::Partition& out = *parts_[part];
    if (const auto* listed = std::get_if<core::OffsetListed>(&send)) {
      if (nothing_tiered_[part]) return;  // offset -1
      out.offset = listed->offset;
      out.timestamp = listed->timestamp;
      out.leader_epoch = listed->offset < 0 ? -1 : leader_epoch;
    } else if (const auto* refused = core::get_if<core::Refused>(&send)) {
      const bool unknown_mark = refused->refusal.code == ErrorCode::invalid_argument;
      out.error = unknown_mark ? error::unsupported_version : topic_error_of(refused->refusal.code);
    }
  }

 private:
  static constexpr std::int64_t earliest_local = -4, latest_tiered = -5;

  /// Everything is local here: its earliest offset is the earliest, and there is no latest one elsewhere.
  void ask(std::uint32_t part, std::string_view topic, const ListOffsetsRequest::Partition& partition,
           core::Isolation isolation) {
    const bool local = version() >= 8 && partition.timestamp == earliest_local;
    nothing_tiered_[part] = version() >= 9 && partition.timestamp == latest_tiered;
    const auto at = local || nothing_tiered_[part] ? static_cast<std::int64_t>(core::OffsetSpec::earliest)
                                                   : partition.timestamp;
    submit(core::ListOffset{expect(part), topic, partition.index, at, isolation});
  }

  std::vector<ListOffsetsResponse::Partition*> parts_;
  std::vector<bool> nothing_tiered_;  // by part
};

/// Asked by consumers that found a new leader. There is one epoch: it ends where the partition ends.
class OffsetForLeaderEpoch final : public TaskOf<OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse> {
 public:
  using TaskOf::TaskOf;

  void begin(const Request& request) {
    parts_ = mirror(request.topics, response_.topics);
    for_each_part(request.topics, [&](std::uint32_t part, const auto& topic, const auto& partition) {
      epochs_.push_back(partition.epoch);
      if (partition.current_epoch > leader_epoch)
        parts_[part]->error = error::unknown_leader_epoch;
      else
        submit(core::ListOffset{expect(part), topic.name, partition.index,
                                static_cast<std::int64_t>(core::OffsetSpec::latest),
                                core::Isolation::read_uncommitted});
    });
  }

  void take(std::uint32_t part, const core::Send& send, Bodies) override {
    if (const auto* refused = core::get_if<core::Refused>(&send))
      parts_[part]->error = topic_error_of(refused->refusal.code);
    const auto* listed = std::get_if<core::OffsetListed>(&send);
    if (!listed || epochs_[part] != leader_epoch) return;  // of an unknown epoch: -1
    parts_[part]->leader_epoch = leader_epoch;
    parts_[part]->end = listed->offset;
  }

 private:
  std::vector<OffsetForLeaderEpochResponse::Partition*> parts_;
  std::vector<std::int32_t> epochs_;  // asked for, by part
};

class DeleteRecords final : public TaskOf<DeleteRecordsRequest, DeleteRecordsResponse> {
 public:
  using TaskOf::TaskOf;

  void begin(const Request& request) {
    parts_ = mirror(request.topics, response_.topics);
    for_each_part(request.topics, [&](std::uint32_t part, const auto& topic, const auto& partition) {
      submit(core::TrimTopic{expect(part), topic.name, partition.index, partition.offset});
    });
  }

  void take(std::uint32_t part, const core::Send& send, Bodies) override {
    if (const auto* trimmed = std::get_if<core::TrimmedOk>(&send))
      parts_[part]->low_watermark = trimmed->start;
    else if (const auto* refused = core::get_if<core::Refused>(&send))
      parts_[part]->error = topic_error_of(refused->refusal.code);
  }

 private:
  std::vector<DeleteRecordsResponse::Partition*> parts_;
};

}  // namespace

bool begin_list_offsets(Arrival& arrival) {
  return begin<ListOffsets>(arrival);
}
bool begin_offset_for_leader_epoch(Arrival& arrival) {
  return begin<OffsetForLeaderEpoch>(arrival);
}
bool begin_delete_records(Arrival& arrival) {
  return begin<DeleteRecords>(arrival);
}

}  // namespace tandem::wire::kafka
