// tandem_micro: small pieces of the broker's path that do always the same, so that their instructions can be counted:
//   valgrind --tool=callgrind --toggle-collect=tandem_micro_measured tandem_micro NAME
// No thread, socket or file. scripts/instructions compares the counts with those recorded in bench/micro/counts.txt.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <span>
#include <string>

#include "broker/core/broker.h"
#include "broker/storage/journal_frame.h"
#include "broker/storage/record_codec.h"
#include "broker/wire/face.h"
#include "broker/wire/native/speaker.h"
#include "schemas/batch.h"
#include "schemas/frame.h"
#include "schemas/record_scan.h"
#include "tests/wire/amqp/frames.h"

/// What is counted: everything below this function, whose name callgrind is given.
extern "C" __attribute__((noinline)) void tandem_micro_measured(const std::function<void()>& work) {
  work();
}

namespace tandem::bench {
namespace {

constexpr int repeats = 64;
constexpr std::size_t messages = 64;  // in one publish, frame or commit group
constexpr std::size_t body_size_bytes = 100;
constexpr TimestampMs now = 1'700'000'000'000;

void must(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "tandem_micro: %s\n", what);
  std::exit(1);
}

/// Runs `work` once to warm caches and pools, then `repeats` times counted.
void measure(const std::function<void()>& work) {
  work();
  for (int i = 0; i < repeats; ++i) tandem_micro_measured(work);
}

/// The core with everything on disk at once.
struct Core {
  Core() { broker.replayed(now, true); }
  void give(const core::Input& input) {
    out.clear();
    broker.handle(now, input, out);
    note_deliveries();
    const TurnNumber turn = out.turn;
    if (turn == 0) return;
    out.clear();
    broker.handle(now, core::Persisted{turn}, out);
    note_deliveries();
  }
  void note_deliveries() {
    for (const auto& send : out.sends)
      if (const auto* deliver = std::get_if<core::Deliver>(&send)) {
        ++delivered;
        last_tag = deliver->tag;
      }
  }

