// tandem topic list | show | create | alter | config | trim | delete
#include "client/cli/context.h"
#include "client/cli/ranges.h"

namespace tandem::cli {
namespace {

Row config_of(const TopicInfo& info) {
  Row config = Row::object();
  for (const auto& [key, value] : info.config) config[key] = value;
  return config;
}

void list_topics(Context& context) {
  std::vector<Row> rows;
  for (const auto& info : need(context.client().ask(DescribeTopics{}))) {
    std::int64_t records = 0;
    std::uint64_t size = 0;
    for (const auto& partition : info.partitions) {
      records += partition.visible_end - partition.start;
      size += partition.size_bytes;
    }
    rows.push_back({{"name", info.name},
                    {"partitions", info.partitions.size()},
                    {"records", records},
                    {"size", size},
                    {"config", config_of(info)}});
  }
  print_rows(rows, {"name", "partitions", "records", "size", "config"}, context.format());
}

void show(Context& context, const std::string& name) {
  std::vector<Row> rows;
  for (const auto& partition : topic_info(context.client(), name).partitions)
    rows.push_back({{"topic", name},
                    {"partition", partition.partition},
                    {"start", partition.start},
                    {"end", partition.visible_end},
                    {"records", partition.visible_end - partition.start},
                    {"last_stable", partition.last_stable},
                    {"size", partition.size_bytes}});
  print_rows(rows, {"topic", "partition", "start", "end", "records", "last_stable", "size"},
             context.format());
}

void add_create(CLI::App& noun, Context& context) {
  struct Options {
    CreateTopic topic;
    std::vector<std::string> config;
  };
  auto options = make_options<Options>();
  auto* verb =
      noun.add_subcommand("create",
                          "Create a topic.\n"
                          "  tandem topic create orders --partitions 12 --config retention.ms=604800000");
  verb->add_option("NAME", options->topic.name)->required();
  verb->add_option("--partitions", options->topic.partitions, "how many; later they can only grow")->capture_default_str();
  verb->add_option("--config", options->config, "KEY=VALUE with Kafka's keys, may be repeated");
  verb->add_flag("--dry-run", options->topic.validate_only, "only say whether it would be done");
  verb->callback([options, &context] {
    options->topic.config = pairs_of(options->config);
    need(context.client().ask(options->topic));
  });
}

void add_alter(CLI::App& noun, Context& context) {
  struct Options {
    AlterTopic change;
    std::vector<std::string> set;
  };
  auto options = make_options<Options>();
  auto* verb = noun.add_subcommand("alter", "Add partitions, set and unset config.");
  verb->add_option("NAME", options->change.name)->required();
  verb->add_option("--partitions", options->change.partitions, "the new number; they can only grow");
  verb->add_option("--config,--set", options->set, "KEY=VALUE, may be repeated");
  verb->add_option("--unset", options->change.remove, "KEY back to its default, may be repeated");
  verb->add_flag("--dry-run", options->change.validate_only, "only say whether it would be done");
  verb->callback([options, &context] {
    options->change.set = pairs_of(options->set);
    if (options->change.partitions == 0 && options->change.set.empty() && options->change.remove.empty())
      fail_usage("alter wants something to change: --partitions, --config or --unset");
    need(context.client().ask(options->change));
  });
}

void add_config(CLI::App& noun, Context& context) {
  auto name = make_options<std::string>();
  auto* verb = noun.add_subcommand("config", "What is set for a topic; change it with alter.");
  verb->add_option("NAME", *name)->required();
  verb->callback([name, &context] {
    std::vector<Row> rows;
    for (const auto& [key, value] : topic_info(context.client(), *name).config)
      rows.push_back({{"key", key}, {"value", value}});
    print_rows(rows, {"key", "value"}, context.format());
  });
}

void add_trim(CLI::App& noun, Context& context) {
  struct Options {
    std::string name, before;
    std::int32_t partition = -1;
  };
  auto options = make_options<Options>();
  auto* verb = noun.add_subcommand("trim",
                                   "Delete the records before a point.\n"
                                   "  tandem topic trim orders --before @2026-11-01");
  verb->add_option("NAME", options->name)->required();
  verb->add_option("--before", options->before, "OFFSET, -N (keep the last N offsets), @TIME or latest")->required();
  verb->add_option("--partition", options->partition, "only this one")->check(not_negative());
  verb->callback([options, &context] {
    const auto point = parse_point(options->before);
    if (!point) fail_usage("--before wants OFFSET, -N, @TIME or latest, not '" + options->before + "'");
    auto partitions = topic_info(context.client(), options->name).partitions;
    if (options->partition >= 0)
      std::erase_if(partitions, [&](const auto& one) { return one.partition != options->partition; });
    if (partitions.empty()) throw Failure{exit_not_found, "'" + options->name + "' has no such partition"};
    // All are judged before the first is trimmed: what was deleted cannot be given back.
    std::vector<Offset> to;
    for (const auto& partition : partitions) {
      to.push_back(offset_of(context.client(), options->name, partition.partition, *point, partition.start));
      if (to.back() > partition.visible_end)
        throw Failure{exit_refused, "partition " + std::to_string(partition.partition) + " ends at " +
                                        std::to_string(partition.visible_end) +
                                        ": nothing was deleted (--partition chooses one)"};
    }
    context.confirm("Delete the records of '" + options->name + "' before " + options->before);
    std::vector<Row> rows;
    for (std::size_t i = 0; i < partitions.size(); ++i) {
      const auto& partition = partitions[i];
      const Offset start = need(context.client().ask(
          TrimTopic{.topic = options->name, .partition = partition.partition, .offset = to[i]}));
      rows.push_back(
          {{"partition", partition.partition}, {"start", start}, {"deleted", start - partition.start}});
    }
    print_rows(rows, {"partition", "start", "deleted"}, context.format());
  });
}

}  // namespace

void add_topic(CLI::App& app, Context& context) {
  auto* noun = app.add_subcommand("topic", "Topics: append-only, partitioned, read by offset");
  noun->require_subcommand(1);
  noun->add_subcommand("list", "All topics; records: end minus start, also offsets without a record")->callback([&context] {
    list_topics(context);
  });
  auto name = make_options<std::string>();
  auto* show_verb = noun->add_subcommand("show", "A topic's partitions; records: end minus start, also offsets without a record");
  show_verb->add_option("NAME", *name)->required();
  show_verb->callback([name, &context] { show(context, *name); });
  add_create(*noun, context);
  add_alter(*noun, context);
  add_config(*noun, context);
  add_trim(*noun, context);
  auto gone = make_options<DeleteTopic>();
  auto* remove = noun->add_subcommand("delete", "Delete a topic, its records and its groups' offsets.");
  remove->add_option("NAME", gone->name)->required();
  remove->callback([gone, &context] {
    context.confirm("Delete topic '" + gone->name + "' and all its records");
    need(context.client().ask(*gone));
  });
}

}  // namespace tandem::cli
