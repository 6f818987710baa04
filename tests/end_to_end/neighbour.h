// A client that another one is measured beside (docs/testing.md has the figures): that others are served is judged, how fast is printed.
// A machine's noise is larger than what is looked for, so each neighbour comes and goes several times, and medians are shown;
// TANDEM_NEIGHBOUR_ROUNDS says how often, once when it is not set.
#pragma once

#include <sys/mman.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <thread>

#include "tests/end_to_end/child_client.h"
#include "tests/end_to_end/delivery_time.h"

namespace tandem::end_to_end {

inline int rounds() {
  const char* text = std::getenv("TANDEM_NEIGHBOUR_ROUNDS");
  return text ? std::max(1, std::atoi(text)) : 1;
}

class Figures {
 public:
  void measure_alone(const Client& client) { alone_.push_back(delivery_p99_us(client, messages)); }
  void measure_beside(const Client& client) { beside_.push_back(delivery_p99_us(client, messages)); }
  std::string text() { return "p99, us: alone " + shown(alone_) + "; beside " + shown(beside_); }

 private:
  static constexpr int messages = 1'000;
  static std::string shown(std::vector<long long>& times) {
    std::sort(times.begin(), times.end());
    return std::to_string(times[times.size() / 2]) + " (" + std::to_string(times.front()) + " to " +
           std::to_string(times.back()) + ")";
  }
  std::vector<long long> alone_, beside_;
};

/// A client in a process of its own, which does `step` again and again when it is let. It leaves the processor to others: what
/// it takes of the broker is looked for, not of the machine.
class BusyNeighbour {
 public:
  template <class Prepare, class Step>
  BusyNeighbour(std::uint16_t port, Prepare prepare, Step step)
      : child_(port, [this, prepare, step](const Client& own) -> std::shared_ptr<void> {
          go_last();
          auto state = prepare(own);
          if (!state) return nullptr;
          std::thread([this, state, step] {
            for (;; ++steps_->count) step(*state);
          }).detach();
          return state;
        }) {
    child_.freeze();
  }
  void come() { child_.thaw(); }
  void go() { child_.freeze(); }
  /// It is served, too: another step is done within a minute or two.
  bool goes_on() {
    const std::uint64_t before = steps_->count;
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(120);
    come();
    while (steps_->count == before && std::chrono::steady_clock::now() < end) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    go();
    return steps_->count > before;
  }

 private:
  /// In memory that the child shares.
  struct Steps {
    std::atomic<std::uint64_t> count = 0;
    static void* operator new(std::size_t size) {
      void* memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
      if (memory == MAP_FAILED) throw std::bad_alloc();
      return memory;
    }
    static void operator delete(void* memory) { ::munmap(memory, sizeof(Steps)); }
  };
  std::unique_ptr<Steps> steps_ = std::make_unique<Steps>();
  ChildClient child_;
};

inline void measure(const Client& client, BusyNeighbour& neighbour, const char* name) {
  Figures figures;
  for (int round = 0; round < rounds(); ++round) {
    figures.measure_alone(client);
    neighbour.come();
    figures.measure_beside(client);
    neighbour.go();
  }
  MESSAGE(std::string(name), ": ", figures.text());
  CHECK(client.connected());
  CHECK(neighbour.goes_on());
}

}  // namespace tandem::end_to_end
