#include "broker/wire/amqp/publish_checks.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <string>

#include "broker/base/check.h"

namespace tandem::wire::amqp {
namespace {

Verdict check_user_id(const PropertyGlance& properties, std::string_view user) {
  if (!(properties.flags & flag_user_id) || properties.user_id == user) return std::nullopt;
  return Fault{ReplyCode::precondition_failed,
               "user_id property set to '" + std::string(properties.user_id) +
                   "' but authenticated user was '" + std::string(user) + "'",
               Method::basic_publish};
}

/// Why `text` is no time to live, in RabbitMQ's terms; empty when it is one.
std::string expiration_problem(std::string_view text) {
  std::string_view digits = text;
  if (digits.starts_with('+')) digits.remove_prefix(1);
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error == std::errc::invalid_argument) return "no_integer";
  const std::string number(digits.data(), end);
  if (end != digits.data() + digits.size())
    return "{leftover_string,\"" + std::string(end, digits.data() + digits.size()) + "\"}";
  if (number.starts_with('-') && number.find_first_not_of("-0") != std::string::npos)
    return "{value_negative," + number + "}";
  if (error == std::errc::result_out_of_range || value > time_to_live_max_ms)
    return "{value_too_large," + number + "}";
  return {};
}

Verdict check_expiration(const PropertyGlance& properties) {
  if (!(properties.flags & flag_expiration)) return std::nullopt;
  const std::string problem = expiration_problem(properties.expiration);
  if (problem.empty()) return std::nullopt;
  return Fault{ReplyCode::precondition_failed,
               "invalid expiration '" + std::string(properties.expiration) + "': " + problem, Method::basic_publish};
}

/// Cheap and sometimes wrong in the safe direction: most headers name no carbon copy at all.
bool may_name_copies(Bytes headers) {
  return text_of(headers).find("CC") != std::string_view::npos;
}

Verdict check_copies(const PropertyGlance& properties) {
  if (!may_name_copies(properties.headers)) return std::nullopt;
  const auto headers = decode_table(properties.headers);
  if (!headers) return Fault{ReplyCode::syntax_error, "malformed header table", Method::basic_publish};
  for (const std::string_view header : {"CC", "BCC"}) {
    const Value* value = find(*headers, header);
    if (value == nullptr || value->array() != nullptr) continue;
    return Fault{ReplyCode::precondition_failed,
                 "invalid message: {unacceptable_type_in_header,\"" + std::string(header) + "\"," +
                     std::string(type_name(value->type)) + "}",
                 Method::basic_publish};
  }
  return std::nullopt;
}

}  // namespace

Verdict check_properties(const PropertyGlance& properties, std::string_view user, bool impersonates) {
  if (!impersonates)
    if (Verdict fault = check_user_id(properties, user)) return fault;
  if (Verdict fault = check_expiration(properties)) return fault;
  return check_copies(properties);
}

bool needs_rewriting(const PropertyGlance& properties) {
  return properties.reply_to == direct_reply_to || may_name_copies(properties.headers);
}

void rewrite_properties(std::vector<std::byte>& out, Bytes encoded, std::string_view reply_queue) {
  auto properties = decode_properties(encoded);
  CHECK(properties.has_value());
  if (properties->headers)
    std::erase_if(*properties->headers, [](const auto& entry) { return entry.first == "BCC"; });
  if (properties->reply_to == direct_reply_to) properties->reply_to = std::string(reply_queue);
  append_properties(out, *properties);
}

}  // namespace tandem::wire::amqp
