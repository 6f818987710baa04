// Users' passwords: the only place that hashes. RabbitMQ's form, so that its definitions bring their users along:
// 4 octets of salt, then SHA-256 or SHA-512 of the salt and the password. One round costs a microsecond or so, which
// is what the loop can afford per login; a password is therefore worth what its own length is worth.
#pragma once

#include <string>
#include <string_view>

#include "broker/core/broker.h"
#include "broker/wire/login.h"

namespace tandem::server {

/// Against the broker's users; without any, guest from this machine.
wire::LoginVerdict judge_login(const core::Broker& broker, const wire::Login& login);

/// SHA-256 with this salt of 4 octets, which comes first in the result.
std::string hash_password(std::string_view password, std::string_view salt);
/// 4 octets by chance.
std::string draw_salt();

}  // namespace tandem::server
