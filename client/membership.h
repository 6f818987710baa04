// The member of a group behind tandem::GroupConsumer: joins, shares out partitions when it is the leader,
// keeps alive, commits. What it is assigned is read by a FetchLoop.
#pragma once

#include <asio/awaitable.hpp>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "client/fetch_loop.h"
#include "client/group_requests.h"
#include "client/part.h"
#include "tandem/group_consumer.h"

namespace tandem::client {

class Membership final : public Part, public std::enable_shared_from_this<Membership> {
 public:
  Membership(std::shared_ptr<Driver> driver, GroupOptions options);

  // --- any thread ---

  std::vector<TopicPartition> assignment() const;
  std::vector<Position> positions() const { return loop_->positions(); }
  std::string member() const;
  std::int32_t generation() const;
  Driver& driver() { return *driver_; }

  // --- the I/O thread ---

  void open();
  void poll(std::size_t count_max, Milliseconds timeout, Completion<std::vector<TopicRecord>> done);
  /// Without positions: those behind all that was given.
  void commit(std::vector<Position> positions, Completion<Done> done);
  void close(Completion<Done> done);
  void drain(Completion<Done> done) override { close(std::move(done)); }
  void end(const Error& why) override;

 private:
  enum class State { out, joining, stable, closed };

  void begin_join();
  static asio::awaitable<void> run_join(std::shared_ptr<Membership> self, std::vector<Position> revoked);
  asio::awaitable<Result<std::vector<Position>>> join();
  asio::awaitable<Result<std::vector<TopicPartition>>> sync(JoinedGroup joined);
  asio::awaitable<Result<std::vector<std::pair<std::string, std::string>>>> share_out(JoinedGroup joined);
  asio::awaitable<Result<std::vector<Position>>> start_positions(std::vector<TopicPartition> partitions);
  asio::awaitable<Result<>> commit_now(std::vector<Position> positions);
  static asio::awaitable<void> run_close(std::shared_ptr<Membership> self, Completion<Done> done);
  template <class Request>
  asio::awaitable<Result<typename Request::Answer>> ask_now(Request request);

  void joined(Result<std::vector<Position>> result);
  bool must_join_again(ErrorCode code);
  void forget_membership();
  void beat();
  void take_beat(Result<ErrorCode> answer);
  void leave_unpolled();
  void auto_commit();
  std::vector<Position> uncommitted(const std::vector<Position>& positions) const;

  const std::shared_ptr<Driver> driver_;
  const GroupOptions options_;
  const std::shared_ptr<FetchLoop> loop_;

  // The I/O thread's.
  State state_ = State::out;
  bool polling_ = false, rejoin_ = false, leaving_ = false;
  Timers::Time polled_at_{}, committed_at_{};
  std::map<TopicPartition, Offset> committed_;

  mutable std::mutex mutex_;  // what follows
  std::string member_;
  std::int32_t generation_ = -1;
  std::vector<TopicPartition> assignment_;
};

}  // namespace tandem::client
