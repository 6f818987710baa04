// What a damaged checkpoint, backlog or LMDB file could hold: refused with a reason, or something that encodes to itself
// again. The first byte chooses which.
#include <unistd.h>
#include <sys/mman.h>

#include <cstdlib>
#include <string>

#include "broker/storage/backlog_run.h"
#include "broker/storage/checkpoint_keys.h"
#include "broker/storage/lmdb_file.h"
#include "broker/storage/segment.h"
#include "broker/storage/topic_segment.h"

namespace {

using namespace tandem;

void must(bool holds) {
  if (!holds) std::abort();
}

void try_mark(std::string_view bytes) {
  const auto mark = storage::decode_mark(bytes);
  constexpr std::size_t version_size_bytes = 4;  // an older one is read, and written as the one of today
  if (mark) must(storage::encode_mark(*mark).substr(version_size_bytes) == bytes.substr(version_size_bytes));
}

void try_facts(std::string_view bytes) {
  const auto facts = storage::decode_segment_facts(bytes);
  if (!facts) return;
  const auto again = storage::decode_segment_facts(storage::encode_segment_facts(*facts));
  must(again.ok() && storage::encode_segment_facts(*again) == storage::encode_segment_facts(*facts));
}

void try_index(std::string_view bytes) {
  std::vector<storage::TopicIndexEntry> entries;
  if (storage::decode_index(bytes, entries)) must(storage::encode_index(entries) == bytes);
}

void try_run(Bytes bytes) {
  storage::RunHead head;
  const auto entries = storage::read_run(bytes, 4096, &head);
  if (!entries) return;
  must(entries->size() == head.count);
  for (const core::QueueEntry& entry : *entries)
    must(storage::backlog_position(entry.body) - 4096 + entry.size_bytes <= bytes.size());
}

void try_segment_header(Bytes bytes) {
  if (const auto id = storage::decode_segment_header(bytes)) must(storage::decode_segment_header(storage::encode_segment_header(*id)).ok());
}

void try_lmdb(Bytes bytes) {
  const int file = ::memfd_create("fuzz", MFD_CLOEXEC);
  must(file >= 0 && ::write(file, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()));
  (void)storage::judge_lmdb_file("/proc/self/fd/" + std::to_string(file));
  ::close(file);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const Bytes input = std::as_bytes(std::span(data + 1, size - 1));
  switch (data[0] % 7) {
    case 0: try_mark(text_of(input)); break;
    case 1: try_facts(text_of(input)); break;
    case 2: try_index(text_of(input)); break;
    case 3: try_run(input); break;
    case 4: try_segment_header(input); break;
    case 5: try_lmdb(input); break;
    default: (void)storage::keys::parse_segment(text_of(input));
  }
  return 0;
}
