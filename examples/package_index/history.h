// The topic side of the job: the same exchange feeds a topic with several partitions, keyed by source
// package. A group reads it, is stopped half way and goes on; a reader without a group reads it again from
// offset 0.
#pragma once

#include "examples/package_index/tally.h"
#include "tandem/tandem.h"

namespace package_index {

inline constexpr const char* topic_name = "package-index.history";
inline constexpr const char* group_name = "package-index.readers";
inline constexpr int partition_count = 6;

/// Creates the topic anew and binds it to the exchange.
tandem::Result<> declare_history(const tandem::Client& client);

struct HistoryRead {
  Tally records;
  std::uint64_t out_of_order = 0;  // records of one source package that came before an earlier one of it
};

/// One member of the group reads until it has `count` records (or nothing comes for five seconds), commits
/// and leaves.
tandem::Result<HistoryRead> read_with_group(const tandem::Client& client, std::uint64_t count);
/// Reads all partitions from offset 0 to their ends.
tandem::Result<HistoryRead> read_from_start(const tandem::Client& client);

}  // namespace package_index
