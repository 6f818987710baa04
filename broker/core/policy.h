// Policies: arguments for queues and exchanges by the pattern of their names. An argument that the client
// gave itself goes before the policy's; of two limits the lower one counts (as in RabbitMQ).
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <regex>
#include <string>
#include <string_view>

#include "broker/core/catalog.h"
#include "broker/core/queue.h"
#include "broker/core/record.h"

namespace tandem::core {

class State;

class Policies {
 public:
  const PolicySet* find(std::string_view name) const;
  /// The one that applies to a queue (classic_queues or quorum_queues, as its type is) or an exchange (exchanges) of this name, or
  /// nullptr.
  const PolicySet* match(PolicyTarget target, std::string_view name) const;
  std::size_t size() const { return policies_.size(); }
  /// By name.
  template <class Visit>
  void for_each(Visit visit) const {
    for (const auto& [name, policy] : policies_) visit(policy.facts);
  }

  // Only for apply():
  void put(const PolicySet& facts);
  void erase(std::string_view name);

 private:
  struct Policy {
    PolicySet facts;
    std::regex pattern;
  };
  std::map<std::string, Policy, std::less<>> policies_;
};

/// What is wrong with a policy: its pattern, a key nobody knows, a value its key does not take.
std::optional<Refusal> judge_policy(const PolicySet& policy);

/// Sets what the policies make of a queue or an exchange. Only for apply().
void follow_policies(const Policies& policies, Queue& queue);
void follow_policies(const Policies& policies, Exchange& exchange);

void apply(State& state, const PolicySet& record);
void apply(State& state, const PolicyDeleted& record);

}  // namespace tandem::core
