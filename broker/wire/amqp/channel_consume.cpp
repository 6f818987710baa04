// basic.qos, consume, cancel, get: what a channel asks for, and the consumers it has.
#include <algorithm>

#include "broker/wire/amqp/channel.h"
#include "broker/wire/amqp/publish_checks.h"

namespace tandem::wire::amqp {
namespace {

/// The consumer's priority, or why RabbitMQ would not take it.
Verdict read_priority(const Table& arguments, std::string_view queue, std::int32_t& priority) {
  const Value* value = find(arguments, "x-priority");
  if (value == nullptr) return std::nullopt;
  if (const std::int64_t* number = value->integer()) {
    priority = static_cast<std::int32_t>(std::clamp<std::int64_t>(*number, INT32_MIN, INT32_MAX));
    return std::nullopt;
  }
  const std::string why = "\"expected integer, got " + std::string(type_name(value->type)) + "\"";
  return invalid_argument_fault(Method::basic_consume, "queue", queue, "x-priority", why);
}

}  // namespace

Verdict Channel::basic_qos(const MethodView& method) {
  if (const std::uint64_t size = method.number("prefetch-size"); size != 0)
    return Fault{ReplyCode::not_implemented, "prefetch_size!=0 (" + std::to_string(size) + ")",
                 method.method()};
  const auto prefetch = static_cast<std::uint32_t>(method.number("prefetch-count"));
  if (method.flag("global")) {
    link_.port().submit(core::SetChannelPrefetch{unanswered(method.method()), prefetch});
  } else {
    consumer_prefetch_ = prefetch;
  }
  answers_.answer_now(Method::basic_qos_ok, {});
  return std::nullopt;
}

Verdict Channel::basic_consume(const MethodView& method) {
  std::string queue;
  if (Verdict fault = resolve_queue(method.text("queue"), method.method(), queue)) return fault;
  std::string tag(method.text("consumer-tag"));
  if (tag.empty()) tag = "amq.ctag-" + link_.port().random_name(chosen_name_size);
  if (consumers_by_tag_.contains(tag))
    return Fault{ReplyCode::not_allowed, "attempt to reuse consumer tag '" + tag + "'", method.method()};
  if (queue == direct_reply_to) return consume_replies(method, tag);
  if (queue.starts_with(direct_reply_prefix))
    return Fault{ReplyCode::not_found, "no queue '" + queue + "' in vhost '/'", method.method()};

  const Table arguments = decode_table(method.table("arguments")).value_or(Table{});
  std::int32_t priority = 0;
  if (Verdict fault = read_priority(arguments, queue, priority)) return fault;
  if (Verdict fault = note_stream_request(method, queue, arguments)) return fault;
  subscribe(method, queue, tag, arguments, priority);
  return std::nullopt;
}

/// Direct reply-to: an ordinary transient queue under a name that only its users know, gone with its
/// consumer. Who asks for replies needs no permission to do so.
Verdict Channel::consume_replies(const MethodView& method, const std::string& tag) {
  const auto refuse = [&](std::string why) {
    return Fault{ReplyCode::precondition_failed, std::move(why), method.method()};
  };
  if (!reply_queue_.empty()) return refuse("reply consumer already set");
  if (!method.flag("no-ack")) return refuse("reply consumer cannot acknowledge");
  // In the form of RabbitMQ's, for which clients look: somebody's place, and a key of 16 octets in base64.
  reply_queue_ = std::string(direct_reply_prefix) + std::to_string(id_.number) + "." +
                 link_.port().random_name(chosen_name_size) + "==";
  const Table no_arguments;
  core::DeclareQueue queue;
  queue.who = unanswered(method.method());
  queue.chosen_name = reply_queue_;
  queue.durable = false;
  queue.auto_delete = true;
  queue.arguments = &no_arguments;
  queue.is_faces = true;
  link_.port().submit(queue);
  if (!closing_) subscribe(method, std::string(reply_queue_), tag, no_arguments, 0);
  reply_consumer_ = consumers_.empty() ? 0 : consumers_.back().number;
  return std::nullopt;
}

void Channel::subscribe(const MethodView& method, const std::string& queue, const std::string& tag,
                        const Table& arguments, std::int32_t priority) {
  const std::uint64_t number = link_.next_consumer();
  if (!stream_requests_.empty() && stream_requests_.back().consumer == 0) stream_requests_.back().consumer = number;
  const bool no_ack = method.flag("no-ack");
  consumers_by_tag_.emplace(tag, number);
  consumers_.push_back({number, tag, no_ack});
  core::Subscribe input;
  input.who = expect(method, tag, number);
  input.consumer = number;
  input.queue = queue;
  input.no_ack = no_ack;
  input.exclusive = method.flag("exclusive");
  input.prefetch = no_ack ? 0 : consumer_prefetch_;
  input.priority = priority;
  input.arguments = &arguments;
  input.is_faces = queue == reply_queue_;
  input.tag = tag;
  link_.port().submit(input);
}

Verdict Channel::basic_cancel(const MethodView& method) {
  const auto found = consumers_by_tag_.find(method.text("consumer-tag"));
  if (found == consumers_by_tag_.end()) {
    answer_unless_nowait(method, Method::basic_cancel_ok, {method.text("consumer-tag")});
    return std::nullopt;
  }
  const std::uint64_t number = found->second;
  const core::Caller who = expect(method, found->first, number);
  end_stream(number);
  consumers_by_tag_.erase(found);  // the tag is free at once; deliveries under way still carry it
  link_.port().submit(core::Unsubscribe{who, number});
  return std::nullopt;
}

Verdict Channel::basic_get(const MethodView& method) {
  std::string queue;
  if (Verdict fault = resolve_queue(method.text("queue"), method.method(), queue)) return fault;
  const bool no_ack = method.flag("no-ack");
  if (no_ack) all_deliveries_need_ack_ = false;
  link_.port().submit(core::Get{expect(method.method(), false), queue, no_ack});
  return std::nullopt;
}

Channel::Consumer* Channel::find_consumer(std::uint64_t number) {
  if (last_consumer_ < consumers_.size() && consumers_[last_consumer_].number == number)
    return &consumers_[last_consumer_];
  const auto found = std::ranges::lower_bound(consumers_, number, {}, &Consumer::number);
  if (found == consumers_.end() || found->number != number) return nullptr;
  last_consumer_ = static_cast<std::size_t>(found - consumers_.begin());
  return &*found;
}

void Channel::forget_consumer(std::uint64_t number) {
  Consumer* consumer = find_consumer(number);
  if (consumer == nullptr) return;
  const auto by_tag = consumers_by_tag_.find(consumer->tag);
  if (by_tag != consumers_by_tag_.end() && by_tag->second == number) consumers_by_tag_.erase(by_tag);
  consumers_.erase(consumers_.begin() + (consumer - consumers_.data()));
  if (number != reply_consumer_) return;
  reply_queue_.clear();
  reply_consumer_ = 0;
}

}  // namespace tandem::wire::amqp
