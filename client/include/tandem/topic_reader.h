// Reading topics from a position that the client holds itself (see group_consumer.h for positions held by the
// broker).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tandem/client.h"

namespace tandem {

namespace client {
class FetchLoop;
}

/// A record that was read. Views into `owner`, which is shared by the records of one batch: copy what is to
/// be kept long.
struct TopicRecord {
  std::shared_ptr<const std::string> topic{};
  std::int32_t partition = 0;
  Offset offset = 0;
  TimestampMs timestamp = -1;
  std::optional<std::string_view> key{};
  std::optional<std::string_view> value{};
  std::vector<std::pair<std::string_view, std::optional<std::string_view>>> headers{};
  std::shared_ptr<const void> owner{};
};

/// A partition and the offset to read next.
struct Position {
  std::string topic{};
  std::int32_t partition = 0;
  Offset offset = 0;
};

enum class OutOfRange : std::uint8_t { fail, to_earliest, to_latest };

struct ReaderOptions {
  /// Bytes of one fetch, per partition and in all. One whole batch is given even when it is larger.
  std::uint32_t partition_size_max_bytes = 1u << 20;
  std::uint32_t fetch_size_max_bytes = 16u << 20;
  /// A fetch waits at the broker until this much is there, at most `wait_max`.
  std::uint32_t size_min_bytes = 1;
  Milliseconds wait_max{500};
  /// The next fetch is sent while fewer bytes than this wait to be taken.
  std::size_t buffered_max_bytes = 32u << 20;
  /// Only records of committed transactions, and none behind an open one.
  bool read_committed = false;
  /// What to do when a position is no longer (or not yet) there. fail: poll() says out_of_range.
  OutOfRange out_of_range = OutOfRange::fail;
};

/// Reads the partitions it was given, as fast as poll() is called: the next fetch is under way while the last
/// is taken. Thread-safe; copies are handles to the same reader. Goes on by itself after a reconnect.
class TopicReader {
 public:
  TopicReader() = default;  // a handle to nothing: only to be assigned to

  /// Does not talk to the broker yet. Errors: invalid_argument (negative offset; use ListOffset to find one).
  static Result<TopicReader> open(const Client& client, std::vector<Position> from,
                                  ReaderOptions options = {});

  /// Waits for the first record and appends up to `count_max` that are there to `out`, which may be reused;
  /// records of one partition in order. Returns how many: 0 when nothing came in time. Each of them has been
  /// passed: the next poll() goes on behind. Errors: not_found (topic or partition), out_of_range, corrupt (a
  /// batch that fails its checksum is never given), unavailable (closed). After an error, poll again to go on
  /// with the other partitions.
  Result<std::size_t> poll(std::vector<TopicRecord>& out, std::size_t count_max, Milliseconds timeout);
  template <class Token>
  auto poll(std::size_t count_max, Milliseconds timeout, Token&& token) {
    return client::initiate<std::vector<TopicRecord>>(
        driver_, std::forward<Token>(token),
        [loop = loop_, count_max, timeout](client::Completion<std::vector<TopicRecord>> done) {
          start_poll(loop, count_max, timeout, std::move(done));
        });
  }

  /// Behind the last record that poll() gave, per partition.
  std::vector<Position> positions() const;
  /// Goes on from there; what was fetched ahead of the partition is dropped. Adds the partition if it is new.
  void seek(const Position& to);
  /// Reads exactly these from now on.
  void assign(std::vector<Position> positions);
  /// Stops fetching; polls in progress fail with unavailable.
  void close();

 private:
  friend class GroupConsumer;
  TopicReader(std::shared_ptr<client::Driver> driver, std::shared_ptr<client::FetchLoop> loop);
  static void start_poll(const std::shared_ptr<client::FetchLoop>& loop, std::size_t count_max,
                         Milliseconds timeout, client::Completion<std::vector<TopicRecord>> done);

  std::shared_ptr<client::Driver> driver_;
  std::shared_ptr<client::FetchLoop> loop_;
};

}  // namespace tandem
