// What the next checkpoint has to write besides the core's state records: the newest version of everything
// that is kept by key (catalog, offsets, groups, producers), gathered as the records go by. Thread rule: the
// loop's thread, and the checkpoint's once it was given to it.
#pragma once

#include <map>
#include <optional>
#include <string>
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
  /// All of it, in key order. A copy, which takes its time: for the checkpoint's thread.
  LmdbChanges list() const;

 private:
  struct Follower;

  // nullopt: the key is gone. A tree: a table of 500,000 kept the loop for 40 ms whenever it grew.
  std::map<std::string, std::optional<std::string>> values_;
  std::vector<LmdbChanges::Erasure> erasures_;
};

}  // namespace tandem::storage
