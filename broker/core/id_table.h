// Things by id, where ids are given in growing order and never reused: two loads to find one, in id order to
// walk, and memory follows the things that are there. Ids with the top bit set (of volatile things) have a
// directory of their own.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

namespace tandem::core {

/// Ids from here on belong to things that a restart forgets; so they never meet an id that the journal knows.
inline constexpr std::uint32_t volatile_id_first = 0x8000'0000u;

template <class Key, class T>
class IdTable {
 public:
  const T* find(Key id) const {
    const auto& pages = pages_[half(id)];
    const std::size_t page = index(id) / page_size;
    if (page >= pages.size() || !pages[page]) return nullptr;
    return pages[page]->things[index(id) % page_size].get();
  }
  T* find(Key id) { return const_cast<T*>(std::as_const(*this).find(id)); }

  /// Replaces what was there.
  T& put(Key id, std::unique_ptr<T> thing) {
    auto& pages = pages_[half(id)];
    const std::size_t page = index(id) / page_size;
    if (page >= pages.size()) pages.resize(page + 1);
    if (!pages[page]) pages[page] = std::make_unique<Page>();
    auto& slot = pages[page]->things[index(id) % page_size];
    if (!slot) {
      ++pages[page]->count;
      ++size_;
    }
    slot = std::move(thing);
    return *slot;
  }
  void erase(Key id) {
    if (!find(id)) return;
    auto& page = pages_[half(id)][index(id) / page_size];
    page->things[index(id) % page_size].reset();
    --size_;
    if (--page->count == 0) page.reset();
  }
  std::size_t size() const { return size_; }

  /// Calls `visit(thing)` for each, ids ascending. The table must not change meanwhile.
  template <class Visit>
  void for_each(Visit visit) const {
    for (const auto& pages : pages_)
      for (const auto& page : pages)
        if (page)
          for (const auto& thing : page->things)
            if (thing) visit(std::as_const(*thing));
  }
  /// The same from `first` on, for as long as `visit` says true.
  template <class Visit>
  void for_each_from(Key first, Visit visit) const {
    std::size_t start = index(first);
    for (std::size_t half_of_it = half(first); half_of_it < pages_.size(); ++half_of_it, start = 0) {
      const auto& pages = pages_[half_of_it];
      for (std::size_t page = start / page_size; page < pages.size(); ++page, start = page * page_size)
        for (std::size_t at = start % page_size; pages[page] && at < page_size; ++at)
          if (const auto& thing = pages[page]->things[at]; thing && !visit(std::as_const(*thing))) return;
    }
  }
  template <class Visit>
  void for_each(Visit visit) {
    for (auto& pages : pages_)
      for (auto& page : pages)
        if (page)
          for (auto& thing : page->things)
            if (thing) visit(*thing);
  }

 private:
  static constexpr std::size_t page_size = 256;
  struct Page {
    std::array<std::unique_ptr<T>, page_size> things;
    std::size_t count = 0;
  };
  static std::size_t half(Key id) { return id.value >= volatile_id_first ? 1 : 0; }
  static std::size_t index(Key id) { return id.value & ~volatile_id_first; }

  std::array<std::vector<std::unique_ptr<Page>>, 2> pages_;
  std::size_t size_ = 0;
};

}  // namespace tandem::core
