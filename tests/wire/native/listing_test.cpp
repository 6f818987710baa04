#include "tests/wire/native/harness.h"

using namespace tandem;
using namespace tandem::wire::native::test;
namespace fb = tandem::wire::fb;

namespace {

std::vector<Said> described(const core::Described& answer) {
  Conversation c;
  c.open();
  c.send(answer);
  return c.said();
}

core::Described described_of(core::Subject subject) {
  core::Described answer;
  answer.who = {{Conversation::connection, 0}, 8};
  answer.subject = subject;
  return answer;
}

}  // namespace

TEST_CASE("a queue is described with its arguments and counts") {
  core::QueueInfo info;
  info.queue.name = "q";
  info.queue.exclusive = true;
  info.queue.arguments = {{"x-max-length", Value(10)}};
  info.ready = 1;
  info.unsettled = 2;
  info.size_bytes = 3;
  info.consumers = 4;
  info.accepted = 5;
  info.resident = 6;
  info.policy = "p";
  auto answer = described_of(core::Subject::queues);
  answer.queues = {info};
  const auto said = described(answer);
  REQUIRE(said.size() == 1);
  CHECK(said[0].correlation() == 8);
  CHECK_FALSE(said[0].as<fb::Described>().more());
  const auto* queue = said[0].as<fb::Described>().queues()->Get(0);
  CHECK(queue->name()->string_view() == "q");
  CHECK(queue->durable());
  CHECK(queue->exclusive());
  CHECK(queue->ready() == 1);
  CHECK(queue->unsettled() == 2);
  CHECK(queue->size_bytes() == 3);
  CHECK(queue->consumers() == 4);
  CHECK(queue->accepted() == 5);
  CHECK(queue->resident() == 6);
  CHECK(queue->policy()->string_view() == "p");
  const auto* arguments = queue->arguments();
  CHECK(decode_table(std::as_bytes(std::span(arguments->data(), arguments->size()))) == info.queue.arguments);
}

TEST_CASE("policies are described with their definition") {
  auto answer = described_of(core::Subject::policies);
  answer.policies = {{"p", "^a", core::PolicyTarget::queues, 3, {{"max-length", Value(5)}}}};
  const auto said = described(answer);
  REQUIRE(said.size() == 1);
  const auto* policy = said[0].as<fb::Described>().policies()->Get(0);
  CHECK(policy->name()->string_view() == "p");
  CHECK(policy->pattern()->string_view() == "^a");
  CHECK(policy->target() == fb::PolicyTarget::queues);
  CHECK(policy->priority() == 3);
  const auto* definition = policy->definition();
  CHECK(decode_table(std::as_bytes(std::span(definition->data(), definition->size()))) ==
        answer.policies[0].definition);
}

TEST_CASE("users are described with hash, tags and permissions") {
  auto answer = described_of(core::Subject::users);
  answer.users = {{"u", core::PasswordKind::sha512, "\x01\x02", {"administrator"}, false, {"^c", "", ".*"}}};
  const auto said = described(answer);
  REQUIRE(said.size() == 1);
  const auto* user = said[0].as<fb::Described>().users()->Get(0);
  CHECK(user->name()->string_view() == "u");
  CHECK(user->password_kind() == fb::PasswordKind::sha512);
  CHECK(user->password_hash()->size() == 2);
  REQUIRE(user->tags()->size() == 1);
  CHECK(user->tags()->Get(0)->string_view() == "administrator");
  CHECK_FALSE(user->permitted());
  CHECK(user->configure()->string_view() == "^c");
  CHECK(user->write()->string_view().empty());
  CHECK(user->read()->string_view() == ".*");
}

