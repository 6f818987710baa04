// Reading topics as a member of a group: the members share the partitions among themselves, and the broker
// keeps the group's offsets. Metadata and assignments are encoded as Kafka's consumer protocol ("consumer",
// version 0, assignor "range"), so that Kafka clients and native ones can be members of the same group.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tandem/topic_reader.h"

namespace tandem {

namespace client {
class Membership;
}

enum class StartAt : std::uint8_t { the_beginning, the_end };

struct GroupOptions {
  std::string group{};
  std::vector<std::string> topics{};
  /// A name that stays the same over restarts: the member gets its partitions back without a rebalance. "" =
  /// none.
  std::string instance{};
  /// A member that is not heard of for so long is taken out of the group.
  Milliseconds session_timeout{45'000};
  Milliseconds rebalance_timeout{60'000};
  Milliseconds heartbeat_interval{3'000};
  /// Where to begin in a partition without a committed offset, and where to go on when the committed one is
  /// no longer there (unless reader.out_of_range says otherwise).
  StartAt start_at = StartAt::the_beginning;
  /// Commit by itself, every interval, before a rebalance and at close(), what earlier polls gave: calling
  /// poll() says that the records of the one before are done. false: only commit() commits.
  bool auto_commit = false;
  Milliseconds auto_commit_interval{5'000};
  ReaderOptions reader{};
  /// Called on the I/O thread while poll() runs; must not block. `revoked` before the member joins again
  /// (what it commits from then on may be refused), `assigned` with the positions it begins at.
  std::function<void(const std::vector<TopicPartition>&)> on_revoked{};
  std::function<void(const std::vector<Position>&)> on_assigned{};
};

/// Thread-safe, but one poll() at a time (wrong_state). Rebalances happen inside poll(): call it often.
/// Between polls the membership is kept alive by heartbeats for `rebalance_timeout`; a member that does not
/// poll for longer leaves.
class GroupConsumer {
 public:
  GroupConsumer() = default;  // a handle to nothing: only to be assigned to

  /// Does not talk to the broker yet. Errors: invalid_argument (no group or topics).
  static Result<GroupConsumer> open(const Client& client, GroupOptions options);

  /// Joins if needed and gives records as TopicReader::poll() does; none when nothing came in time. Errors:
  /// as there; inconsistent_protocol (members without "range"), fenced (another member has this instance
  /// name), limit_reached.
  template <class Token = Wait>
  auto poll(std::size_t count_max, Milliseconds timeout, Token&& token = {}) {
    return client::initiate<std::vector<TopicRecord>>(
        driver_, std::forward<Token>(token),
        [membership = membership_, count_max, timeout](client::Completion<std::vector<TopicRecord>> done) {
          start_poll(membership, count_max, timeout, std::move(done));
        });
  }

  /// Commits the positions behind all records that poll() gave; completes once they are on disk. Errors:
  /// fenced, unknown_member, illegal_generation, rebalance_in_progress: the partitions may be another
  /// member's by now.
  template <class Token = Wait>
  auto commit(Token&& token = {}) {
    return client::initiate<Done>(driver_, std::forward<Token>(token),
                                  [membership = membership_](client::Completion<Done> done) {
                                    start_commit(membership, {}, std::move(done));
                                  });
  }
  /// Commits these: Position::offset is the next record to read.
  template <class Token = Wait>
  auto commit(std::vector<Position> positions, Token&& token = {}) {
    return client::initiate<Done>(
        driver_, std::forward<Token>(token),
        [membership = membership_, positions = std::move(positions)](client::Completion<Done> done) mutable {
          start_commit(membership, std::move(positions), std::move(done));
        });
  }

  /// Commits (if auto_commit) and leaves the group, so that others take over at once. A member with an
  /// instance name does not leave: its partitions wait for it to come back for `session_timeout`. Happens by
  /// itself when the last handle is gone.
  template <class Token = Wait>
  auto close(Token&& token = {}) {
    return client::initiate<Done>(driver_, std::forward<Token>(token),
                                  [membership = membership_](client::Completion<Done> done) {
                                    start_close(membership, std::move(done));
                                  });
  }

  std::vector<TopicPartition> assignment() const;
  std::vector<Position> positions() const;
  std::string member() const;
  std::int32_t generation() const;

 private:
  GroupConsumer(std::shared_ptr<client::Driver> driver, std::shared_ptr<client::Membership> membership);
  static void start_poll(const std::shared_ptr<client::Membership>& membership, std::size_t count_max,
                         Milliseconds timeout, client::Completion<std::vector<TopicRecord>> done);
  static void start_commit(const std::shared_ptr<client::Membership>& membership,
                           std::vector<Position> positions, client::Completion<Done> done);
  static void start_close(const std::shared_ptr<client::Membership>& membership,
                          client::Completion<Done> done);

  std::shared_ptr<client::Driver> driver_;
  std::shared_ptr<client::Membership> membership_;
};

}  // namespace tandem
