// Data directories that the real program must not start on: it says which file is at fault, and why.
#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>

#include "schemas/byte_order.h"
#include "schemas/crc32c.h"
#include "tests/end_to_end/broker_fixture.h"
#include "tests/support/run_program.h"

namespace tandem::end_to_end {

namespace {

std::string first_segment(const std::string& data) {
  std::string first;
  for (const auto& entry : std::filesystem::directory_iterator(data + "/journal"))
    if (entry.path().extension() == ".seg" && !entry.path().filename().string().starts_with("spare"))
      if (first.empty() || entry.path().string() < first) first = entry.path().string();
  REQUIRE_FALSE(first.empty());
  return first;
}

std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void write_file(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::in).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

support::ProgramEnd start_on(const std::string& data) {
  return support::run_program({TANDEMD, "--data", data, "--native-port", "0", "--amqp-port", "0", "--kafka-port", "0"});
}

}  // namespace

TEST_CASE("a flipped byte in the journal is named with file and place, and so it is by the offline check") {
  BrokerFixture broker;
  {
    const Client client = broker.connect();
    must(client.ask(DeclareQueue{.name = "q"}));
    auto publisher = must(Publisher::open(client));
    for (int i = 0; i < 10; ++i)  // each in a commit group of its own
      must(publisher.publish(Message{.routing_key = "q", .body = "this is message " + std::to_string(i)}));
  }
  broker.process->kill();
  const std::string segment = first_segment(broker.data());
  std::string bytes = read_file(segment);
  const auto at = bytes.find("this is message 3");
  REQUIRE(at != std::string::npos);
  bytes[at] ^= 0x10;
  write_file(segment, bytes);

  const auto end = start_on(broker.data());
  CHECK(end.status == 1);
  CHECK(end.out.empty());
  CHECK(end.error.find(segment) != std::string::npos);
  const auto checked = support::run_program({TANDEMD, "--check-store", broker.data()});
  CHECK(checked.status == 1);
  CHECK((checked.out + checked.error).find(segment) != std::string::npos);

  bytes[at] ^= 0x10;
  write_file(segment, bytes);
  broker.start();  // neither of them changed anything
  CHECK(must(broker.connect().ask(DescribeQueues{"q"}))[0].ready == 10);
}

TEST_CASE("a directory that a newer version wrote is refused by that version, and left as it is") {
  BrokerFixture broker;
  REQUIRE(broker.process->terminate() == 0);
  const std::string segment = first_segment(broker.data());
  std::string bytes = read_file(segment);
  // docs/disk_format.md, "Segments": format version at 8, checksum of bytes 0 … 39 at 40.
  auto* header = reinterpret_cast<std::byte*>(bytes.data());
  store_little(header + 8, std::uint32_t{9});
  store_little(header + 40, crc32c(Bytes(header, 40)));
  write_file(segment, bytes);

  const auto end = start_on(broker.data());
  CHECK(end.status == 1);
  CHECK(end.out.empty());
  CHECK(end.error.find("9") != std::string::npos);
  CHECK(end.error.find("version") != std::string::npos);
  CHECK(read_file(segment) == bytes);
}

}  // namespace tandem::end_to_end
