// A regular expression that is searched for in names, in time that is linear in the name's size whatever the pattern:
// who writes patterns cannot stop the broker with one. Its language is RE2's, which has what Perl's has but what needs
// backtracking: no look-ahead, no back reference (docs/decisions/0014). Names are octets, as they are to RabbitMQ.
#pragma once

#include <memory>
#include <string_view>

#include "schemas/result.h"

namespace tandem {

class NamePattern {
 public:
  /// Longer ones say no more of names of 255 bytes; patterns are compiled and stay in RAM.
  static constexpr std::size_t size_max_bytes = 1'024;

  /// The empty pattern finds the empty name alone, as RabbitMQ has it.
  /// Errors: invalid_argument (too long, not a regular expression, or too large when compiled; the text says which).
  static Result<NamePattern> compile(std::string_view text);

  /// Finds nothing at all.
  NamePattern() = default;

  /// Whether it is found anywhere in the name; `^` and `$` hold it to the ends.
  bool finds_in(std::string_view name) const;
  /// Finds every name, and need not be asked.
  bool finds_all() const { return finds_all_; }

 private:
  struct Compiled;
  std::shared_ptr<const Compiled> compiled_;  // copies share it
  bool finds_all_ = false;
};

}  // namespace tandem
