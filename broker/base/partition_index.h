// Where in a sequence one kind of items ends and the other begins.
#pragma once

#include <cstddef>

namespace tandem {

/// Index of the first item of `items` for which `before(item)` is false; those before it come first in order.
template <class Items, class Before>
std::size_t partition_index(const Items& items, Before before) {
  std::size_t low = 0, high = items.size();
  while (low < high) {
    const std::size_t middle = low + (high - low) / 2;
    if (before(items[middle]))
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

}  // namespace tandem
