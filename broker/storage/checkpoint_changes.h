// What the next checkpoint has to write besides the core's state records: the newest version of everything
// that is kept by key (catalog, offsets, groups, producers), gathered as the records go by. Thread rule: the
// loop's thread.
#pragma once

#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "broker/core/record.h"
#include "broker/storage/lmdb.h"

namespace tandem::storage {

class CheckpointChanges {
 public:
  /// Takes a record of a turn (or of the journal's tail at start-up). Records that are not durable, and those
  /// whose effect is in the core's state records, change nothing.
  void follow(const core::Record& record);

  void put(std::string key, std::string value);
  void put(const core::Record& record);  // one with a key
  void erase(std::string key);
  /// Also what was put before.
  void erase_all(LmdbChanges::Erasure erasure);
  /// Only what a checkpoint has written: for keys that are never put here.
  void erase_stored(std::string prefix) { erasures_.push_back({std::move(prefix), {}, 0}); }

  bool empty() const { return values_.empty() && erasures_.empty(); }
  /// All of it, in key order; empty afterwards.
  LmdbChanges take();

 private:
  struct Follower;

  std::unordered_map<std::string, std::optional<std::string>> values_;  // nullopt: the key is gone
  std::vector<LmdbChanges::Erasure> erasures_;
};

}  // namespace tandem::storage
