#include "tandem/client.h"

#include <doctest/doctest.h>

#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/io_context.hpp>
#include <asio/use_awaitable.hpp>
#include <asio/use_future.hpp>
#include <future>

#include "client/driver.h"
#include "tandem/tandem.h"
#include "tests/client/fake_broker.h"

using namespace tandem;
using namespace tandem::testing;
using namespace std::chrono_literals;

namespace {

/// Grants every declare and delete, and answers nothing else.
void grant_declares(FakeBroker& broker, const fb::Envelope& said, Bytes) {
  if (const auto* declare = said.message_as_DeclareQueue())
    broker.answer(said, [&](auto& b) { return fb::CreateQueueOkDirect(b, declare->name()->c_str(), 3, 1); });
  if (said.message_as_DeclareExchange() || said.message_as_Bind()) broker.answer_ok(said);
}

Result<Client> connect_to(FakeBroker& broker) {
  return Client::connect(broker.options());
}

}  // namespace

TEST_CASE("an operation can block, call back, give a future or be awaited") {
  FakeBroker broker(grant_declares);
  auto client = connect_to(broker);
  REQUIRE(client);
  CHECK(client->connected());
  CHECK(client->broker_version() == "0.1");
  CHECK(client->cluster_id() == "test-cluster");
  const DeclareQueue declare{.name = "q"};

  const auto blocking = client->ask(declare);
  REQUIRE(blocking);
  CHECK(blocking->ready == 3);

  std::promise<std::string> called;
  client->ask(declare, [&](Result<QueueStatus> status) { called.set_value(status->name); });
  CHECK(called.get_future().get() == "q");

  CHECK(client->ask(declare, asio::use_future).get()->consumers == 1);

  asio::io_context io;
  std::uint64_t ready = 0;
  asio::co_spawn(
      io,
      [&]() -> asio::awaitable<void> { ready = (co_await client->ask(declare, asio::use_awaitable))->ready; },
      asio::detached);
  io.run();
  CHECK(ready == 3);
}

TEST_CASE("a refusal is an error with the broker's text") {
  FakeBroker broker([](FakeBroker& self, const fb::Envelope& said, Bytes) {
    self.refuse(said, ErrorCode::inequivalent, "queue 'q' is durable");
  });
  auto client = connect_to(broker);
  REQUIRE(client);
  CHECK(client->ask(DeclareQueue{.name = "q"}).error() ==
        Error{ErrorCode::inequivalent, "queue 'q' is durable"});
}

TEST_CASE("connecting fails at once when nobody listens, and in time when nobody answers") {
  ClientOptions nobody;
  nobody.port = 1;
  CHECK(Client::connect(nobody).error().code == ErrorCode::unavailable);

  FakeBroker broker(grant_declares);
  broker.stay_silent();
  auto options = broker.options();
  options.connect_timeout = 30ms;
  CHECK(Client::connect(options).error().code == ErrorCode::timed_out);
}

TEST_CASE("a broker that does not want this client says why") {
  FakeBroker broker(grant_declares);
  broker.say_goodbye_with(ErrorCode::not_authorized);
  CHECK(connect_to(broker).error() == Error{ErrorCode::not_authorized, "not you"});
}

TEST_CASE("a request without an answer fails when its time is over") {
  FakeBroker broker([](FakeBroker&, const fb::Envelope&, Bytes) {});
  auto options = broker.options();
  options.request_timeout = 30ms;
  auto client = Client::connect(options);
  REQUIRE(client);
  CHECK(client->ask(PurgeQueue{.name = "q"}).error().code == ErrorCode::timed_out);
}

