#include "broker/storage/segment.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <cstring>

#include "broker/base/check.h"
#include "broker/storage/bytes_io.h"
#include "schemas/crc32c.h"

namespace tandem::storage {
namespace {

constexpr std::string_view magic = "TNDMJRNL";
constexpr std::string_view suffix = ".seg";
constexpr std::string_view spare_prefix = "spare-";
// Offsets in the header block (docs/disk_format.md, "Segments").
constexpr std::size_t at_version = 8, at_salt = 12, at_number = 16, at_first = 24, at_size = 32, at_crc = 40;
constexpr std::size_t header_size_bytes = 44;

std::optional<std::uint64_t> number_in(std::string_view name, std::string_view prefix) {
  if (!name.starts_with(prefix) || !name.ends_with(suffix)) return std::nullopt;
  name.remove_prefix(prefix.size());
  name.remove_suffix(suffix.size());
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  if (error != std::errc() || end != name.data() + name.size()) return std::nullopt;
  return number;
}

}  // namespace

std::vector<std::byte> encode_segment_header(const SegmentId& id) {
  std::vector<std::byte> block(journal_block_bytes);
  std::memcpy(block.data(), magic.data(), magic.size());
  put_u32(block.data() + at_version, journal_format_version);
  put_u32(block.data() + at_salt, id.salt);
  put_u64(block.data() + at_number, id.number);
  put_u64(block.data() + at_first, id.first);
  put_u64(block.data() + at_size, id.size_bytes);
  put_u32(block.data() + at_crc, crc32c(Bytes(block).first(at_crc)));
  return block;
}

Result<SegmentId> decode_segment_header(Bytes block) {
  if (block.size() < header_size_bytes || text_of(block.first(magic.size())) != magic)
    return Error{ErrorCode::corrupt, "not a journal segment"};
  if (get_u32(block.data() + at_crc) != crc32c(block.first(at_crc)))
    return Error{ErrorCode::corrupt, "the segment header's checksum is wrong"};
  const std::uint32_t version = get_u32(block.data() + at_version);
  if (version < journal_format_version_min || version > journal_format_version)
    return Error{ErrorCode::not_supported, "journal format version " + std::to_string(version) +
                                               " was written by a newer version; this one reads " +
                                               std::to_string(journal_format_version)};
  return SegmentId{get_u64(block.data() + at_number), get_u64(block.data() + at_first),
                   get_u64(block.data() + at_size), get_u32(block.data() + at_salt)};
}

Result<std::unique_ptr<JournalSegments>> JournalSegments::open(FileSystem& files, std::string directory,
                                                               std::uint64_t segment_size_bytes,
                                                               Access access) {
  CHECK(segment_size_bytes % journal_block_bytes == 0);
  CHECK(segment_size_bytes >= 2 * journal_block_bytes);
  if (access == Access::read_write)
    if (auto made = files.make_directory(directory); !made) return made.error();
  auto names = files.list(directory);
  if (!names) return names.error();
  std::unique_ptr<JournalSegments> segments(
      new JournalSegments(files, std::move(directory), segment_size_bytes));
  for (const std::string& name : *names)
    if (auto adopted = segments->adopt(name, access); !adopted) return adopted.error();
  return segments;
}

Result<> JournalSegments::adopt(const std::string& name, Access access) {
  const std::string path = directory_ + "/" + name;
  const auto spare = number_in(name, spare_prefix);
  const auto number = number_in(name, "");
  if (!spare && !number) return Done{};
  auto file = files_.open(path, access);
  if (!file) return file.error();
  std::array<std::byte, header_size_bytes> header{};
  if (auto read = (*file)->read_some(0, header); !read) return read.error();
  auto size = (*file)->size();
  if (!size) return size.error();

  const auto id = decode_segment_header(header);
  if (number && id.ok() && id->number == *number) {
    live_[*number] = std::make_shared<const Segment>(*id, std::move(*file));
    by_position_[id->first] = *number;
    return Done{};
  }
  if (number && !id.ok() && id.error().code == ErrorCode::not_supported)
    return Error{ErrorCode::not_supported, path + ": " + id.error().text};
  if (number) suspicious_[*number] = path;
  if (spare) next_spare_ = std::max(next_spare_, *spare + 1);
  spares_.push_back({path, number.value_or(0), *size, nullptr});
  return Done{};
}

std::shared_ptr<const Segment> JournalSegments::find(Lsn position) const {
  const std::lock_guard lock(mutex_);
  auto after = by_position_.upper_bound(position);
  if (after == by_position_.begin()) return nullptr;
  const auto& segment = live_.at(std::prev(after)->second);
  return position < segment->id.end() ? segment : nullptr;
}

std::shared_ptr<const Segment> JournalSegments::find_number(std::uint64_t number) const {
  const std::lock_guard lock(mutex_);
  const auto found = live_.find(number);
  return found == live_.end() ? nullptr : found->second;
}

std::vector<std::shared_ptr<const Segment>> JournalSegments::live() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::shared_ptr<const Segment>> segments;
  for (const auto& [number, segment] : live_) segments.push_back(segment);
  return segments;
}

