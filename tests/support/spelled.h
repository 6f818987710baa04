// Any record or send as bytes, every field in its order: two of them are the same exactly when their bytes are.
// Works on plain structs by taking them apart, so that a field that is added counts by itself.
#pragma once

#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "broker/base/ids.h"
#include "broker/core/send.h"
#include "schemas/message.h"

namespace tandem::support {

namespace spelling {

struct AnyField {
  template <class T>
  operator T() const;  // only named, never called
};

template <class T, class... Fields>
constexpr std::size_t field_count() {
  if constexpr (requires { T{Fields{}..., AnyField{}}; })
    return field_count<T, Fields..., AnyField>();
  else
    return sizeof...(Fields);
}

/// Calls `take` with all fields of a plain struct of up to 20.
template <class T, class Take>
void take_fields(const T& value, Take take) {
  constexpr std::size_t count = field_count<T>();
  static_assert(count >= 1 && count <= 20);
#define TANDEM_TAKE(n, ...)                \
  if constexpr (count == n) {              \
    const auto& [__VA_ARGS__] = value;     \
    take(__VA_ARGS__);                     \
  }
  TANDEM_TAKE(1, a)
  TANDEM_TAKE(2, a, b)
  TANDEM_TAKE(3, a, b, c)
  TANDEM_TAKE(4, a, b, c, d)
  TANDEM_TAKE(5, a, b, c, d, e)
  TANDEM_TAKE(6, a, b, c, d, e, f)
  TANDEM_TAKE(7, a, b, c, d, e, f, g)
  TANDEM_TAKE(8, a, b, c, d, e, f, g, h)
  TANDEM_TAKE(9, a, b, c, d, e, f, g, h, i)
  TANDEM_TAKE(10, a, b, c, d, e, f, g, h, i, j)
  TANDEM_TAKE(11, a, b, c, d, e, f, g, h, i, j, k)
  TANDEM_TAKE(12, a, b, c, d, e, f, g, h, i, j, k, l)
  TANDEM_TAKE(13, a, b, c, d, e, f, g, h, i, j, k, l, m)
  TANDEM_TAKE(14, a, b, c, d, e, f, g, h, i, j, k, l, m, n)
  TANDEM_TAKE(15, a, b, c, d, e, f, g, h, i, j, k, l, m, n, o)
  TANDEM_TAKE(16, a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p)
  TANDEM_TAKE(17, a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q)
  TANDEM_TAKE(18, a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r)
  TANDEM_TAKE(19, a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s)
  TANDEM_TAKE(20, a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t)
#undef TANDEM_TAKE
}

}  // namespace spelling

template <class T>
void spell(std::string& out, const T& value);
template <class Tag, class Rep>
void spell(std::string& out, const Id<Tag, Rep>& id);
template <class A, class B>
void spell(std::string& out, const std::pair<A, B>& pair);
template <class T>
void spell(std::string& out, const std::vector<T>& list);
inline void spell(std::string& out, const core::CheckpointState& state);
template <class T>
void spell(std::string& out, const core::Apart<T>& apart) {
  spell(out, *apart);
}
template <class... Ts>
void spell(std::string& out, const std::variant<Ts...>& one);

/// As whoever has gathered it finds it.
inline void spell(std::string& out, const core::CheckpointState& state) {
  core::CheckpointState whole = state;
  whole.gather();
  spell(out, whole.turn);
  spell(out, whole.states);
  for (const core::Survivors& survivors : whole.survivors) {
    spell(out, survivors.queue);
    spell(out, survivors.priority);
    spell(out, survivors.entries);
  }
}
inline void spell(std::string& out, const std::string& text) {
  out += std::to_string(text.size()) + ":" + text + ",";
}
inline void spell(std::string& out, const Table& table) {
  std::vector<std::byte> encoded;
  append_table(encoded, table);
  spell(out, std::string(text_of(encoded)));
}
template <class Tag, class Rep>
void spell(std::string& out, const Id<Tag, Rep>& id) {
  spell(out, id.value);
}
template <class A, class B>
void spell(std::string& out, const std::pair<A, B>& pair) {
  spell(out, pair.first);
  spell(out, pair.second);
}
template <class T>
void spell(std::string& out, const std::vector<T>& list) {
  spell(out, list.size());
  for (const T& each : list) spell(out, each);
}
template <class... Ts>
void spell(std::string& out, const std::variant<Ts...>& one) {
  spell(out, one.index());
  std::visit([&out](const auto& value) { spell(out, value); }, one);
}

template <class T>
void spell(std::string& out, const T& value) {
  if constexpr (std::is_enum_v<T>)
    out += std::to_string(static_cast<long long>(value)) + ",";
  else if constexpr (std::is_arithmetic_v<T>)
    out += std::to_string(value) + ",";
  else
    spelling::take_fields(value, [&out](const auto&... field) { (spell(out, field), ...); });
}

}  // namespace tandem::support
