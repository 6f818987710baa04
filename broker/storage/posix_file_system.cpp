// FileSystem on Linux. Knows nothing of what the files are for.
#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstdint>
#include <cstdio>
#include <mutex>
#include <optional>
#include <system_error>

#include "broker/storage/file.h"

namespace tandem::storage {
namespace {

ErrorCode code_of(int error) {
  switch (error) {
    case ENOENT:
      return ErrorCode::not_found;
    case EEXIST:
      return ErrorCode::already_exists;
    case ENOSPC:
    case EDQUOT:
      return ErrorCode::resource_alarm;
    case EACCES:
    case EPERM:
    case EROFS:
      return ErrorCode::access_refused;
    default:
      return ErrorCode::internal;
  }
}

Error system_error(const std::string& what, const std::string& path, int error = errno) {
  return {code_of(error), "cannot " + what + " " + path + ": " + std::generic_category().message(error)};
}

Error system_error_at(const std::string& what, const std::string& path, std::uint64_t position,
                      int error = errno) {
  Error result = system_error(what, path, error);
  result.text += " (at byte " + std::to_string(position) + ")";
  return result;
}

class Descriptor {
 public:
  explicit Descriptor(int value) : value_(value) {}
  ~Descriptor() {
    if (value_ >= 0) ::close(value_);
  }
  Descriptor(Descriptor&& other) noexcept : value_(std::exchange(other.value_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(value_, other.value_);
    return *this;
  }
  int get() const { return value_; }
  explicit operator bool() const { return value_ >= 0; }

 private:
  int value_;
};

/// A call that a signal interrupted has done nothing and is made again. Not for syncs: one that did not say that all is
/// well counts as failed, whatever the reason.
template <class Call>
int uninterrupted(Call call) {
  int value;
  do {
    value = call();
  } while (value < 0 && errno == EINTR);
  return value;
}

Descriptor open_descriptor(const std::string& path, int flags) {
  return Descriptor(uninterrupted([&] { return ::open(path.c_str(), flags | O_CLOEXEC, 0600); }));
}

/// The parts as iovecs, at most `pieces.size()` of them, without the first `skip` bytes.
std::size_t fill_pieces(std::span<const Bytes> parts, std::size_t skip, std::span<iovec> pieces) {
  std::size_t count = 0;
  for (const Bytes part : parts) {
    const std::size_t skipped = std::min(skip, part.size());
    skip -= skipped;
    if (skipped == part.size()) continue;
    if (count == pieces.size()) break;
    pieces[count++] = {const_cast<std::byte*>(part.data()) + skipped, part.size() - skipped};
  }
  return count;
}

class PosixFile : public File {
 public:
  PosixFile(Descriptor descriptor, std::string path)
      : descriptor_(std::move(descriptor)), path_(std::move(path)) {}

  Result<> write(std::uint64_t position, std::span<const Bytes> parts) override {
    return write_by(descriptor_.get(), position, parts);
  }

  Result<> write_direct(std::uint64_t position, std::span<const Bytes> parts) override {
    bool aligned = is_aligned(position);
    for (const Bytes part : parts) aligned = aligned && is_aligned(part);
    return write_by(aligned ? direct() : descriptor_.get(), position, parts);
  }

  Result<> read(std::uint64_t position, std::span<std::byte> into) override {
    auto count = read_some(position, into);
    if (!count) return count.error();
    if (*count == into.size()) return Done{};
    return Error{ErrorCode::out_of_range, path_ + " ends at byte " + std::to_string(position + *count) +
                                              ", inside of what should be read"};
  }

  Result<std::size_t> read_some(std::uint64_t position, std::span<std::byte> into) override {
    return read_by(descriptor_.get(), position, into);
  }

  Result<std::size_t> read_direct(std::uint64_t position, std::span<std::byte> into) override {
    return read_by(is_aligned(position) && is_aligned(into) ? direct() : descriptor_.get(), position, into);
  }

  Result<bool> try_read_cached(std::uint64_t position, std::span<std::byte> into) override {
    // What the kernel read ahead is in memory and what is behind it is not: looking at the end first saves a copy that
    // would be made in vain.
    const std::size_t last = into.size() - 1;
    if (into.size() > probed_from_bytes && !read_cached(position + last, into.subspan(last))) return false;
    return read_cached(position, into);
  }

  void expect_reads(std::uint64_t position, std::uint64_t size) override {
    (void)::posix_fadvise(descriptor_.get(), static_cast<off_t>(position), static_cast<off_t>(size), POSIX_FADV_WILLNEED);
  }
  void forget_reads(std::uint64_t position, std::uint64_t size) override {
    (void)::posix_fadvise(descriptor_.get(), static_cast<off_t>(position), static_cast<off_t>(size), POSIX_FADV_DONTNEED);
  }
  void read_no_further() override { (void)::posix_fadvise(descriptor_.get(), 0, 0, POSIX_FADV_RANDOM); }

