#include "tandem/publisher.h"

#include <doctest/doctest.h>

#include <asio/use_future.hpp>
#include <set>

#include "tests/client/fake_broker.h"

using namespace tandem;
using namespace tandem::testing;
using namespace std::chrono_literals;

namespace {

/// Remembers what was published, and confirms it while `confirming`.
struct PublishLog {
  std::mutex mutex;
  std::vector<std::pair<std::uint64_t, std::string>> messages;  // seq, body
  std::size_t frames = 0;
  std::atomic<bool> confirming{true};

  void operator()(FakeBroker& broker, const fb::Envelope& said, Bytes payload) {
    const auto* publish = said.message_as_Publish();
    if (!publish) return broker.answer_ok(said);
    std::uint64_t seq = publish->first_seq();
    std::lock_guard lock(mutex);
    ++frames;
    for (const auto* item : *publish->items()) {
      const auto parts = parse_message(payload.first(item->size()));
      if (parts) messages.emplace_back(seq, std::string(text_of(parts->body)));
      payload = payload.subspan(item->size());
      ++seq;
    }
    if (confirming) broker.confirm(said.channel(), publish->first_seq(), seq - 1);
  }
  std::vector<std::uint64_t> seqs() {
    std::lock_guard lock(mutex);
    std::vector<std::uint64_t> all;
    for (const auto& [seq, body] : messages) all.push_back(seq);
    return all;
  }
  std::size_t count() { return seqs().size(); }
};

Message to(std::string queue, std::string body = "x") {
  return {.routing_key = std::move(queue), .body = std::move(body)};
}

struct PublisherRig {
  PublishLog log;
  FakeBroker broker{
      [this](FakeBroker& self, const fb::Envelope& said, Bytes payload) { log(self, said, payload); }};
  Client client;
  Publisher publisher;

  explicit PublisherRig(PublisherOptions options = {}) {
    auto connected = Client::connect(broker.options());
    REQUIRE(connected);
    client = *connected;
    publisher = *Publisher::open(client, std::move(options));
  }
};

}  // namespace

TEST_CASE("a publish is confirmed, and says so in every form") {
  PublisherRig rig;
  CHECK(rig.publisher.publish(to("q", "one")));
  CHECK(rig.publisher.publish(to("q", "two"), Mandatory::no, asio::use_future).get());
  REQUIRE(rig.log.count() == 2);
  CHECK(rig.log.messages[0] == std::pair<std::uint64_t, std::string>{1, "one"});
  CHECK(rig.log.messages[1] == std::pair<std::uint64_t, std::string>{2, "two"});
}

