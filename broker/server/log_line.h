// Lines for the person who runs the broker, on stderr: one sentence each, names and values in it.
// Thread rule: any thread.
#pragma once

#include <string_view>

namespace tandem::server {

enum class LogLevel { debug, info, warning, error, off };

/// "debug", "info", "warning", "error", "off"; info for anything else.
LogLevel parse_log_level(std::string_view name);
/// Lines below `level` are not written. Before the first call: info.
void set_log_level(LogLevel level);
void log_line(LogLevel level, std::string_view text);
/// Whether a line of this level would be written: asks before an expensive text is made.
bool logs(LogLevel level);

}  // namespace tandem::server
