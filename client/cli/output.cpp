#include "client/cli/output.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "client/cli/exit_status.h"

namespace tandem::cli {
namespace {

/// A cell as text, on one line.
std::string cell(const Row& value) {
  if (value.is_string()) return printable(value.get<std::string>());
  if (value.is_null()) return "";
  return printable(value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}

/// Columns that a terminal shows for `text`: one per UTF-8 character.
std::size_t width(const std::string& text) {
  return static_cast<std::size_t>(std::count_if(
      text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

std::string dump(const Row& value, int indent) {
  return value.dump(indent, ' ', false, nlohmann::json::error_handler_t::replace);
}

void print_padded(const std::string& text, std::size_t to, bool right) {
  const std::string space(to > width(text) ? to - width(text) : 0, ' ');
  std::fputs((right ? space + text : text + space).c_str(), stdout);
}

void print_table(const std::vector<Row>& rows, const std::vector<std::string>& columns) {
  std::vector<std::size_t> widths;
  std::vector<bool> right;
  for (const auto& column : columns) {
    std::size_t widest = column.size();
    bool numbers = !rows.empty();
    for (const auto& row : rows) {
      widest = std::max(widest, width(cell(row.at(column))));
      numbers = numbers && (row.at(column).is_number() || row.at(column).is_null());
    }
    widths.push_back(widest);
    right.push_back(numbers);
  }
  const auto line = [&](auto text_of_column) {
    for (std::size_t i = 0; i < columns.size(); ++i) {
      const bool last = i + 1 == columns.size();
      print_padded(text_of_column(i), last && !right[i] ? 0 : widths[i], right[i]);
      std::fputs(last ? "\n" : "  ", stdout);
    }
  };
  line([&](std::size_t i) { return columns[i]; });
  for (const auto& row : rows) line([&](std::size_t i) { return cell(row.at(columns[i])); });
}

void print_single(const Row& row, const std::vector<std::string>& columns) {
  std::size_t widest = 0;
  for (const auto& column : columns) widest = std::max(widest, column.size());
  for (const auto& column : columns) {
    print_padded(column, widest + 2, false);
    std::puts(cell(row.at(column)).c_str());
  }
}

void print_tsv(const Row& row, const std::vector<std::string>& columns) {
  for (std::size_t i = 0; i < columns.size(); ++i)
    std::fputs((cell(row.at(columns[i])) + (i + 1 == columns.size() ? "\n" : "\t")).c_str(), stdout);
}

/// A value keeps its type where JSON has it.
Row value_to_json(const Value& value) {
  if (const auto* table = value.table()) return to_json(*table);
  if (const auto* array = value.array()) {
    Row items = Row::array();
    for (const auto& item : *array) items.push_back(value_to_json(item));
    return items;
  }
  if (const auto* boolean = value.boolean()) return *boolean;
  if (const auto* integer = std::get_if<std::int64_t>(&value.data)) return *integer;
  if (const auto* real = std::get_if<double>(&value.data)) return *real;
  if (const auto* text = std::get_if<std::string>(&value.data)) return *text;
  if (const auto* decimal = std::get_if<Decimal>(&value.data)) {
    double number = decimal->unscaled;
    for (int i = 0; i < decimal->scale; ++i) number /= 10;
    return number;
  }
  return nullptr;
}

}  // namespace

Row to_json(const Table& table) {
  Row object = Row::object();
  for (const auto& [key, value] : table) object[key] = value_to_json(value);
  return object;
}

Row to_json(const Properties& properties) {
  Row object = Row::object();
  const auto add = [&object](const char* name, const auto& property) {
    if (property) object[name] = *property;
  };
  add("content_type", properties.content_type);
  add("content_encoding", properties.content_encoding);
  add("delivery_mode", properties.delivery_mode);
  add("priority", properties.priority);
  add("correlation_id", properties.correlation_id);
  add("reply_to", properties.reply_to);
  add("expiration", properties.expiration);
  add("message_id", properties.message_id);
  add("timestamp", properties.timestamp);
  add("type", properties.type);
  add("user_id", properties.user_id);
  add("app_id", properties.app_id);
  add("cluster_id", properties.cluster_id);
  return object;
}

void print_rows(const std::vector<Row>& rows, const std::vector<std::string>& columns, Format format,
                bool single) {
  switch (format) {
    case Format::json:
      std::puts(dump(single ? rows.at(0) : Row(rows), 2).c_str());
      break;
    case Format::jsonl:
      for (const auto& row : rows) std::puts(dump(row, -1).c_str());
      break;
    case Format::tsv:
      for (const auto& row : rows) print_tsv(row, columns);
      break;
    case Format::table:
      if (single)
        print_single(rows.at(0), columns);
      else
        print_table(rows, columns);
      break;
  }
  flush_stdout();
}

void print_streamed(const Row& row, Format format) {
  if (format == Format::json || format == Format::jsonl) {
    std::puts(dump(row, -1).c_str());
    return;
  }
  std::vector<std::string> columns;
  for (const auto& item : row.items()) columns.push_back(item.key());
  print_tsv(row, columns);
}

std::string printable(std::string_view text) {
  std::string line;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\t') {
      line += "\\t";
    } else if (c == '\n') {
      line += "\\n";
    } else if (c == '\r') {
      line += "\\r";
    } else if (byte < 0x20 || byte == 0x7F) {
      constexpr char digits[] = "0123456789abcdef";
      line += {'\\', 'x', digits[byte >> 4], digits[byte & 15]};
    } else {
      line += c;
    }
  }
  return line;
}

namespace {

/// A pipe or socket whose other end is closed.
bool nobody_reads_stdout() {
  pollfd descriptor{STDOUT_FILENO, POLLOUT, 0};
  return ::poll(&descriptor, 1, 0) > 0 && (descriptor.revents & (POLLERR | POLLHUP)) != 0;
}

}  // namespace

bool stdout_is_terminal() {
  return isatty(STDOUT_FILENO) != 0;
}

void flush_stdout() {
  // A write that failed while the buffer was being filled is known to ferror() only, and errno is mostly still its own.
  const int earlier = std::exchange(errno, 0);
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return;
  const int why = errno != 0 ? errno : earlier;
  if (nobody_reads_stdout()) std::_Exit(exit_ok);
  std::fprintf(stderr, "tandem: cannot write to stdout: %s\n", why != 0 ? std::strerror(why) : "not all of it was taken");
  std::_Exit(exit_failed);
}

}  // namespace tandem::cli
