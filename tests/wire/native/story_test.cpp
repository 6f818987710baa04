// The native face with the real core behind it: what a client asks for happens, end to end but for disk and
// sockets.
#include "broker/core/broker.h"
#include "schemas/batch.h"
#include "tests/wire/native/harness.h"

using namespace tandem;
using namespace tandem::wire::native::test;
namespace fb = tandem::wire::fb;

namespace {

/// Does what the server does: runs the core, counts its turns as written at once, finds the bodies of its
/// sends.
class Story : public Conversation {
 public:
  Story() {
    broker_.replayed(port.now_ms, true);
    port.on_submit = [this](const core::Input& input) { run(input); };
    open();
  }

 private:
  void run(const core::Input& input) {
    core::Outputs out;
    broker_.handle(port.now_ms, input, out);
    if (out.turn) broker_.handle(port.now_ms, core::Persisted{out.turn}, out);
    for (const core::Send& s : out.sends) {
      if (core::recipient(s) == connection) face->send(s, bodies_of(s));
    }
  }
  std::vector<Body> bodies_of(const core::Send& send) {
    if (const auto* s = std::get_if<core::Deliver>(&send)) return {staged(s->body)};
    if (const auto* s = std::get_if<core::GotMessage>(&send)) return {staged(s->body)};
    if (const auto* s = std::get_if<core::Returned>(&send)) return {staged(s->body)};
    if (const auto* s = std::get_if<core::Fetched>(&send)) return std::vector<Body>(s->partitions.size());
    return {};
  }
  Body staged(BodyHandle body) { return body_of(port.staged_at(body)); }

  core::Broker broker_;
};

void publish(Story& story, std::uint64_t first_seq, const std::vector<std::string>& messages,
             fb::PublishFlag flags = fb::PublishFlag{}) {
  std::string payload;
  std::vector<fb::PublishItem> items;
  for (const std::string& message : messages) {
    items.emplace_back(static_cast<std::uint32_t>(message.size()), static_cast<std::uint32_t>(flags));
    payload += message;
  }
  story.request([&](auto& b) { return fb::CreatePublishDirect(b, first_seq, &items); }, 0, 0, payload);
}

void declare(Story& story, const char* queue) {
  story.request([&](auto& b) { return fb::CreateDeclareQueueDirect(b, queue); });
  CHECK(story.only_said().as<fb::QueueOk>().name()->string_view() == queue);
}

}  // namespace

TEST_CASE("a message is declared for, published, confirmed, delivered and acked") {
  Story story;
  declare(story, "orders");
  const std::string message = stored_message("", "orders", "hello");
  publish(story, 1, {message, message});
  const Said confirmed = story.only_said();
  CHECK(confirmed.as<fb::Confirmed>().ranges()->Get(0)->last() == 2);

  story.request([](auto& b) { return fb::CreateSubscribeDirect(b, 5, "orders", false, false, 10); }, 2);
  auto said = story.said();
  REQUIRE(said.size() == 2);
  CHECK(said[0].type() == fb::Message::Ok);
  CHECK(said[1].payload == message + message);
  CHECK(said[1].as<fb::Deliver>().items()->Get(1)->tag() == 2);

  const std::vector ranges{fb::Range(1, 2)};
  story.request([&](auto& b) { return fb::CreateSettleDirect(b, &ranges); }, 3);
  CHECK(story.only_said().type() == fb::Message::Ok);
  story.request([&](auto& b) { return fb::CreateSettleDirect(b, &ranges); }, 4);
  CHECK(story.only_said().as<fb::Refused>().code() ==
        static_cast<std::uint16_t>(ErrorCode::unknown_delivery));
}

TEST_CASE("a publish to an exchange that is not there is nacked by name, its neighbour is confirmed") {
  Story story;
  declare(story, "orders");
  publish(story, 1, {stored_message("nowhere", "k", "x"), stored_message("", "orders", "y")});
  const auto said = story.said();
  REQUIRE(said.size() == 2);
  for (const Said& s : said) {
    const auto& confirmed = s.as<fb::Confirmed>();
    const bool refused = confirmed.ranges()->Get(0)->first() == 1;
    CHECK(confirmed.nack() == refused);
    if (!refused) continue;
    CHECK(confirmed.code() == static_cast<std::uint16_t>(ErrorCode::not_found));
    CHECK(confirmed.text()->string_view().find("nowhere") != std::string_view::npos);
  }
}

TEST_CASE("a mandatory message that nothing takes comes back and is confirmed") {
  Story story;
  const std::string message = stored_message("", "no-queue", "x");
  publish(story, 1, {message}, fb::PublishFlag::mandatory);
  const auto said = story.said();
  REQUIRE(said.size() == 2);
  CHECK(said[0].as<fb::Returned>().seq() == 1);
  CHECK(said[0].payload == message);
  CHECK_FALSE(said[1].as<fb::Confirmed>().nack());
}

TEST_CASE("a transaction appends, publishes and commits together, or says which operation it refused") {
  Story story;
  declare(story, "orders");
  story.request([](auto& b) { return fb::CreateCreateTopicDirect(b, "events", 1); });
  CHECK(story.only_said().as<fb::TopicOk>().partitions() == 1);

  BatchBuilder builder;
  builder.add(1000, std::nullopt, bytes_of("value"));
  const auto batch = builder.finish();
  const std::string message = stored_message("", "orders", "with the batch");
  const auto transact = [&](Offset expected_end) {
    story.request(
        [&](FlatBufferBuilder& b) {
          const auto publish_op = fb::CreatePublishOp(b, static_cast<std::uint32_t>(message.size()));
          const auto append_op = fb::CreateAppendOpDirect(b, "events", 0, expected_end,
                                                          static_cast<std::uint32_t>(batch->size()));
          std::vector entries{fb::CreateOperationEntry(b, fb::Operation::PublishOp, publish_op.Union()),
                              fb::CreateOperationEntry(b, fb::Operation::AppendOp, append_op.Union())};
          return fb::CreateTransactionDirect(b, &entries);
        },
        9, 0, message + std::string(text_of(Bytes(*batch))));
  };
  transact(0);
  CHECK(story.only_said().as<fb::Committed>().append_offsets()->Get(0) == 0);
  transact(0);  // the partition ends at 1 now
  const Said refused = story.only_said();
  CHECK(refused.as<fb::Refused>().code() == static_cast<std::uint16_t>(ErrorCode::version_conflict));
  CHECK(refused.as<fb::Refused>().operation() == 1);

  story.request([](auto& b) { return fb::CreateGetDirect(b, "orders", true); });
  const Said got = story.only_said();
  CHECK(got.as<fb::GotMessage>().ready() == 0);  // the refused transaction left nothing
  CHECK(got.payload == message);
}

TEST_CASE("closing a channel is answered and gives back what it held") {
  Story story;
  declare(story, "orders");
  publish(story, 0, {stored_message("", "orders", "x")});
  story.request([](auto& b) { return fb::CreateGetDirect(b, "orders"); }, 1, 7);
  CHECK(story.only_said().type() == fb::Message::GotMessage);
  story.request([](auto& b) { return fb::CreateCloseChannel(b); }, 2, 7);
  CHECK(story.only_said().type() == fb::Message::Ok);
  story.request([](auto& b) { return fb::CreateGetDirect(b, "orders"); }, 3, 8);
  CHECK(story.only_said().as<fb::GotMessage>().deliveries() == 1);
}
