// CHECK states what must hold: always on, for programmer mistakes only. Bytes from a peer or a disk are judged with a
// Result, never asserted.
#pragma once

namespace tandem {
[[noreturn]] void check_failed(const char* condition, const char* file, int line);
}

#define CHECK(condition) \
  ((condition) ? static_cast<void>(0) : ::tandem::check_failed(#condition, __FILE__, __LINE__))
