#include "client/cli/exit_status.h"

namespace tandem::cli {

ExitStatus exit_status_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::none:
      return exit_ok;
    case ErrorCode::not_found:
      return exit_not_found;
    case ErrorCode::unavailable:
      return exit_cannot_connect;
    case ErrorCode::internal:
    case ErrorCode::timed_out:
    case ErrorCode::corrupt:
      return exit_failed;
    default:
      return exit_refused;
  }
}

Failure failure_of(const Error& error) {
  return {exit_status_of(error.code), error.text.empty() ? std::string(name(error.code)) : error.text};
}

void fail(const Error& error) {
  throw failure_of(error);
}

void fail_usage(const std::string& text) {
  throw Failure{exit_usage, text};
}

}  // namespace tandem::cli
