// tandem group list | show | seek | delete
#include <algorithm>
#include <map>

#include "client/cli/context.h"
#include "client/cli/group_partitions.h"
#include "client/cli/ranges.h"

namespace tandem::cli {
namespace {

Row known(Offset offset) {
  return offset < 0 ? Row(nullptr) : Row(offset);
}

Row lag_of(const GroupPartition& partition) {
  return partition.committed < 0 ? Row(nullptr) : Row(partition.end - partition.committed);
}

void list_groups(Context& context) {
  std::vector<Row> rows;
  for (const auto& info : need(context.client().ask(DescribeGroups{}))) {
    std::int64_t lag = 0;
    bool is_known = false;
    for (const auto& offset : info.offsets) {
      if (offset.committed < 0) continue;
      lag += offset.end - offset.committed;
      is_known = true;
    }
    rows.push_back({{"name", info.name},
                    {"state", info.state},
                    {"members", info.members.size()},
                    {"generation", info.generation},
                    {"partitions", info.offsets.size()},
                    {"lag", is_known ? Row(lag) : Row(nullptr)}});
  }
  print_rows(rows, {"name", "state", "members", "generation", "partitions", "lag"}, context.format());
}

GroupInfo group_info(Client& client, const std::string& name) {
  auto groups = need(client.ask(DescribeGroups{.name = name}));
  if (groups.empty()) throw Failure{exit_not_found, "there is no group '" + name + "'"};
  return std::move(groups.front());
}

/// Of partitions that nothing was committed of, the group does not know where they end.
void find_ends(Client& client, std::vector<GroupPartition>& partitions) {
  std::map<std::string, std::vector<TopicInfo>> topics;  // none: it is gone
  for (GroupPartition& wanted : partitions) {
    if (wanted.end >= 0) continue;
    const auto [found, is_new] = topics.try_emplace(wanted.topic);
    if (is_new) found->second = need(client.ask(DescribeTopics{.name = wanted.topic}));
    for (const TopicInfo& topic : found->second)
      for (const PartitionInfo& each : topic.partitions)
        if (each.partition == wanted.partition) wanted.end = each.visible_end;
  }
}

void show(Context& context, const std::string& name) {
  auto partitions = partitions_of(group_info(context.client(), name));
  find_ends(context.client(), partitions);
  std::vector<Row> rows;
  for (const auto& each : partitions)
    rows.push_back({{"group", name},
                    {"topic", each.topic},
                    {"partition", each.partition},
                    {"committed", known(each.committed)},
                    {"end", known(each.end)},
                    {"lag", lag_of(each)},
                    {"committed_at", each.committed_at > 0 ? Row(format_time(each.committed_at)) : Row(nullptr)},
                    {"member", each.member}});
  print_rows(rows, {"group", "topic", "partition", "committed", "end", "lag", "committed_at", "member"},
             context.format());
}

void members(Context& context, const std::string& name) {
  std::vector<Row> rows;
  for (const auto& member : group_info(context.client(), name).members)
    rows.push_back({{"member", member.member},
                    {"instance", member.instance},
                    {"client_id", member.client_id},
                    {"client_host", member.client_host}});
  print_rows(rows, {"member", "instance", "client_id", "client_host"}, context.format());
}

struct SeekOptions {
  std::string group, topic, to;
  std::int32_t partition = -1;
  bool dry_run = false;
};

Point point_of(const std::string& text) {
  if (const auto point = parse_point(text)) return *point;
  if (const auto time = parse_time_ms(text)) return {Point::Kind::time, *time};
  fail_usage("--to wants earliest, latest, OFFSET, -N or a time like 2026-11-21T10:00Z, not '" + text + "'");
}

void seek(Context& context, const SeekOptions& options) {
  const Point to = point_of(options.to);
  Client& client = context.client();
  const auto info = topic_info(client, options.topic);
  std::vector<GroupOffset> offsets;
  std::vector<Row> rows;
  for (const auto& partition : info.partitions) {
    if (options.partition >= 0 && partition.partition != options.partition) continue;
    const Offset wanted = offset_of(client, options.topic, partition.partition, to, partition.start);
    const Offset offset = std::clamp(options.to == "earliest" ? partition.start : wanted, partition.start,
                                     partition.visible_end);
    offsets.push_back({options.topic, partition.partition, offset, "", ErrorCode::none});
    rows.push_back({{"topic", options.topic},
                    {"partition", partition.partition},
                    {"offset", offset},
                    {"lag", partition.visible_end - offset}});
  }
  if (offsets.empty()) throw Failure{exit_not_found, "'" + options.topic + "' has no such partition"};
  if (!options.dry_run) {
    context.confirm("Move group '" + options.group + "' on '" + options.topic + "' to " + options.to);
    for (const ErrorCode code : need(client.ask(CommitOffsets{.group = options.group, .offsets = offsets})))
      if (code != ErrorCode::none)
        throw Failure{exit_status_of(code), "the group's offsets were not changed (" +
                                                std::string(name(code)) +
                                                "): has it members? stop them first"};
  }
  print_rows(rows, {"topic", "partition", "offset", "lag"}, context.format());
}

}  // namespace

void add_group(CLI::App& app, Context& context) {
  auto* noun =
      app.add_subcommand("group", "Groups: consumers that share a topic's partitions and their offsets");
  noun->require_subcommand(1);
  noun->add_subcommand("list", "All groups, with their lag")->callback([&context] { list_groups(context); });

  auto name = make_options<std::string>();
  auto* show_verb = noun->add_subcommand("show", "A group's offset, lag and member per partition");
  show_verb->add_option("NAME", *name)->required();
  show_verb->callback([name, &context] { show(context, *name); });
  auto* members_verb = noun->add_subcommand("members", "A group's members");
  members_verb->add_option("NAME", *name)->required();
  members_verb->callback([name, &context] { members(context, *name); });

  auto options = make_options<SeekOptions>();
  auto* seek_verb = noun->add_subcommand("seek",
                                         "Set where a group without members goes on.\n"
                                         "  tandem group seek billing orders --to earliest --dry-run\n"
                                         "  tandem group seek billing orders --to 2026-11-21T10:00Z");
  seek_verb->add_option("NAME", options->group)->required();
  seek_verb->add_option("TOPIC", options->topic)->required();
  seek_verb->add_option("--to", options->to, "earliest, latest, OFFSET, -N (N before the end) or a time, with or without @")
      ->required();
  seek_verb->add_option("--partition", options->partition, "only this one")->check(not_negative());
  seek_verb->add_flag("--dry-run", options->dry_run, "only show what would be set");
  seek_verb->callback([options, &context] { seek(context, *options); });

  auto gone = make_options<DeleteGroup>();
  auto* remove = noun->add_subcommand("delete", "Delete a group without members, and its offsets.");
  remove->add_option("NAME", gone->group)->required();
  remove->callback([gone, &context] {
    context.confirm("Delete group '" + gone->group + "' and its offsets");
    need(context.client().ask(*gone));
  });
}

}  // namespace tandem::cli
