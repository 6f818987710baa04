#include <doctest/doctest.h>

#include "tests/wire/amqp/amqp_world.h"

using namespace tandem;
using namespace tandem::wire::amqp;
using namespace tandem::wire::amqp::test;

namespace {

struct TransactionScene {
  World world;
  Client client{world}, other{world};
  TransactionScene() {
    client.declare_queue("q");
    client.call(1, Method::tx_select, {});
    client.heard();
  }
  std::string text() { return client.heard_text(); }
  void commit() { client.call(1, Method::tx_commit, {}); }
  void rollback() { client.call(1, Method::tx_rollback, {}); }
  std::string ready() {
    other.call(1, Method::queue_declare, {"q", true, false, false, false, false, Bytes{}});
    const std::string line = other.heard_text();
    const auto from = line.find("message-count=") + 14;
    return line.substr(from, line.find(' ', from) - from);
  }
};

}  // namespace

TEST_CASE_FIXTURE(TransactionScene, "publishes of a transaction appear at its commit") {
  client.publish("", "q", "a");
  client.publish("", "q", "b");
  CHECK(ready() == "0");
  commit();
  CHECK(text() == "1 tx.commit-ok");
  CHECK(ready() == "2");
}

TEST_CASE_FIXTURE(TransactionScene, "publishes of a transaction that is rolled back never appear") {
  client.publish("", "q", "a");
  rollback();
  CHECK(text() == "1 tx.rollback-ok");
  commit();
  CHECK(text() == "1 tx.commit-ok");
  CHECK(ready() == "0");
}

TEST_CASE_FIXTURE(TransactionScene, "acks of a transaction count from its commit on") {
  client.publish("", "q", "a");
  commit();
  client.get("q");
  client.call(1, Method::basic_ack, {1, false});
  SUBCASE("committed") {
    commit();
    client.call(1, Method::channel_close, {200, "", 0, 0});
    CHECK(ready() == "0");
  }
  SUBCASE("rolled back") {
    rollback();
    client.call(1, Method::channel_close, {200, "", 0, 0});
    CHECK(ready() == "1");
  }
  SUBCASE("not committed") {
    client.call(1, Method::channel_close, {200, "", 0, 0});
    CHECK(ready() == "1");
  }
}

TEST_CASE_FIXTURE(TransactionScene, "acking all means all of that moment, not of the commit") {
  client.publish("", "q", "a");
  client.publish("", "q", "b");
  commit();
  client.get("q");
  client.call(1, Method::basic_ack, {0, true});
  client.get("q");
  commit();
  client.call(1, Method::channel_close, {200, "", 0, 0});
  CHECK(ready() == "1");
}

TEST_CASE_FIXTURE(TransactionScene, "a publish to an exchange that is not there is refused at once") {
  client.publish("none", "k", "x");
  CHECK(text() ==
        "1 channel.close reply-code=404 reply-text=NOT_FOUND - no exchange 'none' in vhost '/' class-id=60 "
        "method-id=40");
}

TEST_CASE_FIXTURE(TransactionScene, "a publish to an internal exchange is refused at once") {
  client.call(1, Method::exchange_declare,
              {"inside", "fanout", false, true, false, true, false, Bytes(encoded_table(Table()))});
  client.heard();
  client.publish("", "q", "a");
  client.publish("inside", "k", "x");
  CHECK(text() ==
        "1 channel.close reply-code=403 reply-text=ACCESS_REFUSED - cannot publish to internal exchange 'inside' in vhost '/' "
        "class-id=60 method-id=40");
  CHECK(ready() == "0");
}

TEST_CASE_FIXTURE(TransactionScene, "one operation that fails at commit undoes the others") {
  client.declare_exchange("e", "fanout");
  client.heard();
  client.publish("", "q", "a");
  client.publish("e", "", "b");
  other.call(1, Method::exchange_delete, {"e", false, false});
  commit();
  CHECK(text().starts_with("1 channel.close reply-code=404 reply-text=NOT_FOUND - no exchange 'e' in vhost '/'"));
  CHECK(ready() == "0");
}

