// Members that do anything at any time, and restarts: whatever happens, each request has one answer, and a stable group is the same
// after a restart.
#include <random>
#include <set>

#include "tests/core/topic_fixture.h"

namespace tandem::core {
namespace {

class Crowd {
 public:
  explicit Crowd(std::uint32_t seed) : random_(seed) {}

  void act() {
    const std::uint64_t connection = 1 + pick(members_count);
    Member& member = members_[connection - 1];
    switch (pick(8)) {
      case 0:
      case 1:
        join(connection, member);
        break;
      case 2:
      case 3:
        sync(connection, member);
        break;
      case 4:
        give(HeartbeatGroup{next(connection), group, member.id, member.instance(), member.generation});
        break;
      case 5:
        leave(connection, member);
        break;
      case 6:
        at_.tick_after(static_cast<DurationMs>(pick(4'000)));
        break;
      case 7:
        if (pick(4) == 0) close(connection, member);
        if (pick(12) == 0 || is_stable()) restart();
        break;
    }
    read_answers();
  }

  /// Time passes until nothing can still wait.
  void finish() {
    for (int i = 0; i < 100; ++i) {
      at_.tick_after(5'000);
      read_answers();
    }
  }

  const std::set<std::uint64_t>& unanswered() const { return unanswered_; }
  int answered_twice() const { return answered_twice_; }
  int joins() const { return joins_; }
  std::int32_t generation() const { return generation_; }
  int stable_restarts() const { return stable_restarts_; }
  const std::vector<std::string>& history() const { return history_; }

 private:
  static constexpr std::uint64_t members_count = 6;
  static constexpr std::string_view group = "billing";

  struct Member {
    std::string id, instance_id;
    std::int32_t generation = -1;
    std::string_view instance() const { return instance_id; }
  };

  std::size_t pick(std::size_t count) { return random_() % count; }

  Caller next(std::uint64_t connection) {
    unanswered_.insert(++request_);
    connection_of_[request_] = connection;
    return at_.caller(connection, 1, request_);
  }
  void give(const Input& input) { at_.give_and_persist(input); }

  void join(std::uint64_t connection, Member& member) {
    if (pick(6) == 0) member.id.clear();
    member.instance_id = connection <= 2 ? "host-" + std::to_string(connection) : "";
    const std::string chosen = "m" + std::to_string(request_ + 1);
    const std::vector<GroupProtocol> protocols = {{"range", bytes_of(pick(3) == 0 ? "a" : "b")}};
    give(JoinGroup{.who = next(connection),
                   .group = group,
                   .member = member.id,
                   .instance = member.instance(),
                   .protocol_type = "consumer",
                   .chosen_member = chosen,
                   .session_timeout = 10'000,
                   .rebalance_timeout = 15'000,
                   .protocols = protocols,
                   .require_member_id = pick(2) == 0});
  }
  void sync(std::uint64_t connection, Member& member) {
    const std::string work = std::to_string(request_);
    const std::vector<GroupAssignment> assignments = {{member.id, bytes_of(work)}, {members_[pick(members_count)].id, bytes_of(work)}};
    give(SyncGroup{.who = next(connection),
                   .group = group,
                   .member = member.id,
                   .instance = member.instance(),
                   .generation = member.generation,
                   .assignments = assignments});
  }
  void leave(std::uint64_t connection, Member& member) {
    const std::vector<GroupLeaver> leavers = {{member.id, member.instance()}};
    give(LeaveGroup{next(connection), group, leavers});
  }
  void close(std::uint64_t connection, Member& member) {
    give(ConnectionClosed{ConnectionId(connection)});
    std::erase_if(unanswered_, [&](std::uint64_t request) { return connection_of_[request] == connection; });
    member = {};
  }

  bool is_stable() { return generation_ > 0 && at_.describe_group(group).state == "Stable"; }
  /// Members keep what they know: their ids and generation.
  void restart() {
    if (generation_ == 0) return;
    const GroupInfo before = at_.describe_group(group);
    at_.restart();
    unanswered_.clear();
    const GroupInfo after = at_.describe_group(group);
    const bool was_stable = before.state == "Stable";
    CHECK(after.generation == before.generation);
    if (was_stable) CHECK(after.state == "Stable");
    if (was_stable) CHECK(work_of(after) == work_of(before));
    // While others join, or one joins again, those who were stable still are.
    if (!was_stable && before.state != "PreparingRebalance") CHECK(after.state == "Empty");
    stable_restarts_ += was_stable;
  }
  static std::string work_of(const GroupInfo& info) {
    std::string all;
    for (const GroupMember& member : info.members)
      all += member.member + " " + member.instance + " " + member.metadata + " " + member.assignment + (member.member == info.leader ? " leads; " : "; ");
    return all;
  }

  void answered(const Caller& who, ErrorCode error) {
    if (unanswered_.erase(who.request) == 0) ++answered_twice_;
    history_.push_back(std::to_string(who.request) + " " + std::string(name(error)));
  }
  void read(const Joined& joined) {
    Member& member = members_[joined.who.channel.connection.value - 1];
    if (!joined.member.empty()) member.id = joined.member;
    if (joined.error == ErrorCode::none) {
      CHECK(joined.generation >= generation_);
      generation_ = member.generation = joined.generation;
      ++joins_;
    }
    answered(joined.who, joined.error);
  }
  void read_answers() {
    for (const Send& send : at_.sends) {
      if (const auto* joined = core::get_if<Joined>(&send)) read(*joined);
      if (const auto* synced = core::get_if<Synced>(&send)) answered(synced->who, synced->error);
      if (const auto* beat = std::get_if<GroupHeartbeatOk>(&send)) answered(beat->who, beat->error);
      if (const auto* left = std::get_if<GroupLeft>(&send)) answered(left->who, left->error);
    }
    at_.sends.clear();
  }

  TopicFixture at_;
  std::mt19937 random_;
  Member members_[members_count];
  std::uint64_t request_ = 0;
  std::set<std::uint64_t> unanswered_;
  std::map<std::uint64_t, std::uint64_t> connection_of_;
  int answered_twice_ = 0, joins_ = 0, stable_restarts_ = 0;
  std::int32_t generation_ = 0;
  std::vector<std::string> history_;
};

}  // namespace

TEST_CASE("whatever members do, each request of a connection that stays has exactly one answer") {
  int joins = 0, generations = 0, stable_restarts = 0;
  for (std::uint32_t seed = 1; seed <= 40; ++seed) {
    CAPTURE(seed);
    Crowd crowd(seed);
    for (int i = 0; i < 400; ++i) crowd.act();
    crowd.finish();
    CHECK(crowd.unanswered().empty());
    CHECK(crowd.answered_twice() == 0);
    joins += crowd.joins();
    generations += crowd.generation();
    stable_restarts += crowd.stable_restarts();
  }
  CHECK(stable_restarts > 40);
  CHECK(generations > 400);  // else the crowd tried nothing
  CHECK(joins > generations);
}

TEST_CASE("the same doings have the same answers in the same order") {
  Crowd first(99), second(99);
  for (int i = 0; i < 600; ++i) {
    first.act();
    second.act();
  }
  CHECK(first.history() == second.history());
}

}  // namespace tandem::core
