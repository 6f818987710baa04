// Words that people type: durations, sizes, times, ranges of offsets. Pure functions; nullopt = not one of
// these.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace tandem::cli {

/// "250ms", "30s", "5m", "1h", "7d", or a plain number of milliseconds. Milliseconds.
std::optional<std::int64_t> parse_duration_ms(std::string_view text);
/// "64", "10k", "10KiB", "5MB", "1GiB". k, M, G are 1,024-based with "i" and 1,000-based without. Bytes.
std::optional<std::uint64_t> parse_size_bytes(std::string_view text);
/// "2026-11-21T10:00Z", with seconds, milliseconds or an offset ("+02:00"); a date alone is its midnight,
/// UTC; a number is milliseconds since 1970. Milliseconds since 1970.
std::optional<std::int64_t> parse_time_ms(std::string_view text);
/// "2026-11-21T10:00:00.000Z"
std::string format_time(std::int64_t ms);
/// "1.5 GiB"
std::string format_size(std::uint64_t bytes);

/// Where a range begins or ends.
struct Point {
  enum class Kind { offset, from_end, time, open } kind = Kind::open;
  std::int64_t value = 0;  // offset; offsets before the end; milliseconds since 1970
  friend bool operator==(const Point&, const Point&) = default;
};
/// Offsets first (included) to last (excluded).
struct Range {
  Point first, last;
  friend bool operator==(const Range&, const Range&) = default;
};
/// One end of a range: "10", "-5", "@TIME", "earliest", "latest".
std::optional<Point> parse_point(std::string_view text);
/// "10:20", "10:", ":20", "-5" (the last five offsets), "10" (that one), "@TIME", "@T1:@T2", "earliest", "latest".
std::optional<Range> parse_range(std::string_view text);

/// "key=value"
std::optional<std::pair<std::string, std::string>> parse_assignment(std::string_view text);

struct Address {
  std::string host;
  std::uint16_t port = 0;
  friend bool operator==(const Address&, const Address&) = default;
};
/// "host:port", "[::1]:port", "host" and "::1" (port 7171).
std::optional<Address> parse_address(std::string_view text);

}  // namespace tandem::cli
