// Background work: its order, and who goes before whom. Timings decide nothing here.
#include "broker/base/worker.h"

#include <doctest/doctest.h>

#include <future>
#include <string>

namespace tandem {
namespace {

/// Keeps the worker busy until it is told to go on.
struct Gate {
  std::promise<void> opens, entered;
  void pass() {
    entered.set_value();
    opens.get_future().wait();
  }
};

}  // namespace

TEST_CASE("tasks run one after another in their order, paced or not") {
  std::string order;
  {
    ThreadWorker worker("test");
    Gate gate;
    worker.run([&] { gate.pass(); });
    gate.entered.get_future().wait();
    worker.run_paced([&] { order += 'a'; });
    worker.run([&] { order += 'b'; });
    worker.run_paced([&] { order += 'c'; });
    gate.opens.set_value();
    worker.wait_until_idle();
    CHECK(order == "abc");
  }
}

TEST_CASE("a paced task that gives itself another one lets what was given with run() between") {
  std::string order;
  ThreadWorker worker("test");
  Gate gate;
  worker.run_paced([&] {
    gate.pass();
    order += '1';
    worker.run_paced([&] { order += '2'; });
  });
  gate.entered.get_future().wait();
  worker.run([&] { order += 'c'; });
  gate.opens.set_value();
  worker.wait_until_idle();
  CHECK(order == "1c2");
}

TEST_CASE("what is done at leisure lets everything else between") {
  std::string order;
  ThreadWorker worker("test");
  Gate gate;
  worker.run_at_leisure([&] {
    gate.pass();
    order += '1';
    worker.run_at_leisure([&] { order += '2'; });
  });
  gate.entered.get_future().wait();
  worker.run_paced([&] { order += 'p'; });
  worker.run([&] { order += 'r'; });
  gate.opens.set_value();
  worker.wait_until_idle();
  CHECK(order == "1pr2");
}

TEST_CASE("a worker that ends while it rests does what is left first") {
  int done = 0;
  {
    ThreadWorker worker("test");
    worker.run_paced([&] {
      ++done;
      worker.run_paced([&] { ++done; });
    });
  }
  CHECK(done == 2);
}

TEST_CASE("an inline worker does not rest") {
  InlineWorker worker;
  int done = 0;
  worker.run_paced([&] { ++done; });
  worker.run([&] { ++done; });
  worker.wait_until_idle();
  CHECK(done == 2);
  CHECK_FALSE(worker.pump());
}

}  // namespace tandem
