// A native face between a scripted broker and a client's hands: frames are built and read with FlatBuffers
// directly, as a second client would.
#pragma once

#include <doctest/doctest.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "broker/wire/face.h"
#include "broker/wire/native/speaker.h"
#include "schemas/frame.h"
#include "schemas/message.h"
#include "tests/wire/apart_jobs.h"
#include "tests/wire/large_bodies.h"

namespace tandem::wire::native::test {

using flatbuffers::FlatBufferBuilder;
using wire::Body;

/// The broker as a face sees it: remembers what was staged and lets the test look at each input while it
/// lives.
class ScriptedPort final : public BrokerPort {
 public:
  TimestampMs now() const override { return now_ms; }
  BodyHandle stage(std::initializer_list<Bytes> parts) override {
    std::string whole;
    for (const Bytes part : parts) whole += text_of(part);
    staged.push_back(std::move(whole));
    return BodyHandle{staged.size()};
  }
  void stage_large(ConnectionId, std::initializer_list<Bytes> head, Bytes rest, std::function<void(BodyHandle)> done) override {
    large.give(*this, head, rest, std::move(done));
  }
  void submit(const core::Input& input) override {
    inputs.push_back(input.index());
    if (on_submit) on_submit(input);
  }
  std::string random_name(std::size_t size) override { return std::string(size, 'r'); }
  void do_apart(ConnectionId, std::function<void()> work, std::function<void()> done) override {
    apart.give(std::move(work), std::move(done));
  }
  core::BatchRules batch_rules(std::string_view) const override { return rules; }
  std::string_view fact(std::string_view name) const override {
    const auto found = facts.find(std::string(name));
    return found == facts.end() ? std::string_view() : std::string_view(found->second);
  }
  bool has_users() const override { return login != nullptr; }
  LoginVerdict log_in(const Login& asked, std::string_view) override {
    return login ? login(asked) : judge_guest(asked);
  }
  std::string hash_password(std::string_view password) override { return "hash of " + std::string(password); }
  const std::string& staged_at(BodyHandle body) const { return staged.at(body.value - 1); }

  TimestampMs now_ms = 1'000'000;
  core::BatchRules rules;  // of every topic
  wire::test::ApartJobs apart;
  wire::test::LargeBodies large;
  std::vector<std::string> staged;
  std::vector<std::size_t> inputs;  // variant indexes, in order
  LoginVerdict (*login)(const Login&) = nullptr;  // the broker's users; nullptr = it has none
  std::function<void(const core::Input&)> on_submit;
  std::map<std::string, std::string> facts{{"version", "9.9"}, {"cluster_id", "cluster"}, {"pid", "42"}};
};

/// One frame that the broker said.
struct Said {
  std::shared_ptr<std::vector<std::uint64_t>> words;  // aligned copy of the envelope
  std::string payload;
  const fb::Envelope* envelope() const { return fb::GetEnvelope(words->data()); }
  std::uint64_t correlation() const { return envelope()->correlation(); }
  std::uint16_t channel() const { return envelope()->channel(); }
  fb::Message type() const { return envelope()->message_type(); }
  template <class T>
  const T& as() const {
    const fb::Message wanted = fb::MessageTraits<T>::enum_value;
    REQUIRE(type() == wanted);
    return *envelope()->template message_as<T>();
  }
};

std::string take_bytes(Outbox& outbox);
/// Whole frames only; each envelope is verified.
std::vector<Said> read_frames(std::string_view bytes);

template <class T>
std::string frame_of(FlatBufferBuilder& b, flatbuffers::Offset<T> message, std::uint64_t correlation = 0,
                     std::uint16_t channel = 0, std::string_view payload = {}) {
  b.Finish(fb::CreateEnvelope(b, correlation, channel, fb::MessageTraits<T>::enum_value, message.Union()));
  std::vector<std::byte> out;
  frame::append_header(out, b.GetSize(), payload.size());
  const auto* envelope = reinterpret_cast<const char*>(b.GetBufferPointer());
  return std::string(text_of(Bytes(out))) + std::string(envelope, b.GetSize()) + std::string(payload);
}

std::string hello_frame(std::uint16_t version_min = 1, std::uint16_t version_max = 1,
                        std::uint32_t heartbeat_ms = 0, const char* user = "guest",
                        const char* client_name = "tester", const char* password = "guest");

std::string stored_message(std::string_view exchange, std::string_view routing_key, std::string_view body,
                           const Properties& properties = {});

/// A face and its port; `open()` does the handshake and forgets what was said.
class Conversation {
 public:
  static constexpr ConnectionId connection{7};

  explicit Conversation(bool loopback = true)
      : face(make_native_face({connection, &port, "127.0.0.1:5555", loopback})) {}

  Conversation& open(std::uint32_t heartbeat_ms = 0) {
    receive(hello_frame(1, 1, heartbeat_ms));
    REQUIRE_FALSE(face->closing());
    said();
    port.inputs.clear();
    return *this;
  }
  std::size_t receive(std::string_view bytes) { return face->receive(bytes_of(bytes)); }

  /// Builds one frame with `make(builder)` and gives it to the face.
  template <class Make>
  void request(Make make, std::uint64_t correlation = 1, std::uint16_t channel = 0,
               std::string_view payload = {}) {
    FlatBufferBuilder b;
    const auto message = make(b);
    const std::string frame = frame_of(b, message, correlation, channel, payload);
    CHECK(receive(frame) == frame.size());
  }
  /// All that was said since the last call.
  std::vector<Said> said() {
    face->flush();
    return read_frames(take_bytes(face->outbox()));
  }
  Said only_said() {
    auto all = said();
    REQUIRE(all.size() == 1);
    return all.front();
  }
  void send(const core::Send& send, std::vector<Body> bodies = {}) { face->send(send, bodies); }

  /// Looks at each input of type T while it lives.
  template <class T>
  void expect(std::function<void(const T&)> look) {
    port.on_submit = [look](const core::Input& input) {
      REQUIRE(std::holds_alternative<T>(input));
      look(std::get<T>(input));
    };
  }
  core::Caller caller(std::uint64_t request = 1, std::uint16_t channel = 0) const {
    return {{connection, channel}, request};
  }

  ScriptedPort port;
  std::unique_ptr<Face> face;
};

Body body_of(std::string_view text);

}  // namespace tandem::wire::native::test
