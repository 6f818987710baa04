#include "broker/storage/topic_home.h"

#include <iterator>
#include <utility>

#include "broker/storage/topic_file_writer.h"

namespace tandem::storage {
bool HomeWrite::is_continued_by(const HomeWrite& next) const {
  return partition == next.partition && growth.facts.base == next.growth.facts.base &&
         growth.facts.generation == next.growth.facts.generation && growth.facts.size_bytes == next.position;
}

void HomeWrite::take(HomeWrite next) {
  std::move(next.batches.begin(), next.batches.end(), std::back_inserter(batches));
  std::move(next.entries.begin(), next.entries.end(), std::back_inserter(entries));
  growth.facts = next.growth.facts;
  growth.index.insert(growth.index.end(), next.growth.index.begin(), next.growth.index.end());
}

Result<TopicSegmentGrowth> growth_at(const TopicSegmentFacts* newest, const TopicTail& entries, std::uint64_t position) {
  const auto wrong = [&](const std::string& what) {
    return Error{ErrorCode::corrupt, "a batch of offset " + std::to_string(entries.back().base) +
                                         " is said to be at byte " + std::to_string(position) + " of its segment, " + what};
  };
  std::uint64_t before_bytes = 0;
  for (auto entry = entries.begin(); entry != std::prev(entries.end()); ++entry) {
    if (entry->form != core::AppendedForm::batch) return wrong("but a message lies before it that is not home");
    before_bytes += entry->size_bytes;
  }
  if (position < before_bytes) return wrong("but more than that lies before it");
  const bool begins = position == before_bytes;
  TopicSegmentGrowth growth;
  if (begins) {
    growth.facts.base = growth.facts.end = entries.front().base;
  } else {
    if (newest == nullptr) return wrong("but the partition has none");
    growth.facts = *newest;
  }
  if (growth.facts.size_bytes != position - before_bytes)
    return wrong("but that ends at byte " + std::to_string(growth.facts.size_bytes));
  for (const TopicTailEntry& entry : entries) {
    if (entry.base < growth.facts.end) return wrong("which has that offset already");
    growth.add(entry.size_bytes, entry.base, entry.last(), entry.max_timestamp);
  }
  return growth;
}

Result<> write_home(FileSystem& files, const HomeWrite& home, bool& sync_failed) {
  TopicFileWriter writer(files, home.directory, home.directory_is_new);
  const auto written = [&]() -> Result<> {
    if (auto entered = writer.enter(home.file_name(), home.position); !entered) return entered;
    for (const StoredBytes& batch : home.batches)
      if (auto appended = writer.append_in_place(batch.bytes); !appended) return appended;
    return writer.finish();
  }();
  sync_failed = writer.sync_failed();
  return written;
}

}  // namespace tandem::storage
