#include "tests/wire/native/harness.h"

#include "broker/base/limits.h"

using namespace tandem;
using namespace tandem::wire::native::test;
namespace fb = tandem::wire::fb;

namespace {

void check_goodbye(Conversation& c, ErrorCode code, std::string_view text) {
  CHECK(c.face->closing());
  const Said goodbye = c.only_said();
  CHECK(goodbye.as<fb::Goodbye>().code() == static_cast<std::uint16_t>(code));
  CHECK(goodbye.as<fb::Goodbye>().text()->string_view().find(text) != std::string_view::npos);
  CHECK(c.port.inputs.empty());
}

}  // namespace

TEST_CASE("a Hello is answered with what was agreed and opens the connection") {
  Conversation c;
  bool opened = false;
  c.expect<core::ConnectionOpened>([&](const core::ConnectionOpened& input) {
    opened = true;
    CHECK(input.connection == Conversation::connection);
    CHECK(input.user == "guest");
    CHECK(input.name == "tester (127.0.0.1:5555)");
    CHECK(input.face == "native");
  });
  c.receive(hello_frame(1, 9, 10'000));
  CHECK(opened);
  const Said answer = c.only_said();
  CHECK(answer.correlation() == 5);
  const auto& hello = answer.as<fb::Hello>();
  CHECK(hello.version_min() == 1);
  CHECK(hello.version_max() == 1);
  CHECK(hello.heartbeat_ms() == 10'000);
  CHECK(hello.broker_version()->string_view() == "9.9");
  CHECK(hello.cluster_id()->string_view() == "cluster");
}

TEST_CASE("a handshake may come byte by byte") {
  Conversation c;
  const std::string hello = hello_frame();
  for (std::size_t size = 0; size < hello.size(); ++size) CHECK(c.receive(hello.substr(0, size)) == 0);
  CHECK(c.face->input_size_wanted_bytes() == hello.size());
  CHECK(c.receive(hello) == hello.size());
  CHECK(c.only_said().type() == fb::Message::Hello);
}

TEST_CASE("a client that is too new is told both ranges") {
  Conversation c;
  c.receive(hello_frame(2, 3));
  check_goodbye(c, ErrorCode::not_supported,
                "too new: it speaks versions 2 to 3 of the native protocol, this broker version 1");
}

TEST_CASE("a client that is too old is told so") {
  Conversation c;
  c.receive(hello_frame(0, 0));
  check_goodbye(c, ErrorCode::not_supported, "too old");
}

TEST_CASE("an unknown user is refused by name") {
  Conversation c;
  c.receive(hello_frame(1, 1, 0, "mallory"));
  check_goodbye(c, ErrorCode::not_authorized, "user 'mallory' from ");
}

TEST_CASE("guest has a password, which need not be said as long as there are no users") {
  Conversation wrong;
  wrong.receive(hello_frame(1, 1, 0, "guest", "tester", "other"));
  check_goodbye(wrong, ErrorCode::not_authorized, "wrong user or password");
  Conversation nobody;
  nobody.receive(hello_frame(1, 1, 0, nullptr, "tester", nullptr));
  CHECK_FALSE(nobody.face->closing());
}

TEST_CASE("with users, only they come in, from anywhere") {
  const auto app_only = [](const wire::Login& login) {
    return login.user == "app" && login.password == "secret" ? wire::LoginVerdict::welcome : wire::LoginVerdict::unknown;
  };
  for (const bool right : {true, false}) {
    Conversation c(false);
    c.port.login = app_only;
    c.receive(hello_frame(1, 1, 0, "app", "tester", right ? "secret" : "guess"));
    CHECK(c.face->closing() != right);
  }
  Conversation nobody;
  nobody.port.login = app_only;
  nobody.receive(hello_frame(1, 1, 0, nullptr, "tester", nullptr));
  check_goodbye(nobody, ErrorCode::not_authorized, "a user and a password are wanted");
}

TEST_CASE("guest from another machine is refused") {
  Conversation c(false);
  c.receive(hello_frame());
  check_goodbye(c, ErrorCode::not_authorized, "own machine only");
}

TEST_CASE("the first frame must be Hello") {
  Conversation c;
  FlatBufferBuilder b;
  c.receive(frame_of(b, fb::CreatePurgeQueueDirect(b, "q"), 1));
  check_goodbye(c, ErrorCode::wrong_state, "first frame must be Hello");
}

TEST_CASE("bytes of another protocol end the connection with a reason") {
  Conversation c;
  c.receive(std::string_view("AMQP\0\0\x09\x01", 8));
  check_goodbye(c, ErrorCode::corrupt, "no frame");
}

TEST_CASE("before its handshake a connection may not announce a large frame") {
  Conversation c;
  std::vector<std::byte> header;
  frame::append_header(header, limits::handshake_input_max_bytes, 0);
  CHECK(c.receive(text_of(Bytes(header))) == 0);
  check_goodbye(c, ErrorCode::too_large, "4096");
}

TEST_CASE("a connection that never says Hello is ended after five seconds") {
  Conversation c;
  CHECK(c.face->next_due() == c.port.now_ms + limits::handshake_timeout_ms);
  c.face->tick(c.port.now_ms + limits::handshake_timeout_ms - 1);
  CHECK_FALSE(c.face->closing());
  c.face->tick(c.port.now_ms + limits::handshake_timeout_ms);
  check_goodbye(c, ErrorCode::timed_out, "no Hello");
}

TEST_CASE("a second Hello is refused and the connection goes on") {
  Conversation c;
  c.open();
  c.receive(hello_frame());
  CHECK(c.only_said().as<fb::Refused>().code() == static_cast<std::uint16_t>(ErrorCode::wrong_state));
  CHECK_FALSE(c.face->closing());
}

TEST_CASE("nothing is consumed once the connection is closing") {
  Conversation c;
  c.open();
  c.face->shut_down("the broker stops");
  CHECK(c.only_said().as<fb::Goodbye>().text()->string_view() == "the broker stops");
  CHECK(c.receive(hello_frame()) == 0);
}

TEST_CASE("a client's Goodbye closes without an answer") {
  Conversation c;
  c.open();
  c.request([](auto& b) { return fb::CreateGoodbyeDirect(b, 0, "done"); }, 0);
  CHECK(c.face->closing());
  CHECK(c.said().empty());
}
