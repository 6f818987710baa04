#include "broker/server/topic_fetch.h"

#include <algorithm>

#include "broker/server/log_line.h"

namespace tandem::server {

void TopicFetch::start(storage::Store& store, core::Fetched fetched, Done done) {
  std::make_shared<TopicFetch>(store, std::move(fetched), std::move(done))->go_on();
}

TopicFetch::TopicFetch(storage::Store& store, core::Fetched fetched, Done done)
    : store_(store),
      fetched_(std::move(fetched)),
      done_(std::move(done)),
      size_left_(fetched_.size_max_bytes) {
  bodies_.reserve(fetched_.partitions.size());
}

// Reads that are answered at once go round this loop, so that many partitions do not nest.
void TopicFetch::go_on() {
  inside_ = true;
  while (bodies_.size() < fetched_.partitions.size() && !reading_) {
    if (wants_bytes(fetched_.partitions[bodies_.size()]))
      read_next();
    else
      bodies_.emplace_back();
  }
  inside_ = false;
  if (!reading_) done_(core::Send(std::move(fetched_)), std::move(bodies_));
}

bool TopicFetch::wants_bytes(const core::FetchedPartition& partition) const {
  return partition.error == ErrorCode::none && partition.offset < partition.visible_end &&
         partition.size_max_bytes > 0 && size_left_ > 0;
}

void TopicFetch::read_next() {
  const core::FetchedPartition& partition = fetched_.partitions[bodies_.size()];
  const auto size_max =
      static_cast<std::uint32_t>(std::min<std::size_t>(partition.size_max_bytes, size_left_));
  reading_ = true;
  store_.read_topic(
      partition.partition, partition.offset, partition.visible_end, size_max,
      [self = shared_from_this()](Result<storage::StoredBytes> bytes) { self->took(std::move(bytes)); });
}

void TopicFetch::took(Result<storage::StoredBytes> bytes) {
  reading_ = false;
  wire::Body& body = bodies_.emplace_back();
  if (bytes.ok()) {
    size_left_ -= std::min(size_left_, bytes->bytes.size());
    body = {bytes->bytes, std::move(bytes->owner), ErrorCode::none};
  } else {
    body.error = bytes.error().code;
    if (body.error == ErrorCode::corrupt || body.error == ErrorCode::internal)
      log_line(LogLevel::error, "records of a topic cannot be read: " + bytes.error().text);
  }
  if (!inside_) go_on();
}

}  // namespace tandem::server
