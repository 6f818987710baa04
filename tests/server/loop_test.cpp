#include "broker/server/loop.h"

#include <doctest/doctest.h>

#include "tests/server/loop_fixture.h"

namespace tandem::server {

TEST_CASE("a message is confirmed and delivered once it is on disk, and not before") {
  LoopFixture t;
  LineClient client(t.loop);
  REQUIRE(t.ask(client, "declare q") == "ok\n");
  REQUIRE(t.ask(client, "subscribe q") == "ok\n");
  client.say("publish q hello");
  t.settle();
  CHECK(client.heard().empty());
  CHECK(t.store->flushes > 0);
  t.persist();
  const std::string heard = client.heard();
  CHECK(heard.find("confirmed 1-1\n") != std::string::npos);
  CHECK(heard.find("deliver 1 hello\n") != std::string::npos);
}

TEST_CASE("deliveries whose bytes come from disk keep their order") {
  LoopFixture t;
  LineClient publisher(t.loop), consumer(t.loop);
  t.ask(publisher, "declare q");
  for (const char* body : {"one", "two", "three"}) t.ask(publisher, std::string("publish q ") + body);
  for (auto& [handle, body] : t.store->bodies)
    body.second = body.first.bytes.size() % 2 == 0;  // some are cold
  t.store->bodies.begin()->second.second = false;
  consumer.say("subscribe q");
  t.settle();
  t.persist();
  while (!t.store->reads.empty()) {
    t.store->answer_read();
    t.settle();
  }
  CHECK(consumer.heard() == "ok\ndeliver 1 one\ndeliver 2 two\ndeliver 3 three\n");
}

TEST_CASE("a body that cannot be read is delivered as unreadable, and the next one follows") {
  LoopFixture t;
  LineClient client(t.loop);
  t.ask(client, "declare q");
  t.ask(client, "publish q one");
  t.ask(client, "publish q two");
  t.store->bodies.erase(t.store->bodies.begin());
  client.say("subscribe q");
  t.settle();
  t.persist();
  REQUIRE(t.store->reads.size() == 1);
  t.store->answer_read();
  t.settle();
  CHECK(client.heard() == "ok\ndeliver 1 (unreadable)\ndeliver 2 two\n");
}

TEST_CASE("a message that no queue takes is unstaged, unless its publisher wants it back") {
  LoopFixture t;
  LineClient client(t.loop);
  CHECK(t.ask(client, "publish nowhere gone") == "confirmed 1-1\n");
  CHECK(t.store->unstaged == 1);
  CHECK(t.ask(client, "mandatory nowhere back") == "returned back\nconfirmed 2-2\n");
  CHECK(t.store->unstaged == 1);
}

TEST_CASE("nobody is read while the disk is behind") {
  LoopFixture t;
  LineClient client(t.loop);
  t.store->is_behind = true;
  client.say("declare q");
  t.settle();
  CHECK(t.store->records.empty());
  LineFace::excuses = 0;
  t.store->is_behind = false;
  t.reactor.post([] {});  // as a finished write does
  t.settle();
  CHECK_FALSE(t.store->records.empty());
  CHECK(LineFace::excuses == 1);  // its silence was the broker's doing
  t.settle();
  CHECK(LineFace::excuses == 1);
}

TEST_CASE("connections that ask for much take turns, and what they said before they closed is done") {
  LoopFixture f;
  LineFace::toils.clear();
  LineClient a(f.loop), b(f.loop);
  f.settle();
  a.say("toil\ntoil\ntoil\ntoil");
  b.say("toil\ntoil\ntoil\ntoil");
  b.close();
  f.settle();
  REQUIRE(LineFace::toils.size() == 8);
  for (std::size_t i = 2; i < 8; ++i) CHECK(LineFace::toils[i] == LineFace::toils[i - 2]);
  CHECK(LineFace::toils[0] != LineFace::toils[1]);
}

TEST_CASE("what a connection held goes to another when it closes") {
  LoopFixture t;
  LineClient first(t.loop), second(t.loop);
  t.ask(first, "declare q");
  t.ask(first, "subscribe q");
  CHECK(t.ask(first, "publish q hello").find("deliver 1 hello") != std::string::npos);
  t.ask(second, "subscribe q");
  first.close();
  t.settle();
  t.persist();
  CHECK(second.heard() == "deliver 1 hello\n");
}

TEST_CASE("a goodbye is read to its end before the connection closes") {
  LoopFixture t;
  LineClient client(t.loop);
  client.say("quit");
  client.say("declare never");
  t.settle();
  CHECK(client.heard() == "bye as you wish\n");
  CHECK(client.at_end());
  CHECK(t.store->records.empty());
}

TEST_CASE("a consumer that does not read gets a bounded part, and the rest when it reads") {
  LoopFixture t;
  LineClient publisher(t.loop), consumer(t.loop);
  t.ask(publisher, "declare q");
  const std::string body(100'000, 'x');
  constexpr int count = 200;
  for (int i = 0; i < count; ++i) REQUIRE(t.ask(publisher, "publish q " + body).find("confirmed") == 0);
  consumer.say("subscribe q");
  t.settle();
  t.persist();
  std::size_t heard = 0;
  for (std::string part; !(part = consumer.heard()).empty(); t.persist()) heard += part.size();
  CHECK(heard > count * body.size());
  CHECK(heard < count * (body.size() + 30));
}

TEST_CASE("publishers are held back while disk space is short, and consumers go on") {
  LoopFixture t;
  LineClient publisher(t.loop), consumer(t.loop);
  t.ask(publisher, "declare q");
  t.ask(publisher, "publish q before");
  t.loop.disk_short(true, 1000);
  t.settle();
  CHECK(publisher.heard() == "held\n");
  CHECK(t.ask(consumer, "subscribe q").find("deliver 1 before\n") != std::string::npos);

  t.ask(publisher, "publish q at-the-limit");  // shows that it publishes: from now on it is not read
  const std::size_t records = t.store->records.size();
  publisher.say("publish q later");
  t.settle();
  CHECK(t.store->records.size() == records);

  t.loop.disk_short(false, 1ull << 40);
  t.settle();
  t.persist();
  CHECK(publisher.heard().find("released\n") != std::string::npos);
  CHECK(consumer.heard().find("later\n") != std::string::npos);
}

TEST_CASE("after a failed write nothing more is said") {
  LoopFixture t;
  LineClient client(t.loop);
  t.ask(client, "declare q");
  client.say("publish q hello");
  t.settle();
  t.loop.failed({ErrorCode::internal, "write of journal failed: No space left on device"});
  t.loop.persisted(t.store->written.back());
  const auto end = t.loop.run();
  REQUIRE_FALSE(end.ok());
  CHECK(end.error().text.find("No space left") != std::string::npos);
  CHECK(client.heard().empty());
}

TEST_CASE("an orderly stop persists and confirms what was taken, says goodbye and closes the store") {
  LoopFixture t;
  LineClient client(t.loop);
  t.ask(client, "declare q");
  client.say("publish q hello");
  t.settle();
  t.loop.stop("SIGTERM");
  t.settle();
  CHECK(client.heard().empty());
  t.loop.persisted(t.store->written.back());
  REQUIRE(t.loop.run().ok());
  CHECK(client.heard() == "confirmed 1-1\nbye SIGTERM\n");
  CHECK(client.at_end());
  CHECK(t.store->closed);
}

TEST_CASE("a client that never reads does not keep the broker from stopping") {
  LoopFixture t;
  LineClient publisher(t.loop), deaf(t.loop);
  t.ask(publisher, "declare q");
  for (int i = 0; i < 20; ++i) t.ask(publisher, "publish q " + std::string(60'000, 'x'));
  deaf.say("subscribe q");
  t.settle();
  t.persist();
  t.loop.stop("SIGTERM");
  t.loop.persisted(t.store->written.back());
  CHECK(t.loop.run().ok());
  CHECK(t.store->closed);
}

}  // namespace tandem::server
