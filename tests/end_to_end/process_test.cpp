// tandemd as a program: its ready line, its refusals to start, its signals.
#include <doctest/doctest.h>
#include <signal.h>
#include <sys/stat.h>

#include <fstream>

#include "tests/end_to_end/broker_fixture.h"
#include "tests/support/run_program.h"

namespace tandem::end_to_end {

using support::run_program;

namespace {

/// Starts a second tandemd that is expected to end by itself.
support::ProgramEnd run_tandemd(const std::string& data, std::vector<std::string> more) {
  std::vector<std::string> words{TANDEMD, "--data", data};
  words.insert(words.end(), more.begin(), more.end());
  return run_program(words);
}

const std::vector<std::string> any_ports = {"--native-port", "0", "--amqp-port", "0", "--kafka-port", "0"};

}  // namespace

TEST_CASE("the ready line names every face with the address it listens on") {
  BrokerFixture broker;
  const std::string& line = broker.process->ready_line();
  CHECK(line.starts_with("ready native=127.0.0.1:"));
  CHECK(line.find(" amqp=127.0.0.1:") != std::string::npos);
  CHECK(line.back() == '\n');
  CHECK(broker.process->port("native") != broker.process->port("amqp"));
}

TEST_CASE("SIGTERM ends the broker with status 0, and the next start finds a clean directory") {
  BrokerFixture broker;
  broker.stop_and_restart();
  CHECK(broker.log_lines().find("after an unclean stop") == std::string::npos);
}

TEST_CASE("SIGHUP, of a terminal that has gone, ends the broker in order") {
  BrokerFixture broker;
  broker.stop_and_restart(SIGHUP);
  CHECK(broker.log_lines().find("after an unclean stop") == std::string::npos);
}

TEST_CASE("a killed broker starts again and says so") {
  BrokerFixture broker;
  broker.kill_and_restart();
  CHECK(broker.log_lines().find("after an unclean stop") != std::string::npos);
}

TEST_CASE("SIGTERM does not wait for a client that says nothing") {
  BrokerFixture broker;
  const Client client = broker.connect();
  CHECK(broker.process->terminate() == 0);
}

TEST_CASE("a second broker on the same directory is refused with the pid of the first") {
  BrokerFixture broker;
  const auto end = run_tandemd(broker.data(), any_ports);
  CHECK(end.status == 1);
  CHECK(end.out.empty());
  CHECK(end.error.find(std::to_string(broker.process->pid())) != std::string::npos);
  CHECK(broker.connect().connected());
}

TEST_CASE("a taken port is refused, naming the port and the option") {
  BrokerFixture broker;
  const std::string port = std::to_string(broker.process->port("native"));
  const auto end = run_tandemd(broker.directory / "other", {"--native-port", "0", "--kafka-port", "0", "--amqp-port", port});
  CHECK(end.status == 1);
  CHECK(end.out.empty());
  CHECK(end.error.find("127.0.0.1:" + port) != std::string::npos);
  CHECK(end.error.find("--amqp-port") != std::string::npos);
}

TEST_CASE("a directory that cannot be made is refused by its name") {
  const TemporaryDirectory directory;
  std::ofstream(directory / "file") << "not a directory";
  const auto end = run_tandemd(directory / "file/data", any_ports);
  CHECK(end.status == 1);
  CHECK(end.error.find(directory / "file") != std::string::npos);
}

TEST_CASE("a directory without write permission is refused by its name") {
  const TemporaryDirectory directory;
  REQUIRE(::mkdir((directory / "locked").c_str(), 0500) == 0);
  std::vector<std::string> words;
  if (::geteuid() == 0) words = {"/usr/bin/env", "setpriv", "--bounding-set", "-dac_override"};  // with it root may write everywhere
  words.insert(words.end(), {TANDEMD, "--data", directory / "locked"});
  words.insert(words.end(), any_ports.begin(), any_ports.end());
  const auto end = run_program(words);
  CHECK(end.status == 1);
  CHECK(end.error.find(directory / "locked") != std::string::npos);
}

TEST_CASE("a face that is off is not in the ready line") {
  BrokerFixture broker({"--amqp-port", "-1"});
  CHECK(broker.process->port("native") != 0);
  CHECK(broker.process->ready_line().find("amqp") == std::string::npos);
}

TEST_CASE("the version is printed and the program ends") {
  const auto end = run_program({TANDEMD, "--version"});
  CHECK(end.status == 0);
  CHECK(end.out.starts_with("tandemd "));
}

TEST_CASE("a directory is checked offline, and refused while a broker runs on it") {
  BrokerFixture broker;
  const auto in_use = run_program({TANDEMD, "--check-store", broker.data()});
  CHECK(in_use.status == 1);
  CHECK(in_use.error.find(std::to_string(broker.process->pid())) != std::string::npos);
  REQUIRE(broker.process->terminate() == 0);
  const auto closed = run_program({TANDEMD, "--check-store", broker.data()});
  CHECK(closed.status == 0);
  CHECK(closed.error.empty());
  CHECK(closed.out.find("no problems") != std::string::npos);
}

TEST_CASE("a check of a directory that is none fails") {
  const TemporaryDirectory directory;
  const auto end = run_program({TANDEMD, "--check-store", directory / "missing"});
  CHECK(end.status == 1);
  CHECK_FALSE(end.error.empty());
}

TEST_CASE("the cluster id lasts over restarts") {
  BrokerFixture broker;
  const std::string before = broker.connect().cluster_id();
  CHECK(before.size() == 22);
  broker.stop_and_restart();
  CHECK(broker.connect().cluster_id() == before);
}

}  // namespace tandem::end_to_end
