// Expected failures are values: Result<T> holds either a T or an Error. (std::expected comes with C++23.)
#pragma once

#include <string>
#include <utility>
#include <variant>

#include "schemas/error_code.h"

namespace tandem {

struct Error {
  ErrorCode code = ErrorCode::internal;
  std::string text;  // one line for people: what was refused and why, with names and values
  friend bool operator==(const Error&, const Error&) = default;
};

struct Done {
  friend bool operator==(Done, Done) { return true; }
};

template <class T = Done>
class [[nodiscard]] Result {
 public:
  Result() : state_(std::in_place_index<0>) {}
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }

  /// Only when ok().
  T& value() & { return std::get<0>(state_); }
  const T& value() const& { return std::get<0>(state_); }
  T&& value() && { return std::get<0>(std::move(state_)); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  /// Only when not ok().
  const Error& error() const { return std::get<1>(state_); }

 private:
  std::variant<T, Error> state_;
};

}  // namespace tandem
