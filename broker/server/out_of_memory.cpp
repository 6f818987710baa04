#include "broker/server/out_of_memory.h"

#include <unistd.h>

#include <cstdlib>
#include <exception>
#include <new>
#include <string_view>
#include <system_error>

namespace tandem::server {
namespace {

/// Without memory for what comes next there is nothing to decide any more: no answer, no clean-up that would not ask for
/// memory again. What was confirmed is in the journal, and a restart has it; so this is a stop like any other crash, but
/// with its reason.
[[noreturn]] void stop(std::string_view reason) {
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, reason.data(), reason.size());
  std::_Exit(1);
}

[[noreturn]] void out_of_memory() {
  stop("error out of memory: the broker stops; a restart has all that was confirmed\n");
}

std::terminate_handler usual_end = nullptr;

/// Asio asks for memory past operator new, and throws what nobody catches; so does a thread that gets no stack.
[[noreturn]] void end() {
  try {
    if (const auto thrown = std::current_exception()) std::rethrow_exception(thrown);
  } catch (const std::bad_alloc&) {
    out_of_memory();
  } catch (const std::system_error& error) {
    const bool no_thread = error.code() == std::errc::resource_unavailable_try_again;
    if (no_thread) stop("error out of memory or of threads: one cannot be started, the broker stops; a restart has all that was confirmed\n");
  } catch (...) {
  }
  if (usual_end) usual_end();
  std::abort();
}

}  // namespace

void stop_when_out_of_memory() {
  std::set_new_handler(out_of_memory);
  usual_end = std::set_terminate(end);
}

}  // namespace tandem::server
