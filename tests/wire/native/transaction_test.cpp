#include "schemas/batch.h"
#include "tests/wire/native/harness.h"

#include "broker/base/limits.h"

using namespace tandem;
using namespace tandem::wire::native::test;
namespace fb = tandem::wire::fb;

namespace {

using Entries = std::vector<flatbuffers::Offset<fb::OperationEntry>>;

void add_settle(FlatBufferBuilder& b, Entries& entries, const std::vector<fb::Range>& ranges) {
  const auto op = fb::CreateSettleOp(b, 2, b.CreateVectorOfStructs(ranges), fb::Outcome::ack, false);
  entries.push_back(fb::CreateOperationEntry(b, fb::Operation::SettleOp, op.Union()));
}
void add_publish(FlatBufferBuilder& b, Entries& entries, std::size_t size, bool mandatory = false) {
  const auto op = fb::CreatePublishOp(b, static_cast<std::uint32_t>(size), mandatory);
  entries.push_back(fb::CreateOperationEntry(b, fb::Operation::PublishOp, op.Union()));
}
void add_append(FlatBufferBuilder& b, Entries& entries, std::size_t size) {
  const auto op = fb::CreateAppendOpDirect(b, "topic", 3, 17, static_cast<std::uint32_t>(size));
  entries.push_back(fb::CreateOperationEntry(b, fb::Operation::AppendOp, op.Union()));
}
void add_commit(FlatBufferBuilder& b, Entries& entries) {
  const auto op = fb::CreateCommitOffsetOpDirect(b, "group", "topic", 3, 99, "note");
  entries.push_back(fb::CreateOperationEntry(b, fb::Operation::CommitOffsetOp, op.Union()));
}

/// Sends a transaction whose operations `add` gives.
template <class Add>
void transact(Conversation& c, Add add, std::string_view payload = {}, std::uint64_t correlation = 6) {
  c.request(
      [&](FlatBufferBuilder& b) {
        Entries entries;
        add(b, entries);
        return fb::CreateTransaction(b, b.CreateVector(entries));
      },
      correlation, 1, payload);
}

template <class Add>
std::string transaction_frame(Add add, std::string_view payload, std::uint64_t correlation = 6) {
  FlatBufferBuilder b;
  Entries entries;
  add(b, entries);
  const auto transaction = fb::CreateTransaction(b, b.CreateVector(entries));
  return frame_of(b, transaction, correlation, 1, payload);
}

std::string one_batch() {
  BatchBuilder builder;
  builder.add(1000, std::nullopt, bytes_of("value"));
  builder.add(2000, std::nullopt, bytes_of("value"));
  return std::string(text_of(Bytes(*builder.finish())));
}

core::Refused refused_at(const Conversation& c, std::int32_t operation) {
  return {c.caller(6, 1),
          {ErrorCode::unknown_delivery, core::ObjectKind::message, "", "", "", "", ""},
          operation};
}

}  // namespace

TEST_CASE("a transaction goes to the core as one input with everything staged") {
  Conversation c;
  c.open();
  const std::string message = stored_message("ex", "key", "body");
  const std::string batch = one_batch();
  bool seen = false;
  c.expect<core::Transaction>([&](const core::Transaction& t) {
    seen = true;
    REQUIRE(t.operations.size() == 4);
    CHECK(std::get<core::SettleOp>(t.operations[0]).channel == ChannelId{Conversation::connection, 2});
    CHECK(std::get<core::SettleOp>(t.operations[0]).last == 4);
    const auto& publish = std::get<core::PublishOp>(t.operations[1]);
    CHECK(publish.mandatory);
    CHECK(publish.message.routing_key == "key");
    CHECK(c.port.staged_at(publish.message.body) == message);
    const auto& append = std::get<core::AppendOp>(t.operations[2]);
    CHECK(append.topic == "topic");
    CHECK(append.partition == 3);
    CHECK(append.expected_end == 17);
    CHECK(append.batch.record_count == 2);
    CHECK(append.batch.max_timestamp == 2000);
    CHECK(c.port.staged_at(append.batch.body) == batch);
    const auto& commit = std::get<core::CommitOffsetOp>(t.operations[3]);
    CHECK(commit.group == "group");
    CHECK(commit.offset == 99);
    CHECK(commit.metadata == "note");
  });
  transact(
      c,
      [&](FlatBufferBuilder& b, Entries& entries) {
        add_settle(b, entries, {{1, 4}});
        add_publish(b, entries, message.size(), true);
        add_append(b, entries, batch.size());
        add_commit(b, entries);
      },
      message + batch);
  CHECK(seen);
  c.send(core::Committed{c.caller(6, 1), {17}});
  const Said said = c.only_said();
  CHECK(said.correlation() == 6);
  CHECK(said.as<fb::Committed>().append_offsets()->Get(0) == 17);
}

