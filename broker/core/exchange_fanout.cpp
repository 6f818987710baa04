// Fanout: every binding, whatever the keys.
#include <map>

#include "broker/core/router.h"

namespace tandem::core {
namespace {

class FanoutRouter final : public Router {
 public:
  void add(const Bound& binding) override { bindings_[binding.id] = match_of(binding); }
  void remove(const Bound& binding) override { bindings_.erase(binding.id); }
  void match(Query& query) const override {
    for (const auto& [id, match] : bindings_) query.matches.push_back(match);
  }

 private:
  std::map<BindingId, Match> bindings_;
};

}  // namespace

std::unique_ptr<Router> make_fanout_router() {
  return std::make_unique<FanoutRouter>();
}

}  // namespace tandem::core
