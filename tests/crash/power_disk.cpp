#include "tests/crash/power_disk.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <filesystem>

#include "tests/support/run_program.h"

namespace tandem::crash {
namespace {

// EXT4_IOC_SHUTDOWN (the kernel's fs/ext4/ext4.h; other file systems have it as FS_IOC_SHUTDOWN).
constexpr unsigned long shutdown_request = _IOR('X', 125, std::uint32_t);
constexpr std::uint32_t shutdown_without_log_flush = 2;

Result<> run(const std::vector<std::string>& command) {
  // The shell finds them, also where the tools of administrators are not in the path.
  std::vector<std::string> words{"/bin/sh", "-c", "PATH=$PATH:/usr/sbin:/sbin exec \"$@\"", "sh"};
  words.insert(words.end(), command.begin(), command.end());
  const auto finished = support::run_program(words);
  if (finished.status == 0) return Done{};
  return Error{ErrorCode::not_supported, command.front() + " failed: " + finished.error + finished.out};
}

}  // namespace

Result<PowerDisk> PowerDisk::make(const std::string& directory, unsigned size_mib) {
  if (::geteuid() != 0) return Error{ErrorCode::not_supported, "not root"};
  PowerDisk disk(directory);
  std::error_code failed;
  std::filesystem::create_directories(disk.mount_point(), failed);
  const std::string image = directory + "/image";
  const int file = ::open(image.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600);
  if (file < 0 || ::ftruncate(file, static_cast<off_t>(size_mib) << 20) != 0)
    return Error{ErrorCode::not_supported, "cannot make " + image};
  ::close(file);
  if (auto made = run({"mkfs.ext4", "-q", image}); !made) return made.error();
  if (auto mounted = run({"mount", "-o", "loop", image, disk.mount_point()}); !mounted) return mounted.error();
  return disk;
}

PowerDisk::~PowerDisk() {
  if (directory_.empty()) return;
  (void)run({"umount", mount_point()});
  std::error_code ignored;
  std::filesystem::remove(directory_ + "/image", ignored);
}

Result<> PowerDisk::cut() {
  const int directory = ::open(mount_point().c_str(), O_RDONLY | O_CLOEXEC);
  std::uint32_t how = shutdown_without_log_flush;
  const bool cut = directory >= 0 && ::ioctl(directory, shutdown_request, &how) == 0;
  const std::string why = std::strerror(errno);
  if (directory >= 0) ::close(directory);
  if (cut) return Done{};
  return Error{ErrorCode::not_supported, "cannot shut down " + mount_point() + ": " + why};
}

Result<> PowerDisk::restore() {
  if (auto unmounted = run({"umount", mount_point()}); !unmounted) return unmounted;
  return run({"mount", "-o", "loop", directory_ + "/image", mount_point()});
}

}  // namespace tandem::crash
