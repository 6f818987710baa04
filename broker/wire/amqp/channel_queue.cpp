// queue.*: declare, bind, unbind, purge, delete. An empty queue name means the queue this channel declared
// last; to declare, a new one.
#include "broker/core/queue_options.h"
#include "broker/wire/amqp/channel.h"
#include "broker/wire/amqp/publish_checks.h"

namespace tandem::wire::amqp {
namespace {

Fault no_queue(std::string_view name, Method asked) {
  return {ReplyCode::not_found, "no queue '" + std::string(name) + "' in vhost '/'", asked};
}

/// A time that is too long for RabbitMQ, though not for the core.
Verdict check_times(const Table& arguments, std::string_view queue) {
  for (const std::string_view key : {"x-message-ttl", "x-expires"}) {
    const Value* value = find(arguments, key);
    const std::int64_t* time = value ? value->integer() : nullptr;
    if (time && *time > time_to_live_max_ms)
      return invalid_argument_fault(Method::queue_declare, "queue", queue, key,
                                    "{value_too_large," + std::to_string(*time) + "}");
  }
  return std::nullopt;
}

/// As RabbitMQ with a virtual host's default queue type: the argument is added where such a queue is possible.
void add_default_type(Table& arguments, const core::DeclareQueue& input, std::string_view type) {
  const bool may_be_quorum = input.durable && !input.exclusive && !input.auto_delete;
  if (type == core::quorum_type && may_be_quorum && !find(arguments, "x-queue-type"))
    arguments.emplace_back("x-queue-type", std::string(type));
}

/// What RabbitMQ says of a headers binding's x-match that makes no sense; the core only says that it does
/// not.
std::string match_problem(const Table& arguments) {
  const Value* match = find(arguments, "x-match");
  if (match == nullptr) return {};
  if (const std::string* text = match->text())
    return "Invalid x-match field value <<\"" + *text + "\">>; expected all, any, all-with-x, or any-with-x";
  return "Invalid x-match field type " + std::string(type_name(match->type)) + " (value " + to_text(*match) +
         "); expected longstr";
}

}  // namespace

Verdict Channel::resolve_queue(std::string_view given, Method asked, std::string& queue) const {
  queue = given.empty() ? last_queue_ : clean_name(given);
  if (queue.empty()) return Fault{ReplyCode::not_found, "no previously declared queue", asked};
  const bool reply_queue = queue == direct_reply_to || queue.starts_with(direct_reply_prefix);
  if (reply_queue && asked != Method::basic_consume && asked != Method::queue_declare)
    return no_queue(queue, asked);
  return std::nullopt;
}

Verdict Channel::queue_declare(const MethodView& method) {
  const std::string name = clean_name(method.text("queue"));
  bool passive = method.flag("passive");
  if (name == direct_reply_to) {
    answer_unless_nowait(method, Method::queue_declare_ok, {name, 0, 1});
    return std::nullopt;
  }
  if (name.starts_with(direct_reply_prefix)) passive = true;  // asks whether the requester still listens
  if (name.empty() && passive) return no_queue(name, method.method());
  std::string chosen;
  if (name.empty()) chosen = "amq.gen-" + link_.port().random_name(chosen_name_size);

  Table arguments = decode_table(method.table("arguments")).value_or(Table{});
  last_queue_ = name.empty() ? chosen : name;
  if (!passive)
    if (Verdict fault = check_times(arguments, last_queue_)) return fault;
  core::DeclareQueue input;
  input.who = expect(method);
  input.name = name;
  input.chosen_name = chosen;
  input.passive = passive;
  input.durable = method.flag("durable");
  input.exclusive = method.flag("exclusive");
  input.auto_delete = method.flag("auto-delete");
  add_default_type(arguments, input, link_.port().fact("amqp_default_queue_type"));
  input.arguments = &arguments;
  link_.port().submit(input);
  return std::nullopt;
}

Verdict Channel::queue_bind(const MethodView& method) {
  std::string queue;
  if (Verdict fault = resolve_queue(method.text("queue"), method.method(), queue)) return fault;
  const std::string source = clean_name(method.text("exchange"));
  const bool key_is_queue = method.text("queue").empty() && method.text("routing-key").empty();
  const std::string_view routing_key = key_is_queue ? std::string_view(queue) : method.text("routing-key");
  const Table arguments = decode_table(method.table("arguments")).value_or(Table{});
  link_.port().submit(core::Bind{expect(method, match_problem(arguments)), source,
                                 core::DestinationKind::queue, queue, routing_key, &arguments});
  return std::nullopt;
}

Verdict Channel::queue_unbind(const MethodView& method) {
  std::string queue;
  if (Verdict fault = resolve_queue(method.text("queue"), method.method(), queue)) return fault;
  const std::string source = clean_name(method.text("exchange"));
  const bool key_is_queue = method.text("queue").empty() && method.text("routing-key").empty();
  const std::string_view routing_key = key_is_queue ? std::string_view(queue) : method.text("routing-key");
  const Table arguments = decode_table(method.table("arguments")).value_or(Table{});
  link_.port().submit(core::Unbind{expect(method.method(), false), source, core::DestinationKind::queue,
                                   queue, routing_key, &arguments});
  return std::nullopt;
}

Verdict Channel::queue_purge(const MethodView& method) {
  std::string queue;
  if (Verdict fault = resolve_queue(method.text("queue"), method.method(), queue)) return fault;
  link_.port().submit(core::PurgeQueue{expect(method), queue});
  return std::nullopt;
}

Verdict Channel::queue_delete(const MethodView& method) {
  std::string queue;
  if (Verdict fault = resolve_queue(method.text("queue"), method.method(), queue)) return fault;
  link_.port().submit(
      core::DeleteQueue{expect(method), queue, method.flag("if-unused"), method.flag("if-empty")});
  return std::nullopt;
}

}  // namespace tandem::wire::amqp
