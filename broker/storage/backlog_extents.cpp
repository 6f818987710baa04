#include "broker/storage/backlog_extents.h"

#include <algorithm>
#include <string>

#include "broker/base/check.h"

namespace tandem::storage {

std::vector<Extent> joined(std::vector<Extent> extents) {
  std::sort(extents.begin(), extents.end());
  std::vector<Extent> whole;
  for (const Extent& extent : extents) {
    if (!whole.empty() && whole.back().end() == extent.position)
      whole.back().size_bytes += extent.size_bytes;
    else
      whole.push_back(extent);
  }
  return whole;
}

Result<BacklogExtents> BacklogExtents::from_live(std::vector<Extent> live) {
  BacklogExtents extents;
  std::sort(live.begin(), live.end());
  for (const Extent& extent : live) {
    if (extent.position < extents.end_ || extent.size_bytes == 0)
      return Error{ErrorCode::corrupt, "two runs claim byte " + std::to_string(extent.position)};
    if (extent.position > extents.end_) extents.add_free({extents.end_, extent.position - extents.end_});
    extents.end_ = extent.end();
  }
  return extents;
}

Extent BacklogExtents::take(std::uint64_t size_bytes) {
  const auto found = free_by_size_.lower_bound({size_bytes, 0});
  if (found == free_by_size_.end()) {
    const Extent at_end{end_, size_bytes};
    end_ += size_bytes;
    return at_end;
  }
  const Extent free{found->second, found->first};
  remove_free(free);
  if (free.size_bytes > size_bytes) add_free({free.position + size_bytes, free.size_bytes - size_bytes});
  return {free.position, size_bytes};
}

void BacklogExtents::give_back(Extent extent) {
  CHECK(extent.end() <= end_);
  if (const auto next = free_by_position_.find(extent.end()); next != free_by_position_.end()) {
    const Extent neighbour{next->first, next->second};
    remove_free(neighbour);
    extent.size_bytes += neighbour.size_bytes;
  }
  const auto behind = free_by_position_.lower_bound(extent.position);
  if (behind != free_by_position_.begin()) {
    const Extent neighbour{std::prev(behind)->first, std::prev(behind)->second};
    CHECK(neighbour.end() <= extent.position);
    if (neighbour.end() == extent.position) {
      remove_free(neighbour);
      extent = {neighbour.position, neighbour.size_bytes + extent.size_bytes};
    }
  }
  if (extent.end() == end_)
    end_ = extent.position;
  else
    add_free(extent);
}

std::vector<Extent> BacklogExtents::free() const {
  std::vector<Extent> extents;
  for (const auto& [position, size] : free_by_position_) extents.push_back({position, size});
  return extents;
}

void BacklogExtents::add_free(Extent extent) {
  free_by_position_.emplace(extent.position, extent.size_bytes);
  free_by_size_.emplace(extent.size_bytes, extent.position);
  free_size_bytes_ += extent.size_bytes;
}

void BacklogExtents::remove_free(Extent extent) {
  free_by_position_.erase(extent.position);
  free_by_size_.erase({extent.size_bytes, extent.position});
  free_size_bytes_ -= extent.size_bytes;
}

}  // namespace tandem::storage
