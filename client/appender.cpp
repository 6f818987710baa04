#include "tandem/appender.h"

#include "client/append_queue.h"
#include "schemas/murmur2.h"

namespace tandem {

using client::AppendQueue;

struct TopicAppender::Owned : client::OwnedRecord {
  using OwnedRecord::OwnedRecord;
};

TopicAppender::TopicAppender(std::shared_ptr<client::Driver> driver, std::shared_ptr<AppendQueue> queue)
    : driver_(std::move(driver)), queue_(std::move(queue)) {}

void TopicAppender::start_open(const std::shared_ptr<client::Driver>& driver, AppenderOptions options,
                               client::Completion<TopicAppender> done) {
  const DescribeTopics describe{options.topic};
  auto described = [driver, options = std::move(options),
                    done = std::move(done)](Result<std::vector<TopicInfo>> topics) mutable {
    if (!topics) return done(topics.error());
    if (topics->size() != 1 || topics->front().partitions.empty())
      return done(Error{ErrorCode::not_found, "topic '" + options.topic + "' does not exist"});
    const auto partitions = static_cast<std::int32_t>(topics->front().partitions.size());
    const auto queue =
        std::make_shared<AppendQueue>(driver->shared_from_this(), std::move(options), partitions);
    if (auto attached = driver->session().attach(queue); !attached) return done(attached.error());
    auto let_go = [](const std::shared_ptr<AppendQueue>& gone) {
      gone->driver().post([gone] { gone->close(); });
    };
    done(TopicAppender(driver, client::user_handle(queue, let_go)));
  };
  client::ask(*driver, describe, std::move(described));
}

std::shared_ptr<const TopicAppender::Owned> TopicAppender::own(const Record& record) const {
  return std::make_shared<const Owned>(record);
}

void TopicAppender::start_append(const std::shared_ptr<AppendQueue>& queue,
                                 const std::shared_ptr<const Owned>& record,
                                 client::Completion<AppendedAt> done) {
  queue->append(record, std::move(done));
}

void TopicAppender::start_post(const std::shared_ptr<AppendQueue>& queue,
                               const std::shared_ptr<const Owned>& record,
                               client::Completion<std::int32_t> done) {
  queue->post_later(record, std::move(done));
}

Result<std::int32_t> TopicAppender::post(const Record& record) {
  return queue_->post(record, AppendQueue::WhenFull::wait);
}
Result<std::int32_t> TopicAppender::try_post(const Record& record) {
  return queue_->post(record, AppendQueue::WhenFull::refuse);
}

Result<std::vector<std::byte>> TopicAppender::encode(std::span<const Record> records) const {
  return client::encode_batch(records, queue_->options().codec);
}

void TopicAppender::start_append_at(const std::shared_ptr<AppendQueue>& queue, std::int32_t partition,
                                    Offset expected_end, Result<std::vector<std::byte>> batch,
                                    client::Completion<AppendedAt> done) {
  if (!batch) return done(batch.error());
  queue->append_batch(partition, expected_end, std::move(*batch), std::move(done));
}

void TopicAppender::start_flush(const std::shared_ptr<AppendQueue>& queue, client::Completion<Done> done) {
  queue->driver().post([queue, done = std::move(done)]() mutable { queue->flush(std::move(done)); });
}

std::int32_t TopicAppender::partitions() const {
  return queue_->partitions();
}
std::int32_t TopicAppender::partition_of(std::string_view key) const {
  return partition_of_key(bytes_of(key), queue_->partitions());
}

}  // namespace tandem
