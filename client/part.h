// What lives on a session longer than one connection: publishers, consumers, appenders, readers, groups. The
// session tells its parts when a connection is there and when it is gone; all of it on the I/O thread.
#pragma once

#include <cstdint>
#include <memory>

#include "client/calls.h"
#include "tandem/completion.h"

namespace tandem::client {

class Part {
 public:
  virtual ~Part() = default;
  /// A connection is ready: say what the broker has to know again.
  virtual void online() {}
  virtual void offline(const Error& /*why*/) {}
  /// Says what other threads have gathered (Driver::wake).
  virtual void gathered() {}
  /// Completes when all that was handed over before has its outcome (for Client::close).
  virtual void drain(Completion<Done> done) { done(Done{}); }
  /// The client is closed: whatever waits fails with `why`.
  virtual void end(const Error& why) = 0;
};

/// A part with a channel of its own, for what the broker numbers per channel: confirms and delivery tags.
class Channel : public Part {
 public:
  /// Confirmed, Returned, Deliver or ConsumerCancelled.
  virtual void receive(const Answer& said) = 0;

  /// 0 = not attached.
  std::uint16_t number() const { return number_; }

 private:
  friend class Session;
  std::uint16_t number_ = 0;
};

/// A handle for users to a part: when the last copy of it goes, `let_go(part)` is called. The part itself
/// lives on as long as the session and deliveries need it.
template <class T, class LetGo>
std::shared_ptr<T> user_handle(const std::shared_ptr<T>& part, LetGo let_go) {
  return {part.get(), [part, let_go](T*) { let_go(part); }};
}

}  // namespace tandem::client
