#include "broker/wire/metrics/exposition.h"

#include <algorithm>
#include <charconv>

namespace tandem::wire::metrics {
namespace {

enum class Kind { gauge, counter };

class Page {
 public:
  explicit Page(std::string& text) : text_(text) {}

  Page& family(std::string_view name, Kind kind, std::string_view help) {
    name_ = name;
    text_.append("# HELP ").append(name).append(" ").append(help);
    text_.append("\n# TYPE ").append(name).append(kind == Kind::gauge ? " gauge\n" : " counter\n");
    return *this;
  }
  Page& label(std::string_view name, std::string_view value) {
    labels_ += labels_.empty() ? '{' : ',';
    labels_.append(name).append("=\"");
    for (const char c : value) {
      if (c == '\\' || c == '"') labels_ += '\\';
      if (c == '\n')
        labels_ += "\\n";
      else
        labels_ += c;
    }
    labels_ += '"';
    return *this;
  }
  void sample(std::string_view value) {
    text_.append(name_).append(labels_);
    if (!labels_.empty()) text_ += '}';
    text_.append(" ").append(value).append("\n");
    labels_.clear();
  }
  template <std::integral T>
  void sample(T value) {
    sample(std::string_view(std::to_string(value)));
  }

 private:
  std::string& text_;
  std::string_view name_;
  std::string labels_;
};

void append_process(Page& page, const BrokerPort& port) {
  page.family("tandem_build_info", Kind::gauge, "Always 1; the version is a label.")
      .label("version", port.fact("version"))
      .sample(1);
  std::uint64_t uptime_ms = 0;
  const std::string_view uptime = port.fact("uptime_ms");
  std::from_chars(uptime.data(), uptime.data() + uptime.size(), uptime_ms);
  page.family("tandem_uptime_seconds", Kind::gauge, "Since the broker started.").sample(uptime_ms / 1000);
  const auto fact = [&](std::string_view name, std::string_view of, std::string_view help) {
    const std::string_view value = port.fact(of);
    if (!value.empty()) page.family(name, Kind::gauge, help).sample(std::string(value));
  };
  fact("process_resident_memory_bytes", "rss_bytes", "Resident memory.");
  fact("tandem_journal_bytes", "journal_bytes", "Disk space of the journal, spare segments too.");
  fact("tandem_backlog_bytes", "backlog_bytes", "Disk space of queue messages that outlived a checkpoint.");
  fact("tandem_topic_bytes", "topic_bytes", "Disk space of topics.");
  fact("tandem_checkpoint_bytes", "checkpoint_bytes", "Disk space of the checkpoint.");
  fact("tandem_cache_bytes", "cache_bytes", "Memory for message bodies.");
  fact("tandem_disk_free_bytes", "disk_free_bytes", "Free space where the data lies.");
}

template <class Rows, class Label>
class Table {
 public:
  Table(Page& page, const Rows& rows, Label label) : page_(page), rows_(rows), label_(label) {}
  template <class Value>
  void column(std::string_view name, Kind kind, std::string_view help, Value value) {
    page_.family(name, kind, help);
    for (const auto& row : rows_) {
      label_(page_, row);
      page_.sample(value(row));
    }
  }

