#include "client/append_lanes.h"

#include <algorithm>

#include "schemas/sequence.h"

namespace tandem::client {

AppendLanes::AppendLanes(std::int32_t partitions, bool numbered)
    : lanes_(static_cast<std::size_t>(partitions)), numbered_(numbered) {}

std::optional<BatchProducer> AppendLanes::begin(const AppendBatch& batch) {
  Lane& lane = lane_of(batch);
  if (!numbered_) return BatchProducer{};
  const bool may_start = lane.under_way == 0 && lane.held.empty() && newest_.id != lane.next.id;
  if (lane.interrupted && may_start) {
    lane.next = {newest_.id, newest_.epoch, 0};
    lane.interrupted = false;
  }
  if (lane.interrupted) return std::nullopt;
  ++lane.under_way;
  const BatchProducer producer = lane.next;
  lane.next.base_sequence = sequence_after(producer.base_sequence, static_cast<std::int32_t>(batch.count));
  return producer;
}

void AppendLanes::hold(Batch batch) {
  auto& held = lane_of(*batch).held;
  const std::uint64_t number = batch->number;
  held.emplace(number, std::move(batch));
}

bool AppendLanes::end(const AppendBatch& batch, ErrorCode outcome) {
  if (!numbered_) return false;
  Lane& lane = lane_of(batch);
  --lane.under_way;
  if (outcome == ErrorCode::none || outcome == ErrorCode::duplicate_sequence) return false;
  lane.interrupted = true;
  return outcome == ErrorCode::out_of_order_sequence;
}

bool AppendLanes::want_producer() const {
  return std::any_of(lanes_.begin(), lanes_.end(), [](const Lane& lane) { return lane.waits(); });
}

std::vector<AppendLanes::Batch> AppendLanes::take_waiting() {
  std::vector<Batch> waiting;
  for (Lane& lane : lanes_) {
    if (!lane.waits()) continue;
    for (auto& [number, batch] : std::exchange(lane.held, {})) waiting.push_back(std::move(batch));
  }
  return waiting;
}

std::vector<AppendLanes::Batch> AppendLanes::resume(std::int64_t producer_id, std::int16_t epoch) {
  newest_ = {producer_id, epoch};
  return take_waiting();
}

std::vector<AppendLanes::Batch> AppendLanes::resume_unnumbered() {
  numbered_ = false;
  return take_waiting();
}

std::vector<AppendLanes::Batch> AppendLanes::give_up() {
  return take_waiting();
}

}  // namespace tandem::client