TEST_CASE(
    "a broken connection is made again, remembered things are declared again, repeatable requests repeated") {
  std::mutex mutex;
  std::vector<std::string> declared;
  std::atomic<bool> answer_describe{false};
  FakeBroker broker([&](FakeBroker& self, const fb::Envelope& said, Bytes payload) {
    grant_declares(self, said, payload);
    std::lock_guard lock(mutex);
    if (const auto* queue = said.message_as_DeclareQueue()) declared.push_back(queue->name()->str());
    if (said.message_as_Describe()) {
      declared.push_back("describe");
      if (answer_describe) self.answer(said, [](auto& b) { return fb::CreateDescribed(b); });
    }
  });
  auto client = connect_to(broker);
  REQUIRE(client);
  REQUIRE(client->ask(DeclareQueue{.name = "kept", .remember = true}));
  REQUIRE(client->ask(DeclareQueue{.name = "once"}));
  auto described = client->ask(DescribeQueues{}, asio::use_future);
  auto purged = client->ask(PurgeQueue{.name = "once"}, asio::use_future);
  auto count = [&](const std::string& what) {
    std::lock_guard lock(mutex);
    return std::count(declared.begin(), declared.end(), what);
  };
  REQUIRE(broker.wait_for([&] { return count("describe") == 1; }));
  answer_describe = true;
  broker.drop();
  CHECK(purged.get().error().code == ErrorCode::unavailable);  // nobody knows whether it happened
  CHECK(described.get());
  CHECK(broker.connections() == 2);
  CHECK(count("kept") == 2);
  CHECK(count("once") == 1);
}

TEST_CASE("without reconnect a broken connection ends the client") {
  FakeBroker broker(grant_declares);
  auto options = broker.options();
  options.reconnect.enabled = false;
  std::promise<void> closed;
  options.on_event = [&](const ClientEvent& event) {
    if (event.kind == ClientEvent::Kind::closed) closed.set_value();
  };
  auto client = Client::connect(options);
  REQUIRE(client);
  broker.drop();
  closed.get_future().get();
  CHECK(client->ask(DeclareQueue{.name = "q"}).error().code == ErrorCode::unavailable);
}

TEST_CASE("nothing that is asked of a client whose connection broke keeps it alive") {
  FakeBroker broker(grant_declares);
  auto options = broker.options();
  options.reconnect.enabled = false;
  options.request_timeout = 1s;  // shorter than what the client waits for by itself
  std::promise<void> closed;
  options.on_event = [&](const ClientEvent& event) {
    if (event.kind == ClientEvent::Kind::closed) closed.set_value();
  };
  auto client = Client::connect(options);
  REQUIRE(client);
  std::weak_ptr<client::Driver> alive = client->driver()->weak_from_this();
  auto reader = TopicReader::open(*client, {{"t", 0, 0}});
  auto getter = Getter::open(*client);
  REQUIRE(reader);
  REQUIRE(getter);
  broker.drop();
  closed.get_future().get();
  SUBCASE("a request") { CHECK_FALSE(client->ask(PurgeQueue{.name = "q"})); }
  SUBCASE("a consumer") { CHECK_FALSE(Consumer::open(*client, {.queue = "q"})); }
  SUBCASE("a delivery") { CHECK_FALSE(getter->get("q")); }
  SUBCASE("records") { CHECK_FALSE(reader->poll(1, 1s, asio::use_future).get()); }
  SUBCASE("a transaction") {
    Transaction transaction(*client);
    transaction.publish(Message{"", "q", persistent(), "body"});
    CHECK_FALSE(transaction.commit());
  }
  *reader = TopicReader();
  *getter = Getter();
  *client = Client();
  CHECK(broker.wait_for([&] { return alive.expired(); }));  // the last handle may go on the client's own thread
}

TEST_CASE("a silent broker is given up after two heartbeats") {
  FakeBroker broker(grant_declares);
  auto options = broker.options();
  options.heartbeat = 20ms;
  auto client = Client::connect(options);
  REQUIRE(client);
  CHECK(broker.wait_for([&] { return broker.connections() >= 2; }));
}

