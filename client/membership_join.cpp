// The conversations of a member that take several requests: joining a group and leaving it.
#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/use_awaitable.hpp>

#include "client/assignment.h"
#include "client/membership.h"

namespace tandem::client {

template <class Request>
asio::awaitable<Result<typename Request::Answer>> Membership::ask_now(Request request) {
  using Granted = typename Request::Answer;
  auto start = [driver = driver_, request = std::move(request)](Completion<Granted> done) {
    ask(*driver, request, std::move(done));
  };
  co_return co_await initiate<Granted>(driver_, asio::use_awaitable, std::move(start));
}

/// The partitions are given up at once; everything else takes its time.
void Membership::begin_join() {
  state_ = State::joining;
  rejoin_ = false;
  const auto revoked = loop_->positions();
  const auto had = assignment();
  loop_->assign({});
  {
    std::lock_guard lock(mutex_);
    assignment_.clear();
  }
  if (!had.empty() && options_.on_revoked) options_.on_revoked(had);
  asio::co_spawn(driver_->executor(), run_join(shared_from_this(), revoked), asio::detached);
}

asio::awaitable<void> Membership::run_join(std::shared_ptr<Membership> self, std::vector<Position> revoked) {
  // Whether it was committed or not, the group is joined: what was not is read again.
  if (self->options_.auto_commit) (void)co_await self->commit_now(self->uncommitted(revoked));
  auto result = co_await self->join();
  self->joined(std::move(result));
}

asio::awaitable<Result<>> Membership::commit_now(std::vector<Position> positions) {
  if (positions.empty() || generation() < 0) co_return Done{};
  CommitOffsets request{options_.group, member(), generation(), {}};
  for (const auto& position : positions)
    request.offsets.push_back({position.topic, position.partition, position.offset, {}, {}});
  const auto codes = co_await ask_now(std::move(request));
  if (!codes) co_return codes.error();
  for (const auto code : *codes)
    if (code != ErrorCode::none)
      co_return Error{code, "offsets were not committed: " + std::string(name(code))};
  co_return Done{};
}

asio::awaitable<Result<std::vector<Position>>> Membership::join() {
  while (state_ == State::joining) {
    JoinGroup request{options_.group, member(), options_.instance, "consumer", {}, {}, {}};
    request.session_timeout_ms = static_cast<std::uint32_t>(options_.session_timeout.count());
    request.rebalance_timeout_ms = static_cast<std::uint32_t>(options_.rebalance_timeout.count());
    request.protocols.emplace_back(range_assignor, encode_subscription(options_.topics));
    auto joined = co_await ask_now(std::move(request));
    if (!joined) co_return joined.error();
    const auto code = joined->code;
    if (code == ErrorCode::none || code == ErrorCode::member_id_required) {
      std::lock_guard lock(mutex_);
      member_ = joined->member;
      generation_ = joined->generation;
    }
    if (code == ErrorCode::member_id_required || must_join_again(code)) continue;
    if (code != ErrorCode::none)
      co_return Error{code, "cannot join group '" + options_.group + "': " + std::string(name(code))};
    auto partitions = co_await sync(std::move(*joined));
    if (!partitions && must_join_again(partitions.error().code)) continue;
    if (!partitions) co_return partitions.error();
    auto positions = co_await start_positions(*partitions);
    if (positions) {
      std::lock_guard lock(mutex_);
      assignment_ = std::move(*partitions);
    }
    co_return positions;
  }
  co_return Error{ErrorCode::unavailable, "the group consumer is closed"};
}

asio::awaitable<Result<std::vector<TopicPartition>>> Membership::sync(JoinedGroup joined) {
  SyncGroup request{options_.group, joined.member, options_.instance, joined.generation, {}, {}};
  request.rebalance_timeout_ms = static_cast<std::uint32_t>(options_.rebalance_timeout.count());
  if (joined.leader == joined.member) {
    auto shares = co_await share_out(std::move(joined));
    if (!shares) co_return shares.error();
    request.assignments = std::move(*shares);
  }
  const auto synced = co_await ask_now(std::move(request));
  if (!synced) co_return synced.error();
  if (synced->code != ErrorCode::none)
    co_return Error{synced->code, "group '" + options_.group + "': " + std::string(name(synced->code))};
  co_return decode_assignment(synced->assignment);
}

/// As the leader: who gets which partitions.
asio::awaitable<Result<std::vector<std::pair<std::string, std::string>>>> Membership::share_out(
    JoinedGroup joined) {
  std::vector<Subscriber> subscribers;
  std::map<std::string, std::int32_t> partitions;
  for (const auto& member : joined.members) {
    auto topics = decode_subscription(member.metadata);
    if (!topics) co_return topics.error();
    for (const auto& topic : *topics) partitions.emplace(topic, 0);
    subscribers.push_back({member.member, member.instance, std::move(*topics)});
  }
  for (auto& [topic, count] : partitions) {
    DescribeTopics describe{topic};
    const auto described = co_await ask_now(std::move(describe));
    if (!described && described.error().code != ErrorCode::not_found) co_return described.error();
    if (described && !described->empty())
      count = static_cast<std::int32_t>(described->front().partitions.size());
  }
  std::vector<std::pair<std::string, std::string>> shares;
  for (const auto& [member, share] : assign_ranges(std::move(subscribers), partitions))
    shares.emplace_back(member, encode_assignment(share));
  co_return shares;
}

/// Where to begin: at the group's offsets, or where start_at says.
asio::awaitable<Result<std::vector<Position>>> Membership::start_positions(
    std::vector<TopicPartition> partitions) {
  std::vector<Position> positions;
  if (partitions.empty()) co_return positions;
  FetchOffsets fetch{options_.group, false, std::move(partitions)};
  auto fetched = co_await ask_now(std::move(fetch));
  if (!fetched) co_return fetched.error();
  for (const auto& entry : *fetched) {
    if (entry.error != ErrorCode::none)
      co_return Error{entry.error, "offset of topic '" + entry.topic + "' partition " +
                                       std::to_string(entry.partition) + ": " +
                                       std::string(name(entry.error))};
    Position position{entry.topic, entry.partition, entry.offset};
    if (entry.offset >= 0) {
      committed_[{entry.topic, entry.partition}] = entry.offset;
    } else {
      const auto at = options_.start_at == StartAt::the_end ? latest : earliest;
      ListOffset list{entry.topic, entry.partition, at};
      const auto listed = co_await ask_now(std::move(list));
      if (!listed) co_return listed.error();
      position.offset = listed->offset;
    }
    positions.push_back(std::move(position));
  }
  co_return positions;
}

void Membership::close(Completion<Done> done) {
  if (state_ == State::closed || leaving_) return done(Done{});
  leaving_ = true;
  asio::co_spawn(driver_->executor(), run_close(shared_from_this(), std::move(done)), asio::detached);
}

asio::awaitable<void> Membership::run_close(std::shared_ptr<Membership> self, Completion<Done> done) {
  Result<> result;
  const bool was_member = self->state_ == State::stable;
  if (was_member && self->options_.auto_commit)
    result = co_await self->commit_now(self->uncommitted(self->loop_->positions()));
  self->state_ = State::closed;
  if (was_member && self->options_.instance.empty()) {
    LeaveGroup leave{self->options_.group, self->member(), {}};
    (void)co_await self->ask_now(std::move(leave));  // a broker that does not answer forgets the member by itself
  }
  auto& session = self->driver_->session();
  session.detach(self->loop_);
  session.detach(self);
  self->loop_->end({ErrorCode::unavailable, "the group consumer is closed"});
  done(std::move(result));
}

}  // namespace tandem::client