TEST_CASE("exchanges and bindings are described by the names on the wire") {
  core::ExchangeInfo exchange;
  exchange.exchange.name = "ex";
  exchange.exchange.kind = core::ExchangeKind::pattern;
  exchange.published = 9;
  auto answer = described_of(core::Subject::exchanges);
  answer.exchanges = {exchange};
  const auto said = described(answer);
  CHECK(said[0].as<fb::Described>().exchanges()->Get(0)->kind()->string_view() == "topic");
  CHECK(said[0].as<fb::Described>().exchanges()->Get(0)->published() == 9);

  auto bindings = described_of(core::Subject::bindings);
  bindings.bindings = {{"ex", core::DestinationKind::exchange, "other", "key", {}, true}};
  const auto said_bindings = described(bindings);
  const auto* binding = said_bindings[0].as<fb::Described>().bindings()->Get(0);
  CHECK(binding->destination_kind() == fb::Destination::exchange);
  CHECK(binding->destination()->string_view() == "other");
  CHECK(binding->routing_key()->string_view() == "key");
}

TEST_CASE("topics and groups are described with their partitions and members") {
  core::TopicInfo topic;
  topic.topic.name = "t";
  topic.topic.config = {{"retention.ms", "5"}};
  topic.partitions = {{0, 1, 9, 8, 7, 600}};
  auto answer = described_of(core::Subject::topics);
  answer.topics = {topic};
  const auto said = described(answer);
  const auto* t = said[0].as<fb::Described>().topics()->Get(0);
  CHECK(t->config()->Get(0)->value()->string_view() == "5");
  CHECK(t->partitions()->Get(0)->end() == 9);
  CHECK(t->partitions()->Get(0)->visible_end() == 8);

  core::GroupInfo group;
  group.name = "g";
  group.state = "Stable";
  group.members = {{"m", "", "c", "h", "", ""}};
  group.offsets = {{"t", 0, 5, 9, "note", 77}};
  auto groups = described_of(core::Subject::groups);
  groups.groups = {group};
  const auto said_groups = described(groups);
  const auto* g = said_groups[0].as<fb::Described>().groups()->Get(0);
  CHECK(g->state()->string_view() == "Stable");
  CHECK(g->members()->Get(0)->client_host()->string_view() == "h");
  CHECK(g->offsets()->Get(0)->committed() == 5);
}

TEST_CASE("connections and consumers are described") {
  auto answer = described_of(core::Subject::connections);
  answer.connections = {{ConnectionId{3}, "name", "guest", "amqp", 2, 1, 40, false}};
  const auto said = described(answer);
  const auto* connection = said[0].as<fb::Described>().connections()->Get(0);
  CHECK(connection->id() == 3);
  CHECK(connection->face()->string_view() == "amqp");
  CHECK_FALSE(connection->writable());

  auto consumers = described_of(core::Subject::consumers);
  consumers.consumers = {{{ConnectionId{3}, 2}, 11, "q", 50, 7, true, false, true, -1, "tag"}};
  const auto said_consumers = described(consumers);
  const auto* consumer = said_consumers[0].as<fb::Described>().consumers()->Get(0);
  CHECK(consumer->connection() == 3);
  CHECK(consumer->channel() == 2);
  CHECK(consumer->priority() == -1);
  CHECK(consumer->tag()->string_view() == "tag");
}

TEST_CASE("the broker is described with the facts of its process") {
  auto answer = described_of(core::Subject::broker);
  answer.broker.queues = 4;
  answer.broker.disk_alarm = true;
  const auto said = described(answer);
  const auto* broker = said[0].as<fb::Described>().broker();
  CHECK(broker->queues() == 4);
  CHECK(broker->disk_alarm());
  CHECK(broker->version()->string_view() == "9.9");
  CHECK(broker->pid() == 42);
  CHECK(broker->rss_bytes() == 0);  // a fact that nobody knows
}

