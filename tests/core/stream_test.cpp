// Queues of type stream are topics.
#include "doctest/doctest.h"
#include "tests/core/topic_fixture.h"

namespace tandem::core {
namespace {

const Caller asker{{ConnectionId(1), 1}, 7};

void declare_stream_queue(TopicFixture& f, std::string_view name, Table arguments, bool passive = false) {
  if (!passive) arguments.emplace_back("x-queue-type", "stream");
  f.sends.clear();
  f.give_and_persist(DeclareQueue{.who = asker, .name = name, .passive = passive, .arguments = &arguments});
}

std::vector<std::pair<std::string, std::string>> stream_config(TopicFixture& f, std::string_view name) {
  f.give(Describe{asker, Subject::topics, name});
  const auto described = f.take<Described>();
  return described.topics.empty() ? std::vector<std::pair<std::string, std::string>>{}
                                  : described.topics.front().topic.config;
}

std::string config_value(const std::vector<std::pair<std::string, std::string>>& config, std::string_view key) {
  for (const auto& [name, value] : config)
    if (name == key) return value;
  return "none";
}

ErrorCode code_of_refusal(TopicFixture& f) {
  for (const Send& send : f.sends)
    if (const auto* refused = core::get_if<Refused>(&send)) return refused->refusal.code;
  return ErrorCode::none;
}

MessageView message_to(std::string_view key) {
  MessageView view;
  view.body = BodyHandle{9};
  view.size_bytes = 40;
  view.routing_key = key;
  return view;
}

TEST_CASE("a queue of type stream is a topic with one partition, kept as its arguments say") {
  TopicFixture f;
  declare_stream_queue(f, "s", {{"x-max-age", "7D"}, {"x-max-length-bytes", 5'000'000}, {"x-stream-max-segment-size-bytes", 500'000}});
  CHECK(f.take<QueueOk>().name == "s");
  const auto config = stream_config(f, "s");
  CHECK(config_value(config, "tandem.stream") == "true");
  CHECK(config_value(config, "retention.ms") == "604800000");
  CHECK(config_value(config, "retention.bytes") == "5000000");
  CHECK(config_value(config, "segment.bytes") == "500000");
}

TEST_CASE("a stream without limits keeps everything") {
  TopicFixture f;
  declare_stream_queue(f, "s", {});
  CHECK(config_value(stream_config(f, "s"), "retention.ms") == "-1");
}

TEST_CASE("a stream is declared again with the same arguments, or refused") {
  TopicFixture f;
  declare_stream_queue(f, "s", {{"x-max-age", "1h"}});
  declare_stream_queue(f, "s", {{"x-max-age", "60m"}});
  CHECK(code_of_refusal(f) == ErrorCode::none);
  declare_stream_queue(f, "s", {{"x-max-age", "2h"}});
  CHECK(code_of_refusal(f) == ErrorCode::inequivalent);
  f.sends.clear();
  const Table none;
  f.give_and_persist(DeclareQueue{.who = asker, .name = "s", .arguments = &none});
  CHECK(code_of_refusal(f) == ErrorCode::inequivalent);
  f.sends.clear();
  const Table quorum{{"x-queue-type", "quorum"}};
  f.give_and_persist(DeclareQueue{.who = asker, .name = "s", .arguments = &quorum});
  CHECK(f.take<Refused>().refusal.received == "the value 'quorum' of type 'longstr'");
  declare_stream_queue(f, "s", {}, true);
  CHECK(code_of_refusal(f) == ErrorCode::none);
}

TEST_CASE("a stream's arguments must make sense") {
  TopicFixture f;
  for (const char* age : {"7", "D", "1w", "-1D", ""}) {
    declare_stream_queue(f, "s", {{"x-max-age", age}});
    CHECK(code_of_refusal(f) == ErrorCode::invalid_argument);
  }
  declare_stream_queue(f, "s", {{"x-max-length-bytes", -1}});
  CHECK(code_of_refusal(f) == ErrorCode::invalid_argument);
  declare_stream_queue(f, "no/topic's name", {});
  CHECK(code_of_refusal(f) == ErrorCode::invalid_argument);
  const Table stream{{"x-queue-type", "stream"}};
  for (int wrong = 0; wrong < 4; ++wrong) {
    f.sends.clear();
    f.give_and_persist(DeclareQueue{.who = asker,
                                    .name = wrong == 3 ? "" : "s",
                                    .chosen_name = "chosen",
                                    .durable = wrong != 0,
                                    .exclusive = wrong == 1,
                                    .auto_delete = wrong == 2,
                                    .arguments = &stream});
    CHECK(code_of_refusal(f) == ErrorCode::invalid_argument);
  }
}

TEST_CASE("messages reach a stream by its name, through the default exchange and through bindings") {
  TopicFixture f;
  declare_stream_queue(f, "s", {});
  f.give_and_persist(Publish{asker, 1, true, message_to("s")});
  f.give_and_persist(Bind{asker, "amq.fanout", DestinationKind::queue, "s", "", nullptr});
  MessageView fanned = message_to("");
  fanned.exchange = "amq.fanout";
  f.give_and_persist(Publish{asker, 2, true, fanned});
  declare_stream_queue(f, "s", {}, true);
  CHECK(f.take<QueueOk>().ready == 2);
  f.give_and_persist(Unbind{asker, "amq.fanout", DestinationKind::queue, "s", "", nullptr});
  f.give_and_persist(Publish{asker, 3, false, fanned});
  declare_stream_queue(f, "s", {}, true);
  CHECK(f.take<QueueOk>().ready == 2);
}

TEST_CASE("a stream takes messages as soon as it is there, and none when it is gone") {
  TopicFixture f;
  const auto is_taken = [&f] {
    f.sends.clear();
    f.give_and_persist(Publish{asker, 1, true, message_to("s")});
    for (const Send& send : f.sends)
      if (std::holds_alternative<Returned>(send)) return false;
    return true;
  };
  CHECK_FALSE(is_taken());
  declare_stream_queue(f, "s", {});
  CHECK(is_taken());
  f.give_and_persist(DeleteQueue{asker, "s"});
  CHECK_FALSE(is_taken());
}

TEST_CASE("what only queues can do is refused with what the name is") {
  TopicFixture f;
  declare_stream_queue(f, "s", {});
  f.sends.clear();
  f.give(Subscribe{.who = asker, .consumer = 1, .queue = "s"});
  const auto refused = f.take<Refused>();
  CHECK(refused.refusal.code == ErrorCode::not_supported);
  CHECK(refused.refusal.object == ObjectKind::topic);
  f.give(Get{asker, "s"});
  CHECK(f.take<Refused>().refusal.code == ErrorCode::not_supported);
  f.give(PurgeQueue{asker, "s"});
  CHECK(f.take<Refused>().refusal.code == ErrorCode::not_supported);
}

TEST_CASE("a stream is deleted like a queue, another topic is not") {
  TopicFixture f;
  declare_stream_queue(f, "s", {});
  f.give_and_persist(Publish{asker, 1, true, message_to("s")});
  f.sends.clear();
  f.give_and_persist(DeleteQueue{asker, "s", false, true});
  CHECK(f.take<Refused>().refusal.code == ErrorCode::not_empty);
  f.give_and_persist(DeleteQueue{asker, "s"});
  CHECK(f.take<QueueOk>().ready == 1);
  CHECK(stream_config(f, "s").empty());
  f.give_and_persist(CreateTopic{asker, "t", 3});
  f.sends.clear();
  f.give_and_persist(DeleteQueue{asker, "t"});
  CHECK(f.take<QueueOk>().ready == 0);
  f.give(Describe{asker, Subject::topics, "t"});
  CHECK(f.take<Described>().topics.size() == 1);
}

}  // namespace
}  // namespace tandem::core
