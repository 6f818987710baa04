// A Kafka face between a scripted broker and a client's hands. Requests are written and responses read with
// the face's own message descriptions turned round; tests of single versions hold bytes of their own.
#pragma once

#include <doctest/doctest.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "broker/wire/face.h"
#include "broker/wire/kafka/api.h"
#include "broker/wire/kafka/messages_cluster.h"
#include "tests/wire/apart_jobs.h"

namespace tandem::wire::kafka::test {

/// The broker as a face sees it. `on_submit` looks at each input while it lives.
class ScriptedPort final : public BrokerPort {
 public:
  TimestampMs now() const override { return now_ms; }
  BodyHandle stage(std::initializer_list<Bytes> parts) override {
    std::string whole;
    for (const Bytes part : parts) whole += text_of(part);
    staged.push_back(std::move(whole));
    return BodyHandle{staged.size()};
  }
  void submit(const core::Input& input) override {
    if (std::holds_alternative<core::ConnectionOpened>(input)) {
      ++opened;
      return;
    }
    ++inputs;
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

  core::Allowed allowed(ConnectionId, std::optional<std::string_view> name) const override {
    const auto found = name ? allowed_by_name.find(std::string(*name)) : allowed_by_name.end();
    return found == allowed_by_name.end() ? allowed_else : found->second;
  }

  TimestampMs now_ms = 1'000'000;
  core::BatchRules rules;  // of every topic
  wire::test::ApartJobs apart;
  std::map<std::string, core::Allowed> allowed_by_name;
  core::Allowed allowed_else;
  int inputs = 0, opened = 0;
  std::vector<std::string> staged;
  std::function<void(const core::Input&)> on_submit;
  std::map<std::string, std::string> facts{{"cluster_id", "cluster"},
                                           {"kafka_advertised_host", "broker.test"},
                                           {"kafka_advertised_port", "9092"},
                                           {"kafka_auto_create_topics", "true"},
                                           {"kafka_default_partitions", "2"},
                                           {"kafka_replication_max", "3"}};
};

inline bool is_flexible(std::int16_t key, std::int16_t version) {
  const Api* api = find_api(key);
  return api && version >= api->flexible_from;
}

inline std::string framed(std::string_view payload) {
  std::string frame(4, '\0');
  store_big(reinterpret_cast<std::byte*>(frame.data()), static_cast<std::uint32_t>(payload.size()));
  return frame + std::string(payload);
}

template <class Message>
std::string body_of(const Message& message, std::int16_t version, bool flexible) {
  Encoded out;
  Writer(out, version, flexible).structure(message);
  return std::string(text_of(out.bytes));
}

/// A whole frame: size, header, body.
template <class Request>
std::string frame_of(std::int16_t key, std::int16_t version, std::int32_t correlation, const Request& request) {
  const bool flexible = is_flexible(key, version);
  Encoded header;
  Writer writer(header, version, false);
  writer(key);
  writer(version);
  writer(correlation);
  writer(std::optional<std::string_view>("tester"));
  std::string payload(text_of(header.bytes));
  if (flexible) payload.push_back('\0');
  return framed(payload + body_of(request, version, flexible));
}

/// One response, without its size.
struct Said {
  std::string payload;
  std::int32_t correlation() const {
    return static_cast<std::int32_t>(load_big<std::uint32_t>(bytes_of(payload).data()));
  }
  template <class Response>
  Response as(std::int16_t key, std::int16_t version) const {
    const bool flexible = is_flexible(key, version);
    const std::size_t header = flexible && key != key::api_versions ? 5 : 4;
    REQUIRE(payload.size() >= header);
    Reader reader(bytes_of(payload).subspan(header), version, flexible);
    Response response;
    reader.structure(response);
    REQUIRE(reader.whole());
    return response;
  }
};

class World {
 public:
  static constexpr ConnectionId connection{7};

  explicit World(bool loopback = true, Advertised advertised = {})
      : face(make_kafka_face({connection, &port, "127.0.0.1:5555", loopback, advertised})) {}

  std::size_t receive(std::string_view bytes) { return face->receive(bytes_of(bytes)); }

  template <class Request>
  void request(std::int16_t key, std::int16_t version, const Request& message, std::int32_t correlation = 1) {
    const std::string frame = frame_of(key, version, correlation, message);
    CHECK(receive(frame) == frame.size());
  }
  /// All responses since the last call; whole frames only.
  std::vector<Said> said() {
    std::string all = take_bytes();
    std::vector<Said> responses;
    for (std::string_view rest = all; !rest.empty();) {
      REQUIRE(rest.size() >= 4);
      const auto size = load_big<std::uint32_t>(bytes_of(rest).data());
      REQUIRE(rest.size() >= 4 + size);
      responses.push_back({std::string(rest.substr(4, size))});
      rest.remove_prefix(4 + size);
    }
    return responses;
  }
  std::string take_bytes() {
    std::vector<Bytes> pieces;
    face->outbox().gather(pieces, 1'000'000);
    std::string all;
    for (const Bytes piece : pieces) all += text_of(piece);
    face->outbox().consume(all.size());
    return all;
  }
  template <class Response>
  Response only(std::int16_t key, std::int16_t version) {
    const auto all = said();
    REQUIRE(all.size() == 1);
    return all.front().as<Response>(key, version);
  }
  /// Asks and reads the answer; on_submit has to answer what the core is asked.
  template <class Response, class Request>
  Response ask(std::int16_t key, std::int16_t version, const Request& message) {
    request(key, version, message);
    return only<Response>(key, version);
  }
  /// Answers each input of type T with what `answer` gives.
  template <class T>
  void on(std::function<core::Send(const T&)> answer) {
    port.on_submit = [this, answer](const core::Input& input) {
      REQUIRE(std::holds_alternative<T>(input));
      face->send(answer(std::get<T>(input)), {});
    };
  }

  ScriptedPort port;
  std::unique_ptr<Face> face;
};

inline core::TopicCreated topic_named(std::string name, std::int32_t partitions = 1) {
  core::TopicCreated topic;
  topic.id = TopicId(5);
  topic.name = std::move(name);
  topic.uuid_high = 0x1111;
  topic.uuid_low = 0x2222;
  topic.partitions = partitions;
  return topic;
}

}  // namespace tandem::wire::kafka::test
