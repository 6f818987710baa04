// Runs a program to its end, for tests of its exit status and of what it prints.
#pragma once

#include <string>
#include <vector>

namespace tandem::support {

struct ProgramEnd {
  int status =
      -1;  // exit status; 128 + signal when it died of one; -1 when it did not end in time and was killed
  std::string out, error;
};

ProgramEnd run_program(std::vector<std::string> words, int timeout_ms = 20'000);

}  // namespace tandem::support
