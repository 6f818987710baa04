#include "broker/base/check.h"

#include <cstdio>
#include <cstdlib>

namespace tandem {

void check_failed(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "tandem: internal error: CHECK(%s) failed at %s:%d\n", condition, file, line);
  std::abort();
}

}  // namespace tandem
