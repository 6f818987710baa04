// Headers: a binding's arguments are compared with the message's headers. x-match says how: all (the default)
// or any of them; all-with-x and any-with-x also look at those whose name begins with "x-".
#include <map>

#include "broker/core/router.h"

namespace tandem::core {
namespace {

enum class How { all, any };

struct Rule {
  How how = How::all;
  Table wanted;  // value type `nothing`: the header only has to be there
  Match match;
};

Rule rule_of(const Bound& binding) {
  Rule rule{How::all, {}, match_of(binding)};
  bool with_x = false;
  if (const Value* how = find(binding.arguments, "x-match"); how && how->text()) {
    rule.how = how->text()->starts_with("any") ? How::any : How::all;
    with_x = how->text()->ends_with("-with-x");
  }
  for (const auto& [key, value] : binding.arguments)
    if (key != "x-match" && (with_x || !key.starts_with("x-"))) rule.wanted.emplace_back(key, value);
  return rule;
}

bool has(const Table& headers, const std::string& key, const Value& wanted) {
  const Value* value = find(headers, key);
  return value && (wanted.type == ValueType::nothing || equivalent(*value, wanted));
}

bool holds(const Rule& rule, const Table& headers) {
  for (const auto& [key, value] : rule.wanted)
    if (has(headers, key, value) != (rule.how == How::all)) return rule.how == How::any;
  return rule.how == How::all;
}

class HeadersRouter final : public Router {
 public:
  void add(const Bound& binding) override { rules_[binding.id] = rule_of(binding); }
  void remove(const Bound& binding) override { rules_.erase(binding.id); }
  void match(Query& query) const override {
    if (rules_.empty()) return;
    const Table& headers = query.headers();
    for (const auto& [id, rule] : rules_)
      if (holds(rule, headers)) query.matches.push_back(rule.match);
  }
  std::optional<Refusal> judge(const Bound& binding) const override {
    const Value* how = find(binding.arguments, "x-match");
    if (!how) return std::nullopt;
    Refusal refusal{ErrorCode::invalid_argument,
                    ObjectKind::binding,
                    binding.routing_key,
                    "x-match",
                    to_text(*how),
                    "",
                    ""};
    if (!how->text())
      refusal.detail = "Invalid x-match field type (value " + to_text(*how) + "); expected longstr";
    else if (*how->text() != "all" && *how->text() != "any" && *how->text() != "all-with-x" &&
             *how->text() != "any-with-x")
      refusal.detail = "Invalid x-match field value <<\"" + *how->text() +
                       "\">>; expected all, any, all-with-x, or any-with-x";
    else
      return std::nullopt;
    return refusal;
  }

 private:
  std::map<BindingId, Rule> rules_;
};

}  // namespace

std::unique_ptr<Router> make_headers_router() {
  return std::make_unique<HeadersRouter>();
}

}  // namespace tandem::core