TEST_CASE_FIXTURE(TransactionScene, "a tag that is not outstanding, or was settled in the transaction, is refused at once") {
  client.publish("", "q", "a");
  client.publish("", "q", "b");
  client.publish("", "q", "c");
  commit();
  for (int i = 0; i < 3; ++i) client.get("q");
  client.heard();
  const auto refused = [this](DeliveryTag tag, bool multiple) {
    client.call(1, Method::basic_ack, {tag, multiple});
    return text() == "1 channel.close reply-code=406 reply-text=PRECONDITION_FAILED - unknown delivery tag " +
                         std::to_string(tag) + " class-id=60 method-id=80";
  };
  SUBCASE("never delivered") { CHECK(refused(9, false)); }
  SUBCASE("never delivered, multiple") { CHECK(refused(9, true)); }
  SUBCASE("settled already") {
    client.call(1, Method::basic_ack, {2, false});
    CHECK(refused(2, false));
  }
  SUBCASE("settled with others") {
    client.call(1, Method::basic_reject, {1, false});
    client.call(1, Method::basic_ack, {2, true});
    CHECK(refused(1, false));
  }
  SUBCASE("again after a rollback, and then committed") {
    client.call(1, Method::basic_ack, {2, true});
    rollback();
    client.call(1, Method::basic_ack, {1, false});
    client.call(1, Method::basic_nack, {2, false, true});
    client.call(1, Method::basic_ack, {0, true});
    commit();
    client.call(1, Method::basic_ack, {0, true});  // nothing is outstanding, which is no fault
    commit();
    CHECK(text() == "1 tx.rollback-ok\n1 tx.commit-ok\n1 tx.commit-ok");
    CHECK(ready() == "1");
  }
}

TEST_CASE_FIXTURE(TransactionScene, "what an open transaction has settled is not recovered") {
  for (const char* body : {"a", "b", "c", "d"}) client.publish("", "q", body);
  commit();
  for (int i = 0; i < 4; ++i) client.get("q");
  client.call(1, Method::basic_ack, {1, true});
  client.call(1, Method::basic_ack, {3, false});
  client.call(1, Method::basic_recover, {true});
  CHECK(ready() == "2");
  rollback();
  client.call(1, Method::basic_recover, {true});
  CHECK(ready() == "4");
}

TEST_CASE_FIXTURE(TransactionScene, "a mandatory message is returned before commit-ok") {
  client.publish("", "nowhere", "x", {}, true);
  CHECK(text() == "");
  commit();
  const auto lines = client.heard();
  REQUIRE(lines.size() == 4);
  CHECK(lines[0].starts_with("1 basic.return reply-code=312"));
  CHECK(lines[3] == "1 tx.commit-ok");
}

TEST_CASE_FIXTURE(TransactionScene, "commit-ok waits for the disk") {
  world.persists_at_once = false;
  Properties persistent;
  persistent.delivery_mode = 2;
  client.publish("", "q", "a", persistent);
  commit();
  CHECK(text() == "");
  world.persist();
  CHECK(text() == "1 tx.commit-ok");
}

TEST_CASE_FIXTURE(TransactionScene, "BCC is routed in a transaction too") {
  client.declare_queue("bcc");
  Properties properties;
  properties.headers = Table{{"BCC", Value(Array{Value("bcc")})}};
  client.publish("", "q", "x", properties);
  commit();
  client.heard();
  client.get("bcc");
  CHECK(client.heard().at(0).starts_with("1 basic.get-ok"));
}

TEST_CASE_FIXTURE(TransactionScene, "a transaction has at most ten thousand operations") {
  for (int i = 0; i < 10'000; ++i) client.publish("", "q", "");
  CHECK(text() == "");
  client.publish("", "q", "");
  CHECK(text().find(
            "reply-code=406 reply-text=PRECONDITION_FAILED - transaction larger than 10000 operations") !=
        std::string::npos);
}
