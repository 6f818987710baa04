// Record batches and the segments they lie in, from arbitrary bytes, as a producer, a broker or a damaged file could
// give them. Checksums are made right where that is asked for by the first byte: what they would keep away is tried here.
// The client's decoder, the broker's and the segment's reader must agree on what is whole.
#include <algorithm>
#include <cstdlib>
#include <vector>

#include "broker/storage/memory_file_system.h"
#include "broker/storage/topic_segment_reader.h"
#include "client/fetched_batch.h"
#include "schemas/batch.h"
#include "schemas/batch_fields.h"
#include "schemas/batch_filter.h"

namespace {

using namespace tandem;

void must(bool holds) {
  if (!holds) std::abort();
}

/// Right checksums for every batch whose length fits.
void repair(std::vector<std::byte>& bytes) {
  for (std::size_t at = 0; bytes.size() - at >= batch_header_size_bytes;) {
    const std::size_t size = client::whole_batch_size_bytes(Bytes(bytes).subspan(at));
    if (size < batch_header_size_bytes) return;
    batch_fields::store(bytes.data() + at + batch_fields::at_crc,
                        batch_fields::checksum(Bytes(bytes).subspan(at, size)));
    at += size;
  }
}

void try_batch(Bytes batch) {
  const auto header = judge_batch(batch);
  if (!header) return;
  must(header->record_count >= 1 && header->size_bytes == batch.size());
  std::int64_t next = header->base_offset;
  const auto walked = for_each_record(batch, [&](const RecordView& record) {
    must(record.offset >= next);
    next = record.offset + 1;
    return true;
  });
  if (walked) must(next == header->last_offset() + 1);
  client::AbortedFilter filter;
  filter.start({{header->producer_id, header->base_offset}});
  client::FetchedBatch fetched;
  (void)client::decode_batch(batch, nullptr, {std::make_shared<const std::string>("t"), 0, 0}, filter, fetched);
  must(fetched.records.size() <= static_cast<std::size_t>(header->record_count));
}

void try_segment(Bytes segment) {
  storage::MemoryFileSystem files;
  must(files.make_directory("/d").ok());
  auto file = files.create("/d/s");
  must(file.ok() && (*file)->write(0, segment).ok());
  const storage::TopicStretch stretch{"/d/s", 0, segment.size()};
  for (const auto from : {storage::ReadFrom::disk, storage::ReadFrom::memory}) {
    const auto read = storage::read_batches(**file, stretch, 3, 1'000'000, 4'096, from);
    if (!read || !*read) continue;
    for (Bytes rest = (*read)->bytes; !rest.empty();) {
      const std::size_t size = client::whole_batch_size_bytes(rest);
      must(size >= batch_header_size_bytes);
      rest = rest.subspan(size);
    }
  }
  (void)storage::find_timestamp_in(**file, stretch, 1, 0, 1'000'000);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const Bytes input = std::as_bytes(std::span(data + 1, size - 1));
  std::vector<std::byte> bytes(input.begin(), input.end());
  if (data[0] & 1) repair(bytes);
  const std::size_t first = client::whole_batch_size_bytes(bytes);
  if (first >= batch_header_size_bytes) try_batch(Bytes(bytes).first(first));
  try_batch(bytes);
  (void)client::end_of_batches(bytes, 0);
  try_segment(bytes);
  return 0;
}
