#include "broker/server/dead_letter.h"

#include <algorithm>

#include "broker/base/limits.h"

namespace tandem::server {

namespace {

constexpr std::string_view death_header = "x-death";
constexpr std::string_view cc_header = "CC";

std::string_view reason_text(core::RemovalReason reason) {
  switch (reason) {
    case core::RemovalReason::expired:
      return "expired";
    case core::RemovalReason::dropped:
      return "maxlen";
    case core::RemovalReason::delivery_limit:
      return "delivery_limit";
    case core::RemovalReason::dead_lettered:
    case core::RemovalReason::acked:
    case core::RemovalReason::purged:
    case core::RemovalReason::rejected:
      break;
  }
  return "rejected";
}

Value* find_mutable(Table& table, std::string_view key) {
  const auto found =
      std::find_if(table.begin(), table.end(), [&](const auto& field) { return field.first == key; });
  return found == table.end() ? nullptr : &found->second;
}

void set(Table& table, std::string_view key, Value value) {
  if (Value* present = find_mutable(table, key))
    *present = std::move(value);
  else
    table.emplace_back(std::string(key), std::move(value));
}

void erase(Table& table, std::string_view key) {
  std::erase_if(table, [&](const auto& field) { return field.first == key; });
}

bool has_text(const Table& table, std::string_view key, std::string_view text) {
  const Value* value = find(table, key);
  return value != nullptr && value->text() != nullptr && *value->text() == text;
}

// The key of the publish, then those of its CC header.
Array routing_keys(const MessageParts& message, const Table& headers) {
  Array keys{Value(message.routing_key)};
  const Value* cc = find(headers, cc_header);
  if (cc != nullptr && cc->array() != nullptr)
    for (const auto& key : *cc->array())
      if (key.text() != nullptr) keys.push_back(key);
  return keys;
}

Table new_death(const core::RewriteDeadLetter& request, const MessageParts& message,
                const Properties& properties) {
  Table death;
  death.emplace_back("count", Value(std::int64_t{1}));
  death.emplace_back("reason", Value(reason_text(request.reason)));
  death.emplace_back("queue", Value(request.queue_name));
  death.emplace_back("time", Value(ValueType::timestamp, std::int64_t{request.now / 1000}));
  death.emplace_back("exchange", Value(message.exchange));
  death.emplace_back("routing-keys", Value(routing_keys(message, *properties.headers)));
  if (properties.expiration) death.emplace_back("original-expiration", Value(*properties.expiration));
  return death;
}

void count_up(Table& death) {
  const Value* count = find(death, "count");
  const std::int64_t before = count != nullptr && count->integer() != nullptr ? *count->integer() : 0;
  set(death, "count", Value(before + 1));
}

// Takes the entry of the same queue and reason out of `deaths`; further ones of an older broker are merged
// into it.
std::optional<Table> take_same_death(Array& deaths, std::string_view queue, std::string_view reason) {
  std::optional<Table> same;
  std::erase_if(deaths, [&](const Value& entry) {
    const Table* death = entry.table();
    if (death == nullptr || !has_text(*death, "queue", queue) || !has_text(*death, "reason", reason))
      return false;
    if (!same) same = *death;
    return true;
  });
  return same;
}

void set_first_death(Table& headers, const Table& death) {
  for (const std::string_view part : {"reason", "queue", "exchange"})
    set(headers, "x-first-death-" + std::string(part), *find(death, part));
}

void add_death(Table& headers, Table death) {
  Value* present = find_mutable(headers, death_header);
  if (present == nullptr || present->array() == nullptr) {
    set_first_death(headers, death);
    set(headers, death_header, Value(Array{Value(std::move(death))}));
    return;
  }
  Array deaths = *present->array();
  auto same = take_same_death(deaths, *find(death, "queue")->text(), *find(death, "reason")->text());
  if (same) {
    count_up(*same);
    death = std::move(*same);
  }
  deaths.insert(deaths.begin(), Value(std::move(death)));
  *present = Value(std::move(deaths));
}

}  // namespace

std::optional<std::vector<std::byte>> rewrite_dead_letter(const core::RewriteDeadLetter& request,
                                                          Bytes stored) {
  const auto message = parse_message(stored);
  if (!message) return std::nullopt;
  auto properties = decode_properties(message->properties);
  if (!properties) return std::nullopt;
  if (!properties->headers) properties->headers.emplace();

  add_death(*properties->headers, new_death(request, *message, *properties));
  if (!request.routing_key.empty()) erase(*properties->headers, cc_header);
  properties->expiration.reset();

  std::vector<std::byte> encoded;
  append_properties(encoded, *properties);
  const MessageParts rewritten{.exchange = request.exchange,
                               .routing_key = request.routing_key.empty()
                                                  ? message->routing_key
                                                  : std::string_view(request.routing_key),
                               .properties = encoded,
                               .body = message->body};
  if (message_size_bytes(rewritten) > limits::message_size_max_bytes) return std::nullopt;
  std::vector<std::byte> result;
  append_message(result, rewritten);
  return result;
}

}  // namespace tandem::server
