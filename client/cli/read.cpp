// tandem read
#include <cstdio>
#include <map>

#include "client/cli/context.h"
#include "client/cli/progress.h"
#include "client/cli/ranges.h"

namespace tandem::cli {
namespace {

struct ReadOptions {
  std::string topic, range = ":";
  std::int32_t partition = -1;
  bool follow = false, committed = false;
};

Row text_or_null(const std::optional<std::string_view>& text) {
  return text ? Row(std::string(*text)) : Row(nullptr);
}

void print(const TopicRecord& record, const std::string& output) {
  if (output != "json" && output != "jsonl" && output != "tsv") {
    if (record.value) std::fwrite(record.value->data(), 1, record.value->size(), stdout);
    std::fputc('\n', stdout);
    return;
  }
  Row headers = Row::object();
  for (const auto& [name, value] : record.headers) headers[std::string(name)] = text_or_null(value);
  print_streamed({{"partition", record.partition},
                  {"offset", record.offset},
                  {"timestamp", format_time(record.timestamp)},
                  {"key", text_or_null(record.key)},
                  {"headers", headers},
                  {"value", text_or_null(record.value)}},
                 output == "tsv" ? Format::tsv : Format::jsonl);
}

std::vector<PartitionInfo> chosen_partitions(Client& client, const ReadOptions& options) {
  auto all = topic_info(client, options.topic).partitions;
  if (options.partition < 0) return all;
  std::erase_if(all, [&](const auto& one) { return one.partition != options.partition; });
  if (all.empty())
    throw Failure{exit_not_found,
                  "topic '" + options.topic + "' has no partition " + std::to_string(options.partition)};
  return all;
}

bool is_backwards(const Range& range) {
  return range.first.kind == range.last.kind && range.first.kind != Point::Kind::open &&
         (range.first.kind == Point::Kind::from_end ? range.first.value < range.last.value
                                                    : range.first.value > range.last.value);
}

/// Nothing that young, or an empty topic: no failure. But who names an offset means records that are there.
void say_nothing_there(const ReadOptions& options, const Range& range,
                       const std::vector<PartitionInfo>& partitions) {
  if (range.first.kind != Point::Kind::offset || range.first.value == 0) return;
  std::string there;
  for (const auto& one : partitions)
    there += (there.empty() ? "" : ", ") + std::to_string(one.partition) + " has " +
             std::to_string(one.start) + ":" + std::to_string(one.visible_end);
  throw Failure{exit_not_found, "nothing of '" + options.topic + "' lies in " + options.range + "; partition " + there};
}

void read(Context& context, const ReadOptions& options) {
  const auto range = parse_range(options.range);
  if (!range)
    fail_usage("a range is FIRST:LAST, -N, OFFSET, @TIME, @T1:@T2, earliest or latest, not '" +
               options.range + "'");
  if (options.follow && options.range.find(':') != std::string::npos && range->last.kind != Point::Kind::open)
    fail_usage("--follow has no end, and the range " + options.range + " has one");
  if (is_backwards(*range)) fail_usage("the range " + options.range + " ends before it begins");
  Client& client = context.client();
  std::vector<Position> from;
  std::map<std::int32_t, Offset> ends;  // partitions that are not read to their end yet
  const auto chosen = chosen_partitions(client, options);
  for (const auto& partition : chosen) {
    const auto offsets = offsets_of(client, options.topic, partition.partition, *range);
    if (offsets.first >= offsets.last && !options.follow) continue;
    from.push_back({options.topic, partition.partition, offsets.first});
    ends[partition.partition] = options.follow ? INT64_MAX : offsets.last;
  }
  if (from.empty()) return say_nothing_there(options, *range, chosen);
  auto reader = need(TopicReader::open(client, std::move(from), {.read_committed = options.committed}));
  std::vector<TopicRecord> records;
  Progress progress("read", Progress::Beside::output);
  while (!ends.empty()) {
    records.clear();
    need(reader.poll(records, 1'000, Milliseconds(500)));
    for (const auto& record : records) {
      const auto end = ends.find(record.partition);
      if (end == ends.end()) continue;
      if (record.offset < end->second) print(record, context.output);
      if (record.offset + 1 >= end->second) ends.erase(end);
    }
    flush_stdout();
    progress.add(records.size());
    if (options.follow) continue;
    // What lies before the end may be markers of transactions, which are no records.
    for (const auto& position : reader.positions())
      if (const auto end = ends.find(position.partition); end != ends.end() && position.offset >= end->second)
        ends.erase(end);
  }
}

}  // namespace

void add_read(CLI::App& app, Context& context) {
  auto options = make_options<ReadOptions>();
  auto* verb = app.add_subcommand("read",
                                  "Print records of a topic, a line each. Ranges are of offsets, per partition; some offsets\n"
                                  "have no record: markers of transactions, and what compaction dropped.\n"
                                  "  tandem read orders 10:20        offsets 10 to 19\n"
                                  "  tandem read orders -5           the last five offsets\n"
                                  "  tandem read orders @2026-11-21T10:00Z: --follow");
  verb->add_option("TOPIC", options->topic, "or a stream's name")->required();
  verb->add_option("RANGE", options->range,
                   "FIRST:LAST, OFFSET, -N, @TIME, @T1:@T2, earliest, latest; default all");
  verb->add_option("--partition", options->partition, "only this one")->check(not_negative());
  verb->add_flag("--follow", options->follow, "go on with what comes");
  verb->add_flag("--committed", options->committed, "only records of committed transactions");
  verb->callback([options, &context] { read(context, *options); });
}

}  // namespace tandem::cli