TEST_CASE("ten thousand posts are stored in order and travel in far fewer frames") {
  PublisherRig rig;
  for (int i = 1; i <= 10'000; ++i) REQUIRE(rig.publisher.post(to("q", std::to_string(i))));
  REQUIRE(rig.publisher.flush());
  REQUIRE(rig.log.count() == 10'000);
  for (std::uint64_t i = 0; i < 10'000; ++i) {
    REQUIRE(rig.log.messages[i].first == i + 1);
    REQUIRE(rig.log.messages[i].second == std::to_string(i + 1));
  }
  CHECK(rig.log.frames < 5'000);
  CHECK(rig.publisher.unconfirmed() == 0);
}

TEST_CASE("several threads post at once and every message has a seq of its own") {
  PublisherRig rig;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 1'000; ++i) (void)rig.publisher.post(to("q"));
    });
  for (auto& thread : threads) thread.join();
  REQUIRE(rig.publisher.flush());
  const auto seqs = rig.log.seqs();
  CHECK(std::set(seqs.begin(), seqs.end()).size() == 4'000);
}

TEST_CASE("a full window makes try_post refuse and post wait") {
  PublisherOptions options;
  options.window_messages = 3;
  PublisherRig rig(options);
  rig.log.confirming = false;
  for (int i = 0; i < 3; ++i) REQUIRE(rig.publisher.try_post(to("q")));
  CHECK(rig.publisher.try_post(to("q")).error().code == ErrorCode::limit_reached);
  REQUIRE(rig.broker.wait_for([&] { return rig.log.count() == 3; }));
  std::atomic<bool> through{false};
  std::thread poster([&] {
    CHECK(rig.publisher.post(to("q")));
    through = true;
  });
  auto awaited = rig.publisher.publish(to("q"), Mandatory::no, asio::use_future);
  std::this_thread::sleep_for(20ms);
  CHECK_FALSE(through);
  rig.log.confirming = true;
  rig.broker.confirm(1, 1, 3);
  poster.join();
  CHECK(awaited.get());
  CHECK(rig.publisher.flush());
}

TEST_CASE("a post in a token's form waits for room without blocking, in the order of the posts") {
  PublisherOptions options;
  options.window_messages = 2;
  PublisherRig rig(options);
  rig.log.confirming = false;
  CHECK(*rig.publisher.post(to("q", "1"), Mandatory::no, asio::use_future).get() == 1);
  CHECK(*rig.publisher.post(to("q", "2"), Mandatory::no, asio::use_future).get() == 2);
  auto third = rig.publisher.post(to("q", "3"), Mandatory::no, asio::use_future);
  auto fourth = rig.publisher.post(Message{.routing_key = "q", .body = "4"}, Mandatory::no, asio::use_future);
  CHECK(rig.publisher.post(to("q", "5"), Mandatory::no, asio::use_future).get().error().code ==
        ErrorCode::limit_reached);
  CHECK(third.wait_for(20ms) == std::future_status::timeout);
  REQUIRE(rig.broker.wait_for([&] { return rig.log.count() == 2; }));
  rig.log.confirming = true;
  rig.broker.confirm(1, 1, 2);
  CHECK(*third.get() == 3);
  CHECK(*fourth.get() == 4);
  REQUIRE(rig.publisher.flush());
  REQUIRE(rig.log.count() == 4);
  CHECK(rig.log.messages[3] == std::pair<std::uint64_t, std::string>{4, "4"});
}

TEST_CASE("a message larger than the window goes alone") {
  PublisherOptions options;
  options.window_bytes = 100;
  PublisherRig rig(options);
  CHECK(rig.publisher.publish(to("q", std::string(5'000, 'x'))));
  CHECK(rig.publisher.publish(to("q", std::string(5'000, 'y'))));
}

TEST_CASE("what cannot be stored is refused before it is sent") {
  PublisherRig rig;
  CHECK(rig.publisher.post(to(std::string(256, 'q'))).error().code == ErrorCode::invalid_argument);
  CHECK(rig.publisher.publish(to("q", std::string((32u << 20) + 1, 'x'))).error().code ==
        ErrorCode::too_large);
  CHECK(rig.log.count() == 0);
}

TEST_CASE("a nack reaches its publish with the broker's reason, and flush reports that of a post once") {
  PublisherRig rig;
  rig.log.confirming = false;
  auto own = rig.publisher.publish(to("q"), Mandatory::no, asio::use_future);
  REQUIRE(rig.publisher.post(to("q")));
  auto flushed = rig.publisher.flush(asio::use_future);
  REQUIRE(rig.broker.wait_for([&] { return rig.log.count() == 2; }));
  rig.broker.nack(1, 1, 2, ErrorCode::rejected_by_queue, "queue 'q' is full");
  const Error full{ErrorCode::rejected_by_queue, "queue 'q' is full"};
  CHECK(own.get().error() == full);
  CHECK(flushed.get().error() == full);
  CHECK(rig.publisher.flush());
}

TEST_CASE("a mandatory message that no queue took is returned and fails, though the broker confirms it") {
  std::vector<std::string> returned;
  PublisherOptions options;
  options.on_returned = [&](const Returned& message) {
    returned.emplace_back(text_of(message.message.body));
  };
  PublisherRig rig(options);
  rig.log.confirming = false;
  auto good = rig.publisher.publish(to("q", "good"), Mandatory::yes, asio::use_future);
  auto bad = rig.publisher.publish(to("nowhere", "bad"), Mandatory::yes, asio::use_future);
  REQUIRE(rig.broker.wait_for([&] { return rig.log.count() == 2; }));
  const auto message = stored("nowhere", "bad");
  rig.broker.say(make_frame(
      {0, 1}, [](auto& b) { return fb::CreateReturnedDirect(b, 2, 13, "no queue"); }, Bytes(message)));
  rig.broker.confirm(1, 1, 2);
  CHECK(good.get());
  CHECK(bad.get().error() == Error{ErrorCode::unroutable, "no queue"});
  CHECK(returned == std::vector<std::string>{"bad"});
}

TEST_CASE("confirms may come in any order and in pieces") {
  PublisherRig rig;
  rig.log.confirming = false;
  std::vector<std::future<Result<Done>>> publishes;
  for (int i = 0; i < 6; ++i)
    publishes.push_back(rig.publisher.publish(to("q"), Mandatory::no, asio::use_future));
  REQUIRE(rig.broker.wait_for([&] { return rig.log.count() == 6; }));
  rig.broker.confirm(1, 4, 5);
  CHECK(publishes[3].get());
  CHECK(publishes[4].get());
  rig.broker.confirm(1, 1, 2);
  CHECK(publishes[0].get());
  CHECK(rig.publisher.unconfirmed() == 2);
  rig.broker.confirm(1, 1, 6);
  for (const int i : {1, 2, 5}) CHECK(publishes[static_cast<std::size_t>(i)].get());
  CHECK(rig.publisher.unconfirmed() == 0);
}

TEST_CASE("after a reconnect exactly the unconfirmed messages are sent again") {
  PublisherRig rig;
  rig.log.confirming = false;
  for (int i = 1; i <= 6; ++i) REQUIRE(rig.publisher.post(to("q", std::to_string(i))));
  REQUIRE(rig.broker.wait_for([&] { return rig.log.count() == 6; }));
  rig.broker.confirm(1, 1, 2);
  rig.broker.confirm(1, 4, 4);
  REQUIRE(rig.broker.wait_for([&] { return rig.publisher.unconfirmed() == 3; }));
  rig.log.confirming = true;
  rig.broker.drop();
  CHECK(rig.publisher.flush());
  CHECK(rig.log.seqs() == std::vector<std::uint64_t>{1, 2, 3, 4, 5, 6, 3, 5, 6});
  CHECK(rig.log.messages.back().second == "6");
}

TEST_CASE("without resend the unconfirmed messages fail when the connection breaks") {
  PublisherOptions options;
  options.resend = false;
  PublisherRig rig(options);
  rig.log.confirming = false;
  auto lost = rig.publisher.publish(to("q"), Mandatory::no, asio::use_future);
  REQUIRE(rig.broker.wait_for([&] { return rig.log.count() == 1; }));
  rig.broker.drop();
  CHECK(lost.get().error().code == ErrorCode::unavailable);
  rig.log.confirming = true;
  CHECK(rig.publisher.publish(to("q")));
  CHECK(rig.log.count() == 2);
}

TEST_CASE("posts while there is no connection are sent when it comes back") {
  PublisherRig rig;
  rig.broker.drop();
  for (int i = 0; i < 100; ++i) REQUIRE(rig.publisher.post(to("q")));
  CHECK(rig.publisher.flush());
}

TEST_CASE("closing the client waits for confirms until its deadline and then fails what is left") {
  PublisherRig rig;
  REQUIRE(rig.publisher.post(to("q")));
  CHECK(rig.client.close());

  PublisherRig stuck;
  stuck.log.confirming = false;
  auto left = stuck.publisher.publish(to("q"), Mandatory::no, asio::use_future);
  CHECK(stuck.client.close(30ms).error().code == ErrorCode::timed_out);
  CHECK(left.get().error().code == ErrorCode::unavailable);
  CHECK(stuck.client.close(30ms, asio::use_future).get().error().code == ErrorCode::timed_out);
  CHECK(stuck.publisher.post(to("q")).error().code == ErrorCode::unavailable);
}

TEST_CASE("a post that waits for room is let go when the client closes") {
  PublisherOptions options;
  options.window_messages = 1;
  PublisherRig rig(options);
  rig.log.confirming = false;
  REQUIRE(rig.publisher.post(to("q")));
  std::thread poster([&] { CHECK(rig.publisher.post(to("q")).error().code == ErrorCode::unavailable); });
  auto awaited = rig.publisher.post(to("q"), Mandatory::no, asio::use_future);
  std::this_thread::sleep_for(10ms);
  CHECK_FALSE(rig.client.close(1ms));
  poster.join();
  CHECK(awaited.get().error().code == ErrorCode::unavailable);
}

TEST_CASE("on_outcome hears of every message once") {
  std::mutex mutex;
  std::uint64_t heard = 0;
  PublisherOptions options;
  options.on_outcome = [&](const PublishOutcome& outcome) {
    std::lock_guard lock(mutex);
    CHECK(outcome.confirmed);
    heard += outcome.last - outcome.first + 1;
  };
  PublisherRig rig(options);
  for (int i = 0; i < 500; ++i) REQUIRE(rig.publisher.post(to("q")));
  REQUIRE(rig.publisher.flush());
  std::lock_guard lock(mutex);
  CHECK(heard == 500);
}
