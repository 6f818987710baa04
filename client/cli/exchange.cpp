// tandem exchange list | show | declare | delete | cancel
#include "client/cli/context.h"

namespace tandem::cli {
namespace {

const std::vector<std::string> exchange_columns = {"name",     "kind",      "durable",  "auto_delete",
                                          "internal", "published", "policy", "arguments"};

Row row_of(const ExchangeInfo& info) {
  return {{"name", info.name},
          {"kind", info.kind},
          {"durable", info.durable},
          {"auto_delete", info.auto_delete},
          {"internal", info.internal},
          {"published", info.published},
          {"policy", info.policy},
          {"arguments", to_json(info.arguments)}};
}

void list_exchanges(Context& context, const std::string& name) {
  std::vector<Row> rows;
  for (const auto& info : need(context.client().ask(DescribeExchanges{.name = name})))
    rows.push_back(row_of(info));
  if (!name.empty() && rows.empty()) throw Failure{exit_not_found, "there is no exchange '" + name + "'"};
  print_rows(rows, exchange_columns, context.format(), !name.empty());
}

void add_declare(CLI::App& noun, Context& context) {
  struct Options {
    DeclareExchange exchange;
    bool transient = false;
    std::vector<std::string> arguments;
    std::string alternate, delayed_type;
  };
  auto options = make_options<Options>();
  auto* verb = noun.add_subcommand("declare",
                                   "Declare an exchange; fine if it is there with the same properties.\n"
                                   "  tandem exchange declare events --kind topic");
  verb->add_option("NAME", options->exchange.name)->required();
  verb->add_option("--kind", options->exchange.kind,
                   "direct, fanout, topic, headers, x-consistent-hash, x-delayed-message")
      ->capture_default_str();
  verb->add_flag("--transient", options->transient, "gone after a restart");
  verb->add_flag("--auto-delete", options->exchange.auto_delete, "gone with its last binding");
  verb->add_flag("--internal", options->exchange.internal, "only other exchanges publish to it");
  verb->add_option("--delayed-type", options->delayed_type,
                   "of x-delayed-message: how it routes when a message's delay is over (direct, fanout, topic, …)");
  verb->add_option("--alternate-exchange", options->alternate, "takes what no binding takes");
  verb->add_option("--argument", options->arguments, "KEY=VALUE, may be repeated")->allow_extra_args(false);
  verb->callback([options, &context] {
    options->exchange.durable = !options->transient;
    options->exchange.arguments = arguments_of(options->arguments);
    if (!options->alternate.empty())
      options->exchange.arguments.emplace_back("alternate-exchange", Value(options->alternate));
    if (!options->delayed_type.empty())
      options->exchange.arguments.emplace_back("x-delayed-type", Value(options->delayed_type));
    refuse_repeats(options->exchange.arguments);
    need(context.client().ask(options->exchange));
  });
}

void add_delete(CLI::App& noun, Context& context) {
  auto options = make_options<DeleteExchange>();
  auto* verb = noun.add_subcommand("delete", "Delete an exchange and its bindings; fine if it is not there.");
  verb->add_option("NAME", options->name)->required();
  verb->add_flag("--if-unused", options->if_unused, "only if it has no bindings");
  verb->callback([options, &context] {
    context.confirm("Delete exchange '" + options->name + "' and its bindings");
    need(context.client().ask(*options));
  });
}

void add_cancel(CLI::App& noun, Context& context) {
  auto options = make_options<CancelDelayed>();
  auto* verb = noun.add_subcommand("cancel",
                                   "Drop a message that waits in a delayed exchange.\n"
                                   "  tandem queue peek amq.delayed.EXCHANGE --count 100    shows each one's seq");
  verb->add_option("NAME", options->exchange, "the delayed exchange")->required();
  verb->add_option("SEQ", options->queue_seq, "as peek shows it")->required()->check(not_negative());
  verb->callback([options, &context] { need(context.client().ask(*options)); });
}

}  // namespace

void add_exchange(CLI::App& app, Context& context) {
  auto* noun = app.add_subcommand("exchange", "Exchanges: where publishers send to");
  noun->require_subcommand(1);
  noun->add_subcommand("list", "All exchanges")->callback([&context] { list_exchanges(context, ""); });
  auto name = make_options<std::string>();
  auto* show = noun->add_subcommand("show", "One exchange");
  show->add_option("NAME", *name)->required();
  show->callback([name, &context] { list_exchanges(context, *name); });
  add_declare(*noun, context);
  add_delete(*noun, context);
  add_cancel(*noun, context);
}

}  // namespace tandem::cli
