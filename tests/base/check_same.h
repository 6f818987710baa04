// A container against std::deque, its model.
#pragma once

#include <doctest/doctest.h>

#include <cstdint>
#include <deque>

template <class Ring>
void check_same(const Ring& ring, const std::deque<std::uint64_t>& model) {
  REQUIRE(ring.size() == model.size());
  REQUIRE(ring.empty() == model.empty());
  for (std::size_t i = 0; i < model.size(); ++i) REQUIRE(ring[i] == model[i]);
}
