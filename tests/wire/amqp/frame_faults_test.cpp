#include <doctest/doctest.h>

#include "tests/wire/amqp/amqp_world.h"

using namespace tandem;
using namespace tandem::wire::amqp;
using namespace tandem::wire::amqp::test;

namespace {

/// The reply of a fresh connection to `bytes`: code and text of the close it hears.
std::string close_after(Bytes bytes, const ClientOptions& options = {}) {
  World world;
  Client client(world, options);
  client.feed(bytes);
  const auto heard = client.heard();
  return heard.empty() ? "nothing" : heard.back();
}

Buffer joined(std::initializer_list<Buffer> parts) {
  Buffer all;
  for (const Buffer& part : parts) add(all, part);
  return all;
}

const Buffer publish = method_frame(1, Method::basic_publish, {"", "q", false, false});

}  // namespace

TEST_CASE("a frame without its end octet is a frame error") {
  CHECK(close_after(raw_frame(3, 1, bytes_of("abc"), std::byte{0})) ==
        "0 connection.close reply-code=501 reply-text=FRAME_ERROR - type 3, all octets = <<97,98,99>>: "
        "{invalid_frame_end_marker,0} class-id=0 method-id=0");
}

TEST_CASE("a frame larger than agreed is a frame error, up to eight octets more is not") {
  CHECK(close_after(joined({publish, raw_frame(3, 1, Buffer(4097))}), {.frame_max = 4096}) ==
        "0 connection.close reply-code=501 reply-text=FRAME_ERROR - type 3, all octets = <<>>: "
        "{frame_too_large,4097,4088} class-id=0 method-id=0");
  CHECK(close_after(joined({publish, header_frame(1, 4096), raw_frame(3, 1, Buffer(4096))}),
                    {.frame_max = 4096}) == "nothing");
}

TEST_CASE("after a frame error nothing more is read") {
  World world;
  Client client(world);
  client.feed(raw_frame(3, 1, {}, std::byte{0}));
  client.heard();
  client.call(0, Method::connection_close, {200, "", 0, 0});
  CHECK(client.heard_text() == "");
}

TEST_CASE("an unknown frame type is a frame error") {
  CHECK(close_after(raw_frame(0, 1, bytes_of("\x01\x02"))) ==
        "0 connection.close reply-code=501 reply-text=FRAME_ERROR - type 0, all octets = <<1,2>>: "
        "unknown_frame "
        "class-id=0 method-id=0");
}

TEST_CASE("a heartbeat on a channel is unexpected") {
  CHECK(
      close_after(raw_frame(8, 1, {})) ==
      "0 connection.close reply-code=505 reply-text=UNEXPECTED_FRAME - type 8, all octets = <<>> class-id=0 "
      "method-id=0");
}

TEST_CASE("content on channel 0 is unexpected") {
  CHECK(close_after(raw_frame(2, 0, Buffer(20)))
            .find("505 reply-text=UNEXPECTED_FRAME - type 2, first 16 octets") != std::string::npos);
}

TEST_CASE("content without a publish is unexpected") {
  for (const Buffer& frame : {header_frame(1, 0), body_frame(1, "x")})
    CHECK(close_after(frame) ==
          "0 connection.close reply-code=505 reply-text=UNEXPECTED_FRAME - expected method frame, got non "
          "method "
          "frame instead class-id=0 method-id=0");
}

TEST_CASE("a publish is followed by its header and nothing else") {
  const std::string unexpected =
      "0 connection.close reply-code=505 reply-text=UNEXPECTED_FRAME - expected content header for class 60, "
      "got non "
      "content header frame instead class-id=60 method-id=40";
  CHECK(close_after(joined({publish, body_frame(1, "x")})) == unexpected);
  CHECK(close_after(joined({publish, publish})) == unexpected);
  CHECK(close_after(joined({publish, method_frame(1, Method::basic_ack, {1, false})})) == unexpected);
  CHECK(close_after(joined({publish, method_frame(1, Method::channel_close, {200, "", 0, 0})})) ==
        unexpected);
}

TEST_CASE("a header is followed by its body and nothing else") {
  const std::string unexpected =
      "0 connection.close reply-code=505 reply-text=UNEXPECTED_FRAME - expected content body, got non "
      "content body "
      "frame instead class-id=60 method-id=40";
  CHECK(close_after(joined({publish, header_frame(1, 5), header_frame(1, 5)})) == unexpected);
  CHECK(close_after(joined({publish, header_frame(1, 5), publish})) == unexpected);
}