TEST_CASE("blocking on the client's own thread is refused instead of hanging") {
  FakeBroker broker(grant_declares);
  auto client = connect_to(broker);
  REQUIRE(client);
  std::promise<ErrorCode> code;
  client->ask(DeclareQueue{.name = "q"}, [&](const Result<QueueStatus>&) {
    code.set_value(client->ask(DeclareQueue{.name = "r"}).error().code);
  });
  CHECK(code.get_future().get() == ErrorCode::wrong_state);
}

TEST_CASE("the client runs on the caller's executor") {
  FakeBroker broker(grant_declares);
  asio::io_context io;
  auto options = broker.options();
  options.executor = io.get_executor();
  std::string name;
  asio::co_spawn(
      io,
      [&]() -> asio::awaitable<void> {
        auto client = co_await Client::async_connect(options, asio::use_awaitable);
        REQUIRE(client);
        const DeclareQueue declare{.name = "q"};
        name = (co_await client->ask(declare, asio::use_awaitable))->name;
        CHECK(client->ask(declare).error().code == ErrorCode::wrong_state);  // this thread runs the client
        CHECK(client->close());
      },
      asio::detached);
  io.run();  // returns: the closed client leaves nothing behind
  CHECK(name == "q");
}

TEST_CASE("close always returns, and what was in flight fails") {
  FakeBroker broker([](FakeBroker&, const fb::Envelope&, Bytes) {});
  auto client = connect_to(broker);
  REQUIRE(client);
  auto asked = client->ask(PurgeQueue{.name = "q"}, asio::use_future);
  CHECK(client->close(20ms));
  CHECK(asked.get().error().code == ErrorCode::unavailable);
  CHECK(client->close(20ms));
  CHECK(client->ask(PurgeQueue{.name = "q"}).error().code == ErrorCode::unavailable);
}

TEST_CASE("close completes in every form, and so does a second one") {
  FakeBroker broker([](FakeBroker&, const fb::Envelope&, Bytes) {});
  asio::io_context io;
  bool awaited = false;
  auto connected = connect_to(broker);
  REQUIRE(connected);
  asio::co_spawn(
      io,
      [client = *connected, &awaited]() -> asio::awaitable<void> {
        const auto closed = co_await client.close(1s, asio::use_awaitable);
        awaited = closed.ok();
      },
      asio::detached);
  io.run();
  CHECK(awaited);
  CHECK_FALSE(connected->connected());
  CHECK(connected->close(1s, asio::use_future).get());

  auto other = connect_to(broker);
  REQUIRE(other);
  std::promise<Result<>> called;
  other->close(0ms, [&](Result<> closed) { called.set_value(std::move(closed)); });
  CHECK(called.get_future().get());
}

TEST_CASE("the last handle may go on the client's own thread") {
  FakeBroker broker(grant_declares);
  std::promise<void> gone;
  {
    auto client = connect_to(broker);
    REQUIRE(client);
    auto handle = std::make_shared<Client>(*client);
    client->ask(DeclareQueue{.name = "q"}, [handle, &gone](const Result<QueueStatus>&) mutable {
      handle.reset();
      gone.set_value();
    });
    *client = Client();
    handle.reset();
  }
  gone.get_future().get();
}

TEST_CASE("a long description comes in several frames") {
  FakeBroker broker([](FakeBroker& self, const fb::Envelope& said, Bytes) {
    for (const bool more : {true, false})
      self.answer(said, [&](auto& b) {
        const std::vector<flatbuffers::Offset<fb::QueueInfo>> queues{
            fb::CreateQueueInfoDirect(b, more ? "first" : "second")};
        return fb::CreateDescribedDirect(b, nullptr, &queues, nullptr, nullptr, nullptr, nullptr, nullptr, 0,
                                         more);
      });
  });
  auto client = connect_to(broker);
  REQUIRE(client);
  const auto queues = client->ask(DescribeQueues{});
  REQUIRE(queues);
  REQUIRE(queues->size() == 2);
  CHECK((*queues)[1].name == "second");
}
