// Requests that wait for their answer, by correlation.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "client/frames.h"
#include "schemas/result.h"
#include "tandem/completion.h"

namespace tandem::client {

/// An answer as it came; the envelope lives as long as the call it is given to, the payload as long as
/// `owner`.
struct Answer {
  const fb::Envelope& envelope;
  Bytes payload;
  const Owner& owner;
};

/// Takes the answer to one request: either answer() until it says that was all, or fail() once.
class AnswerHandler {
 public:
  virtual ~AnswerHandler() = default;
  /// True: the answer is whole. False: more frames of it come.
  virtual bool answer(const Answer& answer) = 0;
  virtual void fail(Error error) = 0;
  /// The request is sent again: what came of its answer before counts no more.
  virtual void restart() {}
};

/// A handler for answers of one frame.
std::unique_ptr<AnswerHandler> on_answer(MoveFunction<void(Result<const Answer*>)> handle);

struct Call {
  std::uint64_t correlation = 0;
  Frame frame;
  /// May be sent again when the connection broke under it: doing it twice is as good as once.
  bool repeatable = false;
  std::unique_ptr<AnswerHandler> handler;
  bool sent = false;
};

/// Owned by the session; the I/O thread only.
class Calls {
 public:
  /// Calls that may wait while there is no connection. Reached: limit_reached.
  static constexpr std::size_t unsent_max = 10'000;

  void add(Call call) { calls_.emplace(call.correlation, std::move(call)); }
  bool full() const { return calls_.size() >= unsent_max; }
  bool contains(std::uint64_t correlation) const { return calls_.contains(correlation); }
  std::size_t size() const { return calls_.size(); }

  /// Frames of all calls that are not on their way, in the order they were made.
  std::vector<Frame> take_unsent();
  void answer(const Answer& answer);
  void fail(std::uint64_t correlation, Error error);
  /// The connection is gone: repeatable calls wait to be sent again, the others that were sent fail.
  void connection_lost(const Error& why);
  void fail_all(const Error& why);

 private:
  std::map<std::uint64_t, Call> calls_;
};

/// What a Refused says, as an Error.
Error error_of(const fb::Refused& refused);

}  // namespace tandem::client
