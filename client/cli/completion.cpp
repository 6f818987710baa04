// tandem completion bash | zsh | fish prints a few lines for the shell, which ask `tandem complete` at every Tab: what may
// come next is found in the same description of nouns, verbs and options that parses them, and in the broker.
#include <cstdio>
#include <set>

#include "client/cli/context.h"

namespace tandem::cli {
namespace {

using Words = std::vector<std::string>;

/// A line that is being typed: how far its words lead into the commands.
class Line {
 public:
  Line(const CLI::App& app, const Words& words) : app_(&app) {
    for (const auto& word : words) take(word);
  }

  /// The option whose value comes next; null: none does.
  const CLI::Option* open_option() const { return open_option_; }
  const CLI::App& app() const { return *app_; }
  /// The nouns or verbs that may come next.
  std::vector<const CLI::App*> commands() const {
    if (positionals_ > 0) return {};  // one word was none of them: nothing can be said of the rest
    return app_->get_subcommands([](const CLI::App* command) { return !command->get_group().empty(); });
  }
  /// The positional that comes next, of a verb; null: there is none.
  const CLI::Option* positional() const {
    auto index = positionals_;
    for (const auto* option : app_->get_options([](const CLI::Option* o) { return !o->nonpositional(); }))
      if (index-- == 0 || option->get_items_expected_max() > 1) return option;
    return nullptr;
  }
  /// Given with the option on this line.
  std::string value_of(const std::string& option) const {
    const auto found = values_.find(option);
    return found == values_.end() ? "" : found->second;
  }

 private:
  void take(const std::string& word) {
    if (open_option_ != nullptr) {
      values_[open_option_->get_name()] = word;
      open_option_ = nullptr;
    } else if (word.starts_with("-")) {
      if (const auto* option = find_option(word); option != nullptr && option->get_items_expected_max() > 0)
        open_option_ = option;
    } else if (const auto* next = find_command(word)) {
      app_ = next;
    } else {
      ++positionals_;
    }
  }
  const CLI::Option* find_option(const std::string& name) const {
    for (const auto* app = app_; app != nullptr; app = app->get_parent())
      if (const auto* option = app->get_option_no_throw(name)) return option;
    return nullptr;
  }
  const CLI::App* find_command(const std::string& name) const {
    if (positionals_ > 0) return nullptr;
    for (const auto* command : app_->get_subcommands([&](const CLI::App* a) { return a->check_name(name); }))
      return command;
    return nullptr;
  }

