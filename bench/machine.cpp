#include "bench/machine.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <thread>
#include <vector>

#include "schemas/loopback.h"

namespace tandem::bench {
namespace {

constexpr std::size_t file_size_bytes = 64u << 20;
constexpr double each_s = 0.25;

class Descriptor {
 public:
  Descriptor(int value, const char* what) : value_(value) {
    if (value_ < 0) throw Failure(std::string(what) + ": " + std::strerror(errno));
  }
  ~Descriptor() { close(value_); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return value_; }

 private:
  int value_;
};

/// Writes blocks of a size one after another into the pre-written file, each synced; times of each.
Histogram write_and_sync(int file, std::size_t size) {
  const std::vector<char> block(size, 'x');
  Histogram times;
  std::size_t at = 0;
  const auto begin = Clock::now();
  while (seconds_since(begin) < each_s) {
    const auto start = Clock::now();
    if (pwrite(file, block.data(), size, static_cast<off_t>(at)) != static_cast<ssize_t>(size) || fdatasync(file) != 0)
      throw Failure(std::string("raw journal: ") + std::strerror(errno));
    times.add(static_cast<std::uint64_t>(std::chrono::nanoseconds(Clock::now() - start).count()));
    at = (at + size) % file_size_bytes;
  }
  return times;
}

/// A pre-written file that is gone when it is closed.
int open_raw(const std::string& directory) {
  const std::string path = directory + "/raw";
  const int file = open(path.c_str(), O_CREAT | O_RDWR | O_TRUNC | O_CLOEXEC, 0600);
  if (file < 0) return file;
  unlink(path.c_str());
  const std::vector<char> zeros(1u << 20, 0);
  for (std::size_t at = 0; at < file_size_bytes; at += zeros.size())
    if (pwrite(file, zeros.data(), zeros.size(), static_cast<off_t>(at)) < 0) throw Failure("raw journal: disk full");
  fsync(file);
  return file;
}

void measure_disk(const std::string& directory, Machine& machine) {
  const Descriptor file(open_raw(directory), "raw journal");
  const Histogram small = write_and_sync(file.get(), 4096);
  machine.sync_4k_p50_us = small.quantile_ns(0.5) / 1e3;
  machine.sync_4k_p99_us = small.quantile_ns(0.99) / 1e3;
  const auto begin = Clock::now();
  const Histogram large = write_and_sync(file.get(), 1u << 20);
  machine.journal_bytes_per_s = static_cast<double>(large.count() << 20) / seconds_since(begin);
}

double measure_copy() {
  std::vector<char> from(64u << 20, 'a'), to(64u << 20, 'b');
  std::uint64_t copied = 0;
  const auto begin = Clock::now();
  while (seconds_since(begin) < each_s) {
    std::memcpy(to.data(), from.data(), from.size());
    from[copied % from.size()] = to[0];  // the copy is used, so it is made
    copied += from.size();
  }
  return static_cast<double>(copied) / seconds_since(begin);
}

struct Pair {
  Descriptor here, there;
};

Pair connect_pair() {
  const Descriptor listener(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "loopback");
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* any = reinterpret_cast<sockaddr*>(&address);
  if (bind(listener.get(), any, size) != 0 || listen(listener.get(), 1) != 0 || getsockname(listener.get(), any, &size) != 0)
    throw Failure(std::string("loopback: ") + std::strerror(errno));
  const int here = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (connect(here, any, size) != 0) throw Failure(std::string("loopback: ") + std::strerror(errno));
  const int there = accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC);
  const int one = 1;
  setsockopt(here, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  setsockopt(there, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  for (const int end : {here, there}) send_without_pacing(end);  // as broker and client do
  return {{here, "loopback"}, {there, "loopback"}};
}

double measure_loopback_bytes() {
  const Pair pair = connect_pair();
  std::uint64_t received = 0;
  const auto begin = Clock::now();
  std::thread reader([&] {
    std::vector<char> block(256u << 10);
    for (ssize_t size; (size = recv(pair.there.get(), block.data(), block.size(), 0)) > 0;)
      received += static_cast<std::uint64_t>(size);
  });
  const std::vector<char> block(64u << 10, 'x');
  while (seconds_since(begin) < each_s)
    if (send(pair.here.get(), block.data(), block.size(), MSG_NOSIGNAL) < 0) break;
  shutdown(pair.here.get(), SHUT_WR);
  reader.join();
  return static_cast<double>(received) / seconds_since(begin);
}

double measure_round_trip_us() {
  const Pair pair = connect_pair();
  std::thread echo([&] {
    char block[100];
    for (ssize_t size; (size = recv(pair.there.get(), block, sizeof block, 0)) > 0;)
      if (send(pair.there.get(), block, static_cast<std::size_t>(size), MSG_NOSIGNAL) < 0) return;
  });
  Histogram times;
  char block[100] = {};
  const auto begin = Clock::now();
  while (seconds_since(begin) < each_s) {
    const auto start = Clock::now();
    if (send(pair.here.get(), block, sizeof block, MSG_NOSIGNAL) < 0) break;
    if (recv(pair.here.get(), block, sizeof block, MSG_WAITALL) <= 0) break;
    times.add(static_cast<std::uint64_t>(std::chrono::nanoseconds(Clock::now() - start).count()));
  }
  shutdown(pair.here.get(), SHUT_RDWR);
  echo.join();
  return times.quantile_ns(0.5) / 1e3;
}

}  // namespace

Machine measure_machine(const std::string& directory) {
  Machine machine;
  measure_disk(directory, machine);
  machine.copy_bytes_per_s = measure_copy();
  machine.loopback_bytes_per_s = measure_loopback_bytes();
  machine.round_trip_us = measure_round_trip_us();
  return machine;
}

BareSyncs bare_syncs(const std::string& directory, double bytes_per_s, double messages_per_s, double seconds) {
  constexpr std::size_t page = 4096, group_max_bytes = 8u << 20;
  const Descriptor file(open_raw(directory), "raw journal");
  const std::vector<char> block(group_max_bytes, 'x');
  BareSyncs times;
  double written = 0;
  std::uint64_t synced = 0;  // messages
  std::size_t at = 0;
  const double gap_ns = 1e9 / messages_per_s;
  const auto begin = Clock::now();
  const auto ns_now = [begin] { return static_cast<double>(std::chrono::nanoseconds(Clock::now() - begin).count()); };
  for (double start_ns = 0; start_ns < seconds * 1e9; start_ns = ns_now()) {
    const double due = bytes_per_s * start_ns / 1e9 - written;
    if (due < 1) continue;
    const std::size_t size = std::min(group_max_bytes, (static_cast<std::size_t>(due) + page - 1) / page * page);
    if (at + size > file_size_bytes) at = 0;
    if (pwrite(file.get(), block.data(), size, static_cast<off_t>(at)) < 0 || fdatasync(file.get()) != 0)
      throw Failure(std::string("raw journal: ") + std::strerror(errno));
    const double end_ns = ns_now();
    times.syncs.add(static_cast<std::uint64_t>(end_ns - start_ns));
    for (; static_cast<double>(synced) * gap_ns <= start_ns; ++synced)
      times.messages.add(static_cast<std::uint64_t>(end_ns - static_cast<double>(synced) * gap_ns));
    at += size;
    written += static_cast<double>(size);
  }
  return times;
}

std::size_t touch_memory(std::size_t size_max_bytes) {
  std::size_t available_kib = 0;
  std::ifstream info("/proc/meminfo");
  for (std::string line; std::getline(info, line);)
    if (line.starts_with("MemAvailable:")) available_kib = std::strtoull(line.c_str() + 13, nullptr, 10);
  const std::size_t size = std::min(size_max_bytes, available_kib / 4 * 1024);
  if (size == 0) return 0;
  void* memory = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return 0;
  const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  for (std::size_t at = 0; at < size; at += page) static_cast<volatile char*>(memory)[at] = 1;
  munmap(memory, size);
  return size;
}

}  // namespace tandem::bench
