// tandem status | check | top | connections | consumers | check-store
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <thread>

#include "client/cli/context.h"

namespace tandem::cli {
namespace {

void status(Context& context) {
  const auto info = need(context.client().ask(DescribeBroker{}));
  const bool people = context.format() == Format::table;
  const auto size = [people](std::uint64_t bytes) { return people ? Row(format_size(bytes)) : Row(bytes); };
  const Row row = {{"broker", context.broker},
                   {"version", info.version},
                   {"pid", info.pid},
                   {"uptime_s", info.uptime_ms / 1000},
                   {"memory", size(info.rss_bytes)},
                   {"exchanges", info.exchanges},
                   {"queues", info.queues},
                   {"bindings", info.bindings},
                   {"topics", info.topics},
                   {"partitions", info.partitions},
                   {"groups", info.groups},
                   {"connections", info.connections},
                   {"consumers", info.consumers},
                   {"ready", info.ready},
                   {"unsettled", info.unsettled},
                   {"published", info.published},
                   {"delivered", info.delivered},
                   {"acked", info.acked},
                   {"appended_records", info.appended_records},
                   {"journal", size(info.journal_bytes)},
                   {"backlog", size(info.backlog_bytes)},
                   {"topic_segments", size(info.topic_bytes)},
                   {"disk_free", size(info.disk_free_bytes)},
                   {"disk_alarm", info.disk_alarm},
                   {"memory_alarm", info.memory_alarm}};
  std::vector<std::string> columns;
  for (const auto& item : row.items()) columns.push_back(item.key());
  print_rows({row}, columns, context.format(), true);
}

/// One line, for monitors.
void check(Context& context) {
  const auto info = need(context.client().ask(DescribeBroker{}));
  if (info.disk_alarm || info.memory_alarm)
    throw Failure{exit_failed, context.broker + " holds publishers back: " +
                                   (info.disk_alarm ? "disk space" : "memory") + " is short"};
  std::printf("ok %s %s ready=%llu unsettled=%llu\n", context.broker.c_str(), info.version.c_str(),
              static_cast<unsigned long long>(info.ready), static_cast<unsigned long long>(info.unsettled));
  flush_stdout();
}

void top(Context& context, std::int64_t interval_ms, int rounds) {
  auto last = need(context.client().ask(DescribeBroker{}));
  const bool people = context.format() == Format::table;
  if (people) std::printf("%10s %10s %10s %10s %10s %10s %10s\n", "publish/s", "deliver/s", "ack/s", "append/s", "ready",
              "unsettled", "memory");
  for (int round = 0; rounds == 0 || round < rounds; ++round) {
    std::this_thread::sleep_for(std::chrono::milliseconds(interval_ms));
    const auto now = need(context.client().ask(DescribeBroker{}));
    const auto rate = [&](std::uint64_t BrokerInfo::*count) {
      return static_cast<unsigned long long>((now.*count - last.*count) * 1000 /
                                             static_cast<std::uint64_t>(interval_ms));
    };
    if (!people) {
      print_streamed({{"publish_per_s", rate(&BrokerInfo::published)},
                      {"deliver_per_s", rate(&BrokerInfo::delivered)},
                      {"ack_per_s", rate(&BrokerInfo::acked)},
                      {"append_per_s", rate(&BrokerInfo::appended_records)},
                      {"ready", now.ready},
                      {"unsettled", now.unsettled},
                      {"memory", now.rss_bytes}},
                     context.format());
      flush_stdout();
      last = now;
      continue;
    }
    std::printf("%10llu %10llu %10llu %10llu %10llu %10llu %10s\n", rate(&BrokerInfo::published),
                rate(&BrokerInfo::delivered), rate(&BrokerInfo::acked), rate(&BrokerInfo::appended_records),
                static_cast<unsigned long long>(now.ready), static_cast<unsigned long long>(now.unsettled),
                format_size(now.rss_bytes).c_str());
    flush_stdout();
    last = now;
  }
}

void connections(Context& context) {
  std::vector<Row> rows;
  for (const auto& info : need(context.client().ask(DescribeConnections{})))
    rows.push_back({{"id", info.id},
                    {"name", info.name},
                    {"user", info.user},
                    {"face", info.face},
                    {"channels", info.channels},
                    {"consumers", info.consumers},
                    {"unsettled", info.unsettled},
                    {"writable", info.writable}});
  print_rows(rows, {"id", "name", "user", "face", "channels", "consumers", "unsettled", "writable"},
             context.format());
}

struct CloseOptions {
  std::uint64_t id = 0;
  std::string reason = "closed by an operator";
};

void add_close_connection(CLI::App& app, Context& context) {
  auto options = make_options<CloseOptions>();
  auto* verb = app.add_subcommand("disconnect", "End a connection; its client is told why.");
  verb->add_option("ID", options->id, "as `tandem connections` shows it")->required()->check(not_negative());
  verb->add_option("--reason", options->reason, "what its client is told")->capture_default_str();
  verb->callback([options, &context] {
    context.confirm("End connection " + std::to_string(options->id));
    need(context.client().ask(CloseConnection{options->id, options->reason}));
  });
}

void consumers(Context& context) {
  std::vector<Row> rows;
  for (const auto& info : need(context.client().ask(DescribeConsumers{})))
    rows.push_back({{"connection", info.connection},
                    {"channel", info.channel},
                    {"queue", info.queue},
                    {"prefetch", info.prefetch},
                    {"unsettled", info.unsettled},
                    {"no_ack", info.no_ack},
                    {"exclusive", info.exclusive},
                    {"active", info.active},
                    {"priority", info.priority},
                    {"tag", info.tag}});
  print_rows(rows,
             {"connection", "channel", "queue", "prefetch", "unsettled", "no_ack", "exclusive", "active",
              "priority", "tag"},
             context.format());
}

/// The offline check is the broker's: its program stands beside this one.
void check_store(const std::string& directory) {
  std::error_code error;
  const auto beside = std::filesystem::read_symlink("/proc/self/exe", error).parent_path() / "tandemd";
  const std::string program = std::filesystem::exists(beside, error) ? beside.string() : "tandemd";
  execlp(program.c_str(), "tandemd", "--check-store", directory.c_str(), static_cast<char*>(nullptr));
  throw Failure{exit_failed, "cannot start " + program + " to check the store"};
}

}  // namespace

void add_status(CLI::App& app, Context& context) {
  app.add_subcommand("status", "The broker's counts, memory and disk")->callback([&context] {
    status(context);
  });
  app.add_subcommand("check", "One line, and exit status 0 if the broker takes messages")
      ->callback([&context] { check(context); });
  app.add_subcommand("connections", "Who is connected")->callback([&context] { connections(context); });
  add_close_connection(app, context);
  app.add_subcommand("consumers", "Who consumes from which queue")->callback([&context] {
    consumers(context);
  });

  struct Top {
    std::string interval = "1s";
    int rounds = 0;
  };
  auto options = make_options<Top>();
  auto* top_verb = app.add_subcommand("top", "Rates: a line every second, until Ctrl-C");
  top_verb->add_option("--interval", options->interval, "between two lines")->capture_default_str();
  top_verb->add_option("--rounds", options->rounds, "lines; 0 = until Ctrl-C")->check(not_negative())->capture_default_str();
  top_verb->callback([options, &context] {
    const auto interval = duration_option("--interval", options->interval);
    if (interval <= 0) fail_usage("--interval must be more than 0");
    top(context, interval, options->rounds);
  });

  auto directory = make_options<std::string>();
  auto* store =
      app.add_subcommand("check-store", "Verify every checksum and reference of a data directory, offline");
  store->add_option("DIR", *directory)->required();
  store->callback([directory] { check_store(*directory); });
}

}  // namespace tandem::cli