TEST_CASE("batches of a transaction that take long are judged apart, one after the other, and then it is one input") {
  Conversation c;
  c.open();
  c.port.rules.needs_keys = true;
  c.port.apart.wait = true;
  BatchBuilder builder;
  builder.add(1000, bytes_of("key"), bytes_of(std::string(5'000'000, 'v')));
  const std::string bomb(text_of(Bytes(*builder.finish(Codec::zstd))));
  const std::string frame = transaction_frame([&](FlatBufferBuilder& b, Entries& entries) {
    add_append(b, entries, bomb.size());
    add_append(b, entries, bomb.size());
    add_commit(b, entries);
  }, bomb + bomb);
  int seen = 0;
  c.expect<core::Transaction>([&](const core::Transaction& t) {
    ++seen;
    REQUIRE(t.operations.size() == 3);
    for (int i : {0, 1}) CHECK(c.port.staged_at(std::get<core::AppendOp>(t.operations[i]).batch.body) == bomb);
  });
  for (int batch = 0; batch < 2; ++batch) {
    CHECK(c.receive(frame) == 0);
    CHECK_FALSE(c.face->reading());
    CHECK(c.port.staged.empty());
    c.port.apart.do_first();
    CHECK(c.face->reading());
  }
  CHECK(c.receive(frame) == frame.size());
  CHECK(seen == 1);
  CHECK(c.face->kept_bytes() == 0);
}

TEST_CASE("a refused transaction names the client's operation, not the core's") {
  Conversation c;
  c.open();
  transact(c, [](FlatBufferBuilder& b, Entries& entries) {
    add_commit(b, entries);
    add_settle(b, entries, {{1, 1}, {3, 3}, {5, 5}});
    add_commit(b, entries);
  });
  c.send(refused_at(c, 3));
  CHECK(c.only_said().as<fb::Refused>().operation() == 1);
  // Without several ranges both count alike, and nothing of the first one is left over.
  transact(c, [](FlatBufferBuilder& b, Entries& entries) {
    for (int i = 0; i < 4; ++i) add_commit(b, entries);
  });
  c.send(refused_at(c, 3));
  CHECK(c.only_said().as<fb::Refused>().operation() == 3);
}

TEST_CASE("one malformed operation refuses the transaction before anything is staged") {
  Conversation c;
  c.open();
  const std::string message = stored_message("ex", "key", "body");
  transact(
      c,
      [&](FlatBufferBuilder& b, Entries& entries) {
        add_publish(b, entries, message.size());
        add_append(b, entries, 3);
      },
      message + "bad");
  const Said said = c.only_said();
  CHECK(said.correlation() == 6);
  CHECK(said.as<fb::Refused>().operation() == 1);
  CHECK(said.as<fb::Refused>().code() == static_cast<std::uint16_t>(ErrorCode::corrupt));
  CHECK(c.port.staged.empty());
  CHECK(c.port.inputs.empty());
  CHECK_FALSE(c.face->closing());
}

TEST_CASE("a transaction with too many operations is refused") {
  Conversation c;
  c.open();
  transact(c, [](FlatBufferBuilder& b, Entries& entries) {
    add_settle(b, entries, std::vector<fb::Range>(limits::transaction_operations_max + 1, fb::Range(1, 1)));
  });
  CHECK(c.only_said().as<fb::Refused>().code() == static_cast<std::uint16_t>(ErrorCode::limit_reached));
}

TEST_CASE("operations that do not add up to the payload end the connection") {
  Conversation c;
  c.open();
  transact(
      c, [](FlatBufferBuilder& b, Entries& entries) { add_publish(b, entries, 10); }, "short");
  CHECK(c.face->closing());
  CHECK(c.only_said().as<fb::Goodbye>().code() == static_cast<std::uint16_t>(ErrorCode::corrupt));
}

TEST_CASE("an entry that has no operation, or only its type, is refused") {
  for (const auto type : {fb::Operation::NONE, fb::Operation::SettleOp, fb::Operation::PublishOp}) {
    Conversation c;
    c.open();
    transact(c, [&](FlatBufferBuilder& b, Entries& entries) {
      entries.push_back(fb::CreateOperationEntry(b, type));
    });
    CHECK(c.only_said().as<fb::Refused>().code() == static_cast<std::uint16_t>(ErrorCode::invalid_argument));
  }
}
