#include "broker/base/limits.h"
#include "broker/core/exchange_verbs.h"
#include "broker/core/queue_verbs.h"
#include "broker/core/stream.h"

namespace tandem::core {

const Queue* find_queue(const State& state, std::string_view name) {
  const QueueId id = state.catalog.find_queue(name);
  return id ? state.queues.find(id) : nullptr;
}

std::optional<Refusal> check_lock(const Queue& queue, const Caller& who) {
  if (!queue.declared.exclusive || queue.declared.owner == who.channel.connection) return std::nullopt;
  return Refusal{ErrorCode::locked,
                 ObjectKind::queue,
                 queue.declared.name,
                 "exclusive",
                 "",
                 "",
                 "it is exclusive to another connection"};
}

const Queue* find_queue_or_refuse(Turn& turn, const Caller& who, std::string_view name) {
  const Queue* queue = find_queue(turn.state(), name);
  if (!queue) {
    auto refusal = refuse_stream(turn.state(), name);
    turn.refuse(who, refusal ? std::move(*refusal) : not_found(ObjectKind::queue, name));
    return nullptr;
  }
  if (auto refusal = check_lock(*queue, who)) {
    turn.refuse(who, *refusal);
    return nullptr;
  }
  return queue;
}

namespace {

std::optional<Refusal> compare(const DeclareQueue& input, const QueueDeclared& current) {
  const auto differ = [&current](std::string_view argument, bool received, bool there) {
    return Refusal{ErrorCode::inequivalent,
                   ObjectKind::queue,
                   current.name,
                   std::string(argument),
                   to_text(Value(received)),
                   to_text(Value(there)),
                   ""};
  };
  if (input.exclusive != current.exclusive)
    return Refusal{ErrorCode::locked,
                   ObjectKind::queue,
                   current.name,
                   "exclusive",
                   to_text(Value(input.exclusive)),
                   to_text(Value(current.exclusive)),
                   "the exclusive property does not match that of the original declaration"};
  if (input.durable != current.durable) return differ("durable", input.durable, current.durable);
  if (input.auto_delete != current.auto_delete)
    return differ("auto_delete", input.auto_delete, current.auto_delete);
  return compare_arguments(ObjectKind::queue, current.name, input.arguments ? *input.arguments : Table(),
                           current.arguments);
}

void redeclare(Turn& turn, const DeclareQueue& input, const Queue& queue) {
  if (auto refusal = check_lock(queue, input.who)) return turn.refuse(input.who, *refusal);
  if (!input.passive)
    if (auto refusal = compare(input, queue.declared)) return turn.refuse(input.who, *refusal);
  turn.life(queue.declared.id)->unused_since = turn.now();
  turn.wait_for_earlier_turns();  // that it is there, and what is in it, may not be on disk yet
  turn.answer(input.who,
              QueueOk{input.who, queue.declared.name, queue.life.ready + queue.life.returning,
                      static_cast<std::uint32_t>(turn.session().consumers.count(queue.declared.id))});
}

std::optional<Refusal> judge_new(const State& state, const DeclareQueue& input, std::string_view name) {
  if (input.passive) return not_found(ObjectKind::queue, name);
  if (name.empty())
    return Refusal{ErrorCode::invalid_argument, ObjectKind::queue, "", "name", "", "",
                   "a queue needs a name"};
  if (!input.name.empty() && is_reserved(name))
    return Refusal{ErrorCode::access_refused,
                   ObjectKind::queue,
                   std::string(name),
                   "name",
                   "",
                   "",
                   "queue name '" + std::string(name) + "' contains reserved prefix 'amq.*'"};
  if (auto refusal = judge_name(ObjectKind::queue, name)) return refusal;
  QueueOptions options;
  if (input.arguments)
    if (auto refusal = read_queue_options(name, *input.arguments, options)) return refusal;
  if (state.queues.size() >= limits::queues_max)
    return Refusal{ErrorCode::limit_reached,
                   ObjectKind::queue,
                   std::string(name),
                   "queues_max",
                   "",
                   "",
                   "there are " + std::to_string(limits::queues_max) + " queues already"};
  return std::nullopt;
}

}  // namespace

void handle(Turn& turn, const DeclareQueue& input) {
  const std::string_view name = input.name.empty() ? input.chosen_name : input.name;
  if (const Queue* queue = find_queue(turn.state(), name)) return redeclare(turn, input, *queue);
  const Topic* topic = turn.state().topics.find(name);
  if (declares_stream(input.arguments) || (topic && (input.passive || is_stream(*topic))))
    return declare_stream(turn, input, name);
  if (auto refusal = judge_new(turn.state(), input, name)) return turn.refuse(input.who, *refusal);
  const bool durable = input.durable && !input.exclusive;
  const QueueId id = turn.state().next_queue(durable);
  const ConnectionId owner = input.exclusive ? input.who.channel.connection : ConnectionId();
  turn.record(QueueDeclared{id, std::string(name), input.durable, input.exclusive, input.auto_delete, owner,
                            input.arguments ? without_repeats(*input.arguments) : Table()});
  turn.life(id)->unused_since = turn.now();
  if (input.exclusive) turn.session().connections.find_or_open(owner).exclusive_queues.insert(id);
  turn.mark(id);
  turn.answer(input.who, QueueOk{input.who, std::string(name), 0, 0});
}

}  // namespace tandem::core
