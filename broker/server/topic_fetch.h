// Reads the bytes that a Fetched stands for, one partition after the other within its size budget. Keeps
// itself alive until it is done; other answers of the connection do not wait for it. Thread rule: the loop's
// thread.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "broker/core/send.h"
#include "broker/storage/store.h"
#include "broker/wire/face.h"

namespace tandem::server {

class TopicFetch : public std::enable_shared_from_this<TopicFetch> {
 public:
  /// `bodies`: one per partition, empty where there is nothing to read.
  using Done = std::function<void(core::Send send, std::vector<wire::Body> bodies)>;

  /// `done` may be called before this returns.
  static void start(storage::Store& store, core::Fetched fetched, Done done);

  TopicFetch(storage::Store& store, core::Fetched fetched, Done done);

 private:
  void go_on();
  bool wants_bytes(const core::FetchedPartition& partition) const;
  void read_next();
  void took(Result<storage::StoredBytes> bytes);

  storage::Store& store_;
  core::Fetched fetched_;
  Done done_;
  std::vector<wire::Body> bodies_;  // of the partitions that are done
  std::size_t size_left_;
  bool reading_ = false, inside_ = false;
};

}  // namespace tandem::server
