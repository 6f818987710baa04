#include "broker/wire/kafka/sasl.h"

#include "broker/wire/kafka/error.h"
#include "broker/wire/kafka/messages_cluster.h"
#include "broker/wire/kafka/tasks.h"

namespace tandem::wire::kafka {
namespace {

constexpr std::string_view mechanism = "PLAIN";

class SaslHandshake final : public TaskOf<SaslHandshakeRequest, SaslHandshakeResponse> {
 public:
  using TaskOf::TaskOf;

  void begin(const Request& request) {
    response_.mechanisms = {std::string(mechanism)};
    if (request.mechanism != mechanism) {
      response_.error = error::unsupported_sasl_mechanism;
      conversation().hang_up = true;
      return;
    }
    // After version 0 the token comes by itself, without a request around it.
    using Sasl = Conversation::Sasl;
    conversation().sasl = version() == 0 ? Sasl::raw_token_next : Sasl::token_next;
  }
};

class SaslAuthenticate final : public TaskOf<SaslAuthenticateRequest, SaslAuthenticateResponse> {
 public:
  using TaskOf::TaskOf;

  void begin(const Request& request) {
    if (conversation().sasl != Conversation::Sasl::token_next)
      return refuse(error::illegal_sasl_state, "a handshake comes first");
    conversation().sasl = Conversation::Sasl::none;
    if (const auto why = log_in(conversation(), request.token))
      return refuse(error::sasl_authentication_failed, *why);
  }

 private:
  void refuse(std::int16_t error, std::string why) {
    response_.error = error;
    response_.error_message = std::move(why);
    conversation().hang_up = true;
  }
};

}  // namespace

std::optional<std::string> log_in(Conversation& conversation, Bytes token) {
  const auto plain = read_plain(text_of(token));
  if (!plain) return "the token is not PLAIN's: user and password";
  const FaceContext& context = conversation.context;
  const LoginVerdict verdict =
      conversation.port().log_in({plain->user, plain->password, context.loopback}, context.peer);
  if (verdict != LoginVerdict::welcome) return std::string(to_text(verdict));
  conversation.user = plain->user;
  return std::nullopt;
}

bool begin_sasl_handshake(Arrival& arrival) {
  return begin<SaslHandshake>(arrival);
}
bool begin_sasl_authenticate(Arrival& arrival) {
  return begin<SaslAuthenticate>(arrival);
}

}  // namespace tandem::wire::kafka
