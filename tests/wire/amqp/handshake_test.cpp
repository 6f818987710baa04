#include <doctest/doctest.h>

#include "tests/wire/amqp/amqp_world.h"

using namespace tandem;
using namespace tandem::wire;
using namespace tandem::wire::amqp;
using namespace tandem::wire::amqp::test;

namespace {

constexpr std::string_view header("AMQP\0\0\x09\x01", 8);

/// What a client with these options hears last, and whether it is let go.
struct Ending {
  std::string last;
  bool closing;
};
Ending ending_of(const ClientOptions& options, LoginVerdict (*login)(const Login&) = nullptr) {
  World world;
  world.login = login;
  Client client(world, Client::Silent{}, options.loopback);
  client.feed(handshake_bytes(options));
  const auto heard = client.heard();
  return {heard.empty() ? "" : heard.back(), client.face().closing()};
}

}  // namespace

TEST_CASE("a client that says who it is gets start, tune, open-ok and its channel") {
  World world;
  Client client(world, Client::Silent{});
  client.feed(handshake_bytes());
  const auto heard = client.heard();
  REQUIRE(heard.size() == 4);
  CHECK(heard[0].starts_with("0 connection.start version-major=0 version-minor=9 server-properties="));
  CHECK(heard[0].find("publisher_confirms: true") != std::string::npos);
  CHECK(heard[0].ends_with("mechanisms=PLAIN AMQPLAIN locales=en_US"));
  CHECK(heard[1] == "0 connection.tune channel-max=2047 frame-max=131072 heartbeat=60");
  CHECK(heard[2] == "0 connection.open-ok");
  CHECK(heard[3] == "1 channel.open-ok");
}

TEST_CASE("another protocol is told what is spoken here, as soon as it shows") {
  for (const std::string_view sent :
       {std::string_view("AMQP\x00\x01\x00\x00", 8), std::string_view("GET / HTTP/1.1"),
        std::string_view("AMQP\x01\x01\x64\x03", 8), std::string_view("X")}) {
    World world;
    Client client(world, Client::Silent{});
    client.feed(bytes_of(sent));
    CHECK(text_of(client.heard_bytes()) == header);
    CHECK(client.face().closing());
  }
}

TEST_CASE("the header of AMQP 0-9 is taken for 0-9-1") {
  World world;
  Client client(world, Client::Silent{});
  client.feed(bytes_of(std::string_view("AMQP\x01\x01\0\x09", 8)));
  CHECK(client.heard().size() == 1);
  CHECK_FALSE(client.face().closing());
}

TEST_CASE("a wrong password is refused in words to a client that understands them") {
  const Ending ending = ending_of({.password = "wrong"});
  CHECK(
      ending.last ==
      "0 connection.close reply-code=403 reply-text=ACCESS_REFUSED - Login was refused using authentication "
      "mechanism PLAIN. For details see the broker logfile. class-id=0 method-id=0");
  CHECK_FALSE(ending.closing);
}

TEST_CASE("who is refused may answer, within the time to log in") {
  World world;
  Client client(world, Client::Silent{});
  client.feed(bytes_of(header));
  world.now_ms += 1000;
  client.feed(Bytes(handshake_bytes({.password = "wrong"})).subspan(header.size()));
  CHECK_FALSE(client.face().closing());
  SUBCASE("it does") {
    client.call(0, Method::connection_close_ok, {});
  }
  SUBCASE("it does not") {
    CHECK(client.face().next_due() == world.now_ms + 4000);
    world.now_ms += 4000;
    world.tick();
  }
  CHECK(client.face().closing());
}

TEST_CASE("a wrong password is refused without words to a client that would not understand them") {
  const Ending ending = ending_of({.password = "wrong", .capabilities = false});
  CHECK(ending.last.starts_with("0 connection.start"));
  CHECK(ending.closing);
}

TEST_CASE("guest is for this machine only") {
  CHECK(ending_of({.loopback = false}).last.find("403") != std::string::npos);
  CHECK(ending_of({.loopback = true}).last == "1 channel.open-ok");
}

TEST_CASE("users of the broker are asked about") {
  const auto app_only = [](const Login& login) {
    return login.user == "app" && login.password == "secret" ? LoginVerdict::welcome : LoginVerdict::unknown;
  };
  CHECK(ending_of({.user = "app", .password = "secret", .loopback = false}, app_only).last == "1 channel.open-ok");
  CHECK(ending_of({.user = "app", .password = "other"}, app_only).last.find("403") != std::string::npos);
  CHECK(ending_of({}, app_only).last.find("403") != std::string::npos);
}

TEST_CASE("a user without permissions may not open the virtual host") {
  const auto nobody_may = [](const Login&) { return LoginVerdict::not_permitted; };
  CHECK(ending_of({.user = "barred", .password = "x"}, nobody_may).last ==
        "0 connection.close reply-code=530 reply-text=NOT_ALLOWED - access to vhost '/' refused for user 'barred' "
        "class-id=10 method-id=40");
}

TEST_CASE("an unknown mechanism is refused") {
  CHECK(ending_of({.mechanism = "EXTERNAL"}).last ==
        "0 connection.close reply-code=503 reply-text=COMMAND_INVALID - unknown authentication mechanism "
        "'EXTERNAL' "
        "class-id=10 method-id=11");
}

TEST_CASE("a virtual host other than / is not found") {
  CHECK(ending_of({.vhost = "nowhere"}).last ==
        "0 connection.close reply-code=530 reply-text=NOT_ALLOWED - vhost nowhere not found class-id=10 "
        "method-id=40");
}

