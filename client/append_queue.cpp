#include "client/append_queue.h"

#include <utility>

#include "client/asking.h"
#include "client/producer_request.h"
#include "schemas/murmur2.h"

namespace tandem::client {
namespace {

constexpr std::size_t waiting_max = 16'384;

Result<AppendedAt> read_appended(std::int32_t partition, const Result<const Answer*>& answer) {
  if (!answer) return answer.error();
  const auto* appended = (*answer)->envelope.message_as_Appended();
  if (!appended) return Error{ErrorCode::corrupt, "the broker answered an append with something else"};
  return AppendedAt{partition, appended->base_offset(), appended->append_time()};
}

}  // namespace

AppendQueue::AppendQueue(std::shared_ptr<Driver> driver, AppenderOptions options, std::int32_t partitions)
    : driver_(std::move(driver)),
      options_(std::move(options)),
      partitions_(partitions),
      lanes_(partitions, options_.resend && options_.idempotent),
      gathering_(static_cast<std::size_t>(partitions)) {}

// --- any thread
// ------------------------------------------------------------------------------------------------------------

Result<> AppendQueue::judge(const Record& record) const {
  if (record.partition < -1 || record.partition >= partitions_)
    return Error{ErrorCode::not_found,
                 "topic '" + options_.topic + "' has no partition " + std::to_string(record.partition)};
  if (record_size_bytes(record) + batch_header_size_bytes > batch_size_limit_bytes)
    return Error{ErrorCode::too_large,
                 "the record has more than " + std::to_string(batch_size_limit_bytes) + " bytes"};
  return Done{};
}

bool AppendQueue::has_room(std::size_t size_bytes) const {
  return open_bytes_ == 0 || open_bytes_ + size_bytes <= options_.window_bytes;
}

std::int32_t AppendQueue::choose_partition(const Record& record) {
  if (record.partition >= 0) return record.partition;
  return record.key ? partition_of_key(tandem::bytes_of(*record.key), partitions_) : keyless_;
}

/// Puts the record into its partition's batch; the next one begins when that is full.
AppendQueue::Batch& AppendQueue::add(const Record& record) {
  const auto partition = choose_partition(record);
  auto& slot = gathering_[static_cast<std::size_t>(partition)];
  const auto size = record_size_bytes(record);
  if (slot && slot->builder.size_bytes() + size > options_.batch_size_max_bytes) {
    full_.push_back(std::move(slot));
    if (partition == keyless_) keyless_ = (keyless_ + 1) % partitions_;
  }
  if (!slot) slot = std::make_unique<Batch>();
  slot->partition = partition;
  // One that grows so far will most likely be full: it moves no more.
  if (slot->builder.size_bytes() > options_.batch_size_max_bytes / 8) slot->builder.reserve(options_.batch_size_max_bytes);
  add_record(slot->builder, record);
  slot->size_bytes += size;
  ++slot->count;
  open_bytes_ += size;
  return *slot;
}

void AppendQueue::wake_if_first() {
  if (!std::exchange(woken_, true)) driver_->wake(shared_from_this());
}

Result<std::int32_t> AppendQueue::post(const Record& record, WhenFull when_full) {
  if (auto judged = judge(record); !judged) return judged.error();
  const auto size = record_size_bytes(record);
  std::unique_lock lock(mutex_);
  if (!has_room(size) && !ended_) {
    if (when_full == WhenFull::refuse)
      return Error{ErrorCode::limit_reached, std::to_string(open_bytes_) + " bytes wait for their outcome"};
    if (driver_->must_not_block()) return would_block_itself();
    room_.wait(lock, [&] { return ended_ || has_room(size); });
  }
  if (ended_) return *ended_;
  const auto partition = add(record).partition;
  wake_if_first();
  return partition;
}

void AppendQueue::append(std::shared_ptr<const OwnedRecord> record, Completion<AppendedAt> appended) {
  wait_for_room({std::move(record), std::move(appended), {}});
}

void AppendQueue::post_later(std::shared_ptr<const OwnedRecord> record, Completion<std::int32_t> posted) {
  wait_for_room({std::move(record), {}, std::move(posted)});
}

void AppendQueue::wait_for_room(Waiting record) {
  std::optional<Error> refused;
  Posted posted;
  if (auto judged = judge(record.record->view()); !judged) return refuse(record, judged.error());
  {
    std::lock_guard lock(mutex_);
    if (ended_)
      refused = *ended_;
    else if (waiting_.size() >= waiting_max)
      refused = Error{ErrorCode::limit_reached, "the window and the queue in front of it are full"};
    else {
      waiting_.push_back(std::move(record));
      posted = admit_waiting();
    }
  }
  if (refused) return refuse(record, *refused);
  for (auto& [done, partition] : posted) done(partition);
}

void AppendQueue::refuse(Waiting& record, const Error& why) {
  if (record.appended)
    record.appended(why);
  else
    record.posted(why);
}

AppendQueue::Posted AppendQueue::admit_waiting() {
  Posted posted;
  while (!waiting_.empty()) {
    auto& first = waiting_.front();
    const auto record = first.record->view();
    if (!has_room(record_size_bytes(record))) break;
    auto& batch = add(record);
    if (first.appended)
      batch.handlers.emplace_back(batch.count - 1, std::move(first.appended));
    else
      posted.emplace_back(std::move(first.posted), batch.partition);
    waiting_.pop_front();
    wake_if_first();
  }
  return posted;
}

void AppendQueue::append_batch(std::int32_t partition, Offset expected_end, std::vector<std::byte> batch,
                               Completion<AppendedAt> done) {
  driver_->post([self = shared_from_this(), partition, expected_end, batch = std::move(batch),
                 done = std::move(done)]() mutable {
    auto bytes = std::make_shared<const std::vector<std::byte>>(std::move(batch));
    self->ask_append(partition, expected_end, std::move(bytes), false, std::move(done));
  });
}

// --- sending
// -----------------------------------------------------------------------------------------------------------------

void AppendQueue::gathered() {
  if (!driver_->session().ready()) return;
  for (auto& batch : take_batches()) send(std::move(batch));
}

std::vector<std::unique_ptr<AppendQueue::Batch>> AppendQueue::take_batches() {
  std::vector<std::unique_ptr<Batch>> taken;
  std::lock_guard lock(mutex_);
  woken_ = false;
  for (auto& batch : full_) taken.push_back(std::move(batch));
  full_.clear();
  if (gathering_[static_cast<std::size_t>(keyless_)]) keyless_ = (keyless_ + 1) % partitions_;
  for (auto& batch : gathering_)
    if (batch) taken.push_back(std::move(batch));
  return taken;
}

void AppendQueue::send(std::unique_ptr<Batch> batch) {
  batch->number = sent_.begin();
  dispatch(std::move(batch));
}

void AppendQueue::dispatch(std::unique_ptr<Batch> batch) {
  const auto producer = lanes_.begin(*batch);
  if (!producer) {
    lanes_.hold(std::move(batch));
    return ask_producer();
  }
  if (auto encoded = encode(*batch, *producer); !encoded) return answered(std::move(batch), encoded.error());
  const auto partition = batch->partition;
  auto bytes = batch->bytes;
  ask_append(partition, -1, std::move(bytes), options_.resend,
             [self = shared_from_this(), batch = std::move(batch)](Result<AppendedAt> first) mutable {
               self->answered(std::move(batch), std::move(first));
             });
}

/// Makes the batch, or makes one that was refused this producer's.
Result<> AppendQueue::encode(Batch& batch, const BatchProducer& producer) const {
  if (batch.bytes) {
    if (batch.bytes.use_count() > 1) batch.bytes = std::make_shared<std::vector<std::byte>>(*batch.bytes);
    patch_producer(*batch.bytes, producer);
    return Done{};
  }
  auto bytes = batch.builder.finish(options_.codec, producer);
  if (!bytes) return bytes.error();
  batch.bytes = std::make_shared<std::vector<std::byte>>(std::move(*bytes));
  return Done{};
}

void AppendQueue::ask_append(std::int32_t partition, Offset expected_end,
                             std::shared_ptr<const std::vector<std::byte>> batch, bool repeatable,
                             MoveFunction<void(Result<AppendedAt>)> done) {
  Call call;
  call.correlation = driver_->next_correlation();
  call.repeatable = repeatable;
  auto build = [&](flatbuffers::FlatBufferBuilder& builder) {
    return fb::CreateAppend(builder, builder.CreateString(options_.topic), partition, expected_end);
  };
  const Bytes bytes(*batch);
  call.frame = make_frame({call.correlation, 0}, build, bytes, std::move(batch));
  call.handler = on_answer([partition, done = std::move(done)](Result<const Answer*> answer) mutable {
    done(read_appended(partition, answer));
  });
  driver_->ask(std::move(call));
}

void AppendQueue::answered(std::unique_ptr<Batch> batch, Result<AppendedAt> first) {
  const ErrorCode outcome = first ? ErrorCode::none : first.error().code;
  // Stored by a try before, whose answer was lost; where, the broker does not know any more.
  if (outcome == ErrorCode::duplicate_sequence) first = AppendedAt{batch->partition, -1, -1};
  if (lanes_.end(*batch, outcome))
    lanes_.hold(std::move(batch));
  else
    finish(*batch, first);
  ask_producer();
}

void AppendQueue::ask_producer() {
  if (producer_asked_ || !lanes_.want_producer()) return;
  producer_asked_ = true;
  ask(*driver_, InitProducer{}, Completion<ProducerIdentity>([self = shared_from_this()](Result<ProducerIdentity> got) {
        self->producer_asked_ = false;
        if (!got && got.error().code != ErrorCode::not_supported) {
          for (auto& batch : self->lanes_.give_up()) self->finish(*batch, got.error());
          return;
        }
        auto go_on = got ? self->lanes_.resume(got->id, got->epoch) : self->lanes_.resume_unnumbered();
        for (auto& batch : go_on) self->dispatch(std::move(batch));
      }));
}

void AppendQueue::finish(Batch& batch, const Result<AppendedAt>& first) {
  sent_.end(batch.number);
  if (!first && !failure_ && batch.handlers.size() < batch.count) failure_ = first.error();
  Posted posted;
  {
    std::lock_guard lock(mutex_);
    open_bytes_ -= batch.size_bytes;
    posted = admit_waiting();
  }
  room_.notify_all();
  for (auto& [done, partition] : posted) done(partition);
  if (options_.on_outcome)
    options_.on_outcome(first ? *first : AppendedAt{batch.partition, -1, -1}, batch.count,
                        first ? nullptr : &first.error());
  for (auto& [index, done] : batch.handlers) {
    if (!first) {
      done(first.error());
    } else {
      const Offset offset = first->offset < 0 ? -1 : first->offset + static_cast<Offset>(index);
      done(AppendedAt{first->partition, offset, first->append_time});
    }
  }
  finish_flushes();
}

void AppendQueue::flush(Completion<Done> done) {
  if (driver_->session().closed()) return done(Error{ErrorCode::unavailable, "the client is closed"});
  // Taken even while there is no connection: as requests they wait for it, and are counted.
  for (auto& batch : take_batches()) send(std::move(batch));
  sent_.wait(std::move(done));
  finish_flushes();
}

void AppendQueue::finish_flushes() {
  for (auto& done : sent_.take_done()) {
    const auto failure = std::exchange(failure_, std::nullopt);
    done(failure ? Result<>(*failure) : Result<>());
  }
}

void AppendQueue::close() {
  flush([self = shared_from_this()](const Result<>&) {
    self->driver_->session().detach(self);
    self->end({ErrorCode::unavailable, "the appender is closed"});
  });
}

void AppendQueue::end(const Error& why) {
  std::deque<Waiting> waiting;
  std::vector<std::unique_ptr<Batch>> unsent = take_batches();
  {
    std::lock_guard lock(mutex_);
    if (ended_) return;
    ended_ = why;
    waiting.swap(waiting_);
  }
  room_.notify_all();
  for (auto& batch : unsent) {
    batch->number = sent_.begin();
    finish(*batch, why);
  }
  for (auto& record : waiting) refuse(record, why);
}

}  // namespace tandem::client
