// A store with one compacted partition, and a model of what must be left of it.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tests/storage/store_support.h"

namespace tandem::test {

struct KeyedRecord {
  std::optional<std::string> key, value;
};

class CompactionRig : public StoreRig {
 public:
  static constexpr TopicId topic{5};
  static constexpr PartitionId p0{topic, 0};

  void create(std::vector<std::pair<std::string, std::string>> more = {}) {
    std::vector<std::pair<std::string, std::string>> config{{"cleanup.policy", "compact"},
                                                            {"segment.bytes", "2000"}};
    for (auto& entry : more) {
      std::erase_if(config, [&](const auto& known) { return known.first == entry.first; });
      config.push_back(std::move(entry));
    }
    create_topic(topic, config);
  }

  /// One batch. Gives its first offset.
  Offset append_keyed(const std::vector<KeyedRecord>& records, const BatchProducer& producer = {},
                      Codec codec = Codec::none, TimestampMs timestamp = 1000) {
    BatchBuilder builder;
    for (const auto& [key, value] : records)
      builder.add(timestamp, key ? std::optional(bytes_of(*key)) : std::nullopt,
                  value ? std::optional(bytes_of(*value)) : std::nullopt);
    return append_bytes(builder.finish(codec, producer).value(), static_cast<std::int32_t>(records.size()), timestamp);
  }
  Offset append_keyed(const std::string& key, const std::string& value) { return append_keyed({{key, value}}); }
  Offset append_marker(std::int64_t producer, bool commit) {
    return append_bytes(make_marker_batch(producer, 0, commit, 1000), 1, 1000);
  }
  /// Fills the last segment and one behind it, so that everything before is in closed ones; then a checkpoint.
  void close_segments() {
    for (int i = 0; i < 2; ++i) append_keyed("filler" + std::to_string(fillers++), std::string(1990, 'f'));
    checkpoint();
  }
  /// Everything that is due, until nothing is. Gives how many compactions were made durable.
  std::size_t compact(TimestampMs now) {
    const std::size_t before = compactions.size();
    for (std::size_t seen = before + 1; seen != compactions.size();) {
      seen = compactions.size();
      store->background(now);
      settle();
      checkpoint();
    }
    return compactions.size() - before;
  }

  struct Stored {
    Offset offset;
    std::optional<std::string> key, value;
    friend bool operator==(const Stored&, const Stored&) = default;
  };
  struct StoredBatches {
    std::vector<Stored> records;        // of data batches
    std::vector<BatchHeader> batches;   // all
    std::size_t markers = 0;
  };
  /// All that a reader gets from `offset` on.
  StoredBatches read_all(Offset offset = 0, std::uint32_t size_max_bytes = 1u << 20) {
    StoredBatches all;
    const Offset end = ends[p0];
    while (offset < end) {
      const auto fetched = fetch(p0, offset, end, size_max_bytes);
      REQUIRE_MESSAGE(fetched.ok(), (fetched.ok() ? "" : fetched.error().text));
      REQUIRE_MESSAGE(!fetched->empty(), "nothing is read at offset " << offset << ", but it ends at " << end);
      for (Bytes rest = *fetched; !rest.empty();) {
        const auto header = parse_batch_header(rest).value();
        const Bytes batch = rest.first(header.size_bytes);
        rest = rest.subspan(header.size_bytes);
        if (header.last_offset() < offset) continue;
        take(header, batch, offset, all);
        offset = header.last_offset() + 1;
      }
    }
    return all;
  }
  /// Key → value of the newest record of each key, as a reader finds them; tombstones count as values.
  std::map<std::string, std::optional<std::string>> newest() {
    std::map<std::string, std::optional<std::string>> found;
    for (const Stored& record : read_all().records)
      if (record.key) found[*record.key] = record.value;
    return found;
  }

  /// Of the partition's files.
  std::vector<std::string> file_names() {
    const auto names = files.list("/store/topics/5/0");
    return names.ok() ? *names : std::vector<std::string>{};
  }

  void compacted(const core::CompactionDone& done) override { compactions.push_back(done); }

  std::vector<core::CompactionDone> compactions;
  int fillers = 0;

 private:
  Offset append_bytes(const std::vector<std::byte>& batch, std::int32_t count, TimestampMs timestamp) {
    core::Appended appended;
    appended.partition = p0;
    appended.base_offset = ends[p0];
    appended.body = store->stage({batch});
    appended.size_bytes = static_cast<std::uint32_t>(batch.size());
    appended.record_count = count;
    appended.max_timestamp = timestamp;
    ends[p0] += count;
    record(appended);
    return appended.base_offset;
  }
  static void take(const BatchHeader& header, Bytes batch, Offset from, StoredBatches& all) {
    all.batches.push_back(header);
    if (header.control()) {
      all.markers += 1;
      return;
    }
    REQUIRE(for_each_record(batch, [&](const RecordView& record) {
              if (record.offset < from) return true;
              const auto text = [](const std::optional<Bytes>& bytes) {
                return bytes ? std::optional(std::string(text_of(*bytes))) : std::nullopt;
              };
              all.records.push_back({record.offset, text(record.key), text(record.value)});
              return true;
            }).ok());
  }
};

}  // namespace tandem::test
