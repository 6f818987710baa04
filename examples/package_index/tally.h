// What was seen of a set of messages: how many, and a digest that does not depend on their order. Two tallies
// are equal when the same messages went by.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

namespace package_index {

struct Tally {
  std::uint64_t count = 0;
  std::uint64_t digest = 0;

  void add(std::string_view body) {
    ++count;
    digest += std::hash<std::string_view>{}(body) | 1;
  }
  void add(const Tally& other) {
    count += other.count;
    digest += other.digest;
  }
  friend bool operator==(const Tally&, const Tally&) = default;
};

}  // namespace package_index
