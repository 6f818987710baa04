// A disk without a free byte under the real program: publishers are held, consumers go on, and nothing has to be restarted.
// Needs to mount a small file system, so root; else it is skipped and says so.
#include <doctest/doctest.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <thread>

#include "tests/end_to_end/broker_fixture.h"

namespace tandem::end_to_end {

namespace {

using namespace std::chrono_literals;

/// A file system of 480 MiB, until the end.
class SmallDisk {
 public:
  explicit SmallDisk(std::string path) : path_(std::move(path)) {
    std::filesystem::create_directory(path_);
    mounted_ = ::mount("tandem-test", path_.c_str(), "tmpfs", 0, "size=480m") == 0;
    if (!mounted_) MESSAGE("skipped: cannot mount a small file system: " << std::strerror(errno));
  }
  ~SmallDisk() {
    if (mounted_) ::umount2(path_.c_str(), MNT_DETACH);
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;
  bool mounted() const { return mounted_; }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

  /// Takes every byte that is free.
  void fill() {
    std::ofstream out(path_ + "/ballast", std::ios::binary | std::ios::app);
    for (const std::size_t size : {std::size_t{1} << 20, std::size_t{4096}}) {
      const std::string block(size, 'b');
      out.clear();
      while (out.write(block.data(), static_cast<std::streamsize>(size)) && out.flush()) {
      }
    }
  }
  void empty() { std::filesystem::remove(path_ + "/ballast"); }

 private:
  std::string path_;
  bool mounted_ = false;
};

Client connect_to(const support::BrokerProcess& process) {
  ClientOptions options;
  options.port = process.port("native");
  options.reconnect.enabled = false;
  return must(Client::connect(options));
}

/// Whether the broker has written a spare segment to its end, and gone on since.
bool has_spare_segment(const std::string& journal) {
  constexpr std::uintmax_t segment_size_bytes = 64u << 20;
  for (const auto& entry : std::filesystem::directory_iterator(journal))
    if (entry.path().filename().string().starts_with("spare-") && entry.file_size() == segment_size_bytes) {
      std::this_thread::sleep_for(1s);  // it is synced before it is used
      return true;
    }
  return false;
}

/// Whether the broker confirms a message; on a connection of its own, since it may not be read any more afterwards.
bool takes_message(const support::BrokerProcess& process, const std::string& body) {
  const Client client = connect_to(process);
  auto publisher = must(Publisher::open(client));
  return publisher.publish(Message{.routing_key = "work", .body = body}).ok();
}

}  // namespace

TEST_CASE("without a free byte publishers are refused, consumers and offsets go on, and with space all goes on") {
  TemporaryDirectory directory;
  SmallDisk disk(directory / "disk");
  if (!disk.mounted()) return;
  auto process = must(
      support::BrokerProcess::start({TANDEMD, disk / "data", {"--journal-size", "256MiB"}, 20'000}));
  // From here on the journal has its room in advance, whatever the file system can reserve for it.
  REQUIRE(comes_true([&] { return has_spare_segment(disk / "data/journal"); }));
  const Client client = connect_to(process);
  must(client.ask(DeclareQueue{.name = "work"}));
  must(client.ask(CreateTopic{.name = "events"}));
  constexpr int count = 2000;
  {
    auto publisher = must(Publisher::open(client));
    for (int i = 0; i < count; ++i)
      must(publisher.post(Message{.routing_key = "work", .body = std::string(1000, 'm') + std::to_string(i)}));
    must(publisher.flush());
  }

  disk.fill();
  CHECK(comes_true([&] { return !takes_message(process, "refused"); }));
  disk.fill();  // also what the broker gave back
  const Client reader = connect_to(process);
  ConsumerOptions options;
  options.queue = "work";
  auto consumer = must(Consumer::open(reader, options));
  for (int i = 0; i < count; ++i) {
    auto delivery = must(consumer.receive(10s));
    CHECK(delivery.body().substr(1000) == std::to_string(i));
    delivery.ack();
  }
  must(consumer.flush());
  CommitOffsets commit;
  commit.group = "readers";
  commit.offsets = {GroupOffset{"events", 0, 0, ""}};
  must(reader.ask(commit));

  disk.empty();
  CHECK(comes_true([&] { return takes_message(process, "welcome"); }));
  const auto queues = must(reader.ask(DescribeQueues{"work"}));
  REQUIRE(queues.size() == 1);
  CHECK(queues[0].ready + queues[0].unsettled >= 1);
  CHECK(queues[0].acked >= count);
  CHECK(process.terminate() == 0);
}

}  // namespace tandem::end_to_end
