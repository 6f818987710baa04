#include "client/session.h"

#include <doctest/doctest.h>

using namespace tandem;
using namespace tandem::client;

namespace {

/// A session and the broker's side of its bytes.
struct Talk {
  std::vector<ClientEvent> events;
  Session session{{"test", "guest", "", 10'000},
                  [this](const ClientEvent& event) { events.push_back(event); }};
  std::vector<std::string> said;            // kinds of frames the session said
  std::vector<std::uint64_t> correlations;  // of them

  void listen() {
    for (const auto& frame : session.take_output()) {
      const std::vector<std::byte> envelope(frame.head.begin() + frame::header_size_bytes, frame.head.end());
      const auto* message = fb::GetEnvelope(envelope.data());
      said.emplace_back(fb::EnumNameMessage(message->message_type()));
      correlations.push_back(message->correlation());
    }
  }
  std::vector<std::string> take_said() {
    listen();
    correlations.clear();
    return std::exchange(said, {});
  }
  static std::vector<std::byte> bytes(const Frame& frame) {
    auto all = frame.head;
    all.insert(all.end(), frame.payload.begin(), frame.payload.end());
    return all;
  }
  Result<std::size_t> hear(const Frame& frame) { return session.receive(bytes(frame), nullptr); }
  static Frame hello(std::uint16_t version = 1) {
    return make_frame({1, 0}, [&](auto& b) {
      return fb::CreateHelloDirect(b, version, version, nullptr, 5'000, "guest", nullptr, "9.9", "cluster");
    });
  }
  void connect() {
    session.connection_opened();
    REQUIRE(hear(hello()));
  }
  void ask(std::uint64_t correlation, bool repeatable, std::vector<Result<>>& results) {
    Call call;
    call.correlation = correlation;
    call.repeatable = repeatable;
    call.frame = make_frame({correlation, 0}, [](auto& b) { return fb::CreatePurgeQueueDirect(b, "q"); });
    call.handler = on_answer([&results](Result<const Answer*> answer) {
      results.push_back(answer ? Result<>() : Result<>(answer.error()));
    });
    session.ask(std::move(call));
  }
};

Frame ok(std::uint64_t correlation) {
  return make_frame({correlation, 0}, [](auto& b) { return fb::CreateOk(b); });
}

struct RecordingChannel final : Channel {
  void online() override { log += "online "; }
  void offline(const Error&) override { log += "offline "; }
  void receive(const Answer& said) override {
    log += std::string(fb::EnumNameMessage(said.envelope.message_type())) + " ";
  }
  void end(const Error&) override { log += "end "; }
  std::string log;
};

}  // namespace

TEST_CASE("a session says Hello first and is ready when the broker has answered") {
  Talk talk;
  talk.session.connection_opened();
  CHECK(talk.take_said() == std::vector<std::string>{"Hello"});
  CHECK_FALSE(talk.session.ready());
  REQUIRE(talk.hear(Talk::hello()));
  CHECK(talk.session.ready());
  CHECK(talk.session.welcome().broker_version == "9.9");
  CHECK(talk.session.welcome().heartbeat_ms == 5'000);
  CHECK(talk.events.back().kind == ClientEvent::Kind::connected);
}

TEST_CASE("what is asked before the handshake waits for it") {
  Talk talk;
  std::vector<Result<>> results;
  talk.ask(20, false, results);
  CHECK(talk.take_said().empty());
  talk.connect();
  CHECK(talk.take_said() == std::vector<std::string>{"Hello", "PurgeQueue"});
  REQUIRE(talk.hear(ok(20)));
  REQUIRE(results.size() == 1);
  CHECK(results[0].ok());
}

TEST_CASE("the same bytes mean the same wherever they are split") {
  Talk whole;
  std::vector<std::byte> bytes = Talk::bytes(Talk::hello());
  const auto refusal =
      make_frame({21, 0}, [](auto& b) { return fb::CreateRefusedDirect(b, 1, "no queue 'q'"); });
  for (const auto& frame : {ok(20), refusal}) {
    const auto more = Talk::bytes(frame);
    bytes.insert(bytes.end(), more.begin(), more.end());
  }
  for (std::size_t split = 0; split <= bytes.size(); ++split) {
    Talk talk;
    std::vector<Result<>> results;
    talk.ask(20, false, results);
    talk.ask(21, false, results);
    talk.session.connection_opened();
    const auto consumed = talk.session.receive(Bytes(bytes).first(split), nullptr);
    REQUIRE(consumed);
    REQUIRE(*consumed <= split);
    if (split < bytes.size()) CHECK(talk.session.input_size_wanted_bytes() + *consumed > split);
    const auto rest = talk.session.receive(Bytes(bytes).subspan(*consumed), nullptr);
    REQUIRE(rest);
    CHECK(*consumed + *rest == bytes.size());
    REQUIRE(results.size() == 2);
    CHECK(results[0].ok());
    CHECK(results[1].error() == Error{ErrorCode::not_found, "no queue 'q'"});
  }
}

TEST_CASE("when the connection breaks, repeatable requests are sent again and the others fail") {
  Talk talk;
  talk.connect();
  std::vector<Result<>> once, again;
  talk.ask(20, false, once);
  talk.ask(21, true, again);
  talk.take_said();
  talk.session.connection_lost({ErrorCode::unavailable, "cut"});
  REQUIRE(once.size() == 1);
  CHECK(once[0].error().code == ErrorCode::unavailable);
  CHECK(again.empty());
  talk.connect();
  talk.listen();
  CHECK(talk.said == std::vector<std::string>{"Hello", "PurgeQueue"});
  CHECK(talk.correlations.back() == 21);
  REQUIRE(talk.hear(ok(21)));
  REQUIRE(again.size() == 1);
  CHECK(again[0].ok());
}

TEST_CASE("an answer to what was given up is not heard") {
  Talk talk;
  talk.connect();
  std::vector<Result<>> results;
  talk.ask(20, false, results);
  talk.session.give_up(20, {ErrorCode::timed_out, "late"});
  REQUIRE(talk.hear(ok(20)));
  REQUIRE(results.size() == 1);
  CHECK(results[0].error().code == ErrorCode::timed_out);
}

TEST_CASE("remembered declarations come first after a reconnect, in their order, until they are forgotten") {
  Talk talk;
  auto& topology = talk.session.topology();
  const DeclareExchange exchange{.name = "e"};
  const DeclareQueue queue{.name = "q"};
  const Bind bind{.source = "e", .destination = "q", .routing_key = "k"};
  topology.remember(exchange, 30,
                    make_frame({30, 0}, [](auto& b) { return fb::CreateDeclareExchangeDirect(b, "e"); }));
  topology.remember(queue, 31,
                    make_frame({31, 0}, [](auto& b) { return fb::CreateDeclareQueueDirect(b, "q"); }));
  topology.remember(bind, 32, make_frame({32, 0}, [](auto& b) { return fb::CreateBindDirect(b, "e"); }));
  topology.remember(queue, 33,
                    make_frame({33, 0}, [](auto& b) { return fb::CreateDeclareQueueDirect(b, "q"); }));
  std::vector<Result<>> results;
  talk.ask(40, true, results);
  talk.connect();
  CHECK(talk.take_said() ==
        std::vector<std::string>{"Hello", "DeclareExchange", "DeclareQueue", "Bind", "PurgeQueue"});

  REQUIRE(
      talk.hear(make_frame({33, 0}, [](auto& b) { return fb::CreateRefusedDirect(b, 3, "other durable"); })));
  CHECK(talk.events.back().kind == ClientEvent::Kind::topology_refused);
  CHECK(talk.events.back().error.code == ErrorCode::inequivalent);

  topology.forget(DeleteQueue{.name = "q"});
  CHECK(topology.size() == 1);  // the binding went with its queue
  topology.forget(DeleteExchange{.name = "e"});
  CHECK(topology.size() == 0);
}

TEST_CASE("a refusal at the handshake says whether trying again can help") {
  for (const auto& [code, for_good] :
       {std::pair{ErrorCode::not_authorized, true}, {ErrorCode::unavailable, false}}) {
    Talk talk;
    talk.session.connection_opened();
    const auto ended = talk.hear(make_frame({}, [&](auto& b) {
      return fb::CreateGoodbyeDirect(b, static_cast<std::uint16_t>(code), "go away");
    }));
    REQUIRE_FALSE(ended);
    CHECK(ended.error() == Error{code, "go away"});
    CHECK(talk.session.refused_for_good() == for_good);
  }
  Talk talk;
  talk.session.connection_opened();
  CHECK(talk.hear(Talk::hello(7)).error().code == ErrorCode::not_supported);
  CHECK(talk.session.refused_for_good());
}

TEST_CASE("bytes that are no frame, and frames that are no message, end the connection") {
  Talk talk;
  talk.session.connection_opened();
  std::vector<std::byte> huge(8, std::byte{0xff});
  CHECK(talk.session.receive(huge, nullptr).error().code == ErrorCode::corrupt);

  Frame garbage;
  frame::append_header(garbage.head, 16, 0);
  garbage.head.resize(garbage.head.size() + 16, std::byte{0x77});
  CHECK(talk.hear(garbage).error().code == ErrorCode::corrupt);

  Talk early;
  early.session.connection_opened();
  CHECK(early.hear(ok(20)).error().code == ErrorCode::corrupt);  // before Hello
}

TEST_CASE("channels keep their numbers over connections and give them back when closed") {
  Talk talk;
  talk.connect();
  const auto first = std::make_shared<RecordingChannel>(), second = std::make_shared<RecordingChannel>();
  REQUIRE(talk.session.attach_channel(first));
  REQUIRE(talk.session.attach_channel(second));
  CHECK(first->number() == 1);
  CHECK(second->number() == 2);
  REQUIRE(talk.hear(make_frame({0, 2}, [](auto& b) { return fb::CreateConsumerCancelled(b, 1); })));
  talk.session.connection_lost({ErrorCode::unavailable, "cut"});
  talk.connect();
  CHECK(first->log == "online offline online ");
  CHECK(second->log == "online ConsumerCancelled offline online ");

  talk.session.detach_channel(first, 50);
  const auto third = std::make_shared<RecordingChannel>();
  REQUIRE(talk.session.attach_channel(third));
  CHECK(third->number() == 3);  // the broker may still say something to 1
  REQUIRE(talk.hear(ok(50)));
  const auto fourth = std::make_shared<RecordingChannel>();
  REQUIRE(talk.session.attach_channel(fourth));
  CHECK(fourth->number() == 1);
}

TEST_CASE("a closed session ends its parts and fails what is asked") {
  Talk talk;
  talk.connect();
  const auto channel = std::make_shared<RecordingChannel>();
  REQUIRE(talk.session.attach_channel(channel));
  std::vector<Result<>> results;
  talk.ask(20, true, results);
  talk.session.close({ErrorCode::unavailable, "closed"});
  talk.ask(21, true, results);
  REQUIRE(results.size() == 2);
  CHECK(results[0].error().text == "closed");
  CHECK(results[1].error().code == ErrorCode::unavailable);
  CHECK(channel->log == "online end ");
  CHECK_FALSE(talk.session.attach_channel(channel));
  CHECK(talk.events.back().kind == ClientEvent::Kind::closed);
}

TEST_CASE("only so many requests wait while there is no connection") {
  Talk talk;
  std::vector<Result<>> results;
  for (std::uint64_t i = 0; i <= Calls::unsent_max; ++i) talk.ask(20 + i, true, results);
  REQUIRE(results.size() == 1);
  CHECK(results[0].error().code == ErrorCode::limit_reached);
}
