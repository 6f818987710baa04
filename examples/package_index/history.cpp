#include "examples/package_index/history.h"

#include <map>
#include <string>

#include "examples/package_index/progress.h"
#include "examples/package_index/queues.h"

namespace package_index {

using namespace tandem;

namespace {

/// Checks that the records of one source package come in the order in which they were published.
class OrderCheck {
 public:
  bool in_order(const TopicRecord& record) {
    const Offset last = last_offset_[std::string(record.key.value_or(""))];
    last_offset_[std::string(record.key.value_or(""))] = record.offset + 1;
    return record.offset >= last;
  }

 private:
  std::map<std::string, Offset> last_offset_;
};

void take(HistoryRead& read, OrderCheck& order, const std::vector<TopicRecord>& records) {
  for (const auto& record : records) {
    read.records.add(record.value.value_or(""));
    read.out_of_order += !order.in_order(record);
  }
}

}  // namespace

Result<> declare_history(const Client& client) {
  auto deleted = client.ask(DeleteTopic{.name = topic_name});
  if (!deleted && deleted.error().code != ErrorCode::not_found) return deleted.error();
  auto forgotten = client.ask(DeleteGroup{.group = group_name});
  if (!forgotten && forgotten.error().code != ErrorCode::not_found) return forgotten.error();
  if (auto r = client.ask(CreateTopic{.name = topic_name, .partitions = partition_count}); !r)
    return r.error();
  return client.ask(Bind{.source = exchange_name,
                         .destination_kind = Destination::topic,
                         .destination = topic_name,
                         .routing_key = "#",
                         .arguments = {{"x-key", Value("header:source")}}});
}

Result<HistoryRead> read_with_group(const Client& client, std::uint64_t count) {
  auto member = GroupConsumer::open(client, {.group = group_name, .topics = {topic_name}});
  if (!member) return member.error();
  HistoryRead read;
  OrderCheck order;
  Progress progress("reading as a group", count);
  for (int idle = 0; read.records.count < count && idle < 50;) {
    auto records =
        member->poll(std::min<std::uint64_t>(count - read.records.count, 1'000), Milliseconds(100));
    if (!records) return records.error();
    idle = records->empty() ? idle + 1 : 0;
    take(read, order, *records);
    progress.show(read.records.count);
  }
  if (auto committed = member->commit(); !committed) return committed.error();
  if (auto closed = member->close(); !closed) return closed.error();
  return read;
}

Result<HistoryRead> read_from_start(const Client& client) {
  std::vector<Position> from;
  std::uint64_t total = 0;
  for (int partition = 0; partition < partition_count; ++partition) {
    auto end = client.ask(ListOffset{.topic = topic_name, .partition = partition, .at = latest});
    if (!end) return end.error();
    total += static_cast<std::uint64_t>(end->offset);
    from.push_back({topic_name, partition, 0});
  }
  auto reader = TopicReader::open(client, std::move(from));
  if (!reader) return reader.error();
  HistoryRead read;
  OrderCheck order;
  Progress progress("reading from offset 0", total);
  std::vector<TopicRecord> records;
  for (int idle = 0; read.records.count < total && idle < 50;) {
    records.clear();
    if (auto count = reader->poll(records, 1'000, Milliseconds(100)); !count) return count.error();
    idle = records.empty() ? idle + 1 : 0;
    take(read, order, records);
    progress.show(read.records.count);
  }
  return read;
}

}  // namespace package_index
