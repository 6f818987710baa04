#include "broker/core/policy.h"

#include <algorithm>
#include <span>

#include "broker/base/limits.h"
#include "broker/core/state.h"
#include "schemas/utf8.h"

namespace tandem::core {
namespace {

/// What a queue takes from a policy; the argument's name is "x-" and this.
constexpr std::string_view queue_keys[] = {
    "message-ttl",      "expires",      "max-length",           "max-length-bytes",        "overflow",
    "delivery-limit",   "queue-mode",   "dead-letter-exchange", "dead-letter-routing-key", "consumer-timeout",
    "queue-version"};
/// Of these, when the client gave one too, the lower one counts.
constexpr std::string_view limits_of_queues[] = {"message-ttl",      "expires",        "max-length",
                                                 "max-length-bytes", "delivery-limit", "consumer-timeout"};
constexpr std::string_view alternate_key = "alternate-exchange";
/// What RabbitMQ's policies say about its cluster and its streams: kept, so that definitions can be brought over,
/// but nothing here depends on it.
constexpr std::string_view keys_without_effect[] = {
    "ha-mode",          "ha-params",          "ha-sync-mode",          "ha-sync-batch-size", "ha-promote-on-shutdown",
    "ha-promote-on-failure", "queue-master-locator", "queue-leader-locator", "dead-letter-strategy",
    "max-age",          "stream-max-segment-size-bytes", "initial-cluster-size", "max-in-memory-length",
    "max-in-memory-bytes", "federation-upstream", "federation-upstream-set"};

/// Patterns this long say all that can be said of names of 255 bytes; they are compiled.
constexpr std::size_t pattern_size_max_bytes = 1'024;

bool is_one_of(std::string_view key, std::span<const std::string_view> keys) {
  return std::find(keys.begin(), keys.end(), key) != keys.end();
}

/// Polynomial time whatever the pattern: without it a policy like (a+)+$ could stop the broker for years.
std::regex compile(const std::string& pattern) {
#ifdef __GLIBCXX__
  return std::regex(pattern, std::regex::ECMAScript | std::regex_constants::__polynomial);
#else
  return std::regex(pattern, std::regex::ECMAScript);
#endif
}

bool serves(PolicyTarget policy, PolicyTarget wanted) {
  if (policy == PolicyTarget::queues) return wanted != PolicyTarget::exchanges;
  return policy == PolicyTarget::all || policy == wanted;
}

PolicyTarget target_of(const Queue& queue) {
  const Value* type = find(queue.declared.arguments, "x-queue-type");
  const bool is_quorum = type && type->text() && *type->text() == quorum_type;
  return is_quorum ? PolicyTarget::quorum_queues : PolicyTarget::classic_queues;
}

Refusal policy_refusal(const PolicySet& policy, std::string_view argument, std::string detail) {
  return {ErrorCode::invalid_argument, ObjectKind::policy, policy.name, std::string(argument), "", "",
          std::move(detail)};
}

std::optional<Refusal> judge_pattern(const PolicySet& policy) {
  if (policy.pattern.size() > pattern_size_max_bytes)
    return policy_refusal(policy, "pattern",
                          "a pattern has at most " + std::to_string(pattern_size_max_bytes) + " bytes");
  try {
    compile(policy.pattern);
    return std::nullopt;
  } catch (const std::regex_error& error) {
    return policy_refusal(policy, "pattern", std::string("not a regular expression: ") + error.what());
  }
}

std::optional<Refusal> judge_value(const PolicySet& policy, const std::string& key, const Value& value) {
  if (key == alternate_key) {
    if (value.text()) return std::nullopt;
    return policy_refusal(policy, key, "expected text, got " + to_text(value));
  }
  Table arguments{{"x-" + key, value}};
  if (key == "dead-letter-routing-key") arguments.emplace_back("x-dead-letter-exchange", "");
  QueueOptions options;
  const auto refusal = read_queue_options(policy.name, arguments, options);
  return refusal ? std::optional(policy_refusal(policy, key, refusal->detail)) : std::nullopt;
}

Value* find_mutable(Table& table, std::string_view key) {
  const auto found = std::find_if(table.begin(), table.end(), [key](const auto& entry) { return entry.first == key; });
  return found == table.end() ? nullptr : &found->second;
}

void merge(Table& arguments, const std::string& key, const Value& value) {
  Value* own = find_mutable(arguments, "x-" + key);
  if (!own) return void(arguments.emplace_back("x-" + key, value));
  const std::int64_t *mine = own->integer(), *policys = value.integer();
  if (is_one_of(key, limits_of_queues) && mine && policys && *policys < *mine) *own = value;
}

}  // namespace

const PolicySet* Policies::find(std::string_view name) const {
  auto it = policies_.find(name);
  return it == policies_.end() ? nullptr : &it->second.facts;
}

const PolicySet* Policies::match(PolicyTarget target, std::string_view name) const {
  const PolicySet* best = nullptr;
  for (const auto& [policy_name, policy] : policies_) {
    if (!serves(policy.facts.target, target) || (best && best->priority >= policy.facts.priority)) continue;
    if (std::regex_search(name.begin(), name.end(), policy.pattern)) best = &policy.facts;
  }
  return best;
}

void Policies::put(const PolicySet& facts) {
  policies_.insert_or_assign(facts.name, Policy{facts, compile(facts.pattern)});
}

void Policies::erase(std::string_view name) {
  if (auto it = policies_.find(name); it != policies_.end()) policies_.erase(it);
}

std::optional<Refusal> judge_policy(const PolicySet& policy) {
  if (policy.name.empty()) return policy_refusal(policy, "name", "a policy needs a name");
  if (policy.name.size() > limits::name_size_max_bytes)
    return policy_refusal(policy, "name",
                          "names have at most " + std::to_string(limits::name_size_max_bytes) + " bytes");
  if (!is_utf8(policy.name)) return policy_refusal(policy, "name", "names are UTF-8");
  if (auto refusal = judge_pattern(policy)) return refusal;
  if (policy.definition.empty()) return policy_refusal(policy, "definition", "it is empty");
  for (const auto& [key, value] : policy.definition) {
    if (is_one_of(key, keys_without_effect)) continue;
    if (!is_one_of(key, queue_keys) && key != alternate_key)
      return policy_refusal(policy, key, "no policy knows this key");
    if (auto refusal = judge_value(policy, key, value)) return refusal;
  }
  return std::nullopt;
}

/// What the two make together may still contradict itself (a dead-letter key without an exchange): that part is left
/// out, as read_queue_options() leaves it.
void follow_policies(const Policies& policies, Queue& queue) {
  if (queue.options.waiting_room) return;
  const PolicySet* policy = policies.match(target_of(queue), queue.declared.name);
  queue.policy = policy ? policy->name : std::string();
  Table arguments = queue.declared.arguments;
  if (policy)
    for (const auto& [key, value] : policy->definition)
      if (is_one_of(key, queue_keys)) merge(arguments, key, value);
  QueueOptions options;
  (void)read_queue_options(queue.declared.name, arguments, options);
  queue.options = std::move(options);
}

void follow_policies(const Policies& policies, Exchange& exchange) {
  const PolicySet* policy =
      exchange.is_default() ? nullptr : policies.match(PolicyTarget::exchanges, exchange.declared.name);
  exchange.policy = policy ? policy->name : std::string();
  const Value* alternate = find(exchange.declared.arguments, alternate_key);
  if (!alternate && policy) alternate = find(policy->definition, alternate_key);
  exchange.alternate = alternate && alternate->text() ? *alternate->text() : std::string();
}

namespace {

void follow_policies_everywhere(State& state) {
  state.queues.for_each([&state](Queue& queue) { follow_policies(state.policies, queue); });
  state.catalog.for_each_exchange([&state](Exchange& exchange) { follow_policies(state.policies, exchange); });
}

}  // namespace

void apply(State& state, const PolicySet& record) {
  state.policies.put(record);
  follow_policies_everywhere(state);
}

void apply(State& state, const PolicyDeleted& record) {
  state.policies.erase(record.name);
  follow_policies_everywhere(state);
}

}  // namespace tandem::core
