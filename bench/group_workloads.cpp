// Consumer groups: how long a group needs until every member has its share again.
#include <algorithm>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>

#include "bench/broker.h"
#include "bench/flow.h"
#include "bench/group_member.h"

namespace tandem::bench {
namespace {

constexpr int partitions_count = 2'000;
constexpr std::size_t members_count = 200;
constexpr auto rest_patience = std::chrono::seconds(60);

/// Who has its share of which generation.
class Shares {
 public:
  void take(std::int32_t generation, std::size_t count) {
    const std::lock_guard lock(mutex_);
    Generation& given = generations_[generation];
    ++given.members;
    given.partitions += count;
    changed_.notify_all();
  }
  /// Waits until `members` have their shares of one generation behind `after`, and gives that generation.
  std::int32_t wait_for(std::size_t members, std::int32_t after) {
    std::unique_lock lock(mutex_);
    const auto whole = [&] {
      return std::find_if(generations_.upper_bound(after), generations_.end(), [&](const auto& each) {
        return each.second.members == members && each.second.partitions == partitions_count;
      });
    };
    if (!changed_.wait_for(lock, rest_patience, [&] { return whole() != generations_.end(); }))
      throw Failure("the group did not come to rest");
    return whole()->first;
  }

 private:
  struct Generation {
    std::size_t members = 0, partitions = 0;
  };
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::int32_t, Generation> generations_;
};

/// One group of 200 over 2,000 partitions: all join at once, one leaves, one comes.
Outcome rebalance(const Settings& settings) {
  const Broker broker(settings.tandemd, settings.directory + "/groups");
  must(broker.connect().ask(CreateTopic{.name = "readings", .partitions = partitions_count}), "create");
  const GroupPlan plan{.port = broker.port("kafka"), .group = "readers", .topic = "readings", .partitions = partitions_count};
  Shares shares;
  std::vector<std::unique_ptr<GroupMember>> members;
  const auto join = [&] {
    members.push_back(std::make_unique<GroupMember>(
        plan, [&shares](std::int32_t generation, std::size_t count) { shares.take(generation, count); }));
  };
  Outcome outcome;
  const Stretch stretch(broker);
  const auto timed_ms = [&](std::size_t expected, std::int32_t& generation) {
    const auto begin = Clock::now();
    generation = shares.wait_for(expected, generation);
    return seconds_since(begin) * 1e3;
  };
  std::int32_t generation = -1;
  for (std::size_t i = 0; i < members_count; ++i) join();
  outcome.more["200 come ms"] = timed_ms(members_count, generation);
  members.front()->leave();
  outcome.more["one leaves ms"] = timed_ms(members_count - 1, generation);
  join();
  outcome.more["one comes ms"] = timed_ms(members_count, generation);
  stretch.finish(outcome);
  outcome.value = std::max({outcome.more["200 come ms"], outcome.more["one leaves ms"], outcome.more["one comes ms"]}) / 1e3;
  outcome.operations = 3.0 * members_count;
  outcome.more["peak RSS MiB"] = outcome.broker.rss_peak_mib;
  for (const auto& member : members)
    if (member->failed()) throw Failure("a member lost its connection");
  for (const auto& member : members) member->leave();
  members.clear();
  return outcome;
}

}  // namespace

void add_group_workloads(std::vector<Workload>& all) {
  Workload workload;
  workload.name = "group-rebalance";
  workload.what = "200 members of one group share 2,000 partitions; the slowest of: all come, one leaves, one comes "
                  "(heartbeats every second)";
  workload.unit = "s";
  workload.better = Better::lower;
  workload.target = 3;
  workload.goals = {{"peak RSS MiB", Better::lower, 300}};
  workload.run = rebalance;
  all.push_back(workload);
}

}  // namespace tandem::bench
