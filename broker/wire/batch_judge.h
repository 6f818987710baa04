// judge_append() for the requests of one connection. What takes long is done by another thread, so that nobody else
// has to wait for it; the request is kept, and given again when it is known.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>

#include "broker/wire/face.h"
#include "broker/wire/judge_append.h"

namespace tandem::wire {

/// Thread rule: the loop's thread.
class BatchJudge {
 public:
  BatchJudge(BrokerPort& port, ConnectionId connection) : port_(port), connection_(connection) {}

  /// What is to be said of a batch of the request that is being handled; `number` is its place among the request's batches.
  /// nullopt: it is being found out, and waiting() until then. The face then reads nothing more, and takes the same request,
  /// as it is, from its front again. What was found out is given until forget(), unless the topic's rules have changed.
  /// The judgement's views are good as long as `batch` and until forget().
  const Judgement* judge(std::uint32_t number, Bytes batch, const core::BatchRules& rules);
  bool waiting() const { return apart_ != nullptr; }
  /// That request has been handled.
  void forget() { judged_.clear(); }
  /// Forgets one batch of it.
  void forget(std::uint32_t number) { judged_.erase(number); }

  /// Of batches that are kept for the other thread, and of what it made of them.
  std::size_t kept_bytes() const;

 private:
  struct Apart;
  struct Judged {
    Judgement judgement;
    core::BatchRules rules;
  };
  void begin_apart(std::uint32_t number, Bytes batch, const core::BatchRules& rules);
  void end_apart(std::uint32_t number);

  BrokerPort& port_;
  const ConnectionId connection_;
  std::shared_ptr<Apart> apart_;
  std::map<std::uint32_t, Judged> judged_;
};

}  // namespace tandem::wire
