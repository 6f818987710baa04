// Words of people: the program's ranges, durations, sizes, times and addresses, and the broker's options from a file. They
// are taken, or refused with a reason; what was taken can be said again.
#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <iostream>
#include <string>

#include "broker/server/options.h"
#include "client/cli/parse.h"

namespace {

using namespace tandem;

void must(bool holds) {
  if (!holds) std::abort();
}

void try_words(const std::string& text) {
  (void)cli::parse_duration_ms(text);
  (void)cli::parse_assignment(text);
  (void)cli::parse_range(text);
  if (const auto address = cli::parse_address(text)) must(!address->host.empty());
  if (const auto address = server::parse_host_and_port(text)) must(!address->host.empty() && address->port > 0);
  if (const auto size = cli::parse_size_bytes(text)) must(!cli::format_size(*size).empty());
  // Years of four digits are written as they are read.
  constexpr std::int64_t year_1 = -62'135'596'800'000, year_10000 = 253'402'300'800'000;
  const auto time = cli::parse_time_ms(text);
  if (time && *time >= year_1 && *time < year_10000) must(cli::parse_time_ms(cli::format_time(*time)) == time);
}

void try_file(const std::string& text) {
  const int file = ::memfd_create("fuzz", MFD_CLOEXEC);
  must(file >= 0 && ::write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size()));
  const std::string path = "/proc/self/fd/" + std::to_string(file);
  const char* const words[] = {"tandemd", "--config", path.c_str()};
  const auto parsed = server::parse_options(3, words);
  must(parsed.options.has_value() || parsed.exit_status >= 0);
  ::close(file);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  // What is refused is said; that is for people.
  static const bool quiet = [] {
    std::cout.setstate(std::ios::failbit);
    std::cerr.setstate(std::ios::failbit);
    return true;
  }();
  must(quiet);
  const std::string text(reinterpret_cast<const char*>(data + 1), size - 1);
  if (data[0] & 1)
    try_file(text);
  else
    try_words(text);
  return 0;
}
