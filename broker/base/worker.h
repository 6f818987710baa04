// Where background work runs: a thread of its own, or (tests, simulation) inside pump().
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

namespace tandem {

/// Runs tasks one after another, in the order they were given. Thread rule: any thread.
class Worker {
 public:
  using Task = std::function<void()>;
  virtual ~Worker() = default;
  virtual void run(Task task) = 0;
  /// Like run(), for what nobody waits for: afterwards disk and processor are left to others for a quarter of the time that the task took,
  /// unless another task comes that run() was given.
  virtual void run_paced(Task task) = 0;
  /// Like run(), for what has more time than anything else: afterwards 4 ms are left to others, unless a task of another
  /// kind comes.
  virtual void run_at_leisure(Task task) = 0;
  /// Returns when everything given before has run. Not from inside a task.
  virtual void wait_until_idle() = 0;
};

/// The destructor runs what is left, then ends the thread.
class ThreadWorker : public Worker {
 public:
  /// `name` is what the system shows for the thread; 15 characters at most.
  explicit ThreadWorker(const std::string& name);
  ~ThreadWorker() override;
  void run(Task task) override { add({std::move(task), Pace::none}); }
  void run_paced(Task task) override { add({std::move(task), Pace::paced}); }
  void run_at_leisure(Task task) override { add({std::move(task), Pace::leisure}); }
  void wait_until_idle() override;

 private:
  /// A task that a stall made long is not followed by as long a rest.
  static constexpr std::chrono::milliseconds rest_max{100};
  static constexpr std::chrono::milliseconds leisure{4};
  enum class Pace { none, paced, leisure };  // of a later one more comes between
  struct Work {
    Task task;
    Pace pace = Pace::none;
  };
  using Lock = std::unique_lock<std::mutex>;

  void add(Work work);
  void work();
  void do_first(Lock& lock);
  void rest(Lock& lock, std::chrono::steady_clock::duration time, Pace pace);

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Work> tasks_;
  bool busy_ = false;
  bool stopping_ = false;
  int waiting_ = 0;  // for idleness: then there are no rests
  std::thread thread_;
};

/// Tasks run when pump() is called, on its caller's thread. Not for use from several threads.
class InlineWorker : public Worker {
 public:
  void run(Task task) override { tasks_.push_back(std::move(task)); }
  void run_paced(Task task) override { run(std::move(task)); }
  void run_at_leisure(Task task) override { run(std::move(task)); }
  void wait_until_idle() override {
    while (pump()) {
    }
  }
  /// Runs the oldest task; false when there was none.
  bool pump();

 private:
  std::deque<Task> tasks_;
};

}  // namespace tandem