TEST_CASE("numbers in tune-ok that were not offered are refused") {
  CHECK(ending_of({.frame_max = 100}).last ==
        "0 connection.close reply-code=530 reply-text=NOT_ALLOWED - negotiated frame_max = 100 is lower than "
        "the "
        "minimum allowed value (4096) class-id=10 method-id=30");
  CHECK(ending_of({.frame_max = 131073}).last.find("higher than the maximum allowed value (131072)") !=
        std::string::npos);
  CHECK(ending_of({.frame_max = 0}).last.find("frame_max = 0 (no limit) is higher") != std::string::npos);
  CHECK(ending_of({.channel_max = 0}).last.find("channel_max = 0 (no limit) is higher") != std::string::npos);
  CHECK(ending_of({.channel_max = 2048}).last.find("channel_max = 2048 is higher") != std::string::npos);
  CHECK(ending_of({.channel_max = 1, .frame_max = 4096}).last == "1 channel.open-ok");
}

TEST_CASE("before login a frame has at most four kibibytes") {
  World world;
  Client client(world, Client::Silent{});
  client.feed(bytes_of(header));
  client.heard();
  CHECK(client.face().input_size_wanted_bytes() <= limits::handshake_input_max_bytes);
  client.feed(raw_frame(1, 0, Buffer(4089)));
  CHECK(client.heard().at(0) ==
        "0 connection.close reply-code=501 reply-text=FRAME_ERROR - type 1, all octets = <<>>: "
        "{frame_too_large,4089,4080} class-id=0 method-id=0");
  CHECK(client.face().closing());
}

TEST_CASE("a client that does not finish its handshake in five seconds is let go") {
  World world;
  Client client(world, Client::Silent{});
  client.feed(bytes_of(header));
  CHECK(client.face().next_due() == world.now_ms + 5000);
  world.now_ms += 4999;
  world.tick();
  CHECK_FALSE(client.face().closing());
  world.now_ms += 1;
  world.tick();
  CHECK(client.face().closing());
}

TEST_CASE("a method of the handshake out of its turn is a channel error") {
  World world;
  Client client(world);
  client.call(0, Method::connection_tune_ok, {1, 8192, 0});
  CHECK(client.heard_text() ==
        "0 connection.close reply-code=504 reply-text=CHANNEL_ERROR - unexpected method in connection state "
        "running "
        "class-id=10 method-id=31");
}

TEST_CASE("close is answered, and the peer then ends the connection, or it ends after five seconds") {
  World world;
  Client client(world);
  client.call(0, Method::connection_close, {200, "bye", 0, 0});
  CHECK(client.heard_text() == "0 connection.close-ok");
  client.declare_queue("q");
  CHECK(client.heard_text() == "");
  CHECK_FALSE(client.face().closing());
  world.now_ms += 5000;
  world.tick();
  CHECK(client.face().closing());
}

TEST_CASE("after our close only its answer counts, and it must come in time") {
  World world;
  Client client(world);
  client.call(0, Method::basic_qos, {0, 1, false});  // no method of channel 0
  CHECK(client.heard_text().find("reply-code=504") != std::string::npos);
  client.declare_queue("q");
  CHECK(client.heard_text() == "");
  SUBCASE("it comes") {
    client.call(0, Method::connection_close_ok, {});
  }
  SUBCASE("the peer closes too") {
    client.call(0, Method::connection_close, {200, "", 0, 0});
    CHECK(client.heard_text() == "0 connection.close-ok");
  }
  SUBCASE("it does not come") {
    world.now_ms += 5000;
    world.tick();
  }
  CHECK(client.face().closing());
}

TEST_CASE("heartbeats are said every half interval, and two intervals of silence end the connection") {
  World world;
  Client client(world, {.heartbeat_s = 10});
  CHECK(client.face().next_due() == world.now_ms + 5000);
  world.now_ms += 5000;
  world.tick();
  CHECK(client.heard_text() == "0 heartbeat");
  world.now_ms += 5000;
  client.feed(raw_frame(8, 0, {}));
  world.now_ms += 19'999;
  client.face().excuse_silence(world.now_ms);  // it was not read until now
  world.now_ms += 19'999;
  world.tick();
  CHECK_FALSE(client.face().closing());
  world.now_ms += 1;
  world.tick();
  CHECK(client.face().closing());
}

TEST_CASE("without heartbeats nothing is due") {
  World world;
  Client client(world, {.heartbeat_s = 0});
  CHECK(client.face().next_due() == std::numeric_limits<TimestampMs>::max());
}

TEST_CASE("a renewed secret is accepted") {
  World world;
  Client client(world);
  client.call(0, Method::connection_update_secret, {"new", "expired"});
  CHECK(client.heard_text() == "0 connection.update-secret-ok");
}

TEST_CASE("a broker that stops says why") {
  World world;
  Client client(world);
  client.face().shut_down("shutdown");
  CHECK(client.heard_text() ==
        "0 connection.close reply-code=320 reply-text=CONNECTION_FORCED - broker forced connection closure "
        "with "
        "reason 'shutdown' class-id=0 method-id=0");
  CHECK(client.face().closing());
}

TEST_CASE("publishers are told when they are held back, others are not") {
  World world;
  Client publisher(world), other(world);
  publisher.publish("", "nowhere", "x");
  publisher.face().publishers_held(true, "low on disk");
  other.face().publishers_held(true, "low on disk");
  CHECK(publisher.heard_text() == "0 connection.blocked reason=low on disk");
  CHECK(other.heard_text() == "");
  other.publish("", "nowhere", "x");
  CHECK(other.heard_text() == "0 connection.blocked reason=low on disk");
  publisher.face().publishers_held(false, "");
  CHECK(publisher.heard_text() == "0 connection.unblocked");
}
