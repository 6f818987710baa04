// What can be done with users and their connections, and what only some of them may do.
#pragma once

#include <optional>
#include <string_view>

#include "broker/core/turn.h"

namespace tandem::core {

void handle(Turn& turn, const DeclareUser& input);
void handle(Turn& turn, const AlterUser& input);
void handle(Turn& turn, const DeleteUser& input);
void handle(Turn& turn, const CloseConnection& input);

/// not_authorized when the connection's user may not change, or see, this object: a user, a connection, a policy.
std::optional<Refusal> judge_administration(const Turn& turn, const Caller& who, ObjectKind object,
                                            std::string_view name);

}  // namespace tandem::core