TEST_CASE("a long listing comes in frames of which all but the last say that there is more") {
  constexpr std::size_t count = 50'000;
  auto answer = described_of(core::Subject::queues);
  for (std::size_t i = 0; i < count; ++i) {
    core::QueueInfo info;
    info.queue.name = "queue-" + std::to_string(i);
    answer.queues.push_back(std::move(info));
  }
  const auto said = described(answer);
  CHECK(said.size() > 1);
  std::size_t seen = 0;
  for (std::size_t i = 0; i < said.size(); ++i) {
    const auto& part = said[i].as<fb::Described>();
    CHECK(said[i].correlation() == 8);
    CHECK(part.more() == (i + 1 < said.size()));
    for (const fb::QueueInfo* queue : *part.queues()) {
      REQUIRE(queue->name()->string_view() == "queue-" + std::to_string(seen));
      ++seen;
    }
  }
  CHECK(seen == count);
}

TEST_CASE("a listing of nothing is still an answer") {
  const auto said = described(described_of(core::Subject::topics));
  REQUIRE(said.size() == 1);
  CHECK(said[0].as<fb::Described>().topics()->size() == 0);
}

TEST_CASE("all queues are asked for piece by piece, one in each turn, and one listing after the other") {
  Conversation c;
  c.open();
  std::vector<core::Describe> asked;
  c.port.on_submit = [&](const core::Input& input) { asked.push_back(std::get<core::Describe>(input)); };
  const auto list = [](fb::Subject subject) { return [subject](auto& b) { return fb::CreateDescribe(b, subject); }; };
  const auto answer = [&](core::Subject subject, std::uint64_t correlation, std::uint32_t next_after) {
    core::Described piece = described_of(subject);
    piece.who = c.caller(correlation);
    piece.next_after = next_after;
    c.send(piece);
  };
  c.request(list(fb::Subject::queues), 5);
  c.request(list(fb::Subject::bindings), 6);
  CHECK(asked.empty());
  CHECK(c.face->wants_room());
  CHECK(c.said().empty());
  CHECK(c.said().empty());  // the first piece's answer has not come
  REQUIRE(asked.size() == 1);
  CHECK(asked[0].subject == core::Subject::queues);
  CHECK(asked[0].after == 0);
  CHECK(asked[0].rows_max > 0);
  CHECK_FALSE(c.face->wants_room());

  answer(core::Subject::queues, 5, 300);
  CHECK(c.face->wants_room());
  auto said = c.said();
  REQUIRE(said.size() == 1);
  CHECK(said[0].as<fb::Described>().more());
  REQUIRE(asked.size() == 2);
  CHECK(asked[1].after == 300);

  answer(core::Subject::queues, 5, 0);
  said = c.said();
  REQUIRE(said.size() == 1);
  CHECK_FALSE(said[0].as<fb::Described>().more());
  REQUIRE(asked.size() == 3);
  CHECK(asked[2].subject == core::Subject::bindings);
  answer(core::Subject::bindings, 6, 0);
  CHECK_FALSE(c.face->wants_room());
}

TEST_CASE("a client that does not read its listing gets no more of it, and one that asks for many is not read") {
  Conversation c;
  c.open();
  std::size_t asked = 0;
  c.port.on_submit = [&](const core::Input& input) { asked += std::holds_alternative<core::Describe>(input); };
  c.request([](auto& b) { return fb::CreateDescribe(b, fb::Subject::queues); }, 8);
  c.face->flush();
  REQUIRE(asked == 1);
  core::Described piece = described_of(core::Subject::queues);
  piece.next_after = 1;
  piece.queues.resize(10'000);
  c.send(piece);
  CHECK_FALSE(c.face->wants_room());
  c.face->flush();
  CHECK(asked == 1);
  (void)take_bytes(c.face->outbox());
  CHECK(c.face->wants_room());

  std::string requests;
  for (std::uint64_t i = 0; i < 100; ++i) {
    FlatBufferBuilder b;
    requests += frame_of(b, fb::CreateDescribe(b, fb::Subject::bindings), 10 + i);
  }
  CHECK(c.receive(requests) < requests.size());
  CHECK_FALSE(c.face->reading());
}
