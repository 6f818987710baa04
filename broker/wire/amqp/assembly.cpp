#include "broker/wire/amqp/assembly.h"

#include <algorithm>

#include "broker/wire/amqp/frame.h"
#include "schemas/byte_order.h"

namespace tandem::wire::amqp {
namespace {

constexpr std::uint16_t basic_class = class_of(Method::basic_publish);
/// Buffers of larger messages are given back; a channel that sends small ones allocates nothing.
constexpr std::size_t kept_capacity_bytes = 4096;
constexpr std::size_t room_growth = 16;

Fault unexpected(std::string text) {
  return {ReplyCode::unexpected_frame, std::move(text), Method::basic_publish};
}

Fault too_large(std::uint64_t size) {
  return {ReplyCode::precondition_failed,
          "message size " + std::to_string(size) + " is larger than configured max size " +
              std::to_string(limits::message_size_max_bytes),
          Method::basic_publish};
}

void give_back(std::vector<std::byte>& buffer) {
  buffer.clear();
  if (buffer.capacity() > kept_capacity_bytes) std::vector<std::byte>().swap(buffer);
}

}  // namespace

Fault Assembly::interrupted() const {
  if (stage_ == Stage::body) return unexpected("expected content body, got non content body frame instead");
  return unexpected("expected content header for class 60, got non content header frame instead");
}

void Assembly::begin(std::string_view exchange, std::string_view routing_key, bool mandatory) {
  exchange_.assign(exchange);
  routing_key_.assign(routing_key);
  mandatory_ = mandatory;
  stage_ = Stage::header;
}

Verdict Assembly::take_header(Bytes payload, std::optional<PublishedMessage>& whole) {
  if (stage_ != Stage::header) return interrupted();
  ByteReader reader(payload);
  std::uint16_t class_id = 0, weight = 0;
  if (!reader.big(class_id) || !reader.big(weight) || !reader.big(body_size_bytes_))
    return Fault{ReplyCode::syntax_error, "content header too short", Method::basic_publish};
  if (class_id != basic_class)
    return unexpected("expected content header for class 60, got one for class " + std::to_string(class_id) +
                      " instead");
  if (body_size_bytes_ > limits::message_size_max_bytes) return too_large(body_size_bytes_);
  properties_.assign(reader.rest().begin(), reader.rest().end());
  stage_ = Stage::body;
  if (body_size_bytes_ == 0) whole = finished({});
  return std::nullopt;
}

Verdict Assembly::take_body(Bytes payload, std::optional<PublishedMessage>& whole) {
  if (stage_ != Stage::body) return interrupted();
  if (payload.size() > body_size_bytes_ - body_.size())
    return unexpected("content body larger than the " + std::to_string(body_size_bytes_) +
                      " bytes announced");
  if (body_.empty() && payload.size() == body_size_bytes_) {
    whole = finished(payload);
    return std::nullopt;
  }
  if (!link_.reserve_assembly(payload.size()))
    return Fault{ReplyCode::resource_error, "too many bytes in unfinished messages", Method::basic_publish};
  make_room(payload.size());
  body_.insert(body_.end(), payload.begin(), payload.end());
  if (body_.size() == body_size_bytes_) whole = finished(body_);
  return std::nullopt;
}

/// In large steps, at the end exactly, and never far ahead of what came: each step copies all that is there.
void Assembly::make_room(std::size_t more) {
  const std::size_t needed = body_.size() + more;
  if (needed > body_.capacity())
    body_.reserve(static_cast<std::size_t>(std::min<std::uint64_t>(body_size_bytes_, needed * room_growth)));
}

PublishedMessage Assembly::finished(Bytes body) {
  return {exchange_, routing_key_, mandatory_, properties_, body};
}

void Assembly::reset() {
  stage_ = Stage::idle;
  link_.release_assembly(body_.size());
  give_back(body_);
  give_back(properties_);
}

}  // namespace tandem::wire::amqp
