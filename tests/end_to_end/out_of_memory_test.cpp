// A broker that gets no more memory in the middle of its work: it says so and stops, and nothing confirmed is lost.
#include <doctest/doctest.h>

#include <atomic>
#include <fstream>

#include "tests/end_to_end/broker_fixture.h"
#include "tests/support/sanitized.h"

namespace tandem::end_to_end {

namespace {

using namespace std::chrono_literals;

std::uint64_t address_space_bytes(pid_t process) {
  std::ifstream status("/proc/" + std::to_string(process) + "/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("VmPeak:")) return std::stoull(line.substr(7)) << 10;
  return 0;
}

/// Publishes until the broker is gone or `messages` are out; gives the highest number such that all up to it are
/// confirmed.
std::uint64_t publish_until_it_ends(const Client& client, std::uint64_t messages) {
  std::atomic<std::uint64_t> confirmed_through{0};
  PublisherOptions options;
  options.resend = false;
  options.on_outcome = [&](const PublishOutcome& outcome) {
    if (outcome.confirmed && outcome.first == confirmed_through + 1) confirmed_through = outcome.last;
  };
  auto publisher = must(Publisher::open(client, std::move(options)));
  for (std::uint64_t i = 1; i <= messages; ++i)
    if (!publisher.post(Message{.routing_key = "q", .body = std::to_string(i) + std::string(10'000, '.')})) break;
  (void)publisher.flush();
  return confirmed_through;
}

}  // namespace

TEST_CASE("a broker without memory says so and stops, and a restart has all that was confirmed") {
  if (support::is_sanitized) {
    MESSAGE("skipped: a sanitizer stops by itself where the address space ends");
    return;
  }
  // At several places of the work: what runs short first is another matter each time.
  for (const std::uint64_t more_mib : {40, 56, 72}) {
    BrokerFixture broker({"--cache-size", "512MiB"});  // a budget that will not be kept to: there is less
    const std::uint64_t at_rest = address_space_bytes(broker.process->pid());
    REQUIRE(at_rest > 0);
    broker.process->kill();
    broker.limit_address_space(at_rest + (more_mib << 20));
    broker.start();
    const Client client = broker.connect();
    must(client.ask(DeclareQueue{.name = "q"}));
    const std::uint64_t confirmed = publish_until_it_ends(client, 60'000);
    CHECK(broker.process->wait() == 1);
    CHECK(broker.log_lines().find("out of memory") != std::string::npos);

    broker.limit_address_space(0);
    broker.start();
    const Client after = broker.connect();
    auto consumer = must(Consumer::open(after, {.queue = "q"}));
    std::uint64_t next = 1;
    for (auto delivery = consumer.receive(5s); delivery.ok(); delivery = consumer.receive(500ms), ++next) {
      REQUIRE(std::stoull(std::string(delivery->body())) == next);
      delivery->ack();
    }
    CHECK(next > confirmed);
    MESSAGE("with MiB more than at rest: ", more_mib, ", confirmed: ", confirmed, ", found: ", next - 1);
    CHECK(confirmed > 0);
  }
}

}  // namespace tandem::end_to_end
