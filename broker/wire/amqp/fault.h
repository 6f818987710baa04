// What goes wrong, in AMQP's words: reply codes, and the texts that RabbitMQ's clients and their tests look
// for.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "broker/core/vocabulary.h"
#include "broker/wire/amqp/methods.h"

namespace tandem::wire::amqp {

enum class ReplyCode : std::uint16_t {
  success = 200,
  no_route = 312,
  connection_forced = 320,
  access_refused = 403,
  not_found = 404,
  resource_locked = 405,
  precondition_failed = 406,
  frame_error = 501,
  syntax_error = 502,
  command_invalid = 503,
  channel_error = 504,
  unexpected_frame = 505,
  resource_error = 506,
  not_allowed = 530,
  not_implemented = 540,
  internal_error = 541,
};

/// A refusal on its way to the peer. `method` is the one that caused it (none: not a method's fault).
struct Fault {
  ReplyCode code = ReplyCode::internal_error;
  std::string text;  // without the code's name in front
  Method method = Method::none;
};
/// What a step gives back: nothing when all is well.
using Verdict = std::optional<Fault>;

/// Soft faults close their channel, the others the connection.
bool closes_channel_only(ReplyCode code);

/// "NOT_FOUND - no queue 'q' in vhost '/'", cut to a short string as RabbitMQ cuts it.
std::string reply_text(const Fault& fault);

/// The core's refusal of `asked`, in RabbitMQ's words.
Fault fault_of(const core::Refusal& refusal, Method asked);

/// "invalid arg 'x-priority' for queue 'q' in vhost '/': …"
Fault invalid_argument_fault(Method asked, std::string_view object, std::string_view name,
                             std::string_view argument, std::string_view why);

}  // namespace tandem::wire::amqp
