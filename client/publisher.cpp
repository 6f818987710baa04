#include "tandem/publisher.h"

#include "client/publish_channel.h"

namespace tandem {
namespace {

constexpr std::size_t name_size_max_bytes = 255;
constexpr std::size_t message_size_max_bytes = 32u << 20;

Result<> judge(const MessageParts& message) {
  if (message.exchange.size() > name_size_max_bytes || message.routing_key.size() > name_size_max_bytes)
    return Error{ErrorCode::invalid_argument, "exchange and routing key have at most 255 bytes"};
  const auto size = message_size_bytes(message);
  if (size > message_size_max_bytes)
    return Error{ErrorCode::too_large, "the message has " + std::to_string(size) + " bytes, at most " +
                                           std::to_string(message_size_max_bytes) + " are allowed"};
  return Done{};
}

/// The message with properties: those of persistent() if it has none.
MessageParts completed(MessageParts message) {
  static const EncodedProperties persistent_properties;
  if (message.properties.empty()) message.properties = persistent_properties.bytes();
  return message;
}

using WhenFull = client::PublishChannel::WhenFull;

Result<std::uint64_t> post_to(client::PublishChannel& channel, const MessageParts& message,
                              Mandatory mandatory, WhenFull when_full) {
  const auto whole = completed(message);
  if (auto judged = judge(whole); !judged) return judged.error();
  return channel.post(whole, mandatory, when_full);
}

}  // namespace

Publisher::Publisher(std::shared_ptr<client::Driver> driver, std::shared_ptr<client::PublishChannel> channel)
    : driver_(std::move(driver)), channel_(std::move(channel)) {}

Result<Publisher> Publisher::open(const Client& client, PublisherOptions options) {
  const auto driver = client.driver()->shared_from_this();
  const auto channel = std::make_shared<client::PublishChannel>(driver, std::move(options));
  driver->post([driver, channel] {
    if (auto attached = driver->session().attach_channel(channel); !attached) channel->end(attached.error());
  });
  // Without a handle left what was posted is still sent and confirmed.
  auto let_go = [](const std::shared_ptr<client::PublishChannel>& gone) {
    gone->flush([gone](const Result<>&) { gone->driver().post([gone] { gone->close(); }); });
  };
  return Publisher(client.driver(), client::user_handle(channel, let_go));
}

Result<std::uint64_t> Publisher::post(const MessageParts& message, Mandatory mandatory) {
  return post_to(*channel_, message, mandatory, WhenFull::wait);
}
Result<std::uint64_t> Publisher::post(const Message& message, Mandatory mandatory) {
  return post(parts(message, EncodedProperties(message.properties)), mandatory);
}
Result<std::uint64_t> Publisher::try_post(const MessageParts& message, Mandatory mandatory) {
  return post_to(*channel_, message, mandatory, WhenFull::refuse);
}
Result<std::uint64_t> Publisher::try_post(const Message& message, Mandatory mandatory) {
  return try_post(parts(message, EncodedProperties(message.properties)), mandatory);
}

std::size_t Publisher::unconfirmed() const {
  return channel_->unconfirmed();
}

void Publisher::close() {
  if (!channel_) return;
  channel_->driver().post([channel = channel_] { channel->close(); });
}

MessageParts Publisher::parts(const Message& message, const EncodedProperties& properties) {
  return {message.exchange, message.routing_key, properties.bytes(), bytes_of(message.body)};
}

Result<std::vector<std::byte>> Publisher::store(const MessageParts& message) {
  const auto whole = completed(message);
  if (auto judged = judge(whole); !judged) return judged.error();
  std::vector<std::byte> stored;
  append_message(stored, whole);
  return stored;
}

void Publisher::start(const std::shared_ptr<client::PublishChannel>& channel,
                      Result<std::vector<std::byte>> stored, Mandatory mandatory,
                      client::Completion<Done> done) {
  if (!stored) return done(stored.error());
  channel->publish(std::move(*stored), mandatory, std::move(done));
}

void Publisher::start_post(const std::shared_ptr<client::PublishChannel>& channel,
                           Result<std::vector<std::byte>> stored, Mandatory mandatory,
                           client::Completion<std::uint64_t> done) {
  if (!stored) return done(stored.error());
  channel->post_later(std::move(*stored), mandatory, std::move(done));
}

void Publisher::start_flush(const std::shared_ptr<client::PublishChannel>& channel,
                            client::Completion<Done> done) {
  channel->flush(std::move(done));
}

}  // namespace tandem
