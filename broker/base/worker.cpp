#include "broker/base/worker.h"

#include <pthread.h>

#include <algorithm>
#include <utility>

namespace tandem {

ThreadWorker::ThreadWorker(const std::string& name) : thread_([this] { work(); }) {
  pthread_setname_np(thread_.native_handle(), name.c_str());
}

ThreadWorker::~ThreadWorker() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void ThreadWorker::add(Work work) {
  {
    const std::lock_guard lock(mutex_);
    tasks_.push_back(std::move(work));
  }
  changed_.notify_all();
}

void ThreadWorker::wait_until_idle() {
  std::unique_lock lock(mutex_);
  ++waiting_;
  changed_.notify_all();
  changed_.wait(lock, [this] { return tasks_.empty() && !busy_; });
  --waiting_;
}

void ThreadWorker::work() {
  Lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return stopping_ || !tasks_.empty(); });
    if (tasks_.empty()) return;
    do_first(lock);
  }
}

void ThreadWorker::do_first(Lock& lock) {
  Work work = std::move(tasks_.front());
  tasks_.pop_front();
  busy_ = true;
  lock.unlock();
  const auto begin = std::chrono::steady_clock::now();
  work.task();
  work.task = nullptr;  // what it holds goes before idleness is seen
  const auto took = std::chrono::steady_clock::now() - begin;
  lock.lock();
  busy_ = false;
  if (tasks_.empty()) changed_.notify_all();
  switch (work.pace) {
    case Pace::none:
      break;
    case Pace::paced:
      rest(lock, std::min<std::chrono::steady_clock::duration>(took / 4, rest_max), Pace::paced);
      break;
    case Pace::leisure:
      rest(lock, leisure, Pace::leisure);
      break;
  }
}

/// Until a task comes that has less time than `pace` says.
void ThreadWorker::rest(Lock& lock, std::chrono::steady_clock::duration time, Pace pace) {
  changed_.wait_for(lock, time, [this, pace] {
    return stopping_ || waiting_ > 0 ||
           std::any_of(tasks_.begin(), tasks_.end(), [pace](const Work& each) { return each.pace < pace; });
  });
}

bool InlineWorker::pump() {
  if (tasks_.empty()) return false;
  const Task task = std::move(tasks_.front());
  tasks_.pop_front();
  task();
  return true;
}

}  // namespace tandem
