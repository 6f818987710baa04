#include "client/publish_channel.h"

#include <algorithm>

namespace tandem::client {
namespace {

/// A frame of this many is big enough to be cheap; smaller ones let the broker begin earlier, and several of them fit
/// what it reads at once, so that it need not put frames together.
constexpr std::size_t batch_size_max_bytes = 48u << 10;
constexpr std::size_t spare_max = 8;

}  // namespace

PublishChannel::PublishChannel(std::shared_ptr<Driver> driver, PublisherOptions options)
    : driver_(std::move(driver)), options_(std::move(options)) {}

bool PublishChannel::Batch::full() const {
  return items.size() >= frame::publish_items_max || bytes.size() >= batch_size_max_bytes;
}

// --- any thread
// ------------------------------------------------------------------------------------------------------------

Result<std::uint64_t> PublishChannel::post(const MessageParts& message, Mandatory mandatory,
                                           WhenFull when_full) {
  const auto size = message_size_bytes(message);
  std::unique_lock lock(mutex_);
  if (!has_room(size) && !ended_) {
    if (when_full == WhenFull::refuse)
      return Error{ErrorCode::limit_reached, std::to_string(open_messages_) + " messages (" +
                                                 std::to_string(open_bytes_) + " bytes) are unconfirmed"};
    if (driver_->must_not_block()) return would_block_itself();
    room_.wait(lock, [&] { return ended_ || has_room(size); });
  }
  if (ended_) return *ended_;
  auto& batch = open_batch();
  append_message(batch.bytes, message);
  const auto seq = add(size, mandatory, batch);
  wake_if_first();
  return seq;
}

void PublishChannel::publish(std::vector<std::byte> stored, Mandatory mandatory, Completion<Done> confirmed) {
  wait_for_room({std::move(stored), mandatory, std::move(confirmed), {}});
}

void PublishChannel::post_later(std::vector<std::byte> stored, Mandatory mandatory,
                                Completion<std::uint64_t> posted) {
  wait_for_room({std::move(stored), mandatory, {}, std::move(posted)});
}

void PublishChannel::wait_for_room(Waiting message) {
  std::optional<Error> refused;
  Calls calls;
  {
    std::lock_guard lock(mutex_);
    if (ended_)
      refused = *ended_;
    else if (waiting_.size() >= options_.window_messages)
      refused = Error{ErrorCode::limit_reached, "the window and the queue in front of it are full"};
    else {
      waiting_.push_back(std::move(message));
      admit_waiting(calls);
      wake_if_first();
    }
  }
  if (refused) return refuse(message, *refused);
  call(std::move(calls));
}

void PublishChannel::refuse(Waiting& message, const Error& why) {
  if (message.confirmed)
    message.confirmed(why);
  else
    message.posted(why);
}

void PublishChannel::flush(Completion<Done> done) {
  Calls calls;
  {
    std::lock_guard lock(mutex_);
    if (ended_)
      calls.completions.emplace_back(std::move(done), *ended_);
    else {
      flushes_.push_back({next_seq_ - 1, std::move(done)});
      finish_flushes(calls);
    }
  }
  call(std::move(calls));
}

std::size_t PublishChannel::unconfirmed() const {
  std::lock_guard lock(mutex_);
  return open_messages_ + waiting_.size();
}

bool PublishChannel::has_room(std::size_t size_bytes) const {
  if (open_messages_ == 0) return true;
  return open_messages_ < options_.window_messages && open_bytes_ + size_bytes <= options_.window_bytes;
}

PublishChannel::Batch& PublishChannel::open_batch() {
  if (!batches_.empty() && !batches_.back()->sealed && !batches_.back()->full()) return *batches_.back();
  if (spare_.empty()) {
    batches_.push_back(std::make_shared<Batch>());
  } else {
    batches_.push_back(std::move(spare_.back()));
    spare_.pop_back();
  }
  batches_.back()->first_seq = next_seq_;
  return *batches_.back();
}

std::uint64_t PublishChannel::add(std::size_t size_bytes, Mandatory mandatory, Batch& batch) {
  const auto flags =
      mandatory == Mandatory::yes ? static_cast<std::uint32_t>(fb::PublishFlag::mandatory) : 0u;
  batch.items.emplace_back(static_cast<std::uint32_t>(size_bytes), flags);
  ++open_messages_;
  open_bytes_ += size_bytes;
  return next_seq_++;
}

void PublishChannel::wake_if_first() {
  if (batches_.size() > sent_ && !std::exchange(woken_, true)) driver_->wake(shared_from_this());
}

void PublishChannel::admit_waiting(Calls& calls) {
  while (!waiting_.empty() && has_room(waiting_.front().stored.size())) {
    auto& first = waiting_.front();
    auto& batch = open_batch();
    batch.bytes.insert(batch.bytes.end(), first.stored.begin(), first.stored.end());
    const auto seq = add(first.stored.size(), first.mandatory, batch);
    if (first.confirmed)
      batch.handlers.emplace(batch.items.size() - 1, std::move(first.confirmed));
    else
      calls.posted.emplace_back(std::move(first.posted), seq);
    waiting_.pop_front();
  }
}

// --- sending
// -----------------------------------------------------------------------------------------------------------------

void PublishChannel::online() {
  gathered();
}

void PublishChannel::gathered() {
  std::lock_guard lock(mutex_);
  woken_ = false;
  if (ended_ || number() == 0 || !driver_->session().ready()) return;
  for (; sent_ < batches_.size(); ++sent_) send(batches_[sent_]);
}

/// What is not done of a batch: all of it the first time, its gaps after a reconnect.
void PublishChannel::send(const std::shared_ptr<Batch>& batch) {
  batch->sealed = true;
  const auto& items = batch->items;
  std::size_t at = 0;
  for (std::size_t first = 0; first < items.size();) {
    if (batch->done.contains(first)) {
      at += items[first++].size();
      continue;
    }
    std::size_t last = first, run_size = items[first].size();
    while (last + 1 < items.size() && !batch->done.contains(last + 1)) run_size += items[++last].size();
    send_run(batch, first, last, at);
    at += run_size;
    first = last + 1;
  }
}

void PublishChannel::send_run(const std::shared_ptr<Batch>& batch, std::size_t first, std::size_t last,
                              std::size_t at_bytes) {
  std::size_t size = 0;
  for (std::size_t i = first; i <= last; ++i) size += batch->items[i].size();
  auto build = [&](flatbuffers::FlatBufferBuilder& builder) {
    const auto items = builder.CreateVectorOfStructs(batch->items.data() + first, last - first + 1);
    return fb::CreatePublish(builder, batch->first_seq + first, items);
  };
  driver_->session().say(
      make_frame({0, number()}, build, Bytes(batch->bytes).subspan(at_bytes, size), batch));
}

// --- outcomes
// -----------------------------------------------------------------------------------------------------------------

void PublishChannel::receive(const Answer& said) {
  if (const auto* confirmed = said.envelope.message_as_Confirmed()) take_confirmed(*confirmed);
  if (const auto* returned = said.envelope.message_as_Returned()) take_returned(*returned, said.payload);
}

void PublishChannel::take_confirmed(const fb::Confirmed& confirmed) {
  std::optional<Error> error;
  if (confirmed.nack())
    error = Error{confirmed.code() ? static_cast<ErrorCode>(confirmed.code()) : ErrorCode::rejected_by_queue,
                  owned(confirmed.text())};
  Calls calls;
  {
    std::lock_guard lock(mutex_);
    for (const fb::Range range : wire::structs_of(confirmed.ranges())) settle(range.first(), range.last(), error, calls);
    drop_done();
    admit_waiting(calls);
    wake_if_first();
    finish_flushes(calls);
  }
  room_.notify_all();
  call(std::move(calls));
}

void PublishChannel::take_returned(const fb::Returned& returned, Bytes payload) {
  const auto code = returned.code() ? static_cast<ErrorCode>(returned.code()) : ErrorCode::unroutable;
  const Error error{code, owned(returned.text())};
  {
    std::lock_guard lock(mutex_);
    if (returned.seq() >= first_open_seq() && returned.seq() < next_seq_)
      returned_.emplace(returned.seq(), error);
  }
  if (options_.on_returned)
    options_.on_returned({returned.seq(), error, parse_message(payload).value_or(MessageParts{})});
}

/// Seqs first … last have this outcome, except those that were returned.
void PublishChannel::settle(std::uint64_t first, std::uint64_t last, const std::optional<Error>& error,
                            Calls& calls) {
  while (!returned_.empty()) {
    const auto found = returned_.lower_bound(first);
    if (found == returned_.end() || found->first > last) break;
    const auto [seq, why] = *found;
    returned_.erase(found);
    if (seq > first) settle(first, seq - 1, error, calls);
    settle(seq, seq, why, calls);
    if (seq == last) return;
    first = seq + 1;
  }
  auto batch = std::partition_point(batches_.begin(), batches_.end(),
                                    [&](const auto& b) { return b->first_seq + b->items.size() <= first; });
  for (; batch != batches_.end() && (*batch)->first_seq <= last; ++batch) {
    const auto begin = (*batch)->first_seq, end = begin + (*batch)->items.size();
    settle_in(**batch, std::max(first, begin) - begin, std::min(last, end - 1) - begin, error, calls);
  }
}

void PublishChannel::settle_in(Batch& batch, std::size_t first, std::size_t last,
                               const std::optional<Error>& error, Calls& calls) {
  bool any = false, unheard = false;
  batch.done.mark(first, last, [&](std::size_t index) {
    --open_messages_;
    open_bytes_ -= batch.items[index].size();
    any = true;
    if (batch.handlers.empty() || !batch.handlers.contains(index)) unheard = true;
  });
  const Result<> result = error ? Result<>(*error) : Result<>();
  for (auto it = batch.handlers.lower_bound(first); it != batch.handlers.end() && it->first <= last;) {
    calls.completions.emplace_back(std::move(it->second), result);
    it = batch.handlers.erase(it);
  }
  if (error && unheard && !failure_) failure_ = error;
  if (any && options_.on_outcome)
    calls.outcomes.push_back({batch.first_seq + first, batch.first_seq + last, !error,
                              error.value_or(Error{ErrorCode::none, {}})});
}

void PublishChannel::drop_done() {
  while (!batches_.empty() && batches_.front()->done.count() == batches_.front()->items.size()) {
    auto batch = std::move(batches_.front());
    batches_.pop_front();
    if (sent_ > 0) --sent_;
    if (spare_.size() >= spare_max || batch.use_count() != 1) continue;
    batch->items.clear();
    batch->bytes.clear();
    batch->done = {};
    batch->sealed = false;
    spare_.push_back(std::move(batch));
  }
}

std::uint64_t PublishChannel::first_open_seq() const {
  return batches_.empty() ? next_seq_ : batches_.front()->first_seq + batches_.front()->done.prefix();
}

void PublishChannel::finish_flushes(Calls& calls) {
  while (!flushes_.empty() && flushes_.front().seq < first_open_seq()) {
    Result<> result = failure_ ? Result<>(*failure_) : Result<>();
    failure_.reset();
    calls.completions.emplace_back(std::move(flushes_.front().done), std::move(result));
    flushes_.pop_front();
  }
}

void PublishChannel::call(Calls calls) {
  for (const auto& outcome : calls.outcomes) options_.on_outcome(outcome);
  for (auto& [posted, seq] : calls.posted) posted(seq);
  for (auto& [done, result] : calls.completions) done(std::move(result));
}

void PublishChannel::offline(const Error& why) {
  Calls calls;
  {
    std::lock_guard lock(mutex_);
    returned_.clear();
    const auto was_sent = std::exchange(sent_, 0);
    if (!options_.resend) {
      const Error lost{ErrorCode::unavailable, why.text + "; whether the message was stored is not known"};
      for (std::size_t i = 0; i < was_sent; ++i)
        settle_in(*batches_[i], 0, batches_[i]->items.size() - 1, lost, calls);
      drop_done();
      admit_waiting(calls);
      finish_flushes(calls);
    }
  }
  room_.notify_all();
  call(std::move(calls));
}

void PublishChannel::close() {
  driver_->session().detach_channel(shared_from_this(), driver_->next_correlation());
  end({ErrorCode::unavailable, "the publisher is closed"});
}

void PublishChannel::end(const Error& why) {
  Calls calls;
  std::deque<Waiting> waiting;
  {
    std::lock_guard lock(mutex_);
    if (ended_) return;
    ended_ = why;
    for (auto& batch : batches_) settle_in(*batch, 0, batch->items.size() - 1, why, calls);
    batches_.clear();
    sent_ = 0;
    waiting.swap(waiting_);
    for (auto& flush : flushes_) calls.completions.emplace_back(std::move(flush.done), why);
    flushes_.clear();
  }
  room_.notify_all();
  call(std::move(calls));
  for (auto& message : waiting) refuse(message, why);
}

}  // namespace tandem::client
