// basic.publish: frames → one staged message → the core. No allocation per message once the buffers have
// grown.
#include <array>

#include "broker/wire/amqp/channel.h"
#include "broker/wire/amqp/publish_checks.h"
#include "schemas/byte_order.h"

namespace tandem::wire::amqp {
namespace {

/// The stored form's beginning: what comes before the properties (schemas/message.h).
class StoredHead {
 public:
  StoredHead(std::string_view exchange, std::string_view routing_key, std::size_t properties_size) {
    put_text(exchange);
    put_text(routing_key);
    store_little(room_.data() + size_, static_cast<std::uint32_t>(properties_size));
    size_ += sizeof(std::uint32_t);
  }
  Bytes bytes() const { return {room_.data(), size_}; }

 private:
  void put_text(std::string_view text) {
    room_[size_++] = static_cast<std::byte>(text.size());
    const Bytes bytes = bytes_of(text);
    std::copy(bytes.begin(), bytes.end(), room_.begin() + static_cast<std::ptrdiff_t>(size_));
    size_ += bytes.size();
  }
  std::array<std::byte, 2 * 256 + sizeof(std::uint32_t)> room_;
  std::size_t size_ = 0;
};

/// `head_size_bytes`: of its stored form before the body.
core::MessageView view_of(const PublishedMessage& message, BodyHandle body, std::size_t head_size_bytes, const PropertyGlance& glance) {
  core::MessageView view;
  view.body = body;
  view.size_bytes = static_cast<std::uint32_t>(head_size_bytes + message.body.size());
  view.body_size_bytes = static_cast<std::uint32_t>(message.body.size());
  view.exchange = message.exchange;
  view.routing_key = message.routing_key;
  view.properties = glance;
  return view;
}

Verdict check_size(const MessageParts& parts) {
  const std::size_t size = message_size_bytes(parts);
  if (size <= limits::message_size_max_bytes) return std::nullopt;
  return Fault{ReplyCode::precondition_failed,
               "message size " + std::to_string(size) + " is larger than configured max size " +
                   std::to_string(limits::message_size_max_bytes),
               Method::basic_publish};
}

}  // namespace

Verdict Channel::take_publish(Bytes fields) {
  PublishFields publish;
  if (!read_publish(fields, publish))
    return Fault{ReplyCode::syntax_error, "malformed basic.publish", Method::basic_publish};
  if (publish.immediate) return Fault{ReplyCode::not_implemented, "immediate=true", Method::basic_publish};
  assembly_.begin(publish.exchange, publish.routing_key, publish.mandatory);
  link_.publishes = true;
  return std::nullopt;
}

Verdict Channel::take_header(Bytes payload) {
  std::optional<PublishedMessage> whole;
  if (assembly_.idle())
    return Fault{ReplyCode::unexpected_frame, "expected method frame, got non method frame instead",
                 Method::none};
  if (Verdict fault = assembly_.take_header(payload, whole)) return fault;
  return publish_whole(whole);
}

Verdict Channel::take_body(Bytes payload) {
  std::optional<PublishedMessage> whole;
  if (assembly_.idle())
    return Fault{ReplyCode::unexpected_frame, "expected method frame, got non method frame instead",
                 Method::none};
  if (Verdict fault = assembly_.take_body(payload, whole)) return fault;
  return publish_whole(whole);
}

Verdict Channel::publish_whole(const std::optional<PublishedMessage>& whole) {
  if (!whole) return std::nullopt;
  Verdict verdict = publish(*whole);
  if (!link_.stages_large) assembly_.reset();
  return verdict;
}

Verdict Channel::publish(const PublishedMessage& message) {
  const auto glance = glance_properties(message.properties);
  if (!glance) return Fault{ReplyCode::syntax_error, "malformed message properties", Method::basic_publish};
  if (Verdict fault = check_properties(*glance, link_.user, link_.impersonates)) return fault;
  if (Verdict fault = check_reply_to(*glance)) return fault;
  const bool rewritten = needs_rewriting(*glance);
  if (rewritten) {
    rewritten_.clear();
    rewrite_properties(rewritten_, message.properties, reply_queue_);
  }
  const Bytes properties = rewritten ? Bytes(rewritten_) : message.properties;
  if (Verdict fault = check_size({message.exchange, message.routing_key, properties, message.body}))
    return fault;
  if (mode_ == Mode::transactional) return keep_in_transaction(message, properties, rewritten);
  if (message.body.size() >= limits::large_message_min_bytes) {
    stage_large(message, properties, *glance);
  } else {
    submit_publish(message, properties, *glance);
  }
  return std::nullopt;
}

Verdict Channel::check_reply_to(const PropertyGlance& properties) const {
  if (properties.reply_to != direct_reply_to || !reply_queue_.empty()) return std::nullopt;
  return Fault{ReplyCode::precondition_failed, "fast reply consumer does not exist", Method::basic_publish};
}

/// `glance` is of the properties as they came: routing still sees BCC, which is no longer stored.
core::MessageView Channel::staged(const PublishedMessage& message, Bytes properties, const PropertyGlance& glance) {
  const StoredHead head(message.exchange, message.routing_key, properties.size());
  const BodyHandle body = link_.port().stage({head.bytes(), properties, message.body});
  return view_of(message, body, head.bytes().size() + properties.size(), glance);
}

/// It came in many frames, so that the assembly has its body, and keeps it until it is staged.
void Channel::stage_large(const PublishedMessage& message, Bytes properties, const PropertyGlance& glance) {
  const StoredHead head(message.exchange, message.routing_key, properties.size());
  const std::size_t head_size = head.bytes().size() + properties.size();
  link_.stages_large = true;
  link_.port().stage_large(link_.connection(), {head.bytes(), properties}, message.body,
                           [this, message, glance, head_size](BodyHandle body) {
                             link_.stages_large = false;
                             if (!closing_ && !link_.ended)
                               link_.port().submit(core::Publish{unanswered(Method::basic_publish), next_confirm_seq(),
                                                                 message.mandatory, view_of(message, body, head_size, glance)});
                             assembly_.reset();
                           });
}

void Channel::submit_publish(const PublishedMessage& message, Bytes properties,
                             const PropertyGlance& glance) {
  link_.port().submit(core::Publish{unanswered(Method::basic_publish), next_confirm_seq(), message.mandatory,
                                    staged(message, properties, glance)});
}

// --- messages in a row
// -----------------------------------------------------------------------------------------------

/// Nothing about it is to be refused, rewritten or kept for later.
bool Channel::read_ordinary(Bytes input, std::size_t payload_size_max, WholePublish& whole) const {
  if (!read_whole_publish(input, id_.number, payload_size_max, whole) || needs_rewriting(whole.glance)) return false;
  const PublishedMessage& message = whole.message;
  return !check_properties(whole.glance, link_.user, link_.impersonates) &&
         !check_size({message.exchange, message.routing_key, message.properties, message.body});
}

std::size_t Channel::take_publishes(Bytes input, std::size_t payload_size_max) {
  WholePublish first, next;
  if (mode_ == Mode::transactional || !read_ordinary(input, payload_size_max, first)) return 0;
  link_.publishes = true;
  std::size_t used = first.size_bytes;
  if (read_ordinary(input.subspan(used), payload_size_max, next)) {
    submit_row(first, next, input, payload_size_max, used);
  } else {
    submit_publish(first.message, first.message.properties, first.glance);
  }
  return used;
}

/// Those behind one that is refused are not looked at, as if they had come after the channel's end.
void Channel::submit_row(const WholePublish& first, WholePublish next, Bytes input, std::size_t payload_size_max,
                         std::size_t& used) {
  // Many enough that what one input costs does not count; some 20 KiB for as long as this takes.
  constexpr std::size_t row_max = 64;
  const core::Caller who = unanswered(Method::basic_publish);
  std::vector<core::PublishMany::One> row;
  row.reserve(row_max);
  const auto add = [&](const WholePublish& whole) {
    const PublishedMessage& message = whole.message;
    row.push_back({who.request, next_confirm_seq(), message.mandatory,
                   staged(message, message.properties, whole.glance)});
  };
  add(first);
  do {
    add(next);
    used += next.size_bytes;
  } while (row.size() < row_max && read_ordinary(input.subspan(used), payload_size_max, next));
  link_.port().submit(core::PublishMany{who, row, true});
}

Verdict Channel::keep_in_transaction(const PublishedMessage& message, Bytes properties, bool rewritten) {
  ask_for_exchange(message.exchange);
  if (closing_) return std::nullopt;
  return transaction_.add({message.exchange, message.routing_key, properties, message.body},
                          message.mandatory, rewritten ? message.properties : Bytes{});
}

/// Errors are said when they are made, not at commit: a publish to an exchange that is not there closes the
/// channel at once, as RabbitMQ does, and so does one to an internal exchange, or one that the user may not write to.
void Channel::ask_for_exchange(std::string_view exchange) {
  if (transaction_.knows_exchange && transaction_.known_exchange == exchange) return;
  transaction_.known_exchange = exchange;
  transaction_.knows_exchange = true;
  link_.port().submit(core::CheckPublish{unanswered(Method::basic_publish), exchange});
}

}  // namespace tandem::wire::amqp
