// Which parts of the backlog file are taken. Not stored: start-up derives it from the live runs.
// Thread rule: one thread at a time.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "schemas/result.h"

namespace tandem::storage {

struct Extent {
  std::uint64_t position = 0;
  std::uint64_t size_bytes = 0;
  std::uint64_t end() const { return position + size_bytes; }
  friend auto operator<=>(const Extent&, const Extent&) = default;
};

/// Ascending, and those that touch each other as one.
std::vector<Extent> joined(std::vector<Extent> extents);

class BacklogExtents {
 public:
  BacklogExtents() = default;
  /// From the extents of all live runs, in any order. Errors: corrupt (two of them overlap).
  static Result<BacklogExtents> from_live(std::vector<Extent> live);

  /// The smallest free extent that is large enough, or the end of the file.
  Extent take(std::uint64_t size_bytes);
  /// Gives back what take() gave, or was live at the start.
  void give_back(Extent extent);

  /// Behind the last taken extent: the file needs no more than this.
  std::uint64_t end() const { return end_; }
  std::uint64_t taken_size_bytes() const { return end_ - free_size_bytes_; }
  /// Below end(), ascending, never touching each other.
  std::vector<Extent> free() const;

 private:
  void add_free(Extent extent);
  void remove_free(Extent extent);

  std::uint64_t end_ = 0;
  std::uint64_t free_size_bytes_ = 0;
  std::map<std::uint64_t, std::uint64_t> free_by_position_;         // position → size
  std::set<std::pair<std::uint64_t, std::uint64_t>> free_by_size_;  // size, position
};

}  // namespace tandem::storage
