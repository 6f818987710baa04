// Users and their permissions, as RabbitMQ's definitions.json has them. What restricts a user in a way that this broker
// does not know is an error and never left out.
#pragma once

#include "client/cli/context.h"

namespace tandem::cli {

/// Puts the broker's users into the lists "users" and "permissions". Says so and leaves them out when the asker is not an
/// administrator.
void add_users(Context& context, Row& definitions);

/// One of "users", with its permissions for the virtual host "/". Errors: not_supported (topic_permissions that restrict,
/// limits, a hash other than SHA-256 and SHA-512), invalid_argument (no base64). A "password" is read where there is no hash.
Result<DeclareUser> read_user(const Row& user, const Row& definitions);
bool has_administrators_tag(const Row& user);

}  // namespace tandem::cli
