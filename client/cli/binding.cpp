// tandem binding list | create | delete
#include "client/cli/context.h"

namespace tandem::cli {
namespace {

const std::vector<std::string> binding_columns = {"source",      "to",      "destination",
                                          "routing_key", "durable", "arguments"};

const char* word(Destination kind) {
  return kind == Destination::queue ? "queue" : kind == Destination::exchange ? "exchange" : "topic";
}

void list_bindings(Context& context, const std::string& name) {
  std::vector<Row> rows;
  for (const auto& info : need(context.client().ask(DescribeBindings{.name = name})))
    rows.push_back({{"source", info.source},
                    {"to", word(info.destination_kind)},
                    {"destination", info.destination},
                    {"routing_key", info.routing_key},
                    {"durable", info.durable},
                    {"arguments", to_json(info.arguments)}});
  print_rows(rows, binding_columns, context.format());
}

struct BindingOptions {
  std::string source, destination, key;
  bool to_topic = false, to_exchange = false;
  std::vector<std::string> arguments;

  Destination kind() const {
    return to_topic ? Destination::topic : to_exchange ? Destination::exchange : Destination::queue;
  }
};

std::shared_ptr<BindingOptions> add_verb(CLI::App& verb) {
  auto options = make_options<BindingOptions>();
  verb.add_option("EXCHANGE", options->source, "where the messages come from")->required();
  verb.add_option("DESTINATION", options->destination, "a queue, unless said otherwise")->required();
  verb.add_option("--key", options->key, "routing key or pattern");
  auto* topic = verb.add_flag("--topic", options->to_topic, "the destination is a topic");
  verb.add_flag("--exchange", options->to_exchange, "the destination is an exchange")->excludes(topic);
  verb.add_option("--argument", options->arguments, "KEY=VALUE, may be repeated")->allow_extra_args(false);
  return options;
}

}  // namespace

void add_binding(CLI::App& app, Context& context) {
  auto* noun = app.add_subcommand("binding", "Bindings: which messages of an exchange go where");
  noun->require_subcommand(1);

  auto name = make_options<std::string>();
  auto* list_verb = noun->add_subcommand("list", "All bindings");
  list_verb->add_option("--of", *name, "only those of this source or destination");
  list_verb->callback([name, &context] { list_bindings(context, *name); });

  auto* create = noun->add_subcommand(
      "create",
      "Bind a queue, exchange or topic to an exchange.\n"
      "  tandem binding create events work --key 'order.*'\n"
      "  tandem binding create events orders --topic --key '#' --argument x-key=header:customer");
  auto created = add_verb(*create);
  create->callback([created, &context] {
    need(context.client().ask(Bind{.source = created->source,
                                   .destination_kind = created->kind(),
                                   .destination = created->destination,
                                   .routing_key = created->key,
                                   .arguments = arguments_of(created->arguments)}));
  });

  auto* remove = noun->add_subcommand("delete", "Remove a binding; fine if it is not there.");
  auto removed = add_verb(*remove);
  remove->callback([removed, &context] {
    need(context.client().ask(Unbind{.source = removed->source,
                                     .destination_kind = removed->kind(),
                                     .destination = removed->destination,
                                     .routing_key = removed->key,
                                     .arguments = arguments_of(removed->arguments)}));
  });
}

}  // namespace tandem::cli
