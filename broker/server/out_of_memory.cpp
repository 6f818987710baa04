#include "broker/server/out_of_memory.h"

#include <unistd.h>

#include <cstdlib>
#include <exception>
#include <new>
#include <string_view>

namespace tandem::server {
namespace {

/// Without memory for what comes next there is nothing to decide any more: no answer, no clean-up that would not ask for
/// memory again. What was confirmed is in the journal, and a restart has it; so this is a stop like any other crash, but
/// with its reason.
[[noreturn]] void out_of_memory() {
  constexpr std::string_view text = "error out of memory: the broker stops; a restart has all that was confirmed\n";
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, text.data(), text.size());
  std::_Exit(1);
}

std::terminate_handler usual_end = nullptr;

/// Asio asks for memory past operator new, and throws what nobody catches.
[[noreturn]] void end() {
  try {
    if (const auto thrown = std::current_exception()) std::rethrow_exception(thrown);
  } catch (const std::bad_alloc&) {
    out_of_memory();
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
