// What the program's exit status says; scripts rely on it (docs/cli.md).
#pragma once

#include "schemas/result.h"

namespace tandem::cli {

enum ExitStatus : int {
  exit_ok = 0,
  exit_failed = 1,
  exit_usage = 2,
  exit_partly_done = 3,
  exit_not_found = 4,
  exit_refused = 5,
  exit_cannot_connect = 6,
};

ExitStatus exit_status_of(ErrorCode code);

/// Ends the verb: caught in main(), which prints "tandem: <text>" to stderr and exits with `status`.
struct Failure {
  ExitStatus status = exit_failed;
  std::string text;
};

Failure failure_of(const Error& error);
[[noreturn]] void fail(const Error& error);
[[noreturn]] void fail_usage(const std::string& text);

/// The value, or the end of the verb.
template <class T>
T need(Result<T> result) {
  if (!result) fail(result.error());
  return std::move(result).value();
}

}  // namespace tandem::cli
