#include "broker/wire/amqp/sasl.h"

#include <vector>

#include "schemas/byte_order.h"
#include "schemas/message.h"

namespace tandem::wire::amqp {
namespace {

/// RFC 4616: authorization id, user, password, with a zero octet between.
std::optional<Credentials> read_plain(std::string_view response) {
  const std::size_t user_at = response.find('\0');
  if (user_at == std::string_view::npos) return std::nullopt;
  const std::size_t password_at = response.find('\0', user_at + 1);
  if (password_at == std::string_view::npos) return std::nullopt;
  return Credentials{std::string(response.substr(user_at + 1, password_at - user_at - 1)),
                     std::string(response.substr(password_at + 1))};
}

/// A field table with LOGIN and PASSWORD, without the length that tables have in front.
std::optional<Credentials> read_amqplain(std::string_view response) {
  std::vector<std::byte> encoded;
  append_big(encoded, static_cast<std::uint32_t>(response.size()));
  const Bytes entries = bytes_of(response);
  encoded.insert(encoded.end(), entries.begin(), entries.end());
  const auto table = decode_table(encoded);
  if (!table) return std::nullopt;
  const Value* login = find(*table, "LOGIN");
  const Value* password = find(*table, "PASSWORD");
  if (login == nullptr || password == nullptr || !login->text() || !password->text()) return std::nullopt;
  return Credentials{*login->text(), *password->text()};
}

}  // namespace

bool is_known_mechanism(std::string_view mechanism) {
  return mechanism == "PLAIN" || mechanism == "AMQPLAIN";
}

std::optional<Credentials> read_credentials(std::string_view mechanism, std::string_view response) {
  return mechanism == "PLAIN" ? read_plain(response) : read_amqplain(response);
}

}  // namespace tandem::wire::amqp
