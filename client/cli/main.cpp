// tandem: the command line of a Tandem broker, for people and scripts. Data goes to stdout, everything else
// to stderr.
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <regex>

#include "client/cli/context.h"

using namespace tandem::cli;

namespace {

/// The first word that is neither an option nor the value of one that may stand before it.
std::string command_of(const std::vector<std::string>& words) {
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (words[i] == "--broker" || words[i] == "--user" || words[i] == "--output")
      ++i;
    else if (!words[i].starts_with('-'))
      return words[i];
  }
  return "";
}

/// "-5" (the last five offsets) looks like an option to the parser: it is handed over as "~5" where a range may
/// stand, and nowhere else: what `publish` and `append` send is not touched.
std::vector<std::string> words_of(int argc, char** argv) {
  static const std::regex from_end("-[0-9]+(:.*)?");
  std::vector<std::string> words(argv + 1, argv + argc);
  const auto command = command_of(words);
  const bool reads = command == "read", moves = command == "group" || command == "topic";
  for (std::size_t i = 1; i < words.size(); ++i) {
    const auto& before = words[i - 1];
    const bool point = reads ? before != "--partition" : moves && (before == "--to" || before == "--before");
    if (point && std::regex_match(words[i], from_end)) words[i][0] = '~';
  }
  return words;
}

void describe(CLI::App& app, Context& context) {
  app.description(
      "Administers and uses a Tandem broker: queues with exchanges and acks, topics with offsets.");
  app.add_option("--broker", context.broker, "HOST:PORT of tandemd")
      ->envname("TANDEM_BROKER")
      ->capture_default_str();
  app.add_option("--user", context.user, "who asks, with the password in TANDEM_PASSWORD; without it: guest")
      ->envname("TANDEM_USER");
  app.add_option("--output", context.output, "default: table on a terminal, else tsv")
      ->check(CLI::IsMember({"table", "json", "jsonl", "tsv"}));
  app.add_flag("--yes", context.yes, "do not ask before something is destroyed");
  app.set_version_flag("--version", "tandem " TANDEM_VERSION);
  app.require_subcommand(1);
  app.fallthrough();
  // Said before the verbs are added, so that the help of each ends with it.
  app.footer(
      "With every verb: --broker, --user, --output, --yes (`tandem --help`).\n"
      "Exit status: 0 ok, 1 failed, 2 usage, 3 partly done, 4 not found, 5 refused, 6 cannot connect.");
  add_publish(app, context);
  add_consume(app, context);
  add_append(app, context);
  add_read(app, context);
  add_exchange(app, context);
  add_queue(app, context);
  add_binding(app, context);
  add_policy(app, context);
  add_user(app, context);
  add_definitions(app, context);
  add_topic(app, context);
  add_group(app, context);
  add_status(app, context);
  add_completion(app, context);
}

/// Where the words ended before a verb was named; null: they did not.
const CLI::App* without_verb(const CLI::App& app) {
  for (const auto* command : app.get_subcommands()) return without_verb(*command);
  return app.get_require_subcommand_min() > 0 ? &app : nullptr;
}

std::string commands_of(const CLI::App& app) {
  std::string names;
  for (const auto* command : app.get_subcommands([](const CLI::App* one) { return !one->get_group().empty(); }))
    names += (names.empty() ? "" : ", ") + command->get_name();
  return names;
}

/// Prints the help or version that was asked for; else what is wrong with the words.
int end_of_parsing(const CLI::App& app, const CLI::ParseError& error) {
  if (error.get_exit_code() == 0) return app.exit(error, std::cout, std::cerr);
  std::string what = error.what();
  const auto not_understood = app.remaining(true);
  if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::RequiredError)) {
    if (!not_understood.empty())
      what = "there is no command '" + not_understood.front() + "'";
    else if (const auto* noun = without_verb(app))
      what = std::string(noun == &app ? "a command" : noun->get_name() + ": a verb") + " is missing: " + commands_of(*noun);
  }
  std::fprintf(stderr, "tandem: %s (--help says what there is)\n", printable(what).c_str());
  return exit_usage;
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);  // flush_stdout() ends the program when nobody reads
  // Written in large blocks where nobody watches; verbs that stream flush when they have nothing more at hand.
  if (!stdout_is_terminal()) std::setvbuf(stdout, nullptr, _IOFBF, 256u << 10);
  Context context;
  CLI::App app("", "tandem");
  describe(app, context);
  int status = exit_ok;
  try {
    auto words = words_of(argc, argv);
    std::reverse(words.begin(), words.end());  // as CLI11 takes them
    app.parse(std::move(words));
  } catch (const CLI::ParseError& error) {
    status = end_of_parsing(app, error);
  } catch (const Failure& failure) {
    std::fprintf(stderr, "tandem: %s\n", printable(failure.text).c_str());
    status = failure.status;
  }
  flush_stdout();
  return status;
}
