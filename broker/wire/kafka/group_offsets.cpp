// A group's offsets: commit, fetch, delete.
#include <algorithm>

#include "broker/core/group_name.h"
#include "broker/wire/kafka/error.h"
#include "broker/wire/kafka/messages_offset.h"
#include "broker/wire/kafka/parts.h"
#include "broker/wire/kafka/repeats.h"
#include "broker/wire/kafka/tasks.h"

namespace tandem::wire::kafka {
namespace {

class OffsetCommit final : public TaskOf<OffsetCommitRequest, OffsetCommitResponse> {
 public:
  using TaskOf::TaskOf;

  void begin(const Request& request) {
    parts_ = mirror(request.topics, response_.topics);
    if (!core::is_group_name(request.group)) {
      for (auto* part : parts_) part->error = error::invalid_group_id;
      return;
    }
    std::vector<core::OffsetCommitEntry> entries;
    for_each_part(request.topics, [&](std::uint32_t, const auto& topic, const auto& partition) {
      entries.push_back({topic.name, partition.index, partition.offset, partition.leader_epoch,
                         partition.metadata.value_or("")});
    });
    core::CommitOffsets input;
    input.who = expect();
    input.group = request.group;
    input.member = request.member;
    input.instance = request.instance.value_or("");
    input.generation = request.generation;
    input.entries = entries;
    submit(input);
  }

  void take(std::uint32_t, const core::Send& send, Bodies) override {
    const auto* committed = std::get_if<core::OffsetsCommittedOk>(&send);
    if (!committed) return;
    const std::size_t count = std::min(parts_.size(), committed->errors.size());
    for (std::size_t i = 0; i < count; ++i) parts_[i]->error = group_error_of(committed->errors[i]);
  }

 private:
  std::vector<OffsetCommitResponse::Partition*> parts_;
};

OffsetFetchResponse::Partition shown(const core::FetchedOffset& fetched) {
  return {fetched.partition, fetched.offset, fetched.leader_epoch, fetched.metadata,
          group_error_of(fetched.error)};
}

class OffsetFetch final : public TaskOf<OffsetFetchRequest, OffsetFetchResponse> {
 public:
  using TaskOf::TaskOf;

  void begin(const Request& request) {
    many_ = version() >= first_version_with_many;
    response_.groups.resize(many_ ? request.groups.size() : 1);
    if (!many_) return ask(0, request.only, request.require_stable);
    Repeats<std::string_view> repeats;
    for (std::uint32_t part = 0; part < request.groups.size(); ++part) {
      response_.groups[part].name = request.groups[part].name;
      if (repeats(request.groups[part].name))
        response_.groups[part].error = error::invalid_request;
      else
        ask(part, request.groups[part], request.require_stable);
    }
  }

  void take(std::uint32_t part, const core::Send& send, Bodies) override {
    OffsetFetchResponse::Group& group = response_.groups[part];
    if (const auto* refused = core::get_if<core::Refused>(&send))
      group.error = group_error_of(refused->refusal.code);
    const auto* fetched = std::get_if<core::OffsetsFetched>(&send);
    if (!fetched) return;
    // In the order asked for, or by topic: either way a topic's partitions stand together.
    for (const core::FetchedOffset& offset : fetched->offsets) {
      if (group.topics.empty() || group.topics.back().name != offset.topic)
        group.topics.push_back({offset.topic, {}});
      group.topics.back().partitions.push_back(shown(offset));
    }
  }

  void write(Writer& out) const override {
    if (many_) return out.structure(response_);
    OffsetFetchResponse one;
    one.only = response_.groups.front();
    out.structure(one);
  }

 private:
  static constexpr std::int16_t first_version_with_many = 8;

  void ask(std::uint32_t part, const OffsetFetchRequest::Group& group, bool require_stable) {
    Repeats<std::pair<std::string_view, std::int32_t>> repeats;
    std::vector<core::FetchOffsetEntry> entries;
    if (group.topics)
      for_each_part(*group.topics, [&](std::uint32_t, const auto& topic, std::int32_t partition) {
        if (!repeats({topic.name, partition})) entries.push_back({topic.name, partition});
      });
    submit(core::FetchOffsets{expect(part), group.name, !group.topics, entries, require_stable});
  }

  bool many_ = false;
};

/// Two questions: whether the group exists, and then its offsets.
class OffsetDelete final : public TaskOf<OffsetDeleteRequest, OffsetDeleteResponse> {
 public:
  using TaskOf::TaskOf;

  void begin(const Request& request) {
    group_ = request.group;
    parts_ = mirror(request.topics, response_.topics);
    submit(core::Describe{expect(), core::Subject::groups, group_});
  }

  void take(std::uint32_t, const core::Send& send, Bodies) override {
    if (const auto* described = core::get_if<core::Described>(&send)) take_group(*described);
    const auto* deleted = std::get_if<core::OffsetsDeletedOk>(&send);
    if (!deleted) return;
    const std::size_t count = std::min(parts_.size(), deleted->errors.size());
    for (std::size_t i = 0; i < count; ++i) parts_[i]->error = group_error_of(deleted->errors[i]);
  }

 private:
  void take_group(const core::Described& described) {
    if (described.groups.empty() || group_.empty()) {
      response_.error = group_.empty() ? error::invalid_group_id : error::group_id_not_found;
      response_.topics.clear();
      return;
    }
    std::vector<core::FetchOffsetEntry> entries;
    for (const auto& topic : response_.topics)
      for (const auto& partition : topic.partitions) entries.push_back({topic.name, partition.index});
    submit(core::DeleteOffsets{expect(), group_, entries});
  }

  std::string group_;
  std::vector<OffsetCommitResponse::Partition*> parts_;
};

}  // namespace

bool begin_offset_commit(Arrival& arrival) {
  return begin<OffsetCommit>(arrival);
}
bool begin_offset_fetch(Arrival& arrival) {
  return begin<OffsetFetch>(arrival);
}
bool begin_offset_delete(Arrival& arrival) {
  return begin<OffsetDelete>(arrival);
}

}  // namespace tandem::wire::kafka
