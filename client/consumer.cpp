#include "tandem/consumer.h"

#include "client/consume_channel.h"

namespace tandem {

using client::ConsumeChannel;
using client::fb::Outcome;

// --- Delivery
// ----------------------------------------------------------------------------------------------------------------

Delivery::Delivery(Delivery&& other) noexcept = default;

Delivery& Delivery::operator=(Delivery&& other) noexcept {
  if (this == &other) return *this;
  requeue();
  channel_ = std::move(other.channel_);
  owner_ = std::move(other.owner_);
  parts_ = other.parts_;
  tag_ = other.tag_;
  seq_ = other.seq_;
  epoch_ = other.epoch_;
  deliveries_ = other.deliveries_;
  unreadable_ = other.unreadable_;
  return *this;
}

Delivery::~Delivery() {
  if (channel_) requeue();
}

Result<Properties> Delivery::properties() const {
  auto decoded = decode_properties(parts_.properties);
  if (!decoded) return Error{ErrorCode::corrupt, "the message's properties are malformed"};
  return std::move(*decoded);
}

void Delivery::ack() {
  if (const auto channel = std::move(channel_)) channel->settle(tag_, epoch_, Outcome::ack);
}
void Delivery::requeue() {
  if (const auto channel = std::move(channel_)) channel->settle(tag_, epoch_, Outcome::requeue);
}
void Delivery::reject() {
  if (const auto channel = std::move(channel_)) channel->settle(tag_, epoch_, Outcome::reject);
}

namespace {

void close_unheard(const std::shared_ptr<ConsumeChannel>& channel) {
  channel->driver().post([channel] { channel->close([](const Result<>&) {}); });
}

}  // namespace

// --- Consumer
// ----------------------------------------------------------------------------------------------------------------

Consumer::Consumer(std::shared_ptr<client::Driver> driver, std::shared_ptr<ConsumeChannel> channel)
    : driver_(std::move(driver)), channel_(std::move(channel)) {}

void Consumer::start_open(const std::shared_ptr<client::Driver>& driver, ConsumerOptions options,
                          client::Completion<Consumer> done) {
  if (options.queue.empty()) return done(Error{ErrorCode::invalid_argument, "a consumer needs a queue"});
  auto channel = std::make_shared<ConsumeChannel>(driver->shared_from_this(), std::move(options));
  driver->post([driver, channel, done = std::move(done)]() mutable {
    channel->open([driver, channel, done = std::move(done)](Result<> opened) mutable {
      if (!opened) return done(opened.error());
      done(Consumer(driver, client::user_handle(channel, close_unheard)));
    });
  });
}

Result<Delivery> Consumer::receive(Milliseconds timeout) {
  std::vector<Delivery> one;
  auto count = channel_->receive(one, 1, timeout);
  if (!count) return count.error();
  return std::move(one.front());
}

Result<std::size_t> Consumer::receive_many(std::vector<Delivery>& out, std::size_t count_max,
                                           Milliseconds timeout) {
  return channel_->receive(out, count_max, timeout);
}

void Consumer::ack_all(std::vector<Delivery>& deliveries) {
  ConsumeChannel::ack_all(deliveries);
  deliveries.clear();
}

std::size_t Consumer::waiting() const {
  return channel_->waiting();
}

void Consumer::start_receive(const std::shared_ptr<ConsumeChannel>& channel, Milliseconds timeout,
                             client::Completion<Delivery> done) {
  start_receive_many(channel, 1, timeout, [done = std::move(done)](Result<std::vector<Delivery>> taken) mutable {
    if (taken)
      done(std::move(taken->front()));
    else
      done(taken.error());
  });
}

void Consumer::start_receive_many(const std::shared_ptr<ConsumeChannel>& channel, std::size_t count_max,
                                  Milliseconds timeout, client::Completion<std::vector<Delivery>> done) {
  if (count_max == 0) return done(std::vector<Delivery>());
  channel->driver().post([channel, count_max, timeout, done = std::move(done)]() mutable {
    channel->receive_async(count_max, timeout, std::move(done));
  });
}

void Consumer::start_flush(const std::shared_ptr<ConsumeChannel>& channel, client::Completion<Done> done) {
  channel->driver().post([channel, done = std::move(done)]() mutable { channel->flush(std::move(done)); });
}

void Consumer::start_stop(const std::shared_ptr<ConsumeChannel>& channel, client::Completion<Done> done) {
  channel->driver().post([channel, done = std::move(done)]() mutable { channel->stop(std::move(done)); });
}

void Consumer::start_close(const std::shared_ptr<ConsumeChannel>& channel, client::Completion<Done> done) {
  channel->driver().post([channel, done = std::move(done)]() mutable { channel->close(std::move(done)); });
}

// --- Getter
// --------------------------------------------------------------------------------------------------------------------

Result<Getter> Getter::open(const Client& client) {
  const auto driver = client.driver()->shared_from_this();
  Getter getter;
  getter.driver_ = client.driver();
  const auto channel = std::make_shared<ConsumeChannel>(driver, ConsumerOptions{});
  getter.channel_ = client::user_handle(channel, close_unheard);
  driver->post([driver, channel] {
    if (auto attached = driver->session().attach_channel(channel); !attached) channel->end(attached.error());
  });
  return getter;
}

void Getter::start_get(const std::shared_ptr<ConsumeChannel>& channel, const std::string& queue,
                       client::Completion<std::optional<Delivery>> done) {
  channel->driver().post(
      [channel, queue, done = std::move(done)]() mutable { channel->get(queue, std::move(done)); });
}

void Getter::start_flush(const std::shared_ptr<ConsumeChannel>& channel, client::Completion<Done> done) {
  Consumer::start_flush(channel, std::move(done));
}

}  // namespace tandem