std::map<std::uint64_t, std::string> JournalSegments::suspicious(std::uint64_t number) const {
  const std::lock_guard lock(mutex_);
  return {suspicious_.lower_bound(number), suspicious_.end()};
}

Result<std::shared_ptr<const Segment>> JournalSegments::begin(const SegmentId& id) {
  auto file = make_file(id);
  if (!file) return file.error();
  const auto header = encode_segment_header(id);
  if (auto written = (*file)->write(0, Bytes(header)); !written) return written.error();
  auto segment = std::make_shared<const Segment>(id, std::move(*file));
  const std::lock_guard lock(mutex_);
  live_[id.number] = segment;
  by_position_[id.first] = id.number;
  return segment;
}

Result<std::unique_ptr<File>> JournalSegments::make_file(const SegmentId& id) {
  const std::string path = path_of(id.number);
  const auto spare = take_spare(id);
  if (!spare || spare->number != id.number)
    if (auto cleared = clear_name(id.number); !cleared) return cleared.error();
  if (spare && spare->number != id.number)
    if (auto renamed = files_.rename(spare->path, path); !renamed) return renamed.error();
  auto file = spare ? files_.open(path) : files_.create(path);
  // An attempt before this one failed for want of space when the name was taken already.
  if (!file.ok() && file.error().code == ErrorCode::already_exists) file = files_.open(path);
  // Without a spare it grows as it is written; its space is taken now, so that acks find room when the disk is full.
  if (file.ok() && !spare) (*file)->reserve(id.size_bytes);
  // The new name must be there before anything in the file is relied on.
  if (file.ok())
    if (auto synced = files_.sync_directory(directory_); !synced) return synced.error();
  return file;
}

/// The oldest spare of the segment's size; but one that has the segment's name already (a crash left it)
/// comes first.
std::optional<JournalSegments::Spare> JournalSegments::take_spare(const SegmentId& id) {
  const std::lock_guard lock(mutex_);
  auto best = spares_.end();
  for (auto it = spares_.begin(); it != spares_.end(); ++it) {
    const bool still_read = it->readers.use_count() > 1;
    if (it->size_bytes != id.size_bytes || still_read) continue;
    if (best == spares_.end() || it->number == id.number) best = it;
  }
  if (best == spares_.end()) return std::nullopt;
  Spare spare = std::move(*best);
  spares_.erase(best);
  return spare;
}

/// No spare keeps the name that a new segment needs.
Result<> JournalSegments::clear_name(std::uint64_t number) {
  {
    const std::lock_guard lock(mutex_);
    const auto taken = std::find_if(spares_.begin(), spares_.end(),
                                    [number](const Spare& spare) { return spare.number == number; });
    if (taken == spares_.end()) return Done{};
    spares_.erase(taken);
  }
  return files_.remove(path_of(number));
}