  Result<> sync() override {
    if (::fdatasync(descriptor_.get()) != 0) return system_error("sync", path_);
    return Done{};
  }

  Result<std::uint64_t> size() override {
    struct stat facts;
    if (::fstat(descriptor_.get(), &facts) != 0) return system_error("look at", path_);
    return static_cast<std::uint64_t>(facts.st_size);
  }

  void reserve(std::uint64_t size) override {
    (void)uninterrupted(
        [&] { return ::fallocate(descriptor_.get(), FALLOC_FL_KEEP_SIZE, 0, static_cast<off_t>(size)); });
  }
  Result<> truncate(std::uint64_t size) override {
    if (uninterrupted([&] { return ::ftruncate(descriptor_.get(), static_cast<off_t>(size)); }) != 0)
      return system_error_at("truncate", path_, size);
    return Done{};
  }

  Result<> punch_hole(std::uint64_t position, std::uint64_t size) override {
    if (uninterrupted([&] {
          return ::fallocate(descriptor_.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                             static_cast<off_t>(position), static_cast<off_t>(size));
        }) != 0)
      return system_error_at("free space in", path_, position);
    return Done{};
  }

  const std::string& path() const override { return path_; }

 private:
  static constexpr std::size_t probed_from_bytes = 64u << 10;

  /// Whatever stands in the way (not in memory, not supported here, end of file): read() finds out and says it.
  bool read_cached(std::uint64_t position, std::span<std::byte> into) {
    iovec piece{into.data(), into.size()};
    const auto count = ::preadv2(descriptor_.get(), &piece, 1, static_cast<off_t>(position), RWF_NOWAIT);
    return count >= 0 && static_cast<std::size_t>(count) == into.size();
  }
  static bool is_aligned(std::uint64_t number) { return number % direct_block_bytes == 0; }
  static bool is_aligned(Bytes bytes) {
    return is_aligned(reinterpret_cast<std::uintptr_t>(bytes.data())) && is_aligned(bytes.size());
  }

  /// The descriptor for direct access; the usual one where the file system has none. Opened when it is first asked
  /// for, by the file's descriptor and not by its path: segments are renamed.
  int direct() {
    const std::lock_guard lock(direct_mutex_);
    if (!direct_) {
      direct_ = open_descriptor("/proc/self/fd/" + std::to_string(descriptor_.get()), O_RDWR | O_DIRECT);
      if (!*direct_) direct_ = open_descriptor("/proc/self/fd/" + std::to_string(descriptor_.get()), O_RDONLY | O_DIRECT);
    }
    return *direct_ ? direct_->get() : descriptor_.get();
  }

  Result<> write_by(int descriptor, std::uint64_t position, std::span<const Bytes> parts) {
    std::size_t total = 0;
    for (const Bytes part : parts) total += part.size();
    std::array<iovec, 256> pieces;
    for (std::size_t done = 0; done < total;) {
      const std::size_t count = fill_pieces(parts, done, pieces);
      const auto written =
          ::pwritev(descriptor, pieces.data(), static_cast<int>(count), static_cast<off_t>(position + done));
      if (written < 0 && errno == EINTR) continue;
      if (written < 0 && errno == EINVAL && descriptor != descriptor_.get()) {
        descriptor = descriptor_.get();  // a file system that opens for direct access but does not know it
        continue;
      }
      if (written <= 0) return system_error_at("write", path_, position + done, written < 0 ? errno : EIO);
      done += static_cast<std::size_t>(written);
      if (!is_aligned(std::uint64_t{done})) descriptor = descriptor_.get();
    }
    return Done{};
  }

  Result<std::size_t> read_by(int descriptor, std::uint64_t position, std::span<std::byte> into) {
    std::size_t done = 0;
    while (done < into.size()) {
      const auto count =
          ::pread(descriptor, into.data() + done, into.size() - done, static_cast<off_t>(position + done));
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return system_error_at("read", path_, position + done);
      if (count == 0) break;
      done += static_cast<std::size_t>(count);
      // The last block of a file may be a part of one, behind which a direct read could not go on.
      if (descriptor != descriptor_.get() && !is_aligned(std::uint64_t{done})) break;
    }
    return done;
  }

  Descriptor descriptor_;
  const std::string path_;
  std::mutex direct_mutex_;
  std::optional<Descriptor> direct_;
};

class PosixLock : public DirectoryLock {
 public:
  explicit PosixLock(Descriptor descriptor) : descriptor_(std::move(descriptor)) {}

