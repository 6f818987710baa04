// The batch validator under arbitrary bytes: a producer's batch, judged, taken apart, compressed anew, and filtered as
// compaction does it. The first byte chooses the topic's codec, whether it needs keys, and whether the length is left as it
// is; else length and checksum are made right, as any producer could, so that what is behind them is reached. Whatever is taken must be readable again, with the same
// records, in the codec that was asked for.
// Run: tandem_fuzz_record_batch CORPUS_DIR
#include <cstdlib>
#include <vector>

#include "broker/wire/judge_append.h"
#include "schemas/batch_fields.h"
#include "schemas/batch_filter.h"

namespace {

using namespace tandem;

struct Read {
  bool whole = false;
  std::int64_t records = 0, bytes = 0;
  friend bool operator==(const Read&, const Read&) = default;
};

Read read(Bytes batch) {
  Read read;
  read.whole = for_each_record(batch, [&](const RecordView& record) {
                 ++read.records;
                 if (record.key) read.bytes += static_cast<std::int64_t>(record.key->size());
                 if (record.value) read.bytes += static_cast<std::int64_t>(record.value->size());
                 return true;
               }).ok();
  return read;
}

void must(bool holds) {
  if (!holds) std::abort();
}

void compact(Bytes batch) {
  int asked = 0;
  const auto filtered = filter_batch(batch, std::nullopt, [&](const RecordView&) { return ++asked % 2 == 0; });
  if (!filtered || filtered->what != FilteredBatch::What::changed) return;
  must(judge_stored_batch(filtered->bytes).ok());
  must(read(filtered->bytes).whole);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  core::BatchRules rules;
  rules.needs_keys = (data[0] & 0x8) != 0;
  if ((data[0] & 0x7) <= 4) rules.codec = static_cast<Codec>(data[0] & 0x7);
  const Bytes input = std::as_bytes(std::span(data + 1, size - 1));
  std::vector<std::byte> batch(input.begin(), input.end());
  if (batch.size() >= batch_header_size_bytes) {
    const bool keeps_length = (data[0] & 0x10) != 0;
    if (!keeps_length)
      batch_fields::store(batch.data() + batch_fields::at_batch_length,
                          static_cast<std::int32_t>(batch.size() - batch_size_prefix_bytes));
    batch_fields::seal(batch);
  }

  const auto judged = wire::judge_append(batch, rules).batch;
  if (!judged) {
    must(!judged.error().text.empty());
    return 0;
  }
  must(judged->view.record_count >= 1);
  must(judged->view.size_bytes == judged->bytes.size());
  const auto header = judge_batch(judged->bytes);
  must(header.ok());
  must(header->record_count == judged->view.record_count);
  if (rules.codec) must(header->codec_number() == static_cast<int>(*rules.codec));
  must(read(judged->bytes) == read(batch));
  compact(judged->bytes);
  return 0;
}
