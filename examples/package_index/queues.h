// The queue side of the job: a topic exchange, queues bound with patterns, competing consumers.
#pragma once

#include <string>
#include <vector>

#include "examples/package_index/package.h"
#include "examples/package_index/tally.h"
#include "tandem/tandem.h"

namespace package_index {

inline constexpr const char* exchange_name = "package-index";

/// A queue, its binding, and the same condition said without the broker.
struct Selection {
  std::string queue;
  std::string pattern;
  bool (*matches)(const Package&);
};
const std::vector<Selection>& selections();

/// Declares exchange, queues and bindings anew.
tandem::Result<> declare_queues(const tandem::Client& client);

/// Publishes every package once and waits for all confirms.
struct Published {
  Tally sent;
  std::uint64_t confirmed = 0;
  double seconds = 0;
};
tandem::Result<Published> publish_all(const tandem::Client& client, const std::vector<Package>& packages);

/// Drains one queue with `consumers` competing consumers that ack, until `expected` messages came or nothing
/// comes for five seconds.
struct Drained {
  Tally received;
  std::uint64_t redelivered = 0;
  std::vector<std::uint64_t> per_consumer;
};
tandem::Result<Drained> drain(const tandem::Client& client, const std::string& queue, int consumers,
                              std::uint64_t expected);

}  // namespace package_index
