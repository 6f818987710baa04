// A member of a consumer group, byte by byte on a connection of its own: it joins, syncs (as leader it deals the partitions
// out), commits and sends heartbeats, so that what is measured is the broker and not two hundred clients.
// Source: the Kafka protocol guide (JoinGroup v3, SyncGroup v1, Heartbeat v1, LeaveGroup v1, OffsetCommit v2).
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "tests/support/raw_socket.h"

namespace tandem::bench {

struct GroupPlan {
  std::uint16_t port = 0;
  std::string group, topic;
  int partitions = 1;
  std::chrono::milliseconds heartbeat_interval{1'000};
};

/// Runs on its own thread from its making until it is told to leave.
class GroupMember {
 public:
  /// Called on the member's thread when it has its share of a generation.
  using OnAssigned = std::function<void(std::int32_t generation, std::size_t partitions)>;

  GroupMember(const GroupPlan& plan, OnAssigned on_assigned);
  ~GroupMember();
  GroupMember(const GroupMember&) = delete;
  GroupMember& operator=(const GroupMember&) = delete;

  /// Says goodbye and ends; returns at once.
  void leave() { leaving_ = true; }
  bool failed() const { return failed_; }

 private:
  struct Joined {
    std::int32_t generation = -1;
    bool is_leader = false;
    std::vector<std::string> members;  // the leader's view
  };

  void run();
  bool take_part();
  std::optional<Joined> join();
  std::optional<std::vector<std::int32_t>> sync(const Joined& joined);
  bool commit(std::int32_t generation, const std::vector<std::int32_t>& partitions);
  /// The error of the answer; nullopt: none came.
  std::optional<std::int16_t> heartbeat(std::int32_t generation);
  bool ask(std::int16_t api, std::int16_t version, const std::vector<std::byte>& body, std::vector<std::byte>& answer);

  const GroupPlan& plan_;
  const OnAssigned on_assigned_;
  support::RawSocket socket_;
  std::uint32_t correlation_ = 0;
  std::string id_;
  std::atomic<bool> leaving_{false}, failed_{false};
  std::thread thread_;
};

}  // namespace tandem::bench
