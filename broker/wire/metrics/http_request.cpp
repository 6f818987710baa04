#include "broker/wire/metrics/http_request.h"

#include <algorithm>
#include <optional>

namespace tandem::wire::metrics {
namespace {

constexpr std::string_view head_end = "\r\n\r\n";
constexpr std::string_view line_end = "\r\n";

std::string_view take_until(std::string_view& text, std::string_view end) {
  const std::size_t at = text.find(end);
  const std::string_view taken = text.substr(0, at);
  text.remove_prefix(at == std::string_view::npos ? text.size() : at + end.size());
  return taken;
}

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}
bool same_word(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) == lower(y); });
}
std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}
/// Of a comma separated list.
bool has_word(std::string_view list, std::string_view word) {
  while (!list.empty())
    if (same_word(trimmed(take_until(list, ",")), word)) return true;
  return false;
}

/// nullopt: malformed.
std::optional<HttpRequest> read_request_line(std::string_view line) {
  HttpRequest request;
  request.method = take_until(line, " ");
  std::string_view target = take_until(line, " ");
  request.path = take_until(target, "?");
  request.keeps_alive = line == "HTTP/1.1";
  if (request.method.empty() || !request.path.starts_with('/') || !line.starts_with("HTTP/1.")) return std::nullopt;
  return request;
}

}  // namespace

HttpHead read_http_head(Bytes input) {
  const std::string_view seen = text_of(input.first(std::min(input.size(), http_head_max_bytes)));
  const std::size_t end = seen.find(head_end);
  HttpHead head;
  if (end == std::string_view::npos) {
    if (seen.size() == http_head_max_bytes) head.status = 431;
    return head;
  }
  head.size_bytes = end + head_end.size();
  std::string_view rest = seen.substr(0, end);
  const auto request = read_request_line(take_until(rest, line_end));
  if (!request) {
    head.status = 400;
    return head;
  }
  head.request = *request;
  while (!rest.empty()) {
    std::string_view value = take_until(rest, line_end);
    const std::string_view name = take_until(value, ":");
    value = trimmed(value);
    if (same_word(name, "connection") && has_word(value, "close")) head.request.keeps_alive = false;
    if (same_word(name, "transfer-encoding") || (same_word(name, "content-length") && value != "0")) head.status = 413;
  }
  return head;
}

}  // namespace tandem::wire::metrics
