#include "client/fetched_batch.h"

#include <algorithm>

namespace tandem::client {
namespace {

std::optional<std::string_view> text_in(const std::optional<Bytes>& field) {
  if (!field) return std::nullopt;
  return tandem::text_of(*field);
}

TopicRecord make_record(const RecordView& view, const BatchPlace& place, const Owner& owner) {
  TopicRecord record;
  record.topic = place.topic;
  record.partition = place.partition;
  record.offset = view.offset;
  record.timestamp = view.timestamp;
  record.key = text_in(view.key);
  record.value = text_in(view.value);
  for (const auto& header : view.headers) record.headers.emplace_back(header.key, text_in(header.value));
  record.owner = owner;
  return record;
}

/// Copies of decompressed fields, all in one block. The block is filled first and looked into afterwards,
/// since it moves while it grows.
class Arena {
 public:
  void keep(TopicRecord& record) {
    keep(record.key);
    keep(record.value);
    for (auto& [key, value] : record.headers) {
      bytes_->append(key);
      keep(value);
    }
  }
  void look_into(TopicRecord& record) {
    record.owner = bytes_;
    look_into(record.key);
    look_into(record.value);
    for (auto& [key, value] : record.headers) {
      key = take(key.size());
      look_into(value);
    }
  }

 private:
  void keep(const std::optional<std::string_view>& field) {
    if (field) bytes_->append(*field);
  }
  void look_into(std::optional<std::string_view>& field) {
    if (field) field = take(field->size());
  }
  std::string_view take(std::size_t size) {
    const auto field = std::string_view(*bytes_).substr(at_, size);
    at_ += size;
    return field;
  }

  std::shared_ptr<std::string> bytes_ = std::make_shared<std::string>();
  std::size_t at_ = 0;
};

}  // namespace

void AbortedFilter::start(std::vector<AbortedFrom> aborted) {
  ahead_ = std::move(aborted);
  std::sort(ahead_.begin(), ahead_.end(),
            [](const auto& a, const auto& b) { return a.first_offset > b.first_offset; });
  open_.clear();
}

bool AbortedFilter::leaves_out(const BatchHeader& header, Bytes batch) {
  while (!ahead_.empty() && ahead_.back().first_offset <= header.last_offset()) {
    open_.insert(ahead_.back().producer_id);
    ahead_.pop_back();
  }
  if (!header.transactional() || !open_.contains(header.producer_id)) return false;
  if (header.control() && !marker_is_commit(batch)) return true;  // not a marker
  if (header.control()) open_.erase(header.producer_id);
  return true;
}

std::size_t whole_batch_size_bytes(Bytes bytes) {
  if (bytes.size() < batch_header_size_bytes) return 0;
  const auto header = parse_batch_header(bytes);
  return header && header->size_bytes <= bytes.size() ? header->size_bytes : 0;
}

Offset end_of_batches(Bytes bytes, Offset otherwise) {
  while (const auto size = whole_batch_size_bytes(bytes)) {
    otherwise = std::max(otherwise, parse_batch_header(bytes)->last_offset() + 1);
    bytes = bytes.subspan(size);
  }
  return otherwise;
}

Result<> decode_batch(Bytes batch, const Owner& owner, const BatchPlace& place, AbortedFilter& filter,
                      FetchedBatch& out) {
  out.records.clear();
  out.next = 0;
  const auto header = judge_stored_batch(batch);
  if (!header) return header.error();
  out.end_offset = std::max(place.from, header->last_offset() + 1);
  if (filter.leaves_out(*header, batch) || header->control()) return Done{};
  const bool compressed = header->codec_number() != 0;
  Arena arena;
  auto visited = for_each_record(batch, [&](const RecordView& view) {
    if (view.offset < place.from) return true;
    out.records.push_back(make_record(view, place, compressed ? Owner() : owner));
    if (compressed) arena.keep(out.records.back());
    return true;
  });
  if (!visited) {
    out.records.clear();
    return visited;
  }
  if (compressed)
    for (auto& record : out.records) arena.look_into(record);
  return Done{};
}

}  // namespace tandem::client
