// tandem policy list | set | delete
#include <algorithm>

#include "client/cli/context.h"
#include "client/cli/policy_words.h"

namespace tandem::cli {
namespace {

const std::vector<std::string> policy_columns = {"name", "pattern", "apply_to", "priority", "definition"};

void list_policies(Context& context) {
  std::vector<Row> rows;
  for (const auto& policy : need(context.client().ask(DescribePolicies{})))
    rows.push_back({{"name", policy.name},
                    {"pattern", policy.pattern},
                    {"apply_to", target_word(policy.target)},
                    {"priority", policy.priority},
                    {"definition", to_json(policy.definition)}});
  print_rows(rows, policy_columns, context.format());
}

struct SetOptions {
  SetPolicy policy;
  std::string target = "all";
  std::vector<std::string> definition;
};

void add_set(CLI::App& noun, Context& context) {
  auto options = make_options<SetOptions>();
  auto* verb = noun.add_subcommand(
      "set",
      "Give arguments to all queues or exchanges whose name a regular expression finds, at once.\n"
      "  tandem policy set short '^tmp\\.' message-ttl=30000 max-length=1000 --apply-to queues");
  verb->add_option("NAME", options->policy.name)->required();
  verb->add_option("PATTERN", options->policy.pattern)->required();
  verb->add_option("DEFINITION", options->definition, "KEY=VALUE; the argument without its x-")->required();
  verb->add_option("--apply-to", options->target, "queues (also only classic_queues or quorum_queues), exchanges or all")
      ->check(CLI::IsMember(std::vector<std::string>(target_words.begin(), target_words.end())))
      ->capture_default_str();
  verb->add_option("--priority", options->policy.priority, "the policy with the highest one counts")
      ->capture_default_str();
  verb->callback([options, &context] {
    options->policy.target = *target_of(options->target);
    options->policy.definition = arguments_of(options->definition);
    need(context.client().ask(options->policy));
  });
}

}  // namespace

void add_policy(CLI::App& app, Context& context) {
  auto* noun = app.add_subcommand("policy", "Policies: arguments for queues and exchanges by name");
  noun->require_subcommand(1);
  noun->add_subcommand("list", "All policies")->callback([&context] { list_policies(context); });
  add_set(*noun, context);
  auto request = make_options<DeletePolicy>();
  auto* remove = noun->add_subcommand("delete", "Delete a policy; its queues have their own arguments again.");
  remove->add_option("NAME", request->name)->required();
  remove->callback([request, &context] {
    context.confirm("Delete policy '" + request->name + "'");
    need(context.client().ask(*request));
  });
}

}  // namespace tandem::cli
