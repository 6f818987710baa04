#include "broker/server/markers.h"

#include "schemas/batch.h"

namespace tandem::server {

std::vector<core::BatchView> make_markers(const core::WriteMarkers& request,
                                          const std::function<BodyHandle(Bytes)>& stage) {
  const auto batch = make_marker_batch(request.producer_id, request.epoch, request.commit, request.now);
  core::BatchView view;
  view.size_bytes = static_cast<std::uint32_t>(batch.size());
  view.record_count = 1;
  view.max_timestamp = request.now;
  view.producer_id = request.producer_id;
  view.producer_epoch = request.epoch;
  view.transactional = view.control = true;
  std::vector<core::BatchView> batches;
  for (std::size_t i = 0; i < request.partitions.size(); ++i) {
    view.body = stage(batch);
    batches.push_back(view);
  }
  return batches;
}

}  // namespace tandem::server
