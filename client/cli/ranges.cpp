#include "client/cli/ranges.h"

#include <algorithm>

#include "client/cli/exit_status.h"

namespace tandem::cli {

Offset offset_of(Client& client, const std::string& topic, std::int32_t partition, const Point& point,
                 Offset open) {
  const auto listed = [&](std::int64_t at) {
    return need(client.ask(ListOffset{.topic = topic, .partition = partition, .at = at})).offset;
  };
  switch (point.kind) {
    case Point::Kind::offset:
      return point.value;
    case Point::Kind::from_end:
      return std::max(listed(earliest), listed(latest) - point.value);
    case Point::Kind::time: {
      const Offset found = listed(point.value);
      return found < 0 ? listed(latest) : found;  // nothing that late: the end
    }
    case Point::Kind::open:
      break;
  }
  return open;
}

OffsetRange offsets_of(Client& client, const std::string& topic, std::int32_t partition, const Range& range) {
  const Offset start =
      need(client.ask(ListOffset{.topic = topic, .partition = partition, .at = earliest})).offset;
  const Offset end =
      need(client.ask(ListOffset{.topic = topic, .partition = partition, .at = latest})).offset;
  OffsetRange offsets{offset_of(client, topic, partition, range.first, start),
                      offset_of(client, topic, partition, range.last, end)};
  offsets.first = std::max(offsets.first, start);
  offsets.last = std::min(offsets.last, end);
  return offsets;
}

TopicInfo topic_info(Client& client, const std::string& topic) {
  auto topics = need(client.ask(DescribeTopics{.name = topic}));
  if (topics.empty()) throw Failure{exit_not_found, "there is no topic '" + topic + "'"};
  return std::move(topics.front());
}

}  // namespace tandem::cli
