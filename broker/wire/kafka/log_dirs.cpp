// What topics take on disk. There is one directory.
#include <charconv>
#include <set>

#include "broker/wire/kafka/error.h"
#include "broker/wire/kafka/messages_admin.h"
#include "broker/wire/kafka/repeats.h"
#include "broker/wire/kafka/settings.h"
#include "broker/wire/kafka/tasks.h"

namespace tandem::wire::kafka {
namespace {

class DescribeLogDirs final : public TaskOf<DescribeLogDirsRequest, DescribeLogDirsResponse> {
 public:
  using TaskOf::TaskOf;

  void begin(const Request& request) {
    auto& directory = response_.directories.emplace_back();
    directory.path = port().fact("data_directory");
    directory.usable_bytes = usable_bytes();
    if (!request.topics) return submit(core::Describe{expect(), core::Subject::topics, ""});
    wanted_.resize(request.topics->size());
    Repeats<std::string_view> repeats;
    for (std::uint32_t part = 0; part < request.topics->size(); ++part) {
      const auto& topic = (*request.topics)[part];
      wanted_[part].insert(topic.partitions.begin(), topic.partitions.end());
      if (!topic.name.empty() && !repeats(topic.name)) submit(core::Describe{expect(part), core::Subject::topics, topic.name});
    }
  }

  void take(std::uint32_t part, const core::Send& send, Bodies) override {
    const auto* described = core::get_if<core::Described>(&send);
    if (!described) return;
    for (const core::TopicInfo& info : described->topics) {
      auto& topic = response_.directories.front().topics.emplace_back();
      topic.name = info.topic.name;
      for (const core::PartitionInfo& partition : info.partitions)
        if (is_wanted(part, partition.index))
          topic.partitions.push_back(
              {partition.index, static_cast<std::int64_t>(partition.size_bytes), 0, false});
    }
  }

 private:
  std::int64_t usable_bytes() const {
    const std::string_view text = port().fact("disk_free_bytes");
    std::int64_t value = -1;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
  }
  bool is_wanted(std::uint32_t part, std::int32_t index) const {
    if (wanted_.empty()) return true;
    return wanted_[part].contains(index);
  }

  std::vector<std::set<std::int32_t>> wanted_;  // partitions, by part; empty: all of all topics
};

}  // namespace

bool begin_describe_log_dirs(Arrival& arrival) {
  return begin<DescribeLogDirs>(arrival);
}

}  // namespace tandem::wire::kafka
