// Ranges of offsets, made definite with what the broker says about a partition.
#pragma once

#include "client/cli/parse.h"
#include "tandem/tandem.h"

namespace tandem::cli {

/// Offsets first (included) to last (excluded) of one partition.
struct OffsetRange {
  Offset first = 0, last = 0;
};

/// The offset that `point` means in a partition; `open` is what an open point means.
Offset offset_of(Client& client, const std::string& topic, std::int32_t partition, const Point& point,
                 Offset open);
OffsetRange offsets_of(Client& client, const std::string& topic, std::int32_t partition, const Range& range);

/// The topic's partitions; ends the verb with "not found" if there is no such topic.
TopicInfo topic_info(Client& client, const std::string& topic);

}  // namespace tandem::cli
