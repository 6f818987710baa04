#include "client/cli/queue_name.h"

#include <algorithm>

namespace tandem::cli {

bool is_stream(const TopicInfo& topic) {
  const auto is_mark = [](const auto& entry) { return entry.first == "tandem.stream" && entry.second == "true"; };
  return std::any_of(topic.config.begin(), topic.config.end(), is_mark);
}

std::optional<Named> look_up(Client& client, const std::string& name) {
  if (name.empty()) return Named::nothing;  // to the broker it means all
  const auto queues = client.ask(DescribeQueues{.name = name});
  if (!queues) return std::nullopt;
  if (!queues->empty()) return Named::queue;
  const auto topics = client.ask(DescribeTopics{.name = name});
  if (!topics) return std::nullopt;
  if (topics->empty()) return Named::nothing;
  return is_stream(topics->front()) ? Named::stream : Named::topic;
}

void fail_if_topic(Client& client, const std::string& name, ExitStatus status, const std::string& instead) {
  const auto named = look_up(client, name);
  if (named == Named::stream)
    throw Failure{status, "'" + name + "' is a stream, which is a topic and no queue: " + instead};
  if (named == Named::topic) throw Failure{status, "'" + name + "' is a topic and no queue: " + instead};
}

std::string read_instead(const std::string& name) {
  return "`tandem read " + name + "` prints its records";
}

}  // namespace tandem::cli
