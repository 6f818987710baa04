// The messages and records that `publish` and `append` send: words, or the lines of a file or of stdin.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "client/cli/exit_status.h"
#include "schemas/result.h"

namespace tandem::cli {

/// A line that is longer than any message or record the broker takes is refused before it is all in memory.
inline constexpr std::size_t line_size_max_bytes = 32u << 20;

/// Splits what a descriptor gives at a separator. Reads in blocks: without them a line of 1 KB costs more than
/// sending it. The descriptor stays the caller's.
class LineReader {
 public:
  LineReader(int descriptor, char separator);
  /// The next line without its separator, valid until the next call; nullopt at the end. What stands behind the
  /// last separator is a line too, unless it is empty. Errors: too_large, internal (the descriptor cannot be read).
  Result<std::optional<std::string_view>> next();

 private:
  Result<> fill();

  const int descriptor_;
  const char separator_;
  std::vector<char> buffer_;
  std::size_t begin_ = 0, end_ = 0;  // what was read and not given yet
  std::size_t searched_ = 0;         // behind begin_, without a separator
  std::uint64_t lines_ = 0;
  bool at_end_ = false;
};

struct Bodies {
  std::vector<std::string> words;
  std::string file;  // "-" = stdin
  bool null_separated = false;
  bool whole = false;  // the file is one body
};
void add_bodies(CLI::App& verb, Bodies& bodies, const std::string& what);
/// Calls `take` for each; a view lives as long as the call. Ends the verb when a file cannot be read.
void for_each_body(const Bodies& bodies, const std::function<void(std::string_view)>& take);

/// The same for what is sent one by one. Stops at the first that is not taken or cannot be read and says why, so that
/// the verb can wait for those before.
struct Stopped {
  Failure why;
  bool unreadable = false;  // the input, not the broker
};
std::optional<Stopped> send_each(const Bodies& bodies, const std::function<Result<>(std::string_view)>& send);
/// Ends the verb: what stopped it and how many before were `done` ("confirmed"). Partly done when there were any; who
/// asked for what cannot be read has failed.
[[noreturn]] void fail_stopped(const Stopped& stopped, std::uint64_t count, const std::string& done);

}  // namespace tandem::cli