bool JournalSegments::useless(const Spare& spare) const {
  // A name that is still to come is left to clear_name(): otherwise the file that has it by then could be
  // removed.
  const bool name_is_past = live_.empty() || spare.number <= live_.rbegin()->first;
  return spare.size_bytes != segment_size_bytes_ && name_is_past;
}

Result<> JournalSegments::remove_useless_spares() {
  std::vector<std::string> paths;
  {
    const std::lock_guard lock(mutex_);
    for (const Spare& spare : spares_)
      if (useless(spare)) paths.push_back(spare.path);
    std::erase_if(spares_, [this](const Spare& spare) { return useless(spare); });
  }
  for (const std::string& path : paths)
    if (auto removed = files_.remove(path); !removed) return removed;
  return Done{};
}

void JournalSegments::retire_below(Lsn position) {
  const std::lock_guard lock(mutex_);
  while (live_.size() > 1 && live_.begin()->second->id.end() <= position) retire(live_.begin());
}

void JournalSegments::retire_after(std::uint64_t number) {
  const std::lock_guard lock(mutex_);
  while (!live_.empty() && live_.rbegin()->first > number) retire(std::prev(live_.end()));
}

void JournalSegments::retire(std::map<std::uint64_t, std::shared_ptr<const Segment>>::iterator it) {
  const auto segment = std::move(it->second);
  by_position_.erase(segment->id.first);
  live_.erase(it);
  spares_.push_back({segment->file->path(), segment->id.number, segment->id.size_bytes, segment});
}

Result<> JournalSegments::remove_surplus_spare(std::size_t keep) {
  std::string path;
  {
    const std::lock_guard lock(mutex_);
    if (spares_.size() <= keep) return Done{};
    const auto oldest = std::find_if(spares_.begin(), spares_.end(), [this](const Spare& spare) {
      const bool name_is_past = live_.empty() || spare.number <= live_.rbegin()->first;
      return spare.readers.use_count() <= 1 && name_is_past;
    });
    if (oldest == spares_.end()) return Done{};
    path = oldest->path;
    spares_.erase(oldest);
  }
  return files_.remove(path);
}

std::size_t JournalSegments::spares() const {
  const std::lock_guard lock(mutex_);
  return spares_.size();
}

bool JournalSegments::wants_spare() const {
  const std::lock_guard lock(mutex_);
  return std::none_of(spares_.begin(), spares_.end(),
                      [this](const Spare& spare) { return spare.size_bytes == segment_size_bytes_; });
}

Result<> JournalSegments::make_spare() {
  std::string path;
  {
    const std::lock_guard lock(mutex_);
    path = directory_ + "/" + std::string(spare_prefix) + std::to_string(next_spare_++) + std::string(suffix);
  }
  auto file = files_.create(path);
  if (!file) return file.error();
  if (auto written = (*file)->prewrite(0, segment_size_bytes_); !written) {
    file = Error{};  // closed before it is removed
    // Best effort: the next start takes it for a spare of another size.
    (void)files_.remove(path);
    return written;
  }
  const std::lock_guard lock(mutex_);
  spares_.push_back({path, 0, segment_size_bytes_, nullptr});
  return Done{};
}

std::uint64_t JournalSegments::size_bytes() const {
  const std::lock_guard lock(mutex_);
  std::uint64_t size = 0;
  for (const auto& [number, segment] : live_) size += segment->id.size_bytes;
  for (const Spare& spare : spares_) size += spare.size_bytes;
  return size;
}

std::string JournalSegments::path_of(std::uint64_t number) const {
  std::array<char, 32> name;
  std::snprintf(name.data(), name.size(), "%016llu.seg", static_cast<unsigned long long>(number));
  return directory_ + "/" + name.data();
}

}  // namespace tandem::storage
