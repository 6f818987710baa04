#include "bench/page_cache.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <vector>

#include "bench/measure.h"

namespace tandem::bench {
namespace {

/// Calls `on(descriptor, size)` for every file below.
template <class On>
void each_file(const std::string& directory, On on) {
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory)) {
    if (!entry.is_regular_file() || entry.file_size() == 0) continue;
    const int file = open(entry.path().c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0) throw Failure("cannot read " + entry.path().string());
    on(file, static_cast<std::size_t>(entry.file_size()));
    close(file);
  }
}

double resident_share(const std::string& directory) {
  const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  double pages = 0, resident = 0;
  each_file(directory, [&](int file, std::size_t size) {
    void* map = mmap(nullptr, size, PROT_READ, MAP_SHARED, file, 0);
    if (map == MAP_FAILED) throw Failure("cannot map a file");
    std::vector<unsigned char> states((size + page - 1) / page);
    if (mincore(map, size, states.data()) == 0)
      for (const auto state : states) resident += state & 1;
    pages += static_cast<double>(states.size());
    munmap(map, size);
  });
  return pages > 0 ? resident / pages : 0;
}

}  // namespace

Eviction evict(const std::string& directory) {
  constexpr double small_share = 0.01;
  each_file(directory, [](int file, std::size_t) {
    fdatasync(file);  // only clean pages can go
    posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
  });
  Eviction eviction{"posix_fadvise", resident_share(directory)};
  if (eviction.resident_share > small_share && geteuid() == 0) {
    std::ofstream("/proc/sys/vm/drop_caches") << "1\n";
    eviction = {"posix_fadvise and drop_caches", resident_share(directory)};
  }
  return eviction;
}

double read_all(const std::string& directory) {
  std::vector<char> block(1u << 20);
  double bytes = 0;
  const auto begin = Clock::now();
  each_file(directory, [&](int file, std::size_t) {
    for (ssize_t size; (size = read(file, block.data(), block.size())) > 0;) bytes += static_cast<double>(size);
  });
  return bytes / seconds_since(begin);
}

}  // namespace tandem::bench
