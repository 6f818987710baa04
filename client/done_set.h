// Which of the items 0 … count-1 of a batch are done. Cheap when they are done in order, as confirms mostly
// are.
#pragma once

#include <cstddef>
#include <vector>

namespace tandem::client {

class DoneSet {
 public:
  /// Items before this are all done.
  std::size_t prefix() const { return prefix_; }
  std::size_t count() const { return prefix_ + beyond_; }
  bool contains(std::size_t index) const {
    return index < prefix_ || (index < marks_.size() && marks_[index]);
  }

  /// Marks first … last (both included); calls `newly(index)` for each that was not done before.
  template <class Newly>
  void mark(std::size_t first, std::size_t last, Newly&& newly) {
    if (first < prefix_) first = prefix_;
    if (first > last) return;
    if (first > prefix_ && marks_.size() <= last) marks_.resize(last + 1);
    for (std::size_t index = first; index <= last; ++index) {
      if (contains(index)) continue;
      if (first > prefix_) {
        marks_[index] = true;
        ++beyond_;
      }
      newly(index);
    }
    if (first == prefix_) advance(last + 1);
  }

 private:
  /// Everything before `end` is done now.
  void advance(std::size_t end) {
    for (; prefix_ < end; ++prefix_) forget_mark(prefix_);
    while (prefix_ < marks_.size() && marks_[prefix_]) forget_mark(prefix_++);
  }
  void forget_mark(std::size_t index) {
    if (beyond_ == 0 || index >= marks_.size() || !marks_[index]) return;
    marks_[index] = false;
    --beyond_;
  }

  std::size_t prefix_ = 0;
  std::size_t beyond_ = 0;   // marked behind the prefix
  std::vector<bool> marks_;  // only of what is behind the prefix
};

}  // namespace tandem::client
