#include <doctest/doctest.h>

#include "broker/wire/amqp/stream_reader.h"
#include "schemas/topic_record.h"
#include "tests/wire/apart_jobs.h"

using namespace tandem;
using namespace tandem::wire::amqp;

namespace {

constexpr std::byte no_properties[2] = {};
constexpr TimestampMs noon = 1'700'000'000'000;

StreamStart start_of(Value value) {
  StreamStart start;
  const Verdict fault = read_stream_start({{"x-stream-offset", std::move(value)}}, "q", noon, start);
  REQUIRE_FALSE(fault);
  return start;
}

/// One batch at `base` with these bodies as messages.
std::vector<std::byte> batch_of(Offset base, const std::vector<std::string>& bodies, const BatchProducer& producer = {},
                                Codec codec = Codec::none) {
  BatchBuilder builder;
  for (const auto& body : bodies) {
    std::vector<std::byte> stored;
    append_message(stored, {"e", "k", no_properties, bytes_of(body)});
    REQUIRE(add_message(builder, stored, noon).ok());
  }
  auto batch = builder.finish(codec, producer);
  REQUIRE(batch.ok());
  patch_base_offset(*batch, base);
  return std::move(*batch);
}

void add_to(std::vector<std::byte>& all, const std::vector<std::byte>& batch) {
  all.insert(all.end(), batch.begin(), batch.end());
}

struct Read {
  StreamRequest request{.consumer = 1, .queue = "q", .prefetch = 100};
  wire::test::ApartPort port;
  Outbox outbox;
  Link link{ConnectionId{1}, port, outbox};
  StreamReader reader;
  explicit Read(Offset from) : reader(request, from, link) {}

