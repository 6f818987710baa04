#include "broker/wire/kafka/kafka_face.h"

#include "broker/base/limits.h"
#include "broker/wire/kafka/api.h"
#include "broker/wire/kafka/sasl.h"
#include "broker/wire/kafka/tasks.h"

namespace tandem::wire::kafka {
namespace {

constexpr std::size_t frame_prefix_bytes = 4;

/// Key, version and correlation stand first in every header.
constexpr std::size_t shortest_request_bytes = 8;

std::int16_t key_of(Bytes request) {
  return static_cast<std::int16_t>(load_big<std::uint16_t>(request.data()));
}
std::int16_t version_of(Bytes request) {
  return static_cast<std::int16_t>(load_big<std::uint16_t>(request.data() + 2));
}

}  // namespace

KafkaFace::KafkaFace(FaceContext context)
    : conversation_(std::move(context)),
      line_(outbox_),
      silent_until_(conversation_.port().now() + limits::handshake_timeout_ms),
      input_size_wanted_bytes_(frame_prefix_bytes) {
  // Until there are users, guest is whoever comes from this machine.
  if (conversation_.context.loopback && !conversation_.port().has_users()) conversation_.user = guest_name;
}

/// Somebody who did not log in costs little.
std::uint32_t KafkaFace::size_max() const {
  return conversation_.user.empty() ? limits::handshake_input_max_bytes : request_size_max_bytes;
}

std::size_t KafkaFace::receive(Bytes input) {
  std::size_t consumed = 0;
  waits_for_room_ = false;
  while (!closing_) {
    const Bytes rest = input.subspan(consumed);
    input_size_wanted_bytes_ = frame_prefix_bytes;
    if (rest.size() < frame_prefix_bytes) break;
    const auto size = load_big<std::uint32_t>(rest.data());
    if (size > size_max()) {
      closing_ = true;
      break;
    }
    input_size_wanted_bytes_ = frame_prefix_bytes + size;
    if (rest.size() < input_size_wanted_bytes_) break;
    const Bytes request = rest.subspan(frame_prefix_bytes, size);
    if (must_wait(request)) {
      waits_for_room_ = true;
      break;
    }
    silent_until_ = conversation_.port().now() + idle_max_ms;
    if (!take_request(request) || conversation_.hang_up) closing_ = true;
    if (conversation_.unfinished) break;
    consumed += input_size_wanted_bytes_;
    input_size_wanted_bytes_ = frame_prefix_bytes;
    if (!conversation_.port().may_go_on()) break;
  }
  return consumed;
}

/// A client that does not read its responses gets no more of them, whatever it has asked for: without this, a thousand
/// fetches that come at once would each put their megabytes into the outbox.
bool KafkaFace::has_room() const {
  return !line_.full() && outbox_.size_bytes() < limits::outbox_high_bytes;
}

/// One fetch at a time, as with Kafka's own broker: each may hold a response of many MiB.
bool KafkaFace::must_wait(Bytes request) const {
  if (!has_room()) return true;
  return conversation_.fetches > 0 && request.size() >= 2 && key_of(request) == key::fetch;
}

bool KafkaFace::reading() const {
  if (conversation_.judge.waiting()) return false;
  return !waits_for_room_ || (has_room() && conversation_.fetches == 0);
}

bool KafkaFace::take_request(Bytes request) {
  if (conversation_.sasl == Conversation::Sasl::raw_token_next) return take_raw_token(request);
  if (request.size() < shortest_request_bytes) return false;
  const Api* api = find_api(key_of(request));
  if (!api) return false;
  const std::int16_t version = version_of(request);
  Reader reader(request, version, false);
  RequestHeader header;
  reader(header.key);
  reader(header.version);
  reader(header.correlation);
  if (version < api->version_min || version > api->version_max) {
    if (api->key != key::api_versions) return false;
    Arrival arrival{conversation_, line_, {.correlation = header.correlation}, reader};
    begin_unknown_api_versions(arrival);
    return true;
  }
  reader(header.client_id);
  if (version >= api->flexible_from) {
    Reader tags(reader.rest(), version, true);
    struct Nothing {
      static void describe(Reader&, Nothing&) {}
    } nothing;
    tags.structure(nothing);
    return reader.ok() && tags.ok() && begin(*api, header, tags.rest());
  }
  return reader.ok() && begin(*api, header, reader.rest());
}

bool KafkaFace::begin(const Api& api, const RequestHeader& header, Bytes body) {
  if (!may_ask(api)) return false;
  conversation_.client_id = header.client_id.value_or("");
  if (!conversation_.user.empty()) introduce();
  const bool flexible = header.version >= api.flexible_from;
  // A client that does not know the versions yet must be able to read this one.
  const bool header_flexible = flexible && api.key != key::api_versions;
  Arrival arrival{conversation_,
                  line_,
                  {header.correlation, header.version, flexible, header_flexible},
                  Reader(body, header.version, flexible)};
  return api.begin(arrival);
}

bool KafkaFace::may_ask(const Api& api) const {
  return !conversation_.user.empty() || api.key == key::api_versions || api.key == key::sasl_handshake ||
         api.key == key::sasl_authenticate;
}

/// After a SASL handshake of version 0: the token alone, answered by an empty one.
bool KafkaFace::take_raw_token(Bytes token) {
  conversation_.sasl = Conversation::Sasl::none;
  if (log_in(conversation_, token) || !line_.empty()) return false;
  store_big(outbox_.extend(frame_prefix_bytes), std::uint32_t{0});
  return true;
}

void KafkaFace::introduce() {
  if (introduced_) return;
  introduced_ = true;
  const FaceContext& context = conversation_.context;
  const std::string name =
      conversation_.client_id.empty() ? context.peer : conversation_.client_id + " " + context.peer;
  conversation_.port().submit(core::ConnectionOpened{context.connection, conversation_.user, name, "kafka"});
}

void KafkaFace::send(const core::Send& send, std::span<const Body> bodies) {
  if (closing_) return;
  core::visit(
      [&]<class S>(const S& said) {
        if constexpr (requires { said.who.request; }) line_.take(said.who.request, send, bodies);
      },
      send);
}

void KafkaFace::tick(TimestampMs now) {
  if (closing_ || now < silent_until_) return;
  if (line_.empty())
    closing_ = true;
  else
    silent_until_ = now + idle_max_ms;
}

}  // namespace tandem::wire::kafka

namespace tandem::wire {
std::unique_ptr<Face> make_kafka_face(FaceContext context) {
  return std::make_unique<kafka::KafkaFace>(std::move(context));
}
}  // namespace tandem::wire