 private:
  Page& page_;
  const Rows& rows_;
  Label label_;
};

void append_queues(Page& page, const std::vector<core::QueueInfo>& queues) {
  Table table(page, queues, [](Page& to, const core::QueueInfo& queue) { to.label("queue", queue.queue.name); });
  using Info = core::QueueInfo;
  const auto gauge = [&](std::string_view name, std::string_view help, auto value) {
    table.column(name, Kind::gauge, help, value);
  };
  const auto counter = [&](std::string_view name, std::string_view help, auto value) {
    table.column(name, Kind::counter, help, value);
  };
  gauge("tandem_queue_messages_ready", "Ready to be delivered.", [](const Info& q) { return q.ready; });
  gauge("tandem_queue_messages_unsettled", "Delivered and not acked.", [](const Info& q) { return q.unsettled; });
  gauge("tandem_queue_ready_bytes", "Size of the ready messages.", [](const Info& q) { return q.size_bytes; });
  gauge("tandem_queue_consumers", "Consumers.", [](const Info& q) { return q.consumers; });
  counter("tandem_queue_accepted_total", "Messages that came since the start.", [](const Info& q) { return q.accepted; });
  counter("tandem_queue_acked_total", "Acked since the start.", [](const Info& q) { return q.acked; });
  counter("tandem_queue_redelivered_total", "Delivered again since the start.", [](const Info& q) { return q.redelivered; });
  counter("tandem_queue_expired_total", "Expired since the start.", [](const Info& q) { return q.expired; });
  counter("tandem_queue_dropped_total", "Dropped by a length limit since the start.", [](const Info& q) { return q.dropped; });
  counter("tandem_queue_dead_lettered_total", "Dead-lettered since the start.", [](const Info& q) { return q.dead_lettered; });
  counter("tandem_queue_purged_total", "Purged since the start.", [](const Info& q) { return q.purged; });
}

struct PartitionRow {
  std::string_view topic;
  const core::PartitionInfo* partition;
};

void append_topics(Page& page, const std::vector<core::TopicInfo>& topics) {
  std::vector<PartitionRow> rows;
  for (const core::TopicInfo& topic : topics)
    for (const core::PartitionInfo& partition : topic.partitions) rows.push_back({topic.topic.name, &partition});
  Table table(page, rows, [](Page& to, const PartitionRow& row) {
    to.label("topic", row.topic).label("partition", std::to_string(row.partition->index));
  });
  const auto gauge = [&](std::string_view name, std::string_view help, auto value) {
    table.column(name, Kind::gauge, help, value);
  };
  gauge("tandem_partition_start_offset", "Oldest offset that is kept.", [](const PartitionRow& row) { return row.partition->start; });
  gauge("tandem_partition_end_offset", "Offset of the next record.", [](const PartitionRow& row) { return row.partition->end; });
  gauge("tandem_partition_bytes", "Size of what is kept.", [](const PartitionRow& row) { return row.partition->size_bytes; });
}

struct OffsetRow {
  std::string_view group;
  const core::GroupOffsetInfo* offset;
};

void append_groups(Page& page, const std::vector<core::GroupInfo>& groups) {
  Table members(page, groups, [](Page& to, const core::GroupInfo& group) { to.label("group", group.name); });
  members.column("tandem_group_members", Kind::gauge, "Members.", [](const core::GroupInfo& group) { return group.members.size(); });
  std::vector<OffsetRow> rows;
  for (const core::GroupInfo& group : groups)
    for (const core::GroupOffsetInfo& offset : group.offsets)
      if (offset.committed >= 0) rows.push_back({group.name, &offset});
  Table table(page, rows, [](Page& to, const OffsetRow& row) {
    to.label("group", row.group).label("topic", row.offset->topic).label("partition", std::to_string(row.offset->partition));
  });
  table.column("tandem_group_offset", Kind::gauge, "Committed offset.", [](const OffsetRow& row) { return row.offset->committed; });
  table.column("tandem_group_lag", Kind::gauge, "Records behind the committed offset.", [](const OffsetRow& row) {
    return std::max<Offset>(0, row.offset->end - row.offset->committed);
  });
}

}  // namespace

void append_broker(std::string& text, const core::Described& described, const BrokerPort& port) {
  Page page(text);
  append_process(page, port);
  const core::BrokerInfo& broker = described.broker;
  const auto gauge = [&](std::string_view name, std::string_view help, auto value) {
    page.family(name, Kind::gauge, help).sample(value);
  };
  const auto counter = [&](std::string_view name, std::string_view help, auto value) {
    page.family(name, Kind::counter, help).sample(value);
  };
  gauge("tandem_connections", "Open connections.", broker.connections);
  gauge("tandem_consumers", "Consumers of queues.", broker.consumers);
  gauge("tandem_exchanges", "Exchanges.", broker.exchanges);
  gauge("tandem_queues", "Queues.", broker.queues);
  gauge("tandem_bindings", "Bindings.", broker.bindings);
  gauge("tandem_topics", "Topics.", broker.topics);
  gauge("tandem_partitions", "Partitions of all topics.", broker.partitions);
  gauge("tandem_groups", "Consumer groups.", broker.groups);
  gauge("tandem_messages_ready", "Ready in all queues.", broker.ready);
  gauge("tandem_messages_unsettled", "Delivered from all queues and not acked.", broker.unsettled);
  gauge("tandem_disk_alarm", "1: publishers are held back, since the disk is nearly full.", broker.disk_alarm ? 1 : 0);
  gauge("tandem_memory_alarm", "1: publishers are held back, since memory is short.", broker.memory_alarm ? 1 : 0);
  counter("tandem_published_total", "Messages published through exchanges since the start.", broker.published);
  counter("tandem_delivered_total", "Messages delivered from queues since the start.", broker.delivered);
  counter("tandem_acked_total", "Messages acked since the start.", broker.acked);
  counter("tandem_appended_batches_total", "Batches appended to topics since the start.", broker.appended_batches);
  counter("tandem_appended_records_total", "Records appended to topics since the start.", broker.appended_records);
}

void append_objects(std::string& text, const core::Described& described) {
  Page page(text);
  if (described.subject == core::Subject::queues) append_queues(page, described.queues);
  if (described.subject == core::Subject::topics) append_topics(page, described.topics);
  if (described.subject == core::Subject::groups) append_groups(page, described.groups);
}

std::size_t count_objects(const core::Described& described) {
  std::size_t count = described.queues.size() + described.groups.size();
  for (const core::TopicInfo& topic : described.topics) count += topic.partitions.size();
  for (const core::GroupInfo& group : described.groups) count += group.offsets.size();
  return count;
}

}  // namespace tandem::wire::metrics