 private:
  Descriptor descriptor_;  // flock ends with it, also when the process is killed
};

class PosixFileSystem : public FileSystem {
 public:
  Result<std::unique_ptr<File>> open(const std::string& path, Access access) override {
    return opened(open_descriptor(path, access == Access::read_only ? O_RDONLY : O_RDWR), "open", path);
  }

  Result<std::unique_ptr<File>> create(const std::string& path) override {
    return opened(open_descriptor(path, O_RDWR | O_CREAT | O_EXCL), "create", path);
  }

  Result<> rename(const std::string& from, const std::string& to) override {
    if (::rename(from.c_str(), to.c_str()) != 0) return system_error("rename to " + to + " the file", from);
    return Done{};
  }

  Result<> remove(const std::string& path) override {
    if (std::remove(path.c_str()) != 0) return system_error("remove", path);
    return Done{};
  }

  Result<bool> exists(const std::string& path) override {
    struct stat facts;
    if (::stat(path.c_str(), &facts) == 0) return true;
    if (errno == ENOENT || errno == ENOTDIR) return false;
    return system_error("look at", path);
  }

  Result<std::vector<std::string>> list(const std::string& directory) override {
    DIR* stream = ::opendir(directory.c_str());
    if (stream == nullptr) return system_error("list", directory);
    std::vector<std::string> names;
    errno = 0;
    while (const dirent* entry = ::readdir(stream)) {
      const std::string name = entry->d_name;
      if (name != "." && name != "..") names.push_back(name);
    }
    const int error = errno;
    ::closedir(stream);
    if (error != 0) return system_error("list", directory, error);
    std::sort(names.begin(), names.end());
    return names;
  }

  Result<> make_directory(const std::string& path) override {
    for (std::size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
      const std::string part = path.substr(0, end);
      const bool is_last = end == std::string::npos;  // messages and password hashes are nobody else's to read
      if (::mkdir(part.c_str(), is_last ? 0700 : 0755) != 0 && errno != EEXIST) return system_error("make directory", part);
      if (is_last) break;
    }
    struct stat facts;
    if (::stat(path.c_str(), &facts) != 0) return system_error("look at", path);
    if (!S_ISDIR(facts.st_mode)) return system_error("make directory", path, ENOTDIR);
    return Done{};
  }

  Result<> sync_directory(const std::string& path) override {
    const Descriptor directory = open_descriptor(path, O_RDONLY | O_DIRECTORY);
    if (!directory) return system_error("open directory", path);
    if (::fsync(directory.get()) != 0) return system_error("sync directory", path);
    return Done{};
  }

  Result<std::uint64_t> free_bytes(const std::string& path) override {
    struct statvfs facts;
    if (::statvfs(path.c_str(), &facts) != 0) return system_error("ask for free space of", path);
    return std::uint64_t{facts.f_bavail} * facts.f_frsize;
  }

  Result<std::unique_ptr<DirectoryLock>> lock_directory(const std::string& directory) override {
    const std::string path = directory + "/LOCK";
    Descriptor file = open_descriptor(path, O_RDWR | O_CREAT);
    if (!file) return system_error("open", path);
    if (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
      if (errno != EWOULDBLOCK) return system_error("lock", path);
      return Error{ErrorCode::locked, directory + " is in use by process " + holder(file.get())};
    }
    const std::string pid = std::to_string(::getpid()) + "\n";
    if (::ftruncate(file.get(), 0) != 0) return system_error("write", path);
    if (::pwrite(file.get(), pid.data(), pid.size(), 0) < 0) return system_error("write", path);
    return std::unique_ptr<DirectoryLock>(std::make_unique<PosixLock>(std::move(file)));
  }

 private:
  static Result<std::unique_ptr<File>> opened(Descriptor descriptor, const char* what,
                                              const std::string& path) {
    if (!descriptor) return system_error(what, path);
    return std::unique_ptr<File>(std::make_unique<PosixFile>(std::move(descriptor), path));
  }

  static std::string holder(int file) {
    std::array<char, 32> text;
    const auto size = ::pread(file, text.data(), text.size(), 0);
    std::string pid(text.data(), size > 0 ? static_cast<std::size_t>(size) : 0);
    while (!pid.empty() && pid.back() == '\n') pid.pop_back();
    return pid.empty() ? "(unknown)" : pid;
  }
};

}  // namespace

std::unique_ptr<FileSystem> make_posix_file_system() {
  return std::make_unique<PosixFileSystem>();
}

}  // namespace tandem::storage
