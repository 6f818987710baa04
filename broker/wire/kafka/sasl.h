// Who it is: SASL PLAIN (RFC 4616), as far as there are users.
#pragma once

#include <optional>
#include <string>

#include "broker/wire/kafka/task.h"

namespace tandem::wire::kafka {

/// Why the token does not log in, for people; nullopt when it did, and conversation.user is set.
std::optional<std::string> log_in(Conversation& conversation, Bytes token);

}  // namespace tandem::wire::kafka