  const CLI::App* app_;
  const CLI::Option* open_option_ = nullptr;
  std::size_t positionals_ = 0;
  std::map<std::string, std::string> values_;
};

template <class List>
Words names_of(const Result<List>& things) {
  Words names;
  if (things)
    for (const auto& thing : *things) names.push_back(thing.name);
  return names;
}

/// The names of what the broker has; none when it cannot be asked. The unnamed exchange has none.
Words names_in_broker(const std::string& noun, Context& context) {
  static const std::set<std::string> nouns = {"queue", "exchange", "topic", "group", "policy", "user"};
  if (!nouns.contains(noun)) return {};
  try {
    auto& client = context.client();
    if (noun == "queue") return names_of(client.ask(DescribeQueues{}));
    if (noun == "exchange") return names_of(client.ask(DescribeExchanges{}));
    if (noun == "topic") return names_of(client.ask(DescribeTopics{}));
    if (noun == "group") return names_of(client.ask(DescribeGroups{}));
    if (noun == "policy") return names_of(client.ask(DescribePolicies{}));
    return names_of(client.ask(DescribeUsers{}));
  } catch (const Failure&) {
    return {};
  }
}

/// "{table,json}" in what CLI11 says about an option's values.
Words listed_values(const CLI::Option& option) {
  Words values;
  const auto text = option.get_type_name();
  const auto begin = text.find('{'), end = text.find('}', begin == text.npos ? 0 : begin);
  if (begin == text.npos || end == text.npos) return values;
  std::istringstream list(text.substr(begin + 1, end - begin - 1));
  for (std::string value; std::getline(list, value, ',');) values.push_back(value);
  return values;
}

/// What the words of people's lines name, by the option's or the positional's own name.
std::string noun_of(const std::string& name, const CLI::App& app) {
  if (name == "NAME") return app.get_name() == "declare" || app.get_name() == "create" ? "" : app.get_parent()->get_name();
  if (name == "FROM" || name == "TO" || name == "QUEUE" || name == "--queue" || name == "DESTINATION") return "queue";
  if (name == "EXCHANGE" || name == "--exchange" || name == "--dead-letter-exchange" || name == "--alternate-exchange")
    return "exchange";
  return name == "TOPIC" ? "topic" : "";
}

Words values_for(const CLI::Option& option, const CLI::App& app, Context& context) {
  if (auto values = listed_values(option); !values.empty()) return values;
  const auto names = option.get_name(true);
  return names_in_broker(noun_of(names, app), context);
}

Words options_of(const CLI::App& app) {
  Words names;
  for (const auto* at = &app; at != nullptr; at = at->get_parent())
    for (const auto* option : at->get_options([](const CLI::Option* o) { return o->nonpositional(); }))
      for (const auto& name : option->get_lnames())
        if (name != "help" || at == &app) names.push_back("--" + name);
  return names;
}

/// What may stand where `last`, the beginning of a word, stands after the others.
Words candidates(const CLI::App& app, const Words& others, const std::string& last, Context& context) {
  const Line line(app, others);
  if (auto broker = line.value_of("--broker"); !broker.empty()) context.broker = broker;
  if (auto user = line.value_of("--user"); !user.empty()) context.user = user;
  if (line.open_option() != nullptr) return values_for(*line.open_option(), line.app(), context);
  if (last.starts_with("-")) return options_of(line.app());
  Words words;
  for (const auto* command : line.commands()) words.push_back(command->get_name());
  if (!words.empty()) return words;
  if (const auto* positional = line.positional()) return values_for(*positional, line.app(), context);
  return {};
}

void print_candidates(const CLI::App& app, Words words, Context& context) {
  const auto last = words.empty() ? "" : words.back();
  if (!words.empty()) words.pop_back();
  for (const auto& word : candidates(app, words, last, context))
    if (!word.empty() && word.starts_with(last) && word.find('\n') == word.npos) std::puts(word.c_str());
}

constexpr const char* bash_lines = R"script(# bash completion of tandem:  source <(tandem completion bash)
_tandem() {
  local IFS=$'\n' word
  COMPREPLY=()
  for word in $("${COMP_WORDS[0]}" complete -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null); do
    COMPREPLY+=("$(printf %q "$word")")
  done
}
complete -o default -F _tandem tandem)script";

constexpr const char* zsh_lines = R"script(#compdef tandem
# zsh completion of tandem:  source <(tandem completion zsh)
_tandem() {
  local -a found
  found=("${(@f)$("${words[1]}" complete -- "${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ -n ${found[1]} ]]; then compadd -a found; else _files; fi
}
(( $+functions[compdef] )) || { autoload -Uz compinit && compinit; }
compdef _tandem tandem)script";

constexpr const char* fish_lines = R"script(# fish completion of tandem:  tandem completion fish | source
function __tandem_complete
  set -l words (commandline -opc) (commandline -ct)
  $words[1] complete -- $words[2..] 2>/dev/null
end
complete -c tandem -f -a '(__tandem_complete)')script";

}  // namespace

void add_completion(CLI::App& app, Context& context) {
  auto shell = make_options<std::string>();
  auto* verb =
      app.add_subcommand("completion", "Print completion for a shell.\n  source <(tandem completion bash)");
  verb->add_option("SHELL", *shell)->required()->check(CLI::IsMember({"bash", "zsh", "fish"}));
  verb->callback([shell] {
    if (*shell == "bash") std::puts(bash_lines);
    if (*shell == "zsh") std::puts(zsh_lines);
    if (*shell == "fish") std::puts(fish_lines);
  });

  auto words = make_options<Words>();
  auto* complete = app.add_subcommand("complete", "What may come next on a line: for the shells' scripts.");
  complete->group("");  // not for people
  complete->add_option("WORD", *words, "the line's words; the last may be incomplete, or empty");
  complete->callback([words, &app, &context] { print_candidates(app, *words, context); });
}

}  // namespace tandem::cli
