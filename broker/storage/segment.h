// The journal's segment files. The journal is one sequence of bytes with growing positions (Lsn); segment
// after segment takes a stretch of it, so a position leads to its file and offset by the segment's first
// position alone.
//
//   <directory>/0000000000000007.seg   named by number; the header inside says number, first position and
//   size <directory>/spare-3.seg            pre-written, never used
//
// A segment that a checkpoint has made needless keeps its name until it is taken again: then it is renamed to
// the next number and its header rewritten. Nothing is created or unlinked beside traffic while there is a
// spare.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "broker/storage/file.h"

namespace tandem::storage {

/// Byte position in the journal's endless sequence; the value of a BodyHandle that points into the journal.
using Lsn = std::uint64_t;

/// Frames and segment headers are padded to this: whole pages are written, none is read to be completed.
inline constexpr std::uint64_t journal_block_bytes = 4096;
/// Where the first frame ever is: behind the header of segment 1.
inline constexpr Lsn journal_start = journal_block_bytes;
/// 2: segments have salts. 1 is read too: its salts are 0.
inline constexpr std::uint32_t journal_format_version = 2, journal_format_version_min = 1;

inline constexpr std::uint64_t round_up_to_block(std::uint64_t size) {
  return (size + journal_block_bytes - 1) / journal_block_bytes * journal_block_bytes;
}

struct SegmentId {
  std::uint64_t number = 0;  // from 1, without gaps
  Lsn first = 0;             // position of the file's byte 0
  std::uint64_t size_bytes = 0;
  /// Goes into its frames' checksums. Nobody outside knows it: bytes of a message that look like a frame are none.
  std::uint32_t salt = 0;
  Lsn frames_start() const { return first + journal_block_bytes; }
  Lsn end() const { return first + size_bytes; }
  friend bool operator==(const SegmentId&, const SegmentId&) = default;
};

struct Segment {
  SegmentId id;
  std::unique_ptr<File> file;
};

/// The header block's bytes.
std::vector<std::byte> encode_segment_header(const SegmentId& id);
/// corrupt: not a segment header; not_supported: a newer format version.
Result<SegmentId> decode_segment_header(Bytes block);

/// Thread rule: any thread.
class JournalSegments {
 public:
  /// Looks at what is in the directory (made when missing). Files whose header is not a segment's, or does
  /// not agree with their name, are no part of the journal: they are offered again as spares, unless
  /// read_journal() finds that they hold something it misses. `segment_size_bytes`: of new segments, a
  /// multiple of 4 KiB.
  static Result<std::unique_ptr<JournalSegments>> open(FileSystem& files, std::string directory,
                                                       std::uint64_t segment_size_bytes,
                                                       Access access = Access::read_write);

  /// The segment that holds the position; nullptr when it was recycled or never was. Holding the pointer
  /// keeps the file from being overwritten.
  std::shared_ptr<const Segment> find(Lsn position) const;
  std::shared_ptr<const Segment> find_number(std::uint64_t number) const;
  /// In order of number.
  std::vector<std::shared_ptr<const Segment>> live() const;
  /// Files with a segment's name and number ≥ `number` whose header is bad, or of another number: paths by number.
  std::map<std::uint64_t, std::string> suspicious(std::uint64_t number) const;
  Result<std::unique_ptr<File>> open_read_only(const std::string& path) const {
    return files_.open(path, Access::read_only);
  }

  /// Makes the segment part of the journal: recycles a spare of this size or creates a file, and writes the
  /// header (durable with the first sync of the file). Journal thread, and start-up.
  Result<std::shared_ptr<const Segment>> begin(const SegmentId& id);
  /// Everything below `position` is needed no more. The newest segment always stays.
  void retire_below(Lsn position);
  /// What lies beyond is not part of the journal (segments behind the end that recovery found).
  void retire_after(std::uint64_t number);

  bool wants_spare() const;
  /// Pre-writes one spare. A failure leaves none, and is no harm. Background thread.
  Result<> make_spare();
  /// Removes spares of another size than new segments have. Background thread.
  Result<> remove_useless_spares();
  /// Removes one spare when there are more than `keep`: one at a time, since an unlink takes 12 ms. Background thread.
  Result<> remove_surplus_spare(std::size_t keep);
  std::size_t spares() const;

  std::uint64_t segment_size_bytes() const { return segment_size_bytes_; }
  const std::string& directory() const { return directory_; }
  /// Disk space of live and spare segments.
  std::uint64_t size_bytes() const;

 private:
  struct Spare {
    std::string path;
    std::uint64_t number = 0;  // in its name; 0: a spare-N
    std::uint64_t size_bytes = 0;
    std::shared_ptr<const Segment> readers;  // who still reads the old content
  };

  JournalSegments(FileSystem& files, std::string directory, std::uint64_t segment_size_bytes)
      : files_(files), directory_(std::move(directory)), segment_size_bytes_(segment_size_bytes) {}

  Result<> adopt(const std::string& name, Access access);
  void retire(std::map<std::uint64_t, std::shared_ptr<const Segment>>::iterator segment);
  std::optional<Spare> take_spare(const SegmentId& id);
  Result<> clear_name(std::uint64_t number);
  bool useless(const Spare& spare) const;
  Result<std::unique_ptr<File>> make_file(const SegmentId& id);
  std::string path_of(std::uint64_t number) const;

  FileSystem& files_;
  const std::string directory_;
  const std::uint64_t segment_size_bytes_;

  mutable std::mutex mutex_;
  std::map<std::uint64_t, std::shared_ptr<const Segment>> live_;  // by number; also ascending by position
  std::map<Lsn, std::uint64_t> by_position_;                      // first position → number
  std::deque<Spare> spares_;
  std::map<std::uint64_t, std::string> suspicious_;
  std::uint64_t next_spare_ = 1;
};

}  // namespace tandem::storage
