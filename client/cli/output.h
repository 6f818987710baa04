// How rows of data reach stdout: as a table for people, or as JSON, JSON lines or tab separated values for
// programs.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "schemas/message.h"
#include "schemas/value.h"

namespace tandem::cli {

enum class Format { table, json, jsonl, tsv };

/// Keeps the order of its keys: the columns.
using Row = nlohmann::ordered_json;

/// Prints rows that all have the same keys. A listing (`single` false) is an array in JSON; one thing is an
/// object, and a list of "name  value" lines as a table. Text that is not UTF-8 is printed with its bytes
/// replaced in JSON.
void print_rows(const std::vector<Row>& rows, const std::vector<std::string>& columns, Format format,
                bool single = false);
/// One row of a stream, at once: JSON lines or tab separated values.
void print_streamed(const Row& row, Format format);

/// A table of arguments or headers.
Row to_json(const Table& table);
/// Those of a message that are set, by their names in AMQP (0-9-1, 4.2.6.1: `content_type` for content-type), without the
/// headers.
Row to_json(const Properties& properties);

/// On one line and without control characters, which a name may hold and a terminal would obey: "\n", "\x1b".
std::string printable(std::string_view text);

bool stdout_is_terminal();
/// Ends the program quietly when nobody reads stdout any more (`tandem read … | head`), and with exit_failed when
/// stdout could not take all that was printed (a full disk).
void flush_stdout();

}  // namespace tandem::cli