  void take(const std::vector<std::byte>& batches, Offset visible_end = 1000,
            std::vector<core::AbortedTransaction> aborted = {}) {
    core::FetchedPartition partition;
    partition.visible_end = visible_end;
    partition.aborted = std::move(aborted);
    reader.take(partition, batches, nullptr);
  }
  std::string all() {
    std::string text;
    for (;;) {
      auto record = reader.next();
      REQUIRE(record.ok());
      if (!*record) return text;
      const auto message = parse_message((*record)->stored);
      REQUIRE(message);
      text += std::to_string((*record)->offset) + "=" + std::string(text_of(message->body)) + " ";
    }
  }
};

TEST_CASE("where a stream begins can be said in every way that RabbitMQ has") {
  using Kind = StreamStart::Kind;
  CHECK(start_of("first").kind == Kind::first);
  CHECK(start_of("last").kind == Kind::last);
  CHECK(start_of("next").kind == Kind::next);
  CHECK(start_of(Value(std::int64_t{70})).kind == Kind::offset);
  CHECK(start_of(Value(70)).value == 70);
  CHECK(start_of(Value(ValueType::timestamp, std::int64_t{1'600'000'000})).value == 1'600'000'000'000);
  CHECK(start_of("2h").value == noon - 7'200'000);
  CHECK(start_of("3s").kind == Kind::time);
  CHECK(start_of("1000000Y").value == 0);
  StreamStart start;
  for (const Value& wrong : {Value("soon"), Value("7"), Value("-1h"), Value("1000000000Y"), Value(""), Value(-1), Value(true), Value(1.5)})
    CHECK(read_stream_start({{"x-stream-offset", wrong}}, "q", noon, start)->code == ReplyCode::precondition_failed);
  CHECK_FALSE(read_stream_start({}, "q", noon, start));
  CHECK(start.kind == Kind::next);
}

TEST_CASE("a start is brought into what the partition has") {
  StreamRequest request;
  const auto first = [&request](StreamStart::Kind kind, std::int64_t value, Offset found = -1) {
    request.start = {kind, value};
    return request.first_offset(10, 20, found);
  };
  using Kind = StreamStart::Kind;
  CHECK(first(Kind::first, 0) == 10);
  CHECK(first(Kind::last, 0) == 19);
  CHECK(first(Kind::next, 0) == 20);
  CHECK(first(Kind::offset, 5) == 10);
  CHECK(first(Kind::offset, 15) == 15);
  CHECK(first(Kind::offset, 99) == 20);
  CHECK(first(Kind::time, noon, 12) == 12);
  CHECK(first(Kind::time, noon, -1) == 20);  // nothing is that new
  request.start = {Kind::last, 0};
  CHECK(request.first_offset(10, 10, -1) == 10);  // empty
}

TEST_CASE("records come with their offsets, from the one that was asked for to the last that may be seen") {
  Read read(3);
  std::vector<std::byte> batches = batch_of(2, {"a", "b", "c"});
  add_to(batches, batch_of(5, {"d", "e"}));
  read.take(batches, 6);
  CHECK(read.all() == "3=b 4=c 5=d ");
  CHECK(read.reader.is_empty());
  CHECK(read.reader.next_offset == 7);
}

TEST_CASE("what a transaction has aborted is left out, and so are its markers") {
  Read read(0);
  std::vector<std::byte> batches = batch_of(0, {"kept"}, {.id = 5, .epoch = 0, .base_sequence = 0, .transactional = true});
  add_to(batches, batch_of(1, {"lost"}, {.id = 6, .epoch = 0, .base_sequence = 0, .transactional = true}));
  auto marker = make_marker_batch(6, 0, false, noon);
  patch_base_offset(marker, 2);
  add_to(batches, marker);
  add_to(batches, batch_of(3, {"after"}));
  read.take(batches, 1000, {{6, 1, 2}});
  CHECK(read.all() == "0=kept 3=after ");
  CHECK(read.reader.next_offset == 4);
}

TEST_CASE("a batch that makes no sense is an error, not a record") {
  Read read(0);
  auto batch = batch_of(0, {"a"});
  batch.resize(batch.size() - 1);
  read.take(batch);
  CHECK_FALSE(read.reader.next().ok());
  Read garbage(0);
  const std::vector<std::byte> no_batch(80, std::byte{0x5A});
  garbage.take(no_batch);
  CHECK_FALSE(garbage.reader.next().ok());
}

TEST_CASE("a header is added to properties, or replaced") {
  std::vector<std::byte> properties;
  append_properties(properties, {.content_type = "t", .headers = Table{{"a", 1}, {"n", "old"}}});
  const auto with = with_header(properties, "n", Value(std::int64_t{7}));
  REQUIRE(with);
  const auto decoded = decode_properties(*with);
  REQUIRE(decoded);
  CHECK(decoded->content_type == "t");
  CHECK(*decoded->headers == Table{{"a", 1}, {"n", Value(std::int64_t{7})}});
  const auto none = with_header({}, "n", 1);
  REQUIRE(none);
  CHECK(decode_properties(*none)->headers->size() == 1);
  CHECK_FALSE(with_header(bytes_of("\xFF\xFF\xFF"), "n", 1));
}

}  // namespace

TEST_CASE("a batch that is much when it is plain is decompressed by somebody else; the records wait in their order") {
  Read read(0);
  read.port.apart.wait = true;
  const std::string much(300'000, 'm');
  std::vector<std::byte> batches = batch_of(0, {"a"}, {}, Codec::zstd);
  add_to(batches, batch_of(1, {much, "b"}, {}, Codec::zstd));
  add_to(batches, batch_of(3, {"c"}));
  read.take(batches);
  CHECK(read.all() == "0=a ");
  CHECK(read.reader.waiting());
  CHECK_FALSE(read.reader.is_empty());
  CHECK(read.all().empty());
  CHECK(read.port.apart.given == 1);
  read.port.apart.do_first();
  CHECK_FALSE(read.reader.waiting());
  CHECK(read.reader.next().value().value().offset == 1);
  CHECK(read.link.kept_bytes() > much.size());
  CHECK(read.all() == "2=b 3=c ");
  CHECK(read.link.kept_bytes() == 0);
  CHECK(read.reader.next_offset == 4);
}

TEST_CASE("a reader that goes while a batch is decompressed leaves nothing behind") {
  wire::test::ApartPort port;
  port.apart.wait = true;
  Outbox outbox;
  Link link{ConnectionId{1}, port, outbox};
  const StreamRequest request{.consumer = 1, .queue = "q", .prefetch = 100};
  const auto batch = batch_of(0, {std::string(300'000, 'm')}, {}, Codec::gzip);
  {
    StreamReader reader(request, 0, link);
    core::FetchedPartition partition;
    partition.visible_end = 1;
    reader.take(partition, batch, nullptr);
    CHECK_FALSE(reader.next().value().has_value());
  }
  port.apart.do_first();
  CHECK(link.kept_bytes() == 0);
}
