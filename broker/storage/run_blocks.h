// Which blocks of the backlog file belong to runs that may be read. Thread rule: one thread at a time.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "broker/storage/backlog_extents.h"

namespace tandem::storage {

/// Two bits for each block of the file (64 MiB for 1 TiB), however many runs there are.
class RunBlocks {
 public:
  /// Whole blocks that belong to no other run.
  void add(Extent run);
  void forget(Extent run);
  /// Where the run ends in which the file's byte `position` lies; nullopt: in none.
  std::optional<std::uint64_t> end_of(std::uint64_t position) const;
  bool contains(Extent run) const { return end_of(run.position) == run.end(); }

 private:
  struct Word {
    std::uint64_t taken = 0;
    std::uint64_t last = 0;  // of a run
    friend bool operator==(const Word&, const Word&) = default;
  };
  bool is_taken(std::uint64_t block) const;

  std::vector<Word> words_;  // of 64 blocks each; the last is not empty
};

}  // namespace tandem::storage