  core::Broker broker;
  core::Outputs out;
  std::uint64_t delivered = 0;
  DeliveryTag last_tag = 0;
};

const core::Caller caller{{ConnectionId(1), 1}, 1};

/// A commit group of 64 messages is published, routed by a direct exchange, persisted, delivered and acked with one ack.
void publish_and_ack(Core& core, std::size_t group_size) {
  const Table none;
  core.give(core::ConnectionOpened{ConnectionId(1), "app", "micro", "native"});
  core.give(core::DeclareQueue{.who = caller, .name = "work", .durable = true, .arguments = &none});
  core.give(core::DeclareExchange{.who = caller, .name = "orders", .kind = core::ExchangeKind::direct, .arguments = &none});
  core.give(core::Bind{caller, "orders", core::DestinationKind::queue, "work", "new", &none});
  core.give(core::Subscribe{.who = caller, .consumer = 1, .queue = "work", .prefetch = 10'000});
  std::uint64_t published = 0;
  std::vector<core::PublishMany::One> all(messages);
  const std::span group(all);
  measure([&] {
    for (auto& one : group) {
      one.confirm_seq = ++published;
      one.message.body = BodyHandle{published * 256};
      one.message.size_bytes = one.message.body_size_bytes = body_size_bytes;
      one.message.exchange = "orders";
      one.message.routing_key = "new";
      one.message.properties.persistent = true;
    }
    for (std::size_t i = 0; i < messages; i += group_size) core.give(core::PublishMany{caller, group.subspan(i, group_size)});
    must(core.delivered == published, "a published message was not delivered");
    core.give(core::Settle{caller, 0, core.last_tag, true, core::Outcome::ack, false});
  });
}

void core_queue() {
  Core core;
  publish_and_ack(core, messages);
}

/// The same, message by message, by a user whose permissions are patterns, and by one that may do everything.
void core_single(const core::Permissions& permissions) {
  Core core;
  const std::string hash(36, 'h');
  const std::vector<std::string_view> administrator{"administrator"};
  core.give(core::ConnectionOpened{ConnectionId(2), "guest", "micro", "native"});
  const core::Caller guest{{ConnectionId(2), 1}, 1};
  core.give(core::DeclareUser{.who = guest, .name = "admin", .password_kind = core::PasswordKind::sha256, .password_hash = hash,
                              .tags = administrator});
  core.give(core::DeclareUser{.who = guest, .name = "app", .configure = permissions.configure, .write = permissions.write,
                              .read = permissions.read});
  publish_and_ack(core, 1);
}
void core_single_pattern() { core_single({"^(work|orders)$", "^(work|orders)$", "^(work|orders)$"}); }
void core_single_all() { core_single({}); }
void core_single_guest() {
  Core core;
  publish_and_ack(core, 1);
}

/// Batches of 100 records are appended to a topic and persisted.
void core_topic() {
  Core core;
  core.give(core::ConnectionOpened{ConnectionId(1), "guest", "micro", "native"});
  core.give(core::CreateTopic{.who = caller, .name = "readings"});
  std::uint64_t appended = 0;
  measure([&] {
    for (std::size_t i = 0; i < messages; ++i) {
      core::BatchView batch;
      batch.body = BodyHandle{++appended * 16'384};
      batch.size_bytes = 12'000;
      batch.record_count = 100;
      batch.max_timestamp = batch.first_timestamp = now;
      core.give(core::Append{caller, "readings", 0, batch});
    }
  });
}

/// Takes what a face submits, and keeps nothing.
class Port final : public wire::BrokerPort {
 public:
  TimestampMs now() const override { return bench::now; }
  BodyHandle stage(std::initializer_list<Bytes> parts) override {
    std::size_t size = 0;
    for (const Bytes part : parts) {
      std::memcpy(staged_ + size, part.data(), part.size());
      size += part.size();
    }
    return BodyHandle{++count};
  }
  void submit(const core::Input& input) override {
    if (const auto* consumer = std::get_if<core::Subscribe>(&input)) {
      subscribed = consumer->consumer;
      subscriber = consumer->who;
    }
  }
  std::string random_name(std::size_t size) override { return std::string(size, 'r'); }
  std::string_view fact(std::string_view) const override { return "1"; }
  std::uint64_t count = 0;
  std::uint64_t subscribed = 0;  // the last consumer
  core::Caller subscriber;

 private:
  char staged_[4096];
};

/// `input` again and again into a face that has heard `greeting`; each time all messages must be staged.
void feed(wire::Face& face, Port& port, Bytes greeting, Bytes input) {
  must(face.receive(greeting) == greeting.size() && !face.closing(), "the face did not take its handshake");
  measure([&] {
    const auto before = port.count;
    must(face.receive(input) == input.size(), "the face did not take its input");
    must(port.count == before + messages, "not every message was staged");
    face.flush();
  });
}

std::vector<std::byte> native_frame(const flatbuffers::FlatBufferBuilder& b, Bytes payload) {
  std::vector<std::byte> out;
  frame::append_header(out, b.GetSize(), payload.size());
  const auto* envelope = reinterpret_cast<const std::byte*>(b.GetBufferPointer());
  out.insert(out.end(), envelope, envelope + b.GetSize());
  out.insert(out.end(), payload.begin(), payload.end());
  return out;
}

/// A Publish of 64 messages by the native face: bytes to staged messages and one input for the core.
void native_decode() {
  namespace fb = wire::fb;
  flatbuffers::FlatBufferBuilder hello, publish;
  hello.Finish(fb::CreateEnvelope(hello, 1, 0, fb::Message::Hello, fb::CreateHelloDirect(hello, 1, 1, "micro").Union()));
  const std::string body(body_size_bytes, 'b');
  std::vector<std::byte> payload;
  Properties persistent;
  persistent.delivery_mode = 2;
  std::vector<std::byte> properties;
  append_properties(properties, persistent);
  append_message(payload, MessageParts{"orders", "new", properties, bytes_of(body)});
  const auto size = static_cast<std::uint32_t>(payload.size());
  const std::vector<std::byte> one = payload;
  std::vector<fb::PublishItem> items(messages, fb::PublishItem(size, 0));
  for (std::size_t i = 1; i < messages; ++i) payload.insert(payload.end(), one.begin(), one.end());
  publish.Finish(fb::CreateEnvelope(publish, 0, 1, fb::Message::Publish, fb::CreatePublishDirect(publish, 1, &items).Union()));
  Port port;
  const auto face = wire::make_native_face({ConnectionId{1}, &port, "micro", true});
  feed(*face, port, native_frame(hello, {}), native_frame(publish, payload));
}

/// A connection with channel 1 in confirm mode.
std::vector<std::byte> amqp_greeting() {
  namespace amqp = wire::amqp;
  using amqp::Method, amqp::test::add, amqp::test::method_frame;
  std::vector<std::byte> greeting;
  const auto no_properties = amqp::test::encoded_table({});
  add(greeting, bytes_of(std::string_view("AMQP\0\0\x09\x01", 8)));
  add(greeting, method_frame(0, Method::connection_start_ok,
                             {Bytes(no_properties), "PLAIN", std::string_view("\0guest\0guest", 12), "en_US"}));
  add(greeting, method_frame(0, Method::connection_tune_ok, {std::uint16_t{2047}, std::uint32_t{131072}, std::uint16_t{0}}));
  add(greeting, method_frame(0, Method::connection_open, {"/"}));
  add(greeting, method_frame(1, Method::channel_open, {}));
  add(greeting, method_frame(1, Method::confirm_select, {false}));
  return greeting;
}

/// 64 basic.publish with header and body frames by the AMQP face.
void amqp_decode() {
  namespace amqp = wire::amqp;
  const std::vector<std::byte> greeting = amqp_greeting();
  std::vector<std::byte> input;
  Properties properties;
  properties.delivery_mode = 2;
  const std::string body(body_size_bytes, 'b');
  for (std::size_t i = 0; i < messages; ++i) amqp::test::add(input, amqp::test::publish_frames(1, "orders", "new", body, properties));
  Port port;
  const auto face = wire::make_amqp_face({ConnectionId{1}, &port, "micro", true});
  feed(*face, port, greeting, input);
}

/// 64 deliveries of a queue to a consumer that acks, by the AMQP face: stored bytes to frames in the outbox.
void amqp_deliver() {
  namespace amqp = wire::amqp;
  using amqp::Method, amqp::test::add, amqp::test::method_frame;
  std::vector<std::byte> greeting = amqp_greeting();
  const auto no_arguments = amqp::test::encoded_table({});
  add(greeting, method_frame(1, Method::basic_consume, {"work", "consumer", false, false, false, false, Bytes(no_arguments)}));
  Port port;
  const auto face = wire::make_amqp_face({ConnectionId{1}, &port, "micro", true});
  must(face->receive(greeting) == greeting.size() && !face->closing(), "the face did not take its handshake");
  must(port.subscribed != 0, "the face did not subscribe");
  face->send(core::Ok{port.subscriber}, {});
  Properties properties;
  properties.delivery_mode = 2;
  std::vector<std::byte> encoded, stored;
  append_properties(encoded, properties);
  const std::string body(body_size_bytes, 'b');
  append_message(stored, MessageParts{"orders", "new", encoded, bytes_of(body)});
  const wire::Body bodies[] = {{stored, nullptr}};
  core::Deliver deliver;
  deliver.channel = ChannelId{ConnectionId(1), 1};
  deliver.consumer = port.subscribed;
  deliver.size_bytes = static_cast<std::uint32_t>(stored.size());
  measure([&] {
    face->outbox().consume(face->outbox().size_bytes());
    for (std::size_t i = 0; i < messages; ++i) {
      ++deliver.tag;
      face->send(deliver, bodies);
    }
    face->flush();
    must(face->outbox().size_bytes() > messages * body_size_bytes, "not every message was delivered");
  });
}

/// The records of a batch of 64, of 100 bytes each, as a producer's are looked at.
void record_scan() {
  BatchBuilder builder;
  const std::string body(body_size_bytes, 'b');
  for (std::size_t i = 0; i < messages; ++i) builder.add(now + static_cast<TimestampMs>(i), std::nullopt, bytes_of(body));
  const auto batch = builder.finish().value();
  measure([&] {
    must(!scan_records(Bytes(batch).subspan(batch_header_size_bytes), messages).malformed, "a good record is malformed");
  });
}

/// The frame of a commit group: 64 bodies, their records in one turn, the checksums.
void journal_encode() {
  std::vector<std::byte> frame(64u << 10);
  const std::string body(body_size_bytes, 'b');
  core::Enqueued record;
  record.queue = QueueId(1);
  record.entry.size_bytes = body_size_bytes;
  record.entry.durable = true;
  std::uint64_t seq = 0;
  measure([&] {
    std::byte* out = frame.data() + storage::frame_header_size_bytes;
    std::vector<core::Record> records;
    for (std::size_t i = 0; i < messages; ++i) {
      out = storage::put_body_header(out, body_size_bytes);
      record.entry.seq = ++seq;
      record.entry.body = BodyHandle{static_cast<std::uint64_t>(out - frame.data())};
      std::memcpy(out, body.data(), body.size());
      out += body.size();
      records.emplace_back(record);
    }
    std::byte* turn = out;
    out = storage::put_turn(out, 0);
    for (const auto& one : records) out = storage::encode_record(one, out);
    storage::finish_turn(turn, out);
    storage::FrameHeader header;
    header.payload_size_bytes =
        static_cast<std::uint32_t>(out - frame.data()) - static_cast<std::uint32_t>(storage::frame_header_size_bytes);
    header.first_turn = header.last_turn = seq;
    const std::span whole(frame.data(), static_cast<std::size_t>(out - frame.data()));
    storage::finish_frame(whole, header, 1);
    must(storage::frame_is_whole(whole, 1), "the frame is not whole");
  });
}

struct Work {
  void (*run)();
  int operations;  // of all repeats
  const char* what;
};
const std::map<std::string, Work> works = {
    {"core-queue", {core_queue, repeats * int{messages}, "message published, routed, persisted, delivered, acked"}},
    {"core-single", {core_single_guest, repeats * int{messages}, "the same, message by message"}},
    {"core-single-all", {core_single_all, repeats * int{messages}, "the same, by a user that may do everything"}},
    {"core-single-re", {core_single_pattern, repeats * int{messages}, "the same, by a user whose permissions are patterns"}},
    {"core-topic", {core_topic, repeats * int{messages}, "batch of 100 records appended and persisted"}},
    {"native-decode", {native_decode, repeats * int{messages}, "message published by the native face"}},
    {"amqp-decode", {amqp_decode, repeats * int{messages}, "message published by the AMQP face"}},
    {"amqp-deliver", {amqp_deliver, repeats * int{messages}, "message delivered by the AMQP face"}},
    {"record-scan", {record_scan, repeats * int{messages}, "record of 100 B in a batch that is produced, looked at"}},
    {"journal-encode", {journal_encode, repeats * int{messages}, "message encoded for the journal, with its checksums"}},
};

}  // namespace
}  // namespace tandem::bench

int main(int argc, char** argv) {
  using tandem::bench::works;
  if (argc == 2 && std::string(argv[1]) == "--list") {
    for (const auto& [name, work] : works) std::printf("%s %d %s\n", name.c_str(), work.operations, work.what);
    return 0;
  }
  const auto found = argc == 2 ? works.find(argv[1]) : works.end();
  if (found == works.end()) {
    std::fprintf(stderr, "usage: tandem_micro NAME | --list\n");
    return 2;
  }
  found->second.run();
  return 0;
}
