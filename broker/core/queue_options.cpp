#include "broker/core/queue_options.h"

#include <algorithm>
#include <charconv>

#include "broker/base/limits.h"
#include "broker/core/delayed.h"

namespace tandem::core {
namespace {

Refusal invalid_argument(std::string_view queue, std::string_view argument, std::string detail) {
  return {ErrorCode::invalid_argument,
          ObjectKind::queue,
          std::string(queue),
          std::string(argument),
          "",
          "",
          std::move(detail)};
}

/// Walks over the arguments; the first fault is kept.
class Reader {
 public:
  Reader(std::string_view queue, const Table& arguments) : queue_(queue), arguments_(arguments) {}

  std::optional<std::int64_t> integer(std::string_view key, std::int64_t min, std::int64_t max) {
    const Value* value = find(arguments_, key);
    if (!value) return std::nullopt;
    const std::int64_t* number = value->integer();
    if (!number) return fault(key, "expected integer, got " + to_text(*value));
    if (*number < min)
      return fault(key,
                   (*number < 0 ? "{value_negative," : "{value_too_small,") + std::to_string(*number) + "}");
    if (*number > max) return fault(key, "{value_too_large," + std::to_string(*number) + "}");
    return *number;
  }
  const std::string* text(std::string_view key) {
    const Value* value = find(arguments_, key);
    if (!value) return nullptr;
    if (!value->text()) fault(key, "expected text, got " + to_text(*value));
    return value->text();
  }
  bool boolean(std::string_view key) {
    const Value* value = find(arguments_, key);
    if (!value) return false;
    if (!value->boolean()) fault(key, "expected true or false, got " + to_text(*value));
    return value->boolean() && *value->boolean();
  }
  std::nullopt_t fault(std::string_view key, std::string detail) {
    if (!fault_) fault_ = invalid_argument(queue_, key, std::move(detail));
    return std::nullopt;
  }
  std::optional<Refusal> take_fault() { return std::move(fault_); }

 private:
  std::string_view queue_;
  const Table& arguments_;
  std::optional<Refusal> fault_;
};

constexpr std::int64_t count_max = std::numeric_limits<std::int64_t>::max();

void read_limits(Reader& reader, QueueOptions& options) {
  if (auto ttl = reader.integer("x-message-ttl", 0, duration_max_ms)) options.message_ttl = *ttl;
  if (auto expires = reader.integer("x-expires", 1, duration_max_ms)) options.expires_after = *expires;
  if (auto length = reader.integer("x-max-length", 0, count_max))
    options.length_max = static_cast<std::uint64_t>(*length);
  if (auto size = reader.integer("x-max-length-bytes", 0, count_max))
    options.size_max_bytes = static_cast<std::uint64_t>(*size);
  if (auto priority = reader.integer("x-max-priority", 0, 255))
    options.priority_max = static_cast<std::uint8_t>(*priority);
  options.delivery_limit = options.quorum ? limits::delivery_limit_quorum : limits::delivery_limit_classic;
  if (auto limit = reader.integer("x-delivery-limit", -1, 65'534)) {
    if (*limit < 0) options.delivery_limit.reset();
    else options.delivery_limit = static_cast<std::uint16_t>(*limit);
  }
  if (auto timeout = reader.integer("x-consumer-timeout", 0, duration_max_ms)) options.consumer_timeout = *timeout;
  reader.integer("x-queue-version", 1, 2);
  reader.integer("x-quorum-initial-group-size", 1, count_max);
}

void read_overflow(Reader& reader, QueueOptions& options) {
  const std::string* overflow = reader.text("x-overflow");
  if (!overflow || *overflow == "drop-head") return;
  if (*overflow == "reject-publish")
    options.overflow = Overflow::reject_publish;
  else if (*overflow == "reject-publish-dlx")
    options.overflow = Overflow::reject_publish_dead_letter;
  else
    reader.fault("x-overflow",
                 "expected drop-head, reject-publish or reject-publish-dlx, got '" + *overflow + "'");
}

void read_dead_letter(Reader& reader, const Table& arguments, QueueOptions& options) {
  if (const std::string* exchange = reader.text("x-dead-letter-exchange")) {
    options.has_dead_letter_exchange = true;
    options.dead_letter_exchange = *exchange;
  }
  if (const std::string* key = reader.text("x-dead-letter-routing-key")) {
    options.dead_letter_routing_key = *key;
    if (!find(arguments, "x-dead-letter-exchange"))
      reader.fault("x-dead-letter-routing-key", "routing_key_but_no_dlx_defined");
  }
}

void read_type(Reader& reader, QueueOptions& options) {
  const std::string* type = reader.text("x-queue-type");
  if (type && *type != "classic" && *type != quorum_type)
    reader.fault("x-queue-type", "expected classic, quorum or stream, got '" + *type + "'");
  options.quorum = type && *type == quorum_type;
  const std::string* mode = reader.text("x-queue-mode");
  if (mode && *mode != "default" && *mode != "lazy")
    reader.fault("x-queue-mode", "expected default or lazy, got '" + *mode + "'");
}

/// Whether one has a value that the other leaves out although it means the same.
bool is_default(std::string_view key, const Value& value) {
  return key == "x-queue-type" && value.text() && *value.text() == "classic";
}

std::string describe(const Value* value) {
  if (!value) return "none";
  const std::string text = value->text() ? *value->text() : to_text(*value);
  return "the value '" + text + "' of type '" + std::string(type_name(value->type)) + "'";
}

}  // namespace

std::optional<Refusal> read_queue_options(std::string_view queue, const Table& arguments,
                                          QueueOptions& options) {
  Reader reader(queue, arguments);
  read_type(reader, options);
  read_limits(reader, options);
  read_overflow(reader, options);
  read_dead_letter(reader, arguments, options);
  options.single_active_consumer = reader.boolean("x-single-active-consumer");
  options.waiting_room = is_waiting_room(queue);
  if (options.waiting_room) {
    options.length_max = limits::delayed_per_exchange_max;
    options.overflow = Overflow::reject_publish;
  }
  return reader.take_fault();
}

std::optional<DurationMs> read_expiration(std::string_view text) {
  DurationMs duration = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), duration);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  if (duration < 0 || duration > duration_max_ms) return std::nullopt;
  return duration;
}

