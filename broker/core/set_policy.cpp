// Policies come and go, and what they say holds at once: limits drop or refuse messages, timers start.
#include "broker/base/limits.h"
#include "broker/core/exchange_verbs.h"
#include "broker/core/policy_verbs.h"
#include "broker/core/user_verbs.h"

namespace tandem::core {
namespace {

/// A queue that lives for a limited time from now on has the whole of it before it.
void look_at_queues(Turn& turn) {
  turn.state().queues.all().for_each([&turn](const Queue& queue) {
    const QueueId id = queue.declared.id;
    if (queue.options.expires_after && turn.session().consumers.count(id) == 0)
      turn.life(id)->unused_since = turn.now();
    turn.mark(id);
  });
}

}  // namespace

void handle(Turn& turn, const SetPolicy& input) {
  if (auto refusal = judge_administration(turn, input.who, ObjectKind::policy, input.name))
    return turn.refuse(input.who, std::move(*refusal));
  PolicySet policy{std::string(input.name), std::string(input.pattern), input.target, input.priority,
                   input.definition ? *input.definition : Table()};
  if (auto refusal = judge_policy(policy)) return turn.refuse(input.who, std::move(*refusal));
  const Policies& policies = turn.state().policies;
  if (!policies.find(policy.name) && policies.size() >= limits::policies_max)
    return turn.refuse(input.who,
                       {ErrorCode::limit_reached, ObjectKind::policy, policy.name, "policies_max", "", "",
                        "there are " + std::to_string(limits::policies_max) + " policies already"});
  turn.record(std::move(policy));
  look_at_queues(turn);
  turn.answer(input.who, Ok{input.who});
}

void handle(Turn& turn, const DeletePolicy& input) {
  if (auto refusal = judge_administration(turn, input.who, ObjectKind::policy, input.name))
    return turn.refuse(input.who, std::move(*refusal));
  if (!turn.state().policies.find(input.name))
    return turn.refuse(input.who, not_found(ObjectKind::policy, input.name));
  turn.record(PolicyDeleted{std::string(input.name)});
  look_at_queues(turn);
  turn.answer(input.who, Ok{input.who});
}

}  // namespace tandem::core
