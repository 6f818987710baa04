// What every verb has at hand: where the broker is, how to print, and how to ask before something is
// destroyed.
#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "client/cli/exit_status.h"
#include "client/cli/output.h"
#include "client/cli/parse.h"
#include "tandem/tandem.h"

namespace tandem::cli {

class Context {
 public:
  std::string broker = "127.0.0.1:7171";
  std::string user;    // "" = guest, which the broker takes from its own machine while it has no users
  std::string output;  // "" = table on a terminal, else tsv
  bool yes = false;    // do not ask

  /// The connection, made at the first call. Ends the verb when there is none.
  Client& client();
  Format format() const;

  /// Asks a person at a terminal whether to do what cannot be undone; a script is not asked.
  void confirm(const std::string& what) const;
  /// A line for people, on stderr.
  void say(const std::string& text) const;

 private:
  std::optional<Client> client_;
};

/// One noun's verbs. Callbacks keep `context`, which outlives the app.
void add_exchange(CLI::App& app, Context& context);
void add_queue(CLI::App& app, Context& context);
void add_binding(CLI::App& app, Context& context);
void add_topic(CLI::App& app, Context& context);
void add_group(CLI::App& app, Context& context);
void add_policy(CLI::App& app, Context& context);
void add_user(CLI::App& app, Context& context);
void add_definitions(CLI::App& app, Context& context);
void add_publish(CLI::App& app, Context& context);
void add_consume(CLI::App& app, Context& context);
void add_append(CLI::App& app, Context& context);
void add_read(CLI::App& app, Context& context);
void add_status(CLI::App& app, Context& context);
void add_completion(CLI::App& app, Context& context);

/// A line of stdin, asked for with `prompt` and not shown where a person types it. Failure when there is none.
std::string read_password(const std::string& prompt);

/// Of numbers: the parser takes "-1" for a very large one where there is no sign.
CLI::Validator not_negative();

/// Options of a verb, kept alive by its callback.
template <class Options>
std::shared_ptr<Options> make_options() {
  return std::make_shared<Options>();
}

/// "key=value" words as a table: numbers and true/false keep their types.
Table arguments_of(const std::vector<std::string>& words);
/// Ends the verb as wrongly used when a key is there twice: only one of the two could count.
template <class Pairs>
void refuse_repeats(const Pairs& pairs) {
  for (auto at = pairs.begin(); at != pairs.end(); ++at)
    for (auto before = pairs.begin(); before != at; ++before)
      if (before->first == at->first) fail_usage("'" + at->first + "' is given twice");
}
/// "key=value" words as they are.
std::vector<std::pair<std::string, std::string>> pairs_of(const std::vector<std::string>& words);

/// "1 message", "2 messages"
std::string count_of(std::uint64_t count, const std::string& thing);

/// Values of options that people type, or a usage error that names the option.
std::int64_t duration_option(const std::string& option, const std::string& text);
std::uint64_t size_option(const std::string& option, const std::string& text);

}  // namespace tandem::cli
