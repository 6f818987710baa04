// Fetch: a long poll over many partitions. Sessions, which save naming the partitions again, are refused the
// way the protocol has for it: every response says session 0, and the client names them each time.
#include <algorithm>

#include "broker/wire/kafka/error.h"
#include "broker/wire/kafka/messages_topic.h"
#include "broker/wire/kafka/parts.h"
#include "broker/wire/kafka/settings.h"
#include "broker/wire/kafka/tasks.h"

namespace tandem::wire::kafka {
namespace {

/// All partitions of one response together, whatever the client would take: it is held in memory until the
/// client has read it, and every connection may have one. Eight partitions' worth of what clients ask for by default; a
/// single larger batch is still sent.
constexpr std::int32_t fetch_size_max_bytes = 8 << 20;

std::uint32_t at_least(std::int32_t low, std::int32_t value) {
  return static_cast<std::uint32_t>(std::max(low, value));
}

class Fetch final : public TaskOf<FetchRequest, FetchResponse> {
 public:
  explicit Fetch(const Seat& seat) : TaskOf(seat) { ++conversation().fetches; }
  ~Fetch() override { --conversation().fetches; }

  void begin(const Request& request) {
    if (request.session != 0) {
      response_.error = error::fetch_session_not_found;
      return;
    }
    const auto parts = mirror(request.topics, response_.topics);
    for (std::size_t i = 0; i < request.topics.size(); ++i) response_.topics[i].id = request.topics[i].id;
    std::vector<core::FetchPartition> wanted;
    for_each_part(request.topics, [&](std::uint32_t part, const auto& topic, const auto& partition) {
      parts[part]->records.there = true;
      if (partition.leader_epoch > leader_epoch) {
        parts[part]->error = error::unknown_leader_epoch;
        return;
      }
      parts_.push_back(parts[part]);
      wanted.push_back({topic.name, partition.index, partition.offset,
                        at_least(1, partition.size_max_bytes), topic.id.high, topic.id.low});
    });
    committed_only_ = request.isolation == 1;
    core::Fetch input;
    input.who = expect();
    input.partitions = wanted;
    input.size_min_bytes = at_least(0, request.size_min_bytes);
    input.size_max_bytes = at_least(1, std::min(request.size_max_bytes, fetch_size_max_bytes));
    const bool has_error = wanted.size() < parts.size();
    // One that names nothing has nothing to wait for.
    input.wait_max = has_error || wanted.empty() ? 0 : std::max(0, request.wait_max_ms);
    input.isolation =
        committed_only_ ? core::Isolation::read_committed : core::Isolation::read_uncommitted;
    submit(input);
  }

  void take(std::uint32_t, const core::Send& send, Bodies bodies) override {
    if (const auto* fetched = std::get_if<core::Fetched>(&send)) {
      const std::size_t count = std::min({parts_.size(), fetched->partitions.size(), bodies.size()});
      for (std::size_t i = 0; i < count; ++i) show(*parts_[i], fetched->partitions[i], bodies[i]);
    } else if (const auto* refused = core::get_if<core::Refused>(&send)) {
      response_.error = error::invalid_request;
      for (FetchResponse::Partition* part : parts_) part->error = topic_error_of(refused->refusal.code);
    }
  }

 private:
  /// Topics are asked for by id from here on, and have no names any more.
  static constexpr std::int16_t first_version_with_ids = 13;

  void show(FetchResponse::Partition& out, const core::FetchedPartition& partition, const Body& body) const {
    const ErrorCode code = partition.error != ErrorCode::none ? partition.error : body.error;
    out.error = topic_error_of(code);
    const bool topic_there = static_cast<bool>(partition.partition.topic);
    if (partition.error == ErrorCode::not_found && version() >= first_version_with_ids && !topic_there)
      out.error = error::unknown_topic_id;
    if (partition.error == ErrorCode::not_found || partition.error == ErrorCode::not_authorized) return;
    out.high_watermark = partition.high_watermark;
    out.last_stable = partition.last_stable;
    out.start = partition.start;
    if (code != ErrorCode::none) return;
    out.records.bytes = body.bytes;
    out.records.owner = body.owner;
    if (!committed_only_) return;
    out.aborted.emplace();
    for (const core::AbortedTransaction& each : partition.aborted)
      out.aborted->push_back({each.producer_id, each.first});
  }

  bool committed_only_ = false;
  std::vector<FetchResponse::Partition*> parts_;  // those that the core was asked for
};

}  // namespace

bool begin_fetch(Arrival& arrival) {
  return begin<Fetch>(arrival);
}

}  // namespace tandem::wire::kafka
