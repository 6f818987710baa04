// tandem completion bash | zsh | fish: made from the same description of nouns, verbs and options that parses
// them, so that it cannot get out of date.
#include <cstdio>

#include "client/cli/context.h"

namespace tandem::cli {
namespace {

/// Every command path ("queue declare") with the words that may follow it.
void collect(const CLI::App& app, const std::string& path,
             std::vector<std::pair<std::string, std::string>>& words) {
  std::string next;
  for (const auto* sub : app.get_subcommands([](const CLI::App*) { return true; }))
    next += sub->get_name() + " ";
  for (const auto* option : app.get_options([](const CLI::Option* o) { return o->nonpositional(); }))
    for (const auto& name : option->get_lnames()) next += "--" + name + " ";
  words.emplace_back(path, next);
  for (const auto* sub : app.get_subcommands([](const CLI::App*) { return true; }))
    collect(*sub, path.empty() ? sub->get_name() : path + " " + sub->get_name(), words);
}

void print_bash(const std::vector<std::pair<std::string, std::string>>& words) {
  std::puts("# bash completion of tandem:  source <(tandem completion bash)");
  std::puts(
      "_tandem() {\n  local path=\"\" word\n  for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
      "    case $word in -*) ;; *) path=\"${path:+$path }$word\" ;; esac\n  done\n"
      "  local next=\"\"\n  while :; do\n    case $path in");
  for (const auto& [path, next] : words)
    std::printf("      '%s') next='%s'; break ;;\n", path.c_str(), next.c_str());
  std::puts(
      "      *\\ *) path=${path% *} ;;\n      *) path='' ;;\n    esac\n  done\n"
      "  COMPREPLY=($(compgen -W \"$next\" -- \"${COMP_WORDS[COMP_CWORD]}\"))\n}\n"
      "complete -F _tandem tandem");
}

void print_zsh(const std::vector<std::pair<std::string, std::string>>& words) {
  std::puts("#compdef tandem\n# zsh completion of tandem:  source <(tandem completion zsh)");
  std::puts("autoload -Uz bashcompinit && bashcompinit");
  print_bash(words);
}

void print_fish(const std::vector<std::pair<std::string, std::string>>& words) {
  std::puts("# fish completion of tandem:  tandem completion fish | source");
  std::puts(
      "function __tandem_path\n  set -l path\n  for word in (commandline -opc)[2..]\n"
      "    string match -q -- '-*' $word; or set -a path $word\n  end\n  echo \"$path\"\nend");
  for (const auto& [path, next] : words)
    std::printf("complete -c tandem -f -n 'test (__tandem_path) = \"%s\"' -a '%s'\n", path.c_str(),
                next.c_str());
}

}  // namespace

void add_completion(CLI::App& app) {
  auto shell = make_options<std::string>();
  auto* verb =
      app.add_subcommand("completion", "Print completion for a shell.\n  source <(tandem completion bash)");
  verb->add_option("SHELL", *shell)->required()->check(CLI::IsMember({"bash", "zsh", "fish"}));
  verb->callback([shell, &app] {
    std::vector<std::pair<std::string, std::string>> words;
    collect(app, "", words);
    if (*shell == "bash") print_bash(words);
    if (*shell == "zsh") print_zsh(words);
    if (*shell == "fish") print_fish(words);
  });
}

}  // namespace tandem::cli
