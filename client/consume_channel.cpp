#include "client/consume_channel.h"

#include <utility>

namespace tandem::client {
namespace {

/// Every channel has one consumer.
constexpr std::uint64_t consumer_number = 1;
/// Without acks nothing but this bounds what the broker may send ahead.
constexpr std::size_t no_ack_waiting_max_bytes = 64u << 20;

Result<> only_error(Result<const Answer*> answer) {
  if (!answer) return answer.error();
  return Done{};
}

}  // namespace

ConsumeChannel::ConsumeChannel(std::shared_ptr<Driver> driver, ConsumerOptions options)
    : driver_(std::move(driver)), options_(std::move(options)) {}

// --- subscribing
// -----------------------------------------------------------------------------------------------------------

void ConsumeChannel::open(Completion<Done> done) {
  opening_ = std::move(done);
  const auto self = shared_from_this();
  if (auto attached = driver_->session().attach_channel(self); !attached) return subscribed(attached.error());
  if (driver_->options().request_timeout.count() > 0)
    driver_->after(driver_->options().request_timeout, [self] {
      if (self->opening_)
        self->subscribed(Error{ErrorCode::timed_out, "no answer to the subscription in time"});
    });
}

void ConsumeChannel::online() {
  if (!options_.queue.empty() && !stopped_) subscribe();
}

void ConsumeChannel::subscribe() {
  Call call;
  call.correlation = driver_->next_correlation();
  call.frame = make_frame({call.correlation, number()}, [&](flatbuffers::FlatBufferBuilder& builder) {
    std::vector<std::byte> arguments;
    if (!options_.arguments.empty()) append_table(arguments, options_.arguments);
    const auto queue = builder.CreateString(options_.queue);
    const auto table =
        builder.CreateVector(reinterpret_cast<const std::uint8_t*>(arguments.data()), arguments.size());
    return fb::CreateSubscribe(builder, consumer_number, queue, options_.no_ack, options_.exclusive,
                               options_.prefetch, options_.priority, table);
  });
  call.handler = on_answer([self = shared_from_this()](Result<const Answer*> answer) {
    // When the connection broke, online() comes again; when the client is closed, end() does.
    if (!answer && answer.error().code == ErrorCode::unavailable) return;
    self->subscribed(only_error(std::move(answer)));
  });
  driver_->session().ask(std::move(call));
}

void ConsumeChannel::subscribed(Result<> result) {
  if (!result) {
    driver_->session().detach_channel(shared_from_this(), driver_->next_correlation());
    return end(result.error());
  }
  if (opening_) opening_(std::move(result));
}

void ConsumeChannel::stop(Completion<Done> done) {
  if (number() == 0) return done(ended_.value_or(Error{ErrorCode::unavailable, "the client is closed"}));
  if (std::exchange(stopped_, true)) return done(Done{});
  Call call;
  call.correlation = driver_->next_correlation();
  call.frame = make_frame({call.correlation, number()}, [](flatbuffers::FlatBufferBuilder& builder) {
    return fb::CreateUnsubscribe(builder, consumer_number);
  });
  call.handler = on_answer([done = std::move(done)](Result<const Answer*> answer) mutable {
    // A connection that broke took the subscription with it.
    const bool gone = !answer && answer.error().code == ErrorCode::unavailable;
    done(gone ? Result<>(Done{}) : only_error(std::move(answer)));
  });
  driver_->session().ask(std::move(call));
}

void ConsumeChannel::close(Completion<Done> done) {
  if (number() != 0) {
    send_settles();
    driver_->session().detach_channel(shared_from_this(), driver_->next_correlation());
  }
  auto finish = [self = shared_from_this(), done = std::move(done)](Result<> flushed) mutable {
    self->end({ErrorCode::unavailable, "the consumer is closed"});
    done(std::move(flushed));
  };
  settles_sent_.wait(std::move(finish));
  finish_flushes();
}

void ConsumeChannel::offline(const Error& why) {
  {
    std::lock_guard lock(mutex_);
    // The broker delivers them again, so nothing is left to settle.
    if (!settles_.empty()) lost_settle(why.text);
    ++epoch_;
    settles_.clear();
    chunks_.clear();
    waiting_ = waiting_bytes_ = 0;
  }
  release_reading();
}

void ConsumeChannel::end(const Error& why) {
  const auto self = shared_from_this();
  {
    std::lock_guard lock(mutex_);
    if (ended_) return;
    ended_ = why;
    ++epoch_;
    if (!settles_.empty()) lost_settle(why.text);
    settles_.clear();
    chunks_.clear();
    waiting_ = waiting_bytes_ = 0;
  }
  arrived_.notify_all();
  release_reading();
  for (auto& taker : std::exchange(takers_, {})) {
    if (taker.timeout) driver_->cancel(*taker.timeout);
    taker.done(why);
  }
  if (opening_) opening_(why);
}

// --- deliveries
// --------------------------------------------------------------------------------------------------------------

void ConsumeChannel::receive(const Answer& said) {
  if (said.envelope.message_as_ConsumerCancelled()) {
    driver_->session().detach_channel(shared_from_this(), driver_->next_correlation());
    return end({ErrorCode::not_found, "queue '" + options_.queue + "' is gone"});
  }
  const auto* deliver = said.envelope.message_as_Deliver();
  if (!deliver || !deliver->items()) return;
  Chunk chunk;
  chunk.items.reserve(deliver->items()->size());
  std::size_t size = 0;
  for (const fb::DeliverItem item : wire::structs_of(deliver->items())) {
    size += item.size();
    if (size > said.payload.size()) break;  // cut short: what is not whole was not delivered
    chunk.items.push_back(item);
  }
  chunk.payload = said.payload;
  chunk.owner = said.owner;
  chunk.epoch = epoch_;
  if (options_.on_delivery)
    hand_over(std::move(chunk));
  else
    take_chunk(std::move(chunk));
}

void ConsumeChannel::hand_over(Chunk chunk) {
  for (const auto& item : chunk.items) {
    options_.on_delivery(make_delivery(item, chunk.payload.first(item.size()), chunk.owner, chunk.epoch));
    chunk.payload = chunk.payload.subspan(item.size());
  }
}

void ConsumeChannel::take_chunk(Chunk chunk) {
  if (chunk.items.empty()) return;
  {
    std::lock_guard lock(mutex_);
    waiting_ += chunk.items.size();
    waiting_bytes_ += chunk.payload.size();
    chunks_.push_back(std::move(chunk));
    if (options_.no_ack && waiting_bytes_ > no_ack_waiting_max_bytes && !holds_reading_) {
      holds_reading_ = wants_release_ = true;
      driver_->hold_reading(true);
    }
  }
  arrived_.notify_all();
  serve_takers();
}

Delivery ConsumeChannel::make_delivery(const fb::DeliverItem& item, Bytes stored, const Owner& owner,
                                       std::uint32_t epoch) {
  Delivery delivery;
  if (!options_.no_ack) delivery.channel_ = shared_from_this();
  delivery.owner_ = owner;
  delivery.tag_ = item.tag();
  delivery.seq_ = item.seq();
  delivery.epoch_ = epoch;
  delivery.deliveries_ = item.deliveries();
  const auto parts = parse_message(stored);
  if (parts) delivery.parts_ = *parts;
  delivery.unreadable_ =
      !parts || (item.flags() & static_cast<std::uint16_t>(fb::DeliverFlag::unreadable)) != 0;
  return delivery;
}

/// With the mutex held.
Delivery ConsumeChannel::next_delivery() {
  auto& chunk = chunks_.front();
  const auto& item = chunk.items[chunk.next++];
  auto delivery = make_delivery(item, chunk.payload.first(item.size()), chunk.owner, chunk.epoch);
  chunk.payload = chunk.payload.subspan(item.size());
  counted_out(item.size());
  if (chunk.next == chunk.items.size()) chunks_.pop_front();
  return delivery;
}

/// With the mutex held.
void ConsumeChannel::counted_out(std::size_t size_bytes) {
  --waiting_;
  waiting_bytes_ -= size_bytes;
  if (!wants_release_ || waiting_bytes_ > no_ack_waiting_max_bytes / 2) return;
  wants_release_ = false;
  driver_->post([self = shared_from_this()] { self->release_reading(); });
}

void ConsumeChannel::release_reading() {
  if (!std::exchange(holds_reading_, false)) return;
  {
    std::lock_guard lock(mutex_);
    wants_release_ = false;
  }
  driver_->hold_reading(false);
}

Result<std::size_t> ConsumeChannel::receive(std::vector<Delivery>& out, std::size_t count_max,
                                            Milliseconds timeout) {
  std::unique_lock lock(mutex_);
  if (chunks_.empty() && !ended_ && timeout.count() > 0) {
    if (driver_->must_not_block()) return would_block_itself();
    arrived_.wait_for(lock, timeout, [this] { return !chunks_.empty() || ended_; });
  }
  if (ended_) return *ended_;
  if (chunks_.empty())
    return Error{ErrorCode::timed_out, "no message within " + std::to_string(timeout.count()) + " ms"};
  return take(out, count_max);
}

/// With the mutex held.
std::size_t ConsumeChannel::take(std::vector<Delivery>& out, std::size_t count_max) {
  std::size_t count = 0;
  for (; count < count_max && !chunks_.empty(); ++count) out.push_back(next_delivery());
  return count;
}

void ConsumeChannel::receive_async(std::size_t count_max, Milliseconds timeout,
                                   Completion<std::vector<Delivery>> done) {
  std::optional<Error> ended;
  {
    std::lock_guard lock(mutex_);
    ended = ended_;
  }
  if (ended) return done(std::move(*ended));
  takers_.push_back({count_max, std::move(done), std::nullopt});
  const auto taker = std::prev(takers_.end());
  // Armed even for 0: what is there already is served first.
  taker->timeout = driver_->after(timeout, [self = shared_from_this(), taker] {
    auto late = std::move(taker->done);
    self->takers_.erase(taker);
    late(Error{ErrorCode::timed_out, "no message in time"});
  });
  serve_takers();
}

void ConsumeChannel::serve_takers() {
  while (!takers_.empty()) {
    std::vector<Delivery> taken;
    {
      std::lock_guard lock(mutex_);
      if (take(taken, takers_.front().count_max) == 0) return;
    }
    auto taker = std::move(takers_.front());
    takers_.pop_front();
    if (taker.timeout) driver_->cancel(*taker.timeout);
    taker.done(std::move(taken));
  }
}

std::size_t ConsumeChannel::waiting() const {
  std::lock_guard lock(mutex_);
  return waiting_;
}

void ConsumeChannel::get(const std::string& queue, Completion<std::optional<Delivery>> done) {
  if (number() == 0) return done(ended_.value_or(Error{ErrorCode::unavailable, "the client is closed"}));
  Call call;
  call.correlation = driver_->next_correlation();
  // What was handed out on a connection that broke is back in its queue.
  call.repeatable = true;
  call.frame = make_frame({call.correlation, number()}, [&](flatbuffers::FlatBufferBuilder& builder) {
    return fb::CreateGet(builder, builder.CreateString(queue));
  });
  call.handler =
      on_answer([self = shared_from_this(), done = std::move(done)](Result<const Answer*> answer) mutable {
        if (!answer) return done(answer.error());
        if ((*answer)->envelope.message_as_GotNothing()) return done(std::optional<Delivery>());
        const auto* got = (*answer)->envelope.message_as_GotMessage();
        if (!got) return done(Error{ErrorCode::corrupt, "the broker answered a get with something else"});
        const auto flags =
            static_cast<std::uint16_t>(got->code() != 0 ? fb::DeliverFlag::unreadable : fb::DeliverFlag{});
        const fb::DeliverItem item(got->tag(), 0, 0, 0, got->deliveries(), flags);
        done(std::optional<Delivery>(
            self->make_delivery(item, (*answer)->payload, (*answer)->owner, self->epoch_)));
      });
  driver_->ask(std::move(call));
}

// --- settling
// -----------------------------------------------------------------------------------------------------------------

void ConsumeChannel::settle(std::uint64_t tag, std::uint32_t epoch, fb::Outcome outcome) {
  std::lock_guard lock(mutex_);
  if (add_settle(tag, epoch, outcome) && !std::exchange(woken_, true)) driver_->wake(shared_from_this());
}

/// With the mutex held. False: it came on a connection that is gone, so the broker delivers it again.
bool ConsumeChannel::add_settle(std::uint64_t tag, std::uint32_t epoch, fb::Outcome outcome) {
  if (epoch == epoch_) {
    settles_.add(tag, outcome);
    return true;
  }
  // A requeue has happened all the same. An ack has not, and whoever flushes next relies on it.
  if (outcome != fb::Outcome::requeue)
    lost_settle("a message was settled after its connection had broken; it is delivered again");
  return false;
}

/// With the mutex held. The first reason is kept for the next flush.
void ConsumeChannel::lost_settle(std::string why) {
  if (!settle_failure_) settle_failure_ = Error{ErrorCode::unavailable, std::move(why)};
}

void ConsumeChannel::ack_all(std::span<Delivery> deliveries) {
  for (std::size_t begin = 0; begin < deliveries.size();) {
    const auto channel = deliveries[begin].channel_;
    std::size_t end = begin + 1;
    while (end < deliveries.size() && deliveries[end].channel_ == channel) ++end;
    if (channel) {
      std::lock_guard lock(channel->mutex_);
      for (auto& delivery : deliveries.subspan(begin, end - begin)) {
        channel->add_settle(delivery.tag_, delivery.epoch_, fb::Outcome::ack);
        delivery.channel_.reset();
      }
      if (!channel->settles_.empty() && !std::exchange(channel->woken_, true))
        channel->driver_->wake(channel);
    }
    begin = end;
  }
}

void ConsumeChannel::gathered() {
  send_settles();
}

void ConsumeChannel::send_settles() {
  std::array<std::vector<fb::Range>, 3> ranges;
  {
    std::lock_guard lock(mutex_);
    woken_ = false;
    if (ended_ || number() == 0 || !driver_->session().ready()) return;
    for (std::size_t i = 0; i < ranges.size(); ++i) ranges[i] = settles_.take(static_cast<fb::Outcome>(i));
  }
  for (std::size_t i = 0; i < ranges.size(); ++i)
    if (!ranges[i].empty()) send_settle(std::move(ranges[i]), static_cast<fb::Outcome>(i));
}

void ConsumeChannel::send_settle(std::vector<fb::Range> ranges, fb::Outcome outcome) {
  Call call;
  call.correlation = driver_->next_correlation();
  call.frame = make_frame({call.correlation, number()}, [&](flatbuffers::FlatBufferBuilder& builder) {
    return fb::CreateSettle(builder, builder.CreateVectorOfStructs(ranges), outcome);
  });
  call.handler =
      on_answer([self = shared_from_this(), sent = settles_sent_.begin()](Result<const Answer*> answer) {
        self->settle_answered(sent, only_error(std::move(answer)));
      });
  driver_->session().ask(std::move(call));
}

void ConsumeChannel::settle_answered(std::uint64_t number, const Result<>& result) {
  settles_sent_.end(number);
  if (!result) {
    std::lock_guard lock(mutex_);
    if (!settle_failure_) settle_failure_ = result.error();
  }
  finish_flushes();
}

void ConsumeChannel::flush(Completion<Done> done) {
  send_settles();
  settles_sent_.wait(std::move(done));
  finish_flushes();
}

void ConsumeChannel::finish_flushes() {
  for (auto& done : settles_sent_.take_done()) {
    std::optional<Error> failure;
    {
      std::lock_guard lock(mutex_);
      failure = std::exchange(settle_failure_, std::nullopt);
    }
    done(failure ? Result<>(*failure) : Result<>());
  }
}

}  // namespace tandem::client
