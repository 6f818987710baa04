// Exchanges and bindings: declaring, deleting, routing of every kind.
#include "doctest/doctest.h"
#include "tests/support/core_fixture.h"

namespace tandem::core {
namespace {

using Numbers = std::vector<std::uint64_t>;

bool is_routed(CoreFixture& f, const std::string& exchange, const std::string& key,
               const Table& headers = {}) {
  f.take<Returned>();
  f.publish({.exchange = exchange, .key = key, .persistent = false, .headers = headers}, true);
  return f.take<Returned>().empty();
}

TEST_CASE("the predeclared exchanges are there and cannot be deleted or declared anew as something else") {
  CoreFixture f;
  for (const auto name : {"amq.direct", "amq.fanout", "amq.topic", "amq.headers", "amq.match"}) {
    f.give(DeclareExchange{.who = f.caller(), .name = name, .passive = true});
    CHECK(f.take<Ok>().size() == 1);
    f.give(DeleteExchange{f.caller(), name, false});
    CHECK(f.take_refusal() == ErrorCode::access_refused);
  }
  f.declare_exchange("amq.direct", ExchangeKind::fanout);
  CHECK(f.take_refusal() == ErrorCode::inequivalent);
  f.declare_exchange("amq.mine", ExchangeKind::fanout);
  CHECK(f.take_refusal() == ErrorCode::access_refused);
}

TEST_CASE("the default exchange is not declared, deleted or bound") {
  CoreFixture f;
  f.declare_queue("q");
  f.declare_exchange("", ExchangeKind::direct);
  CHECK(f.take_refusal() == ErrorCode::access_refused);
  f.give(DeleteExchange{f.caller(), "", false});
  CHECK(f.take_refusal() == ErrorCode::access_refused);
  f.bind("", "q", "k");
  CHECK(f.take_refusal() == ErrorCode::access_refused);
  f.give(Unbind{f.caller(), "", DestinationKind::queue, "q", "k", nullptr});
  CHECK(f.take_refusal() == ErrorCode::access_refused);
}

TEST_CASE("a redeclare with other properties is refused and says which") {
  CoreFixture f;
  f.declare_exchange("x", ExchangeKind::direct);
  f.sends.clear();
  f.give(DeclareExchange{.who = f.caller(), .name = "x", .durable = false});
  const auto refused = f.take_one<Refused>();
  REQUIRE(refused);
  CHECK(refused->refusal.code == ErrorCode::inequivalent);
  CHECK(refused->refusal.argument == "durable");
  CHECK(refused->refusal.received == "false");
  CHECK(refused->refusal.current == "true");
  f.declare_exchange("x", ExchangeKind::direct);
  CHECK(f.take<Ok>().size() == 1);
}

TEST_CASE("publishing to an exchange that is not there or internal is refused") {
  CoreFixture f;
  f.give(DeclareExchange{.who = f.caller(), .name = "inner", .internal = true});
  f.publish({.exchange = "inner"});
  CHECK(f.take_refusal() == ErrorCode::access_refused);
  f.publish({.exchange = "nowhere"});
  CHECK(f.take_refusal() == ErrorCode::not_found);
}

TEST_CASE("an unroutable message is confirmed, and a mandatory one is returned before its confirm") {
  CoreFixture f;
  f.publish({.exchange = "amq.direct", .key = "k"});
  CHECK(f.take<Confirmed>().size() == 1);
  f.publish({.exchange = "amq.direct", .key = "k"}, true);
  REQUIRE(f.sends.size() == 2);
  CHECK(std::holds_alternative<Returned>(f.sends[0]));
  CHECK(std::get<Confirmed>(f.sends[1]).nack == false);
}

TEST_CASE("direct: the routing key is the binding key") {
  CoreFixture f;
  f.declare_queue("q");
  f.bind("amq.direct", "q", "red");
  CHECK(is_routed(f, "amq.direct", "red"));
  CHECK_FALSE(is_routed(f, "amq.direct", "blue"));
  f.give(Unbind{f.caller(), "amq.direct", DestinationKind::queue, "q", "red", nullptr});
  CHECK_FALSE(is_routed(f, "amq.direct", "red"));
}

TEST_CASE("a queue gets a message once however many bindings match") {
  CoreFixture f;
  f.declare_queue("q");
  f.bind("amq.topic", "q", "a.#");
  f.bind("amq.topic", "q", "#");
  f.bind("amq.topic", "q", "*.b");
  f.publish({.exchange = "amq.topic", .key = "a.b"});
  CHECK(f.drain("q").size() == 1);
}

TEST_CASE("fanout: every bound queue, whatever the key") {
  CoreFixture f;
  for (const auto name : {"a", "b", "c"}) {
    f.declare_queue(name);
    f.bind("amq.fanout", name, "");
  }
  f.publish({.exchange = "amq.fanout", .key = "anything"});
  for (const auto name : {"a", "b", "c"}) CHECK(f.drain(name).size() == 1);
}

struct Pattern {
  const char* pattern;
  const char* key;
  bool matches;
};

TEST_CASE("pattern: stars are one word, hashes any number of words, words may be empty") {
  for (const auto& [pattern, key, matches] : {Pattern{"a.b", "a.b", true},
                                              {"a.b", "a.b.c", false},
                                              {"a.b", "a", false},
                                              {"*", "a", true},
                                              {"*", "", false},
                                              {"*", "a.b", false},
                                              {"*.*", "a.", true},
                                              {"*.*", ".", true},
                                              {"#", "", true},
                                              {"#", "a", true},
                                              {"#", "a.b.c", true},
                                              {"#", "..", true},
                                              {"#.#", "", true},
                                              {"#.#.#", "a.b", true},
                                              {"#.*", "", false},
                                              {"#.*", "a", true},
                                              {"*.#", "a", true},
                                              {"a.#", "a", true},
                                              {"a.#", "a.", true},
                                              {"a.#", "ab", false},
                                              {"a.#", "a.b.c", true},
                                              {"#.a", "a", true},
                                              {"#.a", "b.c.a", true},
                                              {"#.a", "a.b", false},
                                              {"a.#.b", "a.b", true},
                                              {"a.#.b", "a.x.y.b", true},
                                              {"a.#.b", "a.x.y", false},
                                              {"a.#.b.#.c", "a.b.b.c", true},
                                              {"a.#.b.#.c", "a.c", false},
                                              {"", "", true},
                                              {"", "a", false},
                                              {"a..b", "a..b", true},
                                              {"a.*.b", "a..b", true},
                                              {"a..b", "a.b", false},
                                              {".a", ".a", true},
                                              {"a.", "a", false},
                                              {"a*", "ab", false},
                                              {"a#", "a", false},
                                              {"*a", "ba", false}}) {
    CoreFixture f;
    f.declare_queue("q");
    f.bind("amq.topic", "q", pattern);
    CAPTURE(pattern);
    CAPTURE(key);
    CHECK(is_routed(f, "amq.topic", key) == matches);
    f.give(Unbind{f.caller(), "amq.topic", DestinationKind::queue, "q", pattern, nullptr});
    CHECK_FALSE(is_routed(f, "amq.topic", key));
  }
}

TEST_CASE("pattern: removing one binding leaves those that share its words") {
  CoreFixture f;
  f.declare_queue("q");
  f.bind("amq.topic", "q", "a.b");
  f.bind("amq.topic", "q", "a.b.c");
  f.bind("amq.topic", "q", "a.*");
  f.give(Unbind{f.caller(), "amq.topic", DestinationKind::queue, "q", "a.b", nullptr});
  CHECK(is_routed(f, "amq.topic", "a.b"));
  CHECK(is_routed(f, "amq.topic", "a.b.c"));
  f.give(Unbind{f.caller(), "amq.topic", DestinationKind::queue, "q", "a.*", nullptr});
  CHECK_FALSE(is_routed(f, "amq.topic", "a.b"));
  CHECK(is_routed(f, "amq.topic", "a.b.c"));
}

TEST_CASE("headers: all, any, and their forms with x-") {
  const Table both{{"colour", "red"}, {"size", 3}};
  const Table with_x{{"x-kind", "a"}, {"colour", "red"}};
  struct Rule {
    Table arguments, headers;
    bool matches;
  };
  for (const auto& [arguments, headers, matches] :
       {Rule{{{"x-match", "all"}, {"colour", "red"}}, both, true},
        {{{"colour", "red"}, {"size", 4}}, both, false},
        {{{"x-match", "any"}, {"colour", "red"}, {"size", 4}}, both, true},
        {{{"x-match", "any"}, {"colour", "blue"}}, both, false},
        {{{"size", std::int64_t{3}}}, both, true},
        {{{"colour", Value()}}, both, true},
        {{{"weight", Value()}}, both, false},
        {{{"x-match", "all"}, {"x-kind", "b"}, {"colour", "red"}}, with_x, true},
        {{{"x-match", "all-with-x"}, {"x-kind", "b"}, {"colour", "red"}}, with_x, false},
        {{{"x-match", "any-with-x"}, {"x-kind", "a"}, {"colour", "blue"}}, with_x, true},
        {{}, both, true},
        {{{"x-match", "any"}}, both, false}}) {
    CoreFixture f;
    f.declare_queue("q");
    f.bind("amq.headers", "q", "", arguments);
    CAPTURE(to_text(Value(arguments)));
    CHECK(is_routed(f, "amq.headers", "", headers) == matches);
  }
}

TEST_CASE("headers: a bad x-match is refused") {
  CoreFixture f;
  f.declare_queue("q");
  f.bind("amq.headers", "q", "", {{"x-match", "some"}});
  CHECK(f.take_refusal() == ErrorCode::invalid_argument);
  f.bind("amq.headers", "q", "", {{"x-match", 1}});
  CHECK(f.take_refusal() == ErrorCode::invalid_argument);
}

TEST_CASE("consistent hash: one queue per key, always the same, in proportion to the weights") {
  CoreFixture f;
  f.declare_exchange("h", ExchangeKind::consistent_hash);
  f.declare_queue("light");
  f.declare_queue("heavy");
  f.bind("h", "light", "1");
  f.bind("h", "heavy", "3");
  f.bind("h", "light", "no number");
  CHECK(f.take_refusal() == ErrorCode::invalid_argument);
  for (int round = 0; round < 2; ++round)
    for (int i = 0; i < 400; ++i) f.publish({.exchange = "h", .key = std::to_string(i), .persistent = false});
  const auto light = f.queue("light").ready, heavy = f.queue("heavy").ready;
  CHECK(light + heavy == 800);
  CHECK(light % 2 == 0);
  CHECK(heavy > light * 2);
  CHECK(heavy < light * 4);
}

TEST_CASE("consistent hash: a property can be hashed instead of the routing key") {
  CoreFixture f;
  f.declare_exchange("h", ExchangeKind::consistent_hash, {{"hash-property", "message_id"}});
  for (const auto name : {"a", "b"}) f.declare_queue(name), f.bind("h", name, "1");
  const auto publish = [&f](std::string_view id, std::string_view key) {
    MessageView view = f.view_of({.exchange = "h", .key = std::string(key), .persistent = false});
    view.properties.message_id = id;
    f.give(Publish{f.caller(), 0, false, view});
  };
  for (int i = 0; i < 50; ++i) publish("same", std::to_string(i));
  const auto a = f.queue("a").ready, b = f.queue("b").ready;
  CHECK(std::max(a, b) == 50);
  for (int i = 0; i < 200; ++i) publish(std::to_string(i), "same");
  CHECK(f.queue("a").ready > a + 50);
  CHECK(f.queue("b").ready > b + 50);
  f.declare_exchange("x", ExchangeKind::consistent_hash, {{"hash-property", "body"}});
  CHECK(f.take_refusal() == ErrorCode::invalid_argument);
  f.declare_exchange("x", ExchangeKind::consistent_hash, {{"hash-property", "timestamp"}, {"hash-header", "h"}});
  CHECK(f.take_refusal() == ErrorCode::invalid_argument);
}

TEST_CASE("exchanges bound to exchanges pass messages on, and a circle ends") {
  CoreFixture f;
  f.declare_exchange("a", ExchangeKind::fanout);
  f.declare_exchange("b", ExchangeKind::fanout);
  f.declare_queue("q");
  f.bind_exchange("a", "b", "");
  f.bind_exchange("b", "a", "");
  f.bind("b", "q", "");
  f.publish({.exchange = "a"});
  CHECK(f.drain("q").size() == 1);
}

TEST_CASE("what nothing takes goes to the alternate exchange, and a circle of them ends") {
  CoreFixture f;
  f.declare_exchange("a", ExchangeKind::direct, {{"alternate-exchange", "b"}});
  f.declare_exchange("b", ExchangeKind::direct, {{"alternate-exchange", "a"}});
  f.declare_queue("q");
  f.bind("b", "q", "k");
  CHECK(is_routed(f, "a", "k"));
  CHECK_FALSE(is_routed(f, "a", "other"));
}

TEST_CASE("CC and BCC are further routing keys, and must be arrays; what is no text in them is passed over") {
  CoreFixture f;
  for (const auto name : {"a", "b", "c"}) f.declare_queue(name);
  f.publish({.key = "a", .headers = {{"CC", Array{"b", "a"}}, {"BCC", Array{"c"}}}});
  for (const auto name : {"a", "b", "c"}) CHECK(f.drain(name).size() == 1);
  f.publish({.key = "a", .headers = {{"CC", Array{"b", 5}}, {"BCC", Array{Value()}}}});
  CHECK(f.take_refusal() == ErrorCode::none);
  for (const auto name : {"a", "b"}) CHECK(f.drain(name).size() == 1);
  f.publish({.key = "a", .headers = {{"CC", 1}}});
  CHECK(f.take_refusal() == ErrorCode::invalid_argument);
}

TEST_CASE("binding twice is one binding; other arguments are another one") {
  CoreFixture f;
  f.declare_queue("q");
  f.bind("amq.direct", "q", "k");
  f.bind("amq.direct", "q", "k");
  f.bind("amq.direct", "q", "k", {{"a", 1}});
  f.give(Describe{f.caller(), Subject::bindings, "q"});
  CHECK(f.take<Described>().at(0).bindings.size() == 2);
}

TEST_CASE("binding needs both ends; unbinding does not") {
  CoreFixture f;
  f.declare_queue("q");
  f.bind("nowhere", "q", "k");
  CHECK(f.take_refusal() == ErrorCode::not_found);
  f.bind("amq.direct", "nothing", "k");
  CHECK(f.take_refusal() == ErrorCode::not_found);
  f.give(Unbind{f.caller(), "nowhere", DestinationKind::queue, "q", "k", nullptr});
  CHECK(f.take_refusal() == ErrorCode::none);
}

TEST_CASE("an auto-delete exchange goes with its last binding, and so may those before it") {
  CoreFixture f;
  f.declare_exchange("outer", ExchangeKind::fanout, {}, true);
  f.declare_exchange("inner", ExchangeKind::fanout, {}, true);
  f.declare_queue("q");
  f.bind_exchange("outer", "inner", "");
  f.bind("inner", "q", "");
  f.give(DeleteQueue{f.caller(), "q", false, false});
  for (const auto name : {"outer", "inner"}) {
    f.give(DeclareExchange{.who = f.caller(), .name = name, .passive = true});
    CHECK(f.take_refusal() == ErrorCode::not_found);
  }
}

TEST_CASE("an exchange in use is not deleted when that is asked for; an absent one always is") {
  CoreFixture f;
  f.declare_exchange("x", ExchangeKind::fanout);
  f.declare_queue("q");
  f.bind("x", "q", "");
  f.give(DeleteExchange{f.caller(), "x", true});
  CHECK(f.take_refusal() == ErrorCode::in_use);
  f.give(DeleteExchange{f.caller(), "x", false});
  f.give(DeleteExchange{f.caller(), "x", false});
  CHECK(f.take_refusal() == ErrorCode::none);
}

TEST_CASE("a restart keeps durable exchanges and the bindings between durable ends, and nothing else") {
  CoreFixture f;
  f.declare_exchange("x", ExchangeKind::direct);
  f.give(DeclareExchange{.who = f.caller(), .name = "lost", .durable = false});
  f.declare_queue("q");
  f.declare_queue("gone", {}, false);
  f.bind("x", "q", "k");
  f.bind("x", "gone", "k2");
  f.bind("lost", "q", "k");
  f.restart(false);
  CHECK(is_routed(f, "x", "k"));
  CHECK_FALSE(is_routed(f, "x", "k2"));
  f.publish({.exchange = "lost"});
  CHECK(f.take_refusal() == ErrorCode::not_found);
}

TEST_CASE("what goes wrong with a message's properties is refused") {
  CoreFixture f;
  f.give(ConnectionOpened{ConnectionId(1), "alice", "", ""});
  f.declare_queue("q");
  for (const auto bad : {"soon", "-1", "1.5", "9999999999999999"}) {
    f.publish({.key = "q", .expiration = bad});
    CHECK(f.take_refusal() == ErrorCode::invalid_argument);
  }
  f.publish({.key = "q", .user_id = "bob"});
  CHECK(f.take_refusal() == ErrorCode::invalid_argument);
  f.publish({.key = "q", .user_id = "alice"});
  CHECK(f.take_refusal() == ErrorCode::none);
  f.publish({.key = "q", .size_bytes = 33u << 20});
  CHECK(f.take_refusal() == ErrorCode::too_large);
}

}  // namespace
}  // namespace tandem::core