namespace {

constexpr std::string_view arguments_of_queues[] = {
    "x-message-ttl", "x-expires", "x-max-length", "x-max-length-bytes", "x-overflow", "x-dead-letter-exchange",
    "x-dead-letter-routing-key", "x-dead-letter-strategy", "x-max-priority", "x-single-active-consumer",
    "x-delivery-limit", "x-consumer-timeout", "x-queue-type", "x-queue-mode", "x-queue-version",
    "x-queue-leader-locator", "x-quorum-initial-group-size", "x-initial-cluster-size", "x-max-age",
    "x-stream-max-segment-size-bytes", "x-max-in-memory-length", "x-max-in-memory-bytes"};
constexpr std::string_view arguments_of_exchanges[] = {"alternate-exchange", "x-delayed-type", "hash-header",
                                                       "hash-property"};

bool means_something(ObjectKind object, std::string_view key) {
  if (object == ObjectKind::exchange) return std::ranges::find(arguments_of_exchanges, key) != std::end(arguments_of_exchanges);
  return std::ranges::find(arguments_of_queues, key) != std::end(arguments_of_queues);
}

}  // namespace

std::optional<Refusal> compare_arguments(ObjectKind object, std::string_view name, const Table& received,
                                         const Table& current) {
  const auto differ = [&](const std::string& key, const Value* said,
                          const Value* there) -> std::optional<Refusal> {
    if (!means_something(object, key)) return std::nullopt;
    if (said && there && equivalent(*said, *there)) return std::nullopt;
    if (!said && is_default(key, *there)) return std::nullopt;
    if (!there && is_default(key, *said)) return std::nullopt;
    return Refusal{ErrorCode::inequivalent, object, std::string(name), key, describe(said),
                   describe(there),         ""};
  };
  for (const auto& [key, value] : current)
    if (auto refusal = differ(key, find(received, key), &value)) return refusal;
  for (const auto& [key, value] : received)
    if (!find(current, key))
      if (auto refusal = differ(key, &value, nullptr)) return refusal;
  return std::nullopt;
}

}  // namespace tandem::core
