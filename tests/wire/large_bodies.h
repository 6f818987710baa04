// Large messages that are staged apart (BrokerPort::stage_large()): at once, or when the test says so.
#pragma once

#include <deque>
#include <functional>
#include <utility>
#include <vector>

#include "broker/wire/face.h"

namespace tandem::wire::test {

struct LargeBodies {
  void give(BrokerPort& port, std::initializer_list<Bytes> head, Bytes rest, std::function<void(BodyHandle)> staged) {
    ++given;
    waiting.push_back({{}, rest, std::move(staged)});
    for (const Bytes part : head) waiting.back().head.insert(waiting.back().head.end(), part.begin(), part.end());
    if (!wait) stage_first(port);
  }
  /// Only now what it refers to is read.
  void stage_first(BrokerPort& port) {
    const Waiting first = std::move(waiting.front());
    waiting.pop_front();
    first.staged(port.stage({first.head, first.rest}));
  }

  struct Waiting {
    std::vector<std::byte> head;
    Bytes rest;
    std::function<void(BodyHandle)> staged;
  };
  bool wait = false;
  int given = 0;
  std::deque<Waiting> waiting;
};

}  // namespace tandem::wire::test