TEST_CASE("a header of another class is unexpected") {
  CHECK(close_after(joined({publish, header_frame(1, 0, {}, 61)})) ==
        "0 connection.close reply-code=505 reply-text=UNEXPECTED_FRAME - expected content header for class "
        "60, got "
        "one for class 61 instead class-id=60 method-id=40");
}

TEST_CASE("more body than the header announced is unexpected") {
  CHECK(close_after(joined({publish, header_frame(1, 2), body_frame(1, "abc")})).find("reply-code=505") !=
        std::string::npos);
  CHECK(close_after(joined({publish, header_frame(1, 4), body_frame(1, "abc"), body_frame(1, "de")}))
            .find("reply-code=505") != std::string::npos);
}

TEST_CASE("properties that end too early are a syntax error") {
  Buffer payload;
  append_big(payload, std::uint16_t{60});
  append_big(payload, std::uint16_t{0});
  append_big(payload, std::uint64_t{0});
  append_big(payload, std::uint16_t{0x8000});  // a content type that is not there
  CHECK(close_after(joined({publish, raw_frame(2, 1, payload)})).find("reply-code=502") != std::string::npos);
  CHECK(close_after(joined({publish, raw_frame(2, 1, Buffer(3))})).find("reply-code=502") !=
        std::string::npos);
}

TEST_CASE("an unknown method, and one whose fields are malformed, close the connection") {
  Buffer unknown;
  append_big(unknown, method_key(60, 99));
  CHECK(close_after(raw_frame(1, 1, unknown)) ==
        "0 connection.close reply-code=503 reply-text=COMMAND_INVALID - unknown method 60.99 class-id=60 "
        "method-id=99");
  Buffer malformed;
  append_big(malformed, method_key(50, 10));
  CHECK(close_after(raw_frame(1, 1, malformed)) ==
        "0 connection.close reply-code=502 reply-text=SYNTAX_ERROR - malformed fields of queue.declare "
        "class-id=50 "
        "method-id=10");
  CHECK(close_after(raw_frame(1, 1, bytes_of("ab"))).find("reply-code=501") != std::string::npos);
}

TEST_CASE("a method that only a broker says is not implemented") {
  CHECK(close_after(method_frame(1, Method::queue_bind_ok, {})) ==
        "0 connection.close reply-code=503 reply-text=COMMAND_INVALID - unimplemented method class-id=50 "
        "method-id=21");
}

TEST_CASE("channels are opened before use, and once") {
  CHECK(close_after(method_frame(2, Method::basic_qos, {0, 1, false})) ==
        "0 connection.close reply-code=504 reply-text=CHANNEL_ERROR - expected 'channel.open' class-id=60 "
        "method-id=10");
  CHECK(close_after(method_frame(1, Method::channel_open, {})) ==
        "0 connection.close reply-code=504 reply-text=CHANNEL_ERROR - second 'channel.open' seen class-id=20 "
        "method-id=10");
}

TEST_CASE("more channels than agreed are refused") {
  CHECK(close_after(method_frame(2, Method::channel_open, {}), {.channel_max = 1}) ==
        "0 connection.close reply-code=530 reply-text=NOT_ALLOWED - number of channels opened (1) has "
        "reached the "
        "negotiated channel_max (1) class-id=0 method-id=0");
}

TEST_CASE("a message larger than the limit closes its channel before its body is taken") {
  World world;
  Client client(world);
  client.feed(publish);
  client.feed(header_frame(1, limits::message_size_max_bytes + 1));
  CHECK(
      client.heard_text() ==
      "1 channel.close reply-code=406 reply-text=PRECONDITION_FAILED - message size 33554433 is larger than "
      "configured max size 33554432 class-id=60 method-id=40");
  client.feed(body_frame(1, "what follows is ignored"));
  client.call(1, Method::channel_close_ok, {});
  client.open_channel(1);
  CHECK(client.heard_text() == "1 channel.open-ok");
}

TEST_CASE("unfinished messages of one connection are bounded together") {
  World world;
  Client client(world);
  const std::string piece_of_body(limits::message_size_max_bytes / 512, 'x');
  std::string last;
  for (std::uint16_t channel = 1; channel <= 5 && last.empty(); ++channel) {
    if (channel > 1) client.open_channel(channel);
    client.feed(method_frame(channel, Method::basic_publish, {"", "q", false, false}));
    client.feed(header_frame(channel, limits::message_size_max_bytes));
    client.heard();
    for (int piece = 0; piece < 511 && last.empty(); ++piece) {
      client.feed(body_frame(channel, piece_of_body));
      last = client.heard_text();
    }
  }
  CHECK(last.find("reply-code=506") != std::string::npos);
}
