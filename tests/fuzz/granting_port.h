// A broker for fuzzed faces that grants everything at once, so that the face's own state goes as far as it can.
#pragma once

#include <string>

#include "broker/wire/face.h"

namespace tandem::fuzz {

/// `Grants` answers what is asked: grant(asked) for each input that somebody waits for.
template <class Grants>
class GrantingPort : public wire::BrokerPort {
 public:
  TimestampMs now() const override { return 1'000'000; }
  BodyHandle stage(std::initializer_list<Bytes>) override { return BodyHandle{++staged_}; }
  void submit(const core::Input& input) override {
    std::visit(
        [&]<class I>(const I& asked) {
          if constexpr (requires { asked.who; }) static_cast<Grants*>(this)->grant(asked);
        },
        input);
  }
  std::string random_name(std::size_t size) override { return std::string(size, 'r'); }
  std::string_view fact(std::string_view) const override { return "1"; }

  wire::Face* face = nullptr;

 private:
  std::uint64_t staged_ = 0;
};

}  // namespace tandem::fuzz
