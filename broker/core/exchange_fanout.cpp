// Fanout: every binding, whatever the keys.
#include <algorithm>
#include <vector>

#include "broker/core/router.h"

namespace tandem::core {
namespace {

class FanoutRouter final : public Router {
 public:
  void add(const Bound& binding) override {
    const auto place = place_of(binding.id);
    if (place != matches_.end() && place->binding == binding.id)
      *place = match_of(binding);
    else
      matches_.insert(place, match_of(binding));
  }
  void remove(const Bound& binding) override {
    const auto place = place_of(binding.id);
    if (place != matches_.end() && place->binding == binding.id) matches_.erase(place);
  }
  void match(Query& query) const override {
    query.matches.insert(query.matches.end(), matches_.begin(), matches_.end());
  }

 private:
  std::vector<Match>::iterator place_of(BindingId id) {
    return std::lower_bound(matches_.begin(), matches_.end(), id,
                            [](const Match& match, BindingId wanted) { return match.binding < wanted; });
  }

  std::vector<Match> matches_;  // ids ascending, as they are given: a new one is the last
};

}  // namespace

std::unique_ptr<Router> make_fanout_router() {
  return std::make_unique<FanoutRouter>();
}

}  // namespace tandem::core
