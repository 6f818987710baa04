// Loaded before the C library (LD_PRELOAD): of a process's requests for memory, malloc's kin and anonymous mappings alike, the
// N-th gets none, and it alone. TANDEM_ALLOCATION_FAILS: N, counted from 1. TANDEM_ALLOCATION_FAILED: a file that is made when
// it has happened. With N = 0 none fails, and at the end of the process that file is given their number.
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>

// The C library's own, under names that glibc keeps for interposers such as this one.
extern "C" {
void* __libc_malloc(size_t);
void* __libc_calloc(size_t, size_t);
void* __libc_realloc(void*, size_t);
void* __libc_memalign(size_t, size_t);
}

namespace {

std::atomic<unsigned long> asked{0};

unsigned long number_from_environment() {
  const char* text = getenv("TANDEM_ALLOCATION_FAILS");
  return text ? strtoul(text, nullptr, 10) : 0;
}

void tell(unsigned long count) {
  const char* path = getenv("TANDEM_ALLOCATION_FAILED");
  if (!path) return;
  char text[24];
  const int size = snprintf(text, sizeof text, "%lu\n", count);
  const int file = open(path, O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0600);
  [[maybe_unused]] const auto written = write(file, text, static_cast<size_t>(size));
  close(file);
}

/// Whether this is the one that gets nothing.
bool fails() {
  static const unsigned long chosen = number_from_environment();
  if (++asked != chosen || chosen == 0) return false;
  tell(chosen);
  errno = ENOMEM;
  return true;
}

struct TellsAtTheEnd {
  ~TellsAtTheEnd() {
    if (number_from_environment() == 0) tell(asked);
  }
} tells_at_the_end;

}  // namespace

extern "C" {

void* malloc(size_t size) noexcept {
  return fails() ? nullptr : __libc_malloc(size);
}
void* calloc(size_t count, size_t size) noexcept {
  return fails() ? nullptr : __libc_calloc(count, size);
}
void* realloc(void* block, size_t size) noexcept {
  return fails() ? nullptr : __libc_realloc(block, size);
}
void* memalign(size_t alignment, size_t size) noexcept {
  return fails() ? nullptr : __libc_memalign(alignment, size);
}
void* aligned_alloc(size_t alignment, size_t size) noexcept {
  return memalign(alignment, size);
}
int posix_memalign(void** block, size_t alignment, size_t size) noexcept {
  const int errno_before = errno;
  *block = memalign(alignment, size);
  errno = errno_before;
  return *block ? 0 : ENOMEM;
}

void* mmap(void* address, size_t size, int protection, int flags, int file, off_t offset) noexcept {
  using Function = void* (*)(void*, size_t, int, int, int, off_t);
  static const auto real = reinterpret_cast<Function>(dlsym(RTLD_NEXT, "mmap"));
  if ((flags & MAP_ANONYMOUS) != 0 && fails()) return MAP_FAILED;
  return real(address, size, protection, flags, file, offset);
}

}  // extern "C"
