#include "broker/core/publish.h"

#include "broker/base/limits.h"
#include "broker/core/enqueue.h"
#include "broker/core/exchange_verbs.h"
#include "broker/core/message_verbs.h"
#include "broker/core/route.h"

namespace tandem::core {
namespace {

Refusal invalid_message(std::string_view argument, std::string_view received, std::string detail) {
  return {ErrorCode::invalid_argument,
          ObjectKind::message,
          "",
          std::string(argument),
          std::string(received),
          "",
          std::move(detail)};
}

std::optional<Refusal> check_user(Turn& turn, const Caller& who, std::string_view user_id) {
  const Connection* connection = turn.session().connections.find(who.channel.connection);
  if (!connection || connection->user.empty() || connection->user == user_id) return std::nullopt;
  Refusal refusal = invalid_message("user_id", user_id, "it must be the name that the connection logged in with");
  refusal.current = connection->user;
  return refusal;
}

void count(Turn& turn, ExchangeId exchange) {
  auto& published = turn.session().routing.published;
  std::uint64_t* count = published.find(exchange);
  if (!count) count = &published.put(exchange, std::make_unique<std::uint64_t>(0));
  ++*count;
  ++turn.session().published;
}

}  // namespace

std::optional<Refusal> check_publish(Turn& turn, const Caller& who, const MessageView& message) {
  const Exchange* exchange = turn.state().catalog.find_exchange(message.exchange);
  if (!exchange) return not_found(ObjectKind::exchange, message.exchange);
  if (exchange->declared.internal)
    return Refusal{ErrorCode::access_refused,
                   ObjectKind::exchange,
                   std::string(message.exchange),
                   "internal",
                   "",
                   "",
                   "cannot publish to internal exchange '" + std::string(message.exchange) + "'"};
  if (message.size_bytes > limits::message_size_max_bytes)
    return Refusal{ErrorCode::too_large,
                   ObjectKind::message,
                   "",
                   "",
                   "",
                   "",
                   "message of " + std::to_string(message.size_bytes) + " bytes, the limit is " +
                       std::to_string(limits::message_size_max_bytes)};
  const PropertyGlance& properties = message.properties;
  if (properties.flags & flag_expiration && !read_expiration(properties.expiration))
    return invalid_message("expiration", properties.expiration, "expected milliseconds as decimal text");
  if (!properties.user_id.empty())
    if (auto refusal = check_user(turn, who, properties.user_id)) return refusal;
  if (properties.headers.empty()) return std::nullopt;
  return judge_copies(turn, message);
}

PublishOutcome do_publish(Turn& turn, const MessageView& message) {
  const Exchange& exchange = *turn.state().catalog.find_exchange(message.exchange);
  count(turn, exchange.declared.id);
  const std::vector<Match>& destinations = route(turn, exchange, message);
  return {!destinations.empty(), put_into(turn, destinations, message)};
}

void handle(Turn& turn, const Publish& input) {
  if (auto refusal = check_publish(turn, input.who, input.message)) return turn.refuse(input.who, *refusal);
  const ChannelId channel = input.who.channel;
  const auto confirm = [&](bool nack) {
    if (input.confirm_seq)
      turn.answer(input.who, Confirmed{channel, input.confirm_seq, input.confirm_seq, nack});
  };
  // Connections are not read while an alarm is on; what was on its way is refused where the publisher can
  // learn of it.
  if (turn.session().disk_alarm && input.confirm_seq) return confirm(true);
  const PublishOutcome outcome = do_publish(turn, input.message);
  if (!outcome.routed && input.mandatory)
    turn.answer(input.who,
                Returned{channel, input.confirm_seq, input.message.body, input.message.size_bytes});
  confirm(!outcome.accepted);
}

}  // namespace tandem::core
