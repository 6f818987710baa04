// OrderedBlocks against std::map: the same doings, in order and in none.
#include <doctest/doctest.h>

#include <cstdint>
#include <map>
#include <random>
#include <utility>
#include <vector>

#include "broker/base/ordered_blocks.h"

using tandem::LentItems;

namespace {

struct Item {
  std::uint64_t key = 0, value = 0;
  friend bool operator==(const Item&, const Item&) = default;
};
struct KeyOf {
  std::uint64_t operator()(const Item& item) const { return item.key; }
};
using Items = tandem::OrderedBlocks<Item, KeyOf>;
using Model = std::map<std::uint64_t, std::uint64_t>;

std::vector<Item> all_of(const Items& items) {
  std::vector<Item> all;
  items.for_each([&all](const Item& item) { all.push_back(item); });
  return all;
}
std::vector<Item> all_of(const Model& model) {
  std::vector<Item> all;
  for (const auto& [key, value] : model) all.push_back({key, value});
  return all;
}
std::vector<Item> all_of(const std::vector<LentItems<Item>>& lent) {
  std::vector<Item> all;
  for (const auto& part : lent)
    for (std::size_t i = 0; i < part.size(); ++i) all.push_back(part[i]);
  return all;
}

void check_same(const Items& items, const Model& model) {
  REQUIRE(items.size() == model.size());
  REQUIRE(all_of(items) == all_of(model));
  if (!model.empty()) REQUIRE(items.front().key == model.begin()->first);
}

}  // namespace

TEST_CASE("items in ordered blocks are those of a map, whatever is done to them, and what was lent stays") {
  std::mt19937 random(5);
  for (const std::uint64_t keys : {3, 40, 500, 5'000}) {
    Items items;
    Model model;
    std::vector<LentItems<Item>> lent;
    std::vector<Item> as_lent;
    std::uint64_t next_value = 0;
    for (int step = 0; step < 20'000; ++step) {
      const std::uint64_t key = random() % keys;
      const auto choice = random() % 100;
      if (choice < 45) {
        if (model.contains(key)) continue;
        items.insert({key, ++next_value});
        model.emplace(key, next_value);
      } else if (choice < 75) {
        const auto taken = items.take(key);
        REQUIRE(taken.has_value() == model.contains(key));
        if (taken) REQUIRE(*taken == Item{key, model.at(key)});
        model.erase(key);
      } else if (choice < 90) {
        if (model.empty()) continue;
        REQUIRE(items.pop_front() == Item{model.begin()->first, model.begin()->second});
        model.erase(model.begin());
      } else if (choice < 98) {
        const std::size_t count = random() % 50;
        std::size_t left = count;
        items.change_from(key, [&left](Item& item) {
          if (left == 0) return false;
          --left;
          ++item.value;
          return true;
        });
        left = count;
        for (auto it = model.lower_bound(key); it != model.end() && left > 0; ++it, --left) ++it->second;
      } else {
        REQUIRE(all_of(lent) == as_lent);
        lent.clear();
        items.lend(lent);
        as_lent = all_of(items);
      }
      if (step % 64 == 0) check_same(items, model);
    }
    check_same(items, model);
    REQUIRE(all_of(lent) == as_lent);
  }
}

TEST_CASE("items that come in order fill their blocks, and few that are left do not keep many") {
  constexpr std::uint64_t count = 100 * Items::block_items;
  Items items;
  for (std::uint64_t key = 0; key < count; ++key) items.insert({key, key});
  CHECK(items.block_count() == 100);
  for (std::uint64_t key = 0; key < count; ++key)
    if (key % Items::block_items != 7) REQUIRE(items.take(key));
  CHECK(items.size() == 100);
  CHECK(items.block_count() <= 15);
  items.clear();
  CHECK(items.empty());
  items.insert({5, 5});
  items.insert({1, 1});
  CHECK(items.pop_front().key == 1);
}
