// How a caller learns that an operation is done. Every operation of the library takes a completion token
// last:
//
//   client.ask(DeclareQueue{.name = "orders"})                       blocks, returns Result<QueueStatus>
//   client.ask(DeclareQueue{.name = "orders"}, [](Result<QueueStatus> r) { … })        calls back
//   client.ask(DeclareQueue{.name = "orders"}, asio::use_future)     gives std::future<Result<QueueStatus>>
//   co_await client.ask(declare, asio::use_awaitable)                gives Result<QueueStatus>
//
// A request, message or record that is awaited needs a name (`const DeclareQueue declare{.name = "orders"};`): GCC 12
// destroys one that is made with braces inside of a co_await expression twice, and the program crashes.
//
// Any Asio completion token for the signature void(Result<T>) will do. A handler runs on its associated
// executor; one without (a plain lambda) runs on the client's I/O thread, where it must not block and must
// not throw. Every operation completes exactly once, also when the client is closed.
#pragma once

#include <asio/any_io_executor.hpp>
#include <asio/associated_executor.hpp>
#include <asio/async_result.hpp>
#include <asio/dispatch.hpp>
#include <asio/prefer.hpp>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <type_traits>
#include <utility>

#include "schemas/result.h"

namespace tandem {

/// The default token: the call blocks and returns Result<T>. On the client's own I/O thread it does not block
/// but fails with wrong_state, since it could never end.
struct Wait {};
inline constexpr Wait wait{};

namespace client {

class Driver;

/// A callable that is called once and can only be moved (std::function needs copies; Asio's handlers have
/// none).
template <class Signature>
class MoveFunction;

template <class... Arguments>
class MoveFunction<void(Arguments...)> {
 public:
  MoveFunction() = default;
  template <class F>
  requires(!std::is_same_v<std::decay_t<F>, MoveFunction>) MoveFunction(F&& function)
      : target_(std::make_unique<Target<std::decay_t<F>>>(std::forward<F>(function))) {}

  explicit operator bool() const { return target_ != nullptr; }
  void operator()(Arguments... arguments) {
    auto target = std::move(target_);  // freed after the call, and never called twice
    target->call(std::forward<Arguments>(arguments)...);
  }

 private:
  struct Base {
    virtual ~Base() = default;
    virtual void call(Arguments... arguments) = 0;
  };
  template <class F>
  struct Target final : Base {
    explicit Target(F f) : function(std::move(f)) {}
    void call(Arguments... arguments) override { function(std::forward<Arguments>(arguments)...); }
    F function;
  };
  std::unique_ptr<Base> target_;
};

template <class T>
using Completion = MoveFunction<void(Result<T>)>;

asio::any_io_executor executor_of(const Driver& driver);
bool on_io_thread(const Driver& driver);
Error would_block_itself();

/// Where a blocking call waits for its result.
template <class T>
class Slot {
 public:
  void set(Result<T> result) {
    std::lock_guard lock(mutex_);
    result_.emplace(std::move(result));
    set_.notify_one();
  }
  Result<T> take() {
    std::unique_lock lock(mutex_);
    set_.wait(lock, [this] { return result_.has_value(); });
    return std::move(*result_);
  }

 private:
  std::mutex mutex_;
  std::condition_variable set_;
  std::optional<Result<T>> result_;
};

template <class T, class Start>
Result<T> block(const Driver& driver, Start&& start) {
  if (on_io_thread(driver)) return would_block_itself();
  auto slot = std::make_shared<Slot<T>>();
  start(Completion<T>([slot](Result<T> result) { slot->set(std::move(result)); }));
  return slot->take();
}

/// Gives a handler its executor, which is kept running until the handler was called.
template <class T, class Handler>
Completion<T> bind_handler(Handler handler, const asio::any_io_executor& fallback) {
  auto executor = asio::get_associated_executor(handler, fallback);
  auto work = asio::prefer(executor, asio::execution::outstanding_work.tracked);
  return [work, handler = std::move(handler)](Result<T> result) mutable {
    asio::dispatch(work, [handler = std::move(handler), result = std::move(result)]() mutable {
      std::move(handler)(std::move(result));
    });
  };
}

/// Runs `start(Completion<T>)` in the form that the token asks for.
template <class T, class Token, class Start>
auto initiate(const std::shared_ptr<Driver>& driver, Token&& token, Start start) {
  if constexpr (std::is_same_v<std::decay_t<Token>, Wait>) {
    return block<T>(*driver, std::move(start));
  } else {
    return asio::async_initiate<Token, void(Result<T>)>(
        [](auto handler, asio::any_io_executor executor, Start begin) {
          begin(bind_handler<T>(std::move(handler), executor));
        },
        token, executor_of(*driver), std::move(start));
  }
}

}  // namespace client
}  // namespace tandem
