// The programs of examples/, as somebody runs them who has read the docs.
#include <doctest/doctest.h>

#include "tests/end_to_end/broker_fixture.h"
#include "tests/support/run_program.h"

namespace tandem::end_to_end {
namespace {

std::string said_by(const BrokerFixture& broker, std::vector<std::string> words) {
  const support::ProgramEnd end = support::run_program(std::move(words), 120'000);
  INFO(broker.data(), ": ", end.out, end.error);
  REQUIRE(end.status == 0);
  return end.out;
}

std::string address_of(const BrokerFixture& broker) { return "127.0.0.1:" + std::to_string(broker.process->port("native")); }

}  // namespace

TEST_CASE("orders goes through queue, transaction and history, and its history goes on when it is run again") {
  BrokerFixture broker;
  const std::string first = said_by(broker, {EXAMPLE_ORDERS, address_of(broker)});
  CHECK(first.starts_with("mail: order 1 accepted\nmail: order 2 accepted\n"));
  CHECK(first.ends_with("history 3: order 4\nhistory 4: order 5\n"));
  broker.kill_and_restart();
  const std::string second = said_by(broker, {EXAMPLE_ORDERS, address_of(broker)});
  CHECK(second.starts_with("mail: order 1 accepted\n"));
  CHECK(second.ends_with("history 9: order 5\n"));
}

TEST_CASE("package_index finds every count right") {
  BrokerFixture broker;
  const std::string table = said_by(broker, {EXAMPLE_PACKAGE_INDEX, "--broker", address_of(broker), "--limit", "500"});
  CHECK(table.find("  ok") != std::string::npos);
  CHECK(table.find("WRONG") == std::string::npos);
}

}  // namespace tandem::end_to_end
