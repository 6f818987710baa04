#include <doctest/doctest.h>

#include "broker/wire/amqp/content.h"
#include "tests/wire/amqp/frames.h"

using namespace tandem;
using namespace tandem::wire;
using namespace tandem::wire::amqp;
using namespace tandem::wire::amqp::test;

namespace {

Buffer written(Outbox& outbox) {
  Buffer all;
  std::vector<Bytes> pieces;
  while (!outbox.empty()) {
    pieces.clear();
    outbox.gather(pieces, 8);
    std::size_t size = 0;
    for (const Bytes piece : pieces) {
      add(all, piece);
      size += piece.size();
    }
    outbox.consume(size);
  }
  return all;
}

Buffer expected_content(Buffer method, std::uint16_t channel, std::string_view body, std::size_t chunk_max,
                        const Properties& properties) {
  add(method, header_frame(channel, body.size(), properties));
  for (std::size_t at = 0; at < body.size(); at += chunk_max)
    add(method, body_frame(channel, body.substr(at, chunk_max)));
  return method;
}

struct Sample {
  explicit Sample(std::string text) : body(std::make_shared<std::string>(std::move(text))) {
    properties.content_type = "text/plain";
    append_properties(encoded, properties);
  }
  MessageParts parts() const { return {"ex", "key", encoded, bytes_of(*body)}; }
  Owner owner() const { return body; }

  std::shared_ptr<std::string> body;
  Properties properties;
  Buffer encoded;
};

}  // namespace

TEST_CASE("a delivery is written as the generic codec would write it") {
  for (const std::size_t size : {0u, 1u, 100u, 4095u, 4096u, 10'000u, 300'000u}) {
    CAPTURE(size);
    const Sample sample(std::string(size, 'b'));
    Outbox outbox;
    write_deliver({&outbox, 3, 4096}, {"tag", 77, true}, sample.parts(), sample.owner());
    CHECK(written(outbox) ==
          expected_content(method_frame(3, Method::basic_deliver, {"tag", 77, true, "ex", "key"}), 3,
                           *sample.body, 4096 - 8, sample.properties));
  }
}

TEST_CASE("get-ok and return carry their message the same way") {
  const Sample sample("hello");
  Outbox outbox;
  write_get_ok({&outbox, 1, 131072}, {{}, 5, false}, 9, sample.parts(), sample.owner());
  CHECK(written(outbox) == expected_content(method_frame(1, Method::basic_get_ok, {5, false, "ex", "key", 9}),
                                            1, "hello", 1000, sample.properties));
  write_return({&outbox, 1, 131072}, sample.parts(), sample.owner());
  CHECK(written(outbox) ==
        expected_content(method_frame(1, Method::basic_return, {312, "NO_ROUTE", "ex", "key"}), 1, "hello",
                         1000, sample.properties));
}

TEST_CASE("a message without properties gets two octets of flags") {
  Outbox outbox;
  write_deliver({&outbox, 1, 4096}, {"t", 1, false}, {"", "q", {}, {}}, nullptr);
  CHECK(written(outbox) ==
        expected_content(method_frame(1, Method::basic_deliver, {"t", 1, false, "", "q"}), 1, "", 1000, {}));
}

TEST_CASE("names of full length fit") {
  const std::string longest(255, 'n');
  Outbox outbox;
  write_deliver({&outbox, 1, 4096}, {longest, ~0ull, true}, {longest, longest, {}, {}}, nullptr);
  CHECK(shown_frames(written(outbox)).size() == 2);
}
