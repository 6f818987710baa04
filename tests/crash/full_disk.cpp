#include "tests/crash/full_disk.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cstdio>
#include <functional>

namespace tandem::crash {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::uint64_t mib_bytes = 1 << 20;
// Below what the broker keeps free (256 MiB), and far from nothing.
constexpr std::uint64_t short_of_space_bytes = 200 * mib_bytes;
constexpr std::uint64_t step_bytes = 4 * mib_bytes;
// The broker looks at the disk every second while space is short.
constexpr seconds patience(30);
constexpr std::chrono::microseconds publisher_pace(500);
constexpr int consumed_while_full = 20;

std::uint64_t free_bytes(const std::string& path) {
  struct statvfs status {};
  return ::statvfs(path.c_str(), &status) == 0 ? std::uint64_t{status.f_bavail} * status.f_frsize : 0;
}

/// A file that takes the space that others should not have.
class Ballast {
 public:
  explicit Ballast(const std::string& mount_point)
      : mount_point_(mount_point),
        path_(mount_point + "/ballast"),
        file_(::open(path_.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600)) {}
  ~Ballast() {
    ::unlink(path_.c_str());
    ::close(file_);
  }
  Ballast(const Ballast&) = delete;
  Ballast& operator=(const Ballast&) = delete;
  bool is_there() const { return file_ >= 0; }

  void fill_to(std::uint64_t left_bytes) {
    while (free_bytes(mount_point_) > left_bytes + step_bytes && grow(step_bytes)) {
    }
  }
  /// Also what a superuser may have.
  void fill_to_the_last_byte() {
    for (const std::uint64_t step : {step_bytes, std::uint64_t{4096}})
      while (grow(step)) {
      }
  }

 private:
  bool grow(std::uint64_t bytes) {
    if (::fallocate(file_, 0, static_cast<off_t>(size_bytes_), static_cast<off_t>(bytes)) != 0) return false;
    size_bytes_ += bytes;
    return true;
  }

  const std::string mount_point_, path_;
  const int file_;
  std::uint64_t size_bytes_ = 0;
};

std::uint64_t publishes_confirmed(Histories& histories) {
  std::uint64_t confirmed = 0;
  for (const History* history : {&histories.fan, &histories.in, &histories.log}) confirmed += history->counts().confirmed;
  return confirmed;
}

/// Waits for a second in which no publish was confirmed.
bool publishers_are_held(Histories& histories) {
  const auto until = Clock::now() + patience;
  for (auto before = publishes_confirmed(histories); Clock::now() < until;) {
    std::this_thread::sleep_for(seconds(1));
    const auto now = publishes_confirmed(histories);
    if (now == before) return true;
    before = now;
  }
  return false;
}

bool comes_true(const std::function<bool()>& condition) {
  for (const auto until = Clock::now() + patience; Clock::now() < until;) {
    if (condition()) return true;
    std::this_thread::sleep_for(milliseconds(5));
  }
  return false;
}

/// crash.out has no consumer in the load, so there is a backlog.
Result<> consume_moved(Histories& histories, const Ports& ports, int life) {
  ClientOptions options;
  options.port = ports.native;
  options.reconnect.enabled = false;
  auto client = Client::connect(options);
  if (!client) return client.error();
  auto consumer = Consumer::open(*client, {.queue = "crash.out", .prefetch = 16});
  if (!consumer) return consumer.error();
  std::vector<MessageId> acked;
  for (int i = 0; i < consumed_while_full; ++i) {
    auto delivery = consumer->receive(milliseconds(10'000));
    if (!delivery) return delivery.error();
    const MessageId id = parse_id(delivery->body());
    histories.moved.delivered("crash.out", id, delivery->redelivered(), life);
    histories.moved.acked("crash.out", id);
    delivery->ack();
    acked.push_back(id);
  }
  if (auto flushed = consumer->flush(); !flushed) return flushed;
  for (const MessageId id : acked) histories.moved.ack_confirmed("crash.out", id);
  return client->close(milliseconds(5'000));
}

}  // namespace

Result<std::string> fill_and_free(Histories& histories, const support::BrokerProcess& broker, const Ports& ports,
                                  const std::string& mount_point, std::uint64_t seed, int& life) {
  const auto want = [&](bool holds, const std::string& what) {
    if (!holds) histories.fan.violation("a full disk, life " + std::to_string(life) + ": " + what);
  };
  const auto want_consumption = [&](const std::string& when) {
    const auto consumed = consume_moved(histories, ports, life);
    want(consumed.ok(), "nothing is consumed " + when + (consumed ? "" : ": " + consumed.error().text));
  };
  Load load(histories, ports, life, seed, publisher_pace);
  std::uint64_t left_bytes = 0;
  {
    const auto moved_before = histories.moved.counts().confirmed;
    want(comes_true([&] { return histories.moved.counts().confirmed > moved_before + 3 * consumed_while_full; }),
         "the load does not run");
    Ballast ballast(mount_point);
    if (!ballast.is_there()) return Error{ErrorCode::internal, "cannot make a file on " + mount_point};
    ballast.fill_to(short_of_space_bytes);
    want(publishers_are_held(histories), "publishes are confirmed although space is short");
    left_bytes = free_bytes(mount_point);
    want(left_bytes > 0, "no space was left when publishers were held");
    want_consumption("while space is short");
    ballast.fill_to_the_last_byte();
    want_consumption("without a free byte");
    want(::kill(broker.pid(), 0) == 0, "the broker is gone");
  }
  // The publishers that were held go on, without a new connection.
  const auto freed_at = Clock::now();
  const auto confirmed_before = publishes_confirmed(histories);
  want(comes_true([&] { return publishes_confirmed(histories) > confirmed_before; }), "nothing is confirmed after space was freed");
  const std::chrono::duration<double> back_after = Clock::now() - freed_at;
  std::this_thread::sleep_for(seconds(1));
  load.stop();
  ++life;
  char text[160];
  std::snprintf(text, sizeof text, "publishers were held with %llu MiB left, and confirmed %.2f s after space was freed",
                static_cast<unsigned long long>(left_bytes / mib_bytes), back_after.count());
  return std::string(text);
}

}  // namespace tandem::crash
