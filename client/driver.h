// Joins the session to a socket, a clock and threads. Parts and requests reach the session through it.
#pragma once

#include <asio/io_context.hpp>
#include <asio/steady_timer.hpp>
#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "client/backoff.h"
#include "client/connection.h"
#include "client/session.h"
#include "client/timers.h"
#include "tandem/client.h"

namespace tandem::client {

class Driver final : public std::enable_shared_from_this<Driver>, private ConnectionEvents {
 public:
  /// A handle for users: when the last copy of it goes, the client is closed. The driver itself, its
  /// connection and its parts hold each other by shared_from_this() until then.
  static std::shared_ptr<Driver> make(ClientOptions options);
  ~Driver();

  // --- any thread ---

  /// Connects for the first time; completes once it is ready or failed.
  void start(Completion<Done> done);
  /// Runs `act` on the I/O thread, never inside this call, in the order of the posts. After the session's end
  /// it is run too; without any handle left it is dropped.
  void post(MoveFunction<void()> act);
  /// The part has gathered something: its gathered() is called when the socket can take it.
  void wake(std::shared_ptr<Part> part);
  std::uint64_t next_correlation() { return correlation_.fetch_add(1, std::memory_order_relaxed); }
  Result<> close(Milliseconds deadline);
  void close(Milliseconds deadline, Completion<Done> done);
  bool on_io_thread() const;
  /// A blocking call here would wait for the thread it blocks.
  bool must_not_block() const;
  asio::any_io_executor executor() const { return strand_; }
  const ClientOptions& options() const { return options_; }
  bool connected() const;
  Welcome welcome() const;

  // --- the I/O thread ---

  Session& session() { return session_; }
  void ask(Call call, Milliseconds timeout);
  void ask(Call call) { ask(std::move(call), options_.request_timeout); }
  /// After the session's end `act` is dropped.
  Timers::Key after(Milliseconds delay, MoveFunction<void()> act);
  void cancel(const Timers::Key& key) { timers_.cancel(key); }
  /// Counted: as many releases as holds.
  void hold_reading(bool held);

 private:
  explicit Driver(ClientOptions options);

  void connection_opened() override;
  Result<std::size_t> received(Bytes input, const Owner& owner) override;
  std::size_t input_size_wanted_bytes() const override { return session_.input_size_wanted_bytes(); }
  void written() override;
  void connection_lost(const Error& why) override;

  void connect();
  void now_ready();
  void beat();
  void begin_close(Milliseconds deadline);
  void drain_parts();
  void finish_close();
  void complete_close();
  void end(const Error& why);
  void end_thread();
  void run_inbox();
  void run_due();
  void arm_timer();
  /// Says what is to be said; at the end of everything that runs on the I/O thread.
  void pump();
  void tell(ClientEvent::Kind kind, Error error);
  void complete_start(Result<> result);

  const ClientOptions options_;
  std::shared_ptr<asio::io_context> own_io_;  // null: the caller's executor
  std::optional<asio::executor_work_guard<asio::io_context::executor_type>> own_work_;
  Strand strand_;
  std::thread thread_;

  std::atomic<std::uint64_t> correlation_{16};  // below: the session's own

  std::mutex inbox_mutex_;
  std::vector<MoveFunction<void()>> inbox_;
  std::vector<std::shared_ptr<Part>> woken_;
  bool inbox_scheduled_ = false;
  bool stopped_ = false;  // nobody runs the inbox any more

  // What follows is the I/O thread's.
  Session session_;
  Timers timers_;
  asio::steady_timer timer_;
  std::optional<Timers::Time> timer_at_;
  std::shared_ptr<Connection> connection_;
  Backoff backoff_;
  Completion<Done> start_done_;
  std::vector<Completion<Done>> close_done_;
  std::vector<std::shared_ptr<Part>> dirty_;  // woken, not asked yet
  bool was_ready_ = false;                    // of this connection
  bool writing_ = false, wrote_ = false, closing_ = false, drained_ = false;
  int reading_holds_ = 0;
  std::size_t draining_ = 0;
  Timers::Key connect_timer_{}, beat_timer_{};
  Timers::Time heard_at_{};

  mutable std::mutex status_mutex_;
  std::condition_variable ended_;
  bool has_ended_ = false, drained_in_time_ = true;
  bool connected_ = false;
  Welcome welcome_;
};

}  // namespace tandem::client
