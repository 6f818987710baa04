// What a request names again. A name takes a few octets and its answer as much as there is to say: without this, one request of a
// megabyte would have an answer of many gigabytes. So each thing is told once, and answers are bounded by what there is.
#pragma once

#include <set>

namespace tandem::wire::kafka {

template <class Name>
class Repeats {
 public:
  /// Whether it was named before. Views must live as long as this.
  bool operator()(const Name& name) { return !seen_.insert(name).second; }

 private:
  std::set<Name> seen_;
};

inline constexpr const char* named_before = "it is there twice";

}  // namespace tandem::wire::kafka
