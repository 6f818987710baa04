// Pattern ("topic" on the wire): keys are words between dots; in a binding key '*' stands for one word and
// '#' for any number of words. Words may be empty; the empty key has no words at all.
//
// The bindings are a trie over words. A message walks it as an automaton with a set of active nodes, so that
// its cost grows with the words of its key and not with the bindings, also for keys like "#.#.#".
#include <algorithm>

#include "broker/core/name_map.h"
#include "broker/core/router.h"

namespace tandem::core {
namespace {

/// Takes the words off a key one by one.
class Words {
 public:
  explicit Words(std::string_view key) : rest_(key), done_(key.empty()) {}
  bool next(std::string_view& word) {
    if (done_) return false;
    const std::size_t dot = rest_.find('.');
    word = rest_.substr(0, dot);
    done_ = dot == std::string_view::npos;
    if (!done_) rest_.remove_prefix(dot + 1);
    return true;
  }

 private:
  std::string_view rest_;
  bool done_;
};

struct Node {
  NameMap<std::unique_ptr<Node>> by_word;
  std::unique_ptr<Node> any_word;   // '*'
  std::unique_ptr<Node> any_words;  // '#'
  std::vector<Match> bindings;      // that end here
  bool takes_any_words = false;     // this node is a '#': it stays active whatever the word

  bool is_bare() const { return by_word.empty() && !any_word && !any_words && bindings.empty(); }
};

std::unique_ptr<Node>& child_slot(Node& node, std::string_view word) {
  if (word == "*") return node.any_word;
  if (word == "#") return node.any_words;
  if (auto it = node.by_word.find(word); it != node.by_word.end()) return it->second;
  return node.by_word[std::string(word)];
}

/// Removes the binding below `node` and the nodes that are of no use any more.
void remove_below(Node& node, Words words, BindingId binding) {
  std::string_view word;
  if (!words.next(word)) return erase_match(node.bindings, binding);
  std::unique_ptr<Node>& child = child_slot(node, word);
  if (child) {
    remove_below(*child, words, binding);
    if (!child->is_bare()) return;
    child.reset();
  }
  if (word != "*" && word != "#") node.by_word.erase(node.by_word.find(word));
}

/// Makes a node active, and those that are reached from it without a word.
void activate(std::vector<const void*>& active, const Node* node) {
  for (; node; node = node->any_words.get()) active.push_back(node);
}

void drop_duplicates(std::vector<const void*>& active) {
  if (active.size() < 2) return;
  std::sort(active.begin(), active.end(), std::less<const void*>());
  active.erase(std::unique(active.begin(), active.end()), active.end());
}

class PatternRouter final : public Router {
 public:
  void add(const Bound& binding) override {
    Node* node = &root_;
    Words words(binding.routing_key);
    for (std::string_view word; words.next(word);) {
      std::unique_ptr<Node>& child = child_slot(*node, word);
      if (!child) child = std::make_unique<Node>();
      child->takes_any_words = word == "#";
      node = child.get();
    }
    node->bindings.push_back(match_of(binding));
  }
  void remove(const Bound& binding) override { remove_below(root_, Words(binding.routing_key), binding.id); }

  void match(Query& query) const override {
    query.active.clear();
    activate(query.active, &root_);
    Words words(query.routing_key);
    for (std::string_view word; words.next(word) && !query.active.empty();) {
      query.next.clear();
      for (const void* active : query.active) step(*static_cast<const Node*>(active), word, query.next);
      drop_duplicates(query.next);
      query.active.swap(query.next);
    }
    for (const void* active : query.active) {
      const auto& bindings = static_cast<const Node*>(active)->bindings;
      query.matches.insert(query.matches.end(), bindings.begin(), bindings.end());
    }
  }

 private:
  static void step(const Node& node, std::string_view word, std::vector<const void*>& next) {
    if (auto it = node.by_word.find(word); it != node.by_word.end()) activate(next, it->second.get());
    activate(next, node.any_word.get());
    if (node.takes_any_words) activate(next, &node);
  }

  Node root_;
};

}  // namespace

std::unique_ptr<Router> make_pattern_router() {
  return std::make_unique<PatternRouter>();
}

}  // namespace tandem::core
