// The only file that knows RE2.
#include "broker/base/name_pattern.h"

#include <re2/re2.h>

#include <string>

namespace tandem {
namespace {

/// Of one pattern, with what matching keeps; RE2's own is 8 MiB. A pattern that does not fit is refused, and where the
/// states of a match do not fit RE2 goes on without keeping them.
constexpr std::int64_t memory_max_bytes = 256 * 1024;

RE2::Options options() {
  RE2::Options options;
  options.set_encoding(RE2::Options::EncodingLatin1);
  options.set_max_mem(memory_max_bytes);
  options.set_never_capture(true);
  options.set_log_errors(false);
  return options;
}

bool says_all(std::string_view text) {
  return text == ".*" || text == "^.*" || text == "^.*$" || text == ".*$";
}

}  // namespace

struct NamePattern::Compiled {
  explicit Compiled(std::string_view text) : expression(re2::StringPiece(text.data(), text.size()), options()) {}
  RE2 expression;
};

Result<NamePattern> NamePattern::compile(std::string_view text) {
  if (text.size() > size_max_bytes)
    return Error{ErrorCode::invalid_argument, "a pattern has at most " + std::to_string(size_max_bytes) + " bytes"};
  NamePattern pattern;
  pattern.finds_all_ = says_all(text);
  if (pattern.finds_all_) return pattern;
  auto compiled = std::make_shared<const Compiled>(text.empty() ? "^$" : text);
  if (!compiled->expression.ok())
    return Error{ErrorCode::invalid_argument,
                 "not a regular expression that can be matched in linear time: " + compiled->expression.error()};
  pattern.compiled_ = std::move(compiled);
  return pattern;
}

bool NamePattern::finds_in(std::string_view name) const {
  if (finds_all_) return true;
  return compiled_ && RE2::PartialMatch(re2::StringPiece(name.data(), name.size()), compiled_->expression);
}

}  // namespace tandem
