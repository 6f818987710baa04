#include "broker/storage/recover.h"

#include "broker/storage/backlog_run.h"
#include "broker/storage/record_codec.h"

namespace tandem::storage {
namespace {

/// Keys with records in them, in the order of replay.
constexpr std::string_view record_letters = "CPUEQTBqrzpogmx";
/// The mark, segments, indexes, and Lmdb's own.
constexpr std::string_view other_letters = "Msi#";

class Recovery {
 public:
  Recovery(const Lmdb& lmdb, const ReplaySink& sink) : lmdb_(lmdb), sink_(sink) {}

  Result<RecoveredCheckpoint> run() {
    if (auto counted = lmdb_.check_count(); !counted) return counted.error();
    if (auto read = read_mark(); !read) return read.error();
    for (const char letter : record_letters)
      if (auto replayed = replay(std::string_view(&letter, 1)); !replayed) return replayed.error();
    if (auto read = read_segments(); !read) return read.error();
    if (auto read = read_indexes(); !read) return read.error();
    if (auto judged = judge_other_letters(); !judged) return judged.error();
    return std::move(found_);
  }

 private:
  /// Else what is kept under such a key would be forgotten without a word.
  Result<> judge_other_letters() {
    for (int code = 0; code < 256; ++code) {
      const char letter = static_cast<char>(code);
      if ((std::string(record_letters) + std::string(other_letters)).find(letter) != std::string::npos) continue;
      auto none = lmdb_.for_each(std::string_view(&letter, 1), [this, letter](std::string_view, std::string_view) -> Result<> {
        return damaged(std::string("a key begins with '") + letter + "', which means nothing here");
      });
      if (!none) return none;
    }
    return Done{};
  }

  Result<> read_mark() {
    const auto encoded = lmdb_.get(keys::mark);
    if (!encoded) return encoded.error();
    if (!*encoded) return Done{};
    const auto mark = decode_mark(**encoded);
    if (!mark) return Error{mark.error().code, lmdb_.path() + ": " + mark.error().text};
    found_.mark = *mark;
    return Done{};
  }

  Result<> replay(std::string_view letter) {
    return lmdb_.for_each(letter, [this](std::string_view key, std::string_view value) -> Result<> {
      const auto record = decode_record(bytes_of(value));
      if (!record) return Error{record.error().code, lmdb_.path() + ": " + record.error().text};
      if (!is_key_of(*record, key)) return damaged("a record under another record's key");
      const auto* run = std::get_if<core::RunHomed>(&*record);
      if (run != nullptr && !is_extent(*run)) return damaged("a run that is not whole blocks of the backlog file");
      sink_(*record, 0);
      return Done{};
    });
  }

  static bool is_extent(const core::RunHomed& run) {
    return run.extent_bytes > 0 && run.extent_bytes % backlog_block_bytes == 0 &&
           run.position % backlog_block_bytes == 0 && run.position < backlog_size_max_bytes;
  }
  bool is_key_of(const core::Record& record, std::string_view key) {
    const auto* run = std::get_if<core::RunHomed>(&record);
    if (run == nullptr || !key.starts_with(keys::old_runs)) return keys::of(record) == key;
    found_.has_old_runs = true;
    return keys::old_run(run->queue, run->run) == key;
  }

  Result<> read_segments() {
    return lmdb_.for_each("s", [this](std::string_view key, std::string_view value) -> Result<> {
      const auto id = keys::parse_segment(key);
      const auto facts = decode_segment_facts(value);
      if (!id || !facts || facts->base != id->base) return damaged("segment facts are malformed");
      found_.segments.push_back({id->partition, {*facts, {}}});
      return Done{};
    });
  }

  /// Indexes come in the same order as the segments they belong to.
  Result<> read_indexes() {
    auto segment = found_.segments.begin();
    auto read = lmdb_.for_each("i", [&](std::string_view key, std::string_view value) -> Result<> {
      const auto id = keys::parse_segment(key);
      if (!id) return damaged("an index is malformed");
      while (segment != found_.segments.end() &&
             (segment->partition != id->partition || segment->segment.facts.base != id->base))
        ++segment;
      if (segment == found_.segments.end()) return damaged("an index without its segment");
      return decode_index(value, segment->segment.index);
    });
    if (!read) return read;
    for (const auto& [partition, indexed] : found_.segments)
      if (indexed.index.empty() || indexed.index.front().position != 0)
        return damaged("a segment without its index");
    return Done{};
  }

  Error damaged(const std::string& what) const { return {ErrorCode::corrupt, lmdb_.path() + ": " + what}; }

  const Lmdb& lmdb_;
  const ReplaySink& sink_;
  RecoveredCheckpoint found_;
};

}  // namespace

Result<RecoveredCheckpoint> recover_checkpoint(const Lmdb& lmdb, const ReplaySink& sink) {
  return Recovery(lmdb, sink).run();
}

}  // namespace tandem::storage
