// Direct: the routing key is the binding key.
#include "broker/core/name_map.h"
#include "broker/core/router.h"

namespace tandem::core {
namespace {

class DirectRouter final : public Router {
 public:
  void add(const Bound& binding) override { by_key_[binding.routing_key].push_back(match_of(binding)); }
  void remove(const Bound& binding) override {
    auto it = by_key_.find(binding.routing_key);
    if (it == by_key_.end()) return;
    erase_match(it->second, binding.id);
    if (it->second.empty()) by_key_.erase(it);
  }
  void match(Query& query) const override {
    auto it = by_key_.find(query.routing_key);
    if (it == by_key_.end()) return;
    query.matches.insert(query.matches.end(), it->second.begin(), it->second.end());
  }

 private:
  NameMap<std::vector<Match>> by_key_;
};

}  // namespace

std::unique_ptr<Router> make_direct_router() {
  return std::make_unique<DirectRouter>();
}

}  // namespace tandem::core
