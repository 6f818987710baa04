// One progress line on stderr, only when that is a terminal.
#pragma once

#include <cstdint>
#include <string>

namespace package_index {

class Progress {
 public:
  Progress(std::string what, std::uint64_t total);
  ~Progress();  // wipes the line
  void show(std::uint64_t done);

 private:
  std::string what_;
  std::uint64_t total_;
  std::uint64_t shown_permille_ = ~0ull;
  bool terminal_;
};

}  // namespace package_index
