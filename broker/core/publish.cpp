#include "broker/core/publish.h"

#include "broker/base/limits.h"
#include "broker/core/access.h"
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

/// The tag of users that publish in the name of others.
constexpr std::string_view impersonator = "impersonator";

std::optional<Refusal> check_user(Turn& turn, const Caller& who, std::string_view user_id) {
  const Connection* connection = turn.session().connections.find(who.channel.connection);
  if (!connection || connection->user.empty() || connection->user == user_id) return std::nullopt;
  const UserDeclared* user = turn.state().users.find(connection->user);
  if (user && has_tag(*user, impersonator)) return std::nullopt;
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

std::optional<Refusal> check_publish(Turn& turn, const Caller& who, const Exchange* exchange,
                                     const MessageView& message) {
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

PublishOutcome do_publish(Turn& turn, const Exchange& exchange, const MessageView& message) {
  count(turn, exchange.declared.id);
  const std::vector<Match>& destinations = route(turn, exchange, message);
  return {!destinations.empty(), put_into(turn, destinations, message)};
}

namespace {

/// Publishes of one channel, one after the other. Confirms that follow each other are said as one.
class Publishing {
 public:
  Publishing(Turn& turn, const Caller& who) : turn_(turn), who_(who), confirmed_{who.channel} {}
  ~Publishing() { say_confirmed(); }
  Publishing(const Publishing&) = delete;
  Publishing& operator=(const Publishing&) = delete;

  /// False: it was refused.
  bool publish(std::uint64_t request, std::uint64_t confirm_seq, bool mandatory, const MessageView& message) {
    who_.request = request;
    // A publish does not change the catalog, and most name the exchange of the one before.
    if (!exchange_ || exchange_->declared.name != message.exchange) {
      exchange_ = nullptr;
      if (auto refusal = judge_access(turn_, who_, Permission::write, ObjectKind::exchange, message.exchange))
        return refuse(std::move(*refusal));
      exchange_ = turn_.state().catalog.find_exchange(message.exchange);
    }
    if (auto refusal = check_publish(turn_, who_, exchange_, message)) return refuse(std::move(*refusal));
    // Connections are not read while an alarm is on; what was on its way is refused where the publisher can
    // learn of it.
    if (turn_.session().disk_alarm && confirm_seq) {
      confirm(confirm_seq, true);
      return true;
    }
    const PublishOutcome outcome = do_publish(turn_, *exchange_, message);
    if (!outcome.routed && mandatory) {
      say_confirmed();
      turn_.answer(who_, Returned{who_.channel, confirm_seq, message.body, message.size_bytes});
    }
    confirm(confirm_seq, !outcome.accepted);
    return true;
  }

 private:
  bool refuse(Refusal refusal) {
    say_confirmed();
    turn_.refuse(who_, std::move(refusal));
    return false;
  }
  void confirm(std::uint64_t seq, bool nack) {
    if (seq == 0) return;
    if (confirmed_.first != 0 && confirmed_.last + 1 == seq && confirmed_.nack == nack) {
      confirmed_.last = seq;
      return;
    }
    say_confirmed();
    confirmed_.first = confirmed_.last = seq;
    confirmed_.nack = nack;
  }
  void say_confirmed() {
    if (confirmed_.first != 0) turn_.answer(who_, confirmed_);
    confirmed_.first = 0;
  }

  Turn& turn_;
  Caller who_;
  const Exchange* exchange_ = nullptr;
  Confirmed confirmed_;  // first 0: none yet
};

}  // namespace

void handle(Turn& turn, const Publish& input) {
  Publishing(turn, input.who)
      .publish(input.who.request, input.confirm_seq, input.mandatory, input.message);
}

void handle(Turn& turn, const CheckPublish& input) {
  MessageView message;
  message.exchange = input.exchange;
  const Exchange* exchange = turn.state().catalog.find_exchange(input.exchange);
  if (auto refusal = check_publish(turn, input.who, exchange, message)) return turn.refuse(input.who, *refusal);
  turn.answer(input.who, Ok{input.who});
}

void handle(Turn& turn, const PublishMany& input) {
  Publishing publishing(turn, input.who);
  for (const PublishMany::One& one : input.messages)
    if (!publishing.publish(one.request, one.confirm_seq, one.mandatory, one.message) && input.until_refused) return;
}

}  // namespace tandem::core
