#include "client/cli/parse.h"

#include <array>
#include <charconv>
#include <chrono>
#include <cstdio>

namespace tandem::cli {
namespace {

template <class T>
std::optional<T> number(std::string_view text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return value;
}

/// Splits "12ms" into 12 and "ms".
std::optional<std::pair<std::uint64_t, std::string_view>> number_and_unit(std::string_view text) {
  const auto digits = std::min(text.find_first_not_of("0123456789"), text.size());
  const auto value = number<std::uint64_t>(text.substr(0, digits));
  if (!value) return std::nullopt;
  return std::pair(*value, text.substr(digits));
}

/// `value * factor`, unless it is more than `max`.
std::optional<std::uint64_t> scaled(std::uint64_t value, std::uint64_t factor, std::uint64_t max) {
  if (value > max / factor) return std::nullopt;
  return value * factor;
}

/// Takes `digits` digits from the front.
std::optional<int> take_digits(std::string_view& text, std::size_t digits) {
  if (text.size() < digits) return std::nullopt;
  const auto value = number<int>(text.substr(0, digits));
  if (!value || *value < 0) return std::nullopt;
  text.remove_prefix(digits);
  return value;
}

bool take(std::string_view& text, char c) {
  if (!text.starts_with(c)) return false;
  text.remove_prefix(1);
  return true;
}

/// What follows the day: "T10:00[:30[.5]]". Milliseconds of the day.
std::optional<std::int64_t> take_clock(std::string_view& text) {
  const auto hour = take_digits(text, 2);
  if (!hour || *hour > 23 || !take(text, ':')) return std::nullopt;
  const auto minute = take_digits(text, 2);
  if (!minute || *minute > 59) return std::nullopt;
  std::int64_t ms = (*hour * 60 + *minute) * 60'000;
  if (!take(text, ':')) return ms;
  const auto second = take_digits(text, 2);
  if (!second || *second > 59) return std::nullopt;
  ms += *second * 1'000;
  if (!take(text, '.')) return ms;
  std::int64_t unit = 100;
  if (text.empty() || text.front() < '0' || text.front() > '9') return std::nullopt;
  for (; !text.empty() && text.front() >= '0' && text.front() <= '9'; text.remove_prefix(1), unit /= 10)
    ms += (text.front() - '0') * unit;
  return ms;
}

/// "Z", "+02:00" or nothing: milliseconds east of UTC.
std::optional<std::int64_t> take_zone(std::string_view& text) {
  if (text.empty() || take(text, 'Z')) return 0;
  const bool west = text.front() == '-';
  if (!take(text, '+') && !take(text, '-')) return std::nullopt;
  const auto hours = take_digits(text, 2);
  take(text, ':');
  const auto minutes = take_digits(text, 2);
  if (!hours || !minutes || *hours > 23 || *minutes > 59) return std::nullopt;
  return (west ? -1 : 1) * (*hours * 60 + *minutes) * 60'000LL;
}

/// One that is left out is open.
std::optional<Point> parse_end(std::string_view text) {
  return text.empty() ? Point{} : parse_point(text);
}

/// The ':' between the points of a range; one inside a time is none.
std::size_t separator(std::string_view text) {
  if (!text.starts_with('@')) return text.find(':');
  const auto second = text.find(":@");
  if (second != std::string_view::npos) return second;
  return text.ends_with(':') ? text.size() - 1 : std::string_view::npos;
}

}  // namespace

std::optional<std::int64_t> parse_duration_ms(std::string_view text) {
  const auto parts = number_and_unit(text);
  if (!parts) return std::nullopt;
  constexpr std::array<std::pair<std::string_view, std::uint64_t>, 6> units = {
      {{"", 1}, {"ms", 1}, {"s", 1'000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}}};
  for (const auto& [unit, factor] : units)
    if (parts->second == unit) {
      const auto ms = scaled(parts->first, factor, INT64_MAX);
      return ms ? std::optional(static_cast<std::int64_t>(*ms)) : std::nullopt;
    }
  return std::nullopt;
}

std::optional<std::uint64_t> parse_size_bytes(std::string_view text) {
  const auto parts = number_and_unit(text);
  if (!parts) return std::nullopt;
  constexpr std::array<std::pair<std::string_view, std::uint64_t>, 12> units = {{{"", 1},
                                                                                 {"B", 1},
                                                                                 {"k", 1'000},
                                                                                 {"kB", 1'000},
                                                                                 {"KB", 1'000},
                                                                                 {"KiB", 1ull << 10},
                                                                                 {"M", 1'000'000},
                                                                                 {"MB", 1'000'000},
                                                                                 {"MiB", 1ull << 20},
                                                                                 {"G", 1'000'000'000},
                                                                                 {"GB", 1'000'000'000},
                                                                                 {"GiB", 1ull << 30}}};
  for (const auto& [unit, factor] : units)
    if (parts->second == unit) return scaled(parts->first, factor, UINT64_MAX);
  return std::nullopt;
}

std::optional<std::int64_t> parse_time_ms(std::string_view text) {
  if (const auto ms = number<std::int64_t>(text); ms && *ms >= 0) return ms;
  const auto year = take_digits(text, 4);
  if (!year || !take(text, '-')) return std::nullopt;
  const auto month = take_digits(text, 2);
  if (!month || !take(text, '-')) return std::nullopt;
  const auto day = take_digits(text, 2);
  if (!day) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(*year),
                                         std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (!date.ok()) return std::nullopt;
  std::int64_t ms = std::chrono::sys_days(date).time_since_epoch().count() * 86'400'000LL;
  if (take(text, 'T') || take(text, ' ')) {
    const auto clock = take_clock(text);
    const auto zone = clock ? take_zone(text) : std::nullopt;
    if (!zone) return std::nullopt;
    ms += *clock - *zone;
  }
  return text.empty() ? std::optional(ms) : std::nullopt;
}

std::string format_time(std::int64_t ms) {
  using namespace std::chrono;
  const sys_time<milliseconds> time{milliseconds(ms)};
  const auto day = floor<days>(time);
  const year_month_day date(day);
  const hh_mm_ss clock(time - day);
  char text[40];
  std::snprintf(text, sizeof text, "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
                static_cast<int>(clock.seconds().count()), static_cast<int>(clock.subseconds().count()));
  return text;
}

std::string format_size(std::uint64_t bytes) {
  constexpr std::array units = {"B", "KiB", "MiB", "GiB", "TiB"};
  double value = static_cast<double>(bytes);
  std::size_t unit = 0;
  for (; value >= 1024 && unit + 1 < units.size(); ++unit) value /= 1024;
  char text[32];
  std::snprintf(text, sizeof text, unit == 0 ? "%.0f %s" : "%.1f %s", value, units[unit]);
  return text;
}

std::optional<Point> parse_point(std::string_view text) {
  if (text == "earliest") return Point{Point::Kind::offset, 0};
  if (text == "latest") return Point{Point::Kind::from_end, 0};
  if (take(text, '@')) {
    const auto time = parse_time_ms(text);
    return time ? std::optional(Point{Point::Kind::time, *time}) : std::nullopt;
  }
  const bool back = take(text, '-') || take(text, '~');  // '~': see main.cpp
  const auto value = number<std::int64_t>(text);
  if (!value || *value < 0) return std::nullopt;
  return Point{back ? Point::Kind::from_end : Point::Kind::offset, *value};
}

std::optional<Range> parse_range(std::string_view text) {
  if (text.empty()) return std::nullopt;
  const auto at = separator(text);
  const auto first = parse_end(text.substr(0, at));
  if (!first) return std::nullopt;
  if (at != std::string_view::npos) {
    const auto last = parse_end(text.substr(at + 1));
    return last ? std::optional(Range{*first, *last}) : std::nullopt;
  }
  // A number alone is one record; everything else goes on to the end.
  const bool single = first->kind == Point::Kind::offset && text != "earliest";
  return Range{*first, single ? Point{Point::Kind::offset, first->value + 1} : Point{}};
}

std::optional<std::pair<std::string, std::string>> parse_assignment(std::string_view text) {
  const auto at = text.find('=');
  if (at == std::string_view::npos || at == 0) return std::nullopt;
  return std::pair(std::string(text.substr(0, at)), std::string(text.substr(at + 1)));
}

std::optional<Address> parse_address(std::string_view text) {
  constexpr std::uint16_t default_port = 7171;
  std::string_view host = text, port;
  if (text.starts_with('[')) {
    const auto end = text.find(']');
    if (end == std::string_view::npos) return std::nullopt;
    host = text.substr(1, end - 1);
    if (end + 1 < text.size() && text[end + 1] != ':') return std::nullopt;
    if (end + 1 < text.size()) port = text.substr(end + 2);
    if (end + 1 == text.size() - 1) return std::nullopt;
  } else if (const auto colon = text.rfind(':'); colon != std::string_view::npos && text.find(':') == colon) {
    host = text.substr(0, colon);
    port = text.substr(colon + 1);
    if (port.empty()) return std::nullopt;
  }
  const auto value = port.empty() ? std::optional(default_port) : number<std::uint16_t>(port);
  if (host.empty() || !value || *value == 0) return std::nullopt;
  return Address{std::string(host), *value};
}

}  // namespace tandem::cli
