#include "broker/wire/amqp/sasl.h"

#include <vector>

#include "broker/wire/login.h"
#include "schemas/byte_order.h"
#include "schemas/message.h"

namespace tandem::wire::amqp {
namespace {

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
  if (mechanism != "PLAIN") return read_amqplain(response);
  const auto plain = read_plain(response);
  if (!plain) return std::nullopt;
  return Credentials{std::string(plain->user), std::string(plain->password)};
}

}  // namespace tandem::wire::amqp
