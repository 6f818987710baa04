// The methods of AMQP 0-9-1 with RabbitMQ's extensions, as data: every method's number, name and fields. The
// codec walks these rows; nothing else knows how a method is laid out.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string_view>

namespace tandem::wire::amqp {

enum class FieldType : std::uint8_t {
  octet,
  short_int,
  long_int,
  long_long,
  short_text,
  long_text,
  bit,
  table
};

struct Field {
  FieldType type = FieldType::octet;
  std::string_view name;  // "" = reserved: skipped when read, zero when written
};

/// Most fields of one method (exchange.declare).
inline constexpr std::size_t fields_max = 9;

constexpr std::uint32_t method_key(std::uint16_t class_id, std::uint16_t method_id) {
  return std::uint32_t{class_id} << 16 | method_id;
}

/// Class id in the upper half, method id in the lower one.
enum class Method : std::uint32_t {
  none = 0,
  connection_start = method_key(10, 10),
  connection_start_ok = method_key(10, 11),
  connection_secure = method_key(10, 20),
  connection_secure_ok = method_key(10, 21),
  connection_tune = method_key(10, 30),
  connection_tune_ok = method_key(10, 31),
  connection_open = method_key(10, 40),
  connection_open_ok = method_key(10, 41),
  connection_close = method_key(10, 50),
  connection_close_ok = method_key(10, 51),
  connection_blocked = method_key(10, 60),
  connection_unblocked = method_key(10, 61),
  connection_update_secret = method_key(10, 70),
  connection_update_secret_ok = method_key(10, 71),
  channel_open = method_key(20, 10),
  channel_open_ok = method_key(20, 11),
  channel_flow = method_key(20, 20),
  channel_flow_ok = method_key(20, 21),
  channel_close = method_key(20, 40),
  channel_close_ok = method_key(20, 41),
  access_request = method_key(30, 10),
  access_request_ok = method_key(30, 11),
  exchange_declare = method_key(40, 10),
  exchange_declare_ok = method_key(40, 11),
  exchange_delete = method_key(40, 20),
  exchange_delete_ok = method_key(40, 21),
  exchange_bind = method_key(40, 30),
  exchange_bind_ok = method_key(40, 31),
  exchange_unbind = method_key(40, 40),
  exchange_unbind_ok = method_key(40, 51),
  queue_declare = method_key(50, 10),
  queue_declare_ok = method_key(50, 11),
  queue_bind = method_key(50, 20),
  queue_bind_ok = method_key(50, 21),
  queue_purge = method_key(50, 30),
  queue_purge_ok = method_key(50, 31),
  queue_delete = method_key(50, 40),
  queue_delete_ok = method_key(50, 41),
  queue_unbind = method_key(50, 50),
  queue_unbind_ok = method_key(50, 51),
  basic_qos = method_key(60, 10),
  basic_qos_ok = method_key(60, 11),
  basic_consume = method_key(60, 20),
  basic_consume_ok = method_key(60, 21),
  basic_cancel = method_key(60, 30),
  basic_cancel_ok = method_key(60, 31),
  basic_publish = method_key(60, 40),
  basic_return = method_key(60, 50),
  basic_deliver = method_key(60, 60),
  basic_get = method_key(60, 70),
  basic_get_ok = method_key(60, 71),
  basic_get_empty = method_key(60, 72),
  basic_ack = method_key(60, 80),
  basic_reject = method_key(60, 90),
  basic_recover_async = method_key(60, 100),
  basic_recover = method_key(60, 110),
  basic_recover_ok = method_key(60, 111),
  basic_nack = method_key(60, 120),
  confirm_select = method_key(85, 10),
  confirm_select_ok = method_key(85, 11),
  tx_select = method_key(90, 10),
  tx_select_ok = method_key(90, 11),
  tx_commit = method_key(90, 20),
  tx_commit_ok = method_key(90, 21),
  tx_rollback = method_key(90, 30),
  tx_rollback_ok = method_key(90, 31),
};

constexpr std::uint16_t class_of(Method method) {
  return static_cast<std::uint16_t>(static_cast<std::uint32_t>(method) >> 16);
}
constexpr std::uint16_t id_of(Method method) {
  return static_cast<std::uint16_t>(static_cast<std::uint32_t>(method));
}

struct MethodInfo {
  Method method = Method::none;
  std::string_view name;  // "queue.declare"
  std::array<Field, fields_max> all_fields{};
  std::size_t field_count = 0;

  constexpr MethodInfo(Method m, std::string_view n, std::initializer_list<Field> list) : method(m), name(n) {
    for (const Field& field : list) all_fields[field_count++] = field;
  }
  constexpr std::span<const Field> fields() const { return {all_fields.data(), field_count}; }
};

/// All 66, ascending by number.
std::span<const MethodInfo> all_methods();
/// nullptr when there is no such method.
const MethodInfo* find_method(Method method);

}  // namespace tandem::wire::amqp
