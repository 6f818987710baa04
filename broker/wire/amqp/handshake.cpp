// The connection's own methods: protocol header, start, tune, open, close, update-secret.
#include <algorithm>

#include "broker/wire/amqp/amqp_face.h"
#include "broker/wire/amqp/sasl.h"

namespace tandem::wire::amqp {
namespace {

constexpr std::size_t protocol_header_size_bytes = 8;
constexpr std::string_view spoken_header("AMQP\0\0\x09\x01", protocol_header_size_bytes);
/// The header of AMQP 0-9, and the one Qpid's clients sent for it: both speak 0-9-1 after it.
constexpr std::string_view other_headers[] = {{"AMQP\x01\x01\0\x09", protocol_header_size_bytes},
                                              {"AMQP\x01\x01\x09\x01", protocol_header_size_bytes}};

/// Clients switch features on by comparing `version` with RabbitMQ's releases, so it names the one this face
/// follows.
constexpr std::string_view followed_version = "3.10.8";
constexpr std::string_view announced_capabilities[] = {
    "publisher_confirms",           "exchange_exchange_bindings", "basic.nack",
    "consumer_cancel_notify",       "connection.blocked",         "consumer_priorities",
    "authentication_failure_close", "per_consumer_qos",           "direct_reply_to"};

Table server_properties(const BrokerPort& port) {
  Table capabilities;
  for (const std::string_view name : announced_capabilities) capabilities.emplace_back(name, Value(true));
  return {{"capabilities", Value(std::move(capabilities))},
          {"cluster_name", Value(port.fact("cluster_id"))},
          {"information", Value("Tandem, which RabbitMQ's clients can use unchanged")},
          {"platform", Value("C++")},
          {"product", Value("Tandem")},
          {"tandem_version", Value(port.fact("version"))},
          {"version", Value(followed_version)}};
}

bool is_beginning_of(Bytes input, std::string_view header) {
  const std::size_t size = std::min(input.size(), header.size());
  return text_of(input.first(size)) == header.substr(0, size);
}

bool may_become_known(Bytes input) {
  return is_beginning_of(input, spoken_header) ||
         std::ranges::any_of(other_headers,
                             [&](std::string_view header) { return is_beginning_of(input, header); });
}

bool is_true(const Table& table, std::string_view name) {
  const Value* value = find(table, name);
  return value != nullptr && value->boolean() != nullptr && *value->boolean();
}

/// RabbitMQ's answer to a number in tune-ok that was not offered.
Fault negotiation_fault(std::string_view field, std::uint64_t value, bool too_low, std::uint64_t bound) {
  return {ReplyCode::not_allowed,
          "negotiated " + std::string(field) + " = " + std::to_string(value) +
              (value == 0 ? " (no limit)" : "") + " is " +
              (too_low ? "lower than the minimum" : "higher than the maximum") + " allowed value (" +
              std::to_string(bound) + ")",
          Method::connection_tune};
}

Verdict check_tuning(std::uint64_t channel_max, std::uint64_t frame_max) {
  if (frame_max != 0 && frame_max < frame_size_least_bytes)
    return negotiation_fault("frame_max", frame_max, true, frame_size_least_bytes);
  if (frame_max == 0 || frame_max > frame_size_offered_bytes)
    return negotiation_fault("frame_max", frame_max, false, frame_size_offered_bytes);
  if (channel_max == 0 || channel_max > channel_count_max)
    return negotiation_fault("channel_max", channel_max, false, channel_count_max);
  return std::nullopt;
}

constexpr std::string_view state_names[] = {"pre_init", "starting", "tuning", "opening",
                                            "running",  "closing",  "closed"};

}  // namespace

/// Anything but AMQP 0-9-1 is told what is spoken here, as soon as it is clear, and let go.
std::size_t AmqpFace::take_protocol_header(Bytes input) {
  if (!may_become_known(input)) {
    outbox_.write(bytes_of(spoken_header));
    state_ = State::closed;
    return input.size();
  }
  if (input.size() < protocol_header_size_bytes) return 0;
  wanted_size_bytes_ = frame_header_size_bytes;
  say_start();
  state_ = State::starting;
  return protocol_header_size_bytes;
}

void AmqpFace::say_start() {
  std::vector<std::byte> properties;
  append_table(properties, server_properties(link_.port()));
  link_.write(0, Method::connection_start, {0, 9, Bytes(properties), sasl_mechanisms, "en_US"});
}

void AmqpFace::take_connection_method(const MethodView& method) {
  switch (method.method()) {
    case Method::connection_start_ok:
      if (state_ == State::starting) return start_ok(method);
      break;
    case Method::connection_tune_ok:
      if (state_ == State::tuning) return tune_ok(method);
      break;
    case Method::connection_open:
      if (state_ == State::opening) return open(method);
      break;
    case Method::connection_close:
      return take_close();
    case Method::connection_update_secret:
      // The password was right when the connection was opened; there is nothing that expires.
      if (state_ == State::running) return link_.write(0, Method::connection_update_secret_ok, {});
      break;
    default:
      break;
  }
  fail({ReplyCode::channel_error,
        "unexpected method in connection state " + std::string(state_names[static_cast<std::size_t>(state_)]),
        method.method()});
}

void AmqpFace::start_ok(const MethodView& method) {
  read_client_properties(method);
  if (const Verdict fault = log_in(method)) {
    // A client that does not know of refusals takes an unexpected end of the connection for one.
    const bool is_refusal = fault->code == ReplyCode::access_refused;
    if (is_refusal && !link_.capabilities.authentication_failure_close) {
      state_ = State::closed;
      return;
    }
    return fail(*fault);
  }
  state_ = State::tuning;
  link_.write(0, Method::connection_tune, {channel_count_max, frame_size_offered_bytes, heartbeat_offered_s});
}

void AmqpFace::read_client_properties(const MethodView& method) {
  const Table properties = decode_table(method.table("client-properties")).value_or(Table{});
  connection_name_ = context_.peer;
  if (const Value* name = find(properties, "connection_name"); name != nullptr && name->text() != nullptr)
    connection_name_ = *name->text() + " (" + context_.peer + ")";
  const Value* capabilities = find(properties, "capabilities");
  if (capabilities == nullptr || capabilities->table() == nullptr) return;
  const Table& table = *capabilities->table();
  link_.capabilities = {is_true(table, "authentication_failure_close"),
                        is_true(table, "consumer_cancel_notify"), is_true(table, "connection.blocked")};
}

/// A user without permissions is let in as far as connection.open, which refuses it: as RabbitMQ does.
Verdict AmqpFace::log_in(const MethodView& method) {
  const std::string mechanism(method.text("mechanism"));
  if (!is_known_mechanism(mechanism))
    return Fault{ReplyCode::command_invalid, "unknown authentication mechanism '" + mechanism + "'",
                 method.method()};
  const auto credentials = read_credentials(mechanism, method.text("response"));
  if (!credentials)
    return Fault{ReplyCode::syntax_error, "malformed response of mechanism " + mechanism, method.method()};
  const LoginVerdict verdict =
      link_.port().log_in({credentials->user, credentials->password, context_.loopback}, context_.peer);
  permitted_ = verdict == LoginVerdict::welcome;
  if (!permitted_ && verdict != LoginVerdict::not_permitted)
    return Fault{ReplyCode::access_refused,
                 "Login was refused using authentication mechanism " + mechanism +
                     ". For details see the broker logfile.",
                 Method::none};
  link_.user = credentials->user;
  link_.impersonates = link_.port().has_tag(link_.user, "impersonator");
  return std::nullopt;
}

void AmqpFace::tune_ok(const MethodView& method) {
  const std::uint64_t channel_max = method.number("channel-max"), frame_max = method.number("frame-max");
  if (const Verdict fault = check_tuning(channel_max, frame_max)) return fail(*fault);
  channel_max_ = static_cast<std::uint16_t>(channel_max);
  link_.frame_size_max_bytes = static_cast<std::uint32_t>(frame_max);
  heartbeat_ms_ = static_cast<DurationMs>(method.number("heartbeat")) * 1000;
  state_ = State::opening;
}

void AmqpFace::open(const MethodView& method) {
  const std::string_view vhost = method.text("virtual-host");
  if (vhost != "/")
    return fail({ReplyCode::not_allowed, "vhost " + std::string(vhost) + " not found", method.method()});
  if (!permitted_)
    return fail({ReplyCode::not_allowed, "access to vhost '/' refused for user '" + link_.user + "'", method.method()});
  state_ = State::running;
  opened_ = true;
  if (heartbeat_ms_ > 0) heartbeat_due_ = link_.port().now() + heartbeat_ms_ / 2;
  link_.port().submit(core::ConnectionOpened{context_.connection, link_.user, connection_name_, "amqp"});
  link_.write(0, Method::connection_open_ok, {});
}

/// The core is told first: who reads close-ok may count on exclusive queues being gone. The peer then ends the
/// connection: some clients take an end that comes from here, right behind close-ok, for a failure.
void AmqpFace::take_close() {
  flush();
  end_session();
  link_.write(0, Method::connection_close_ok, {});
  state_ = State::closing;
  state_due_ = link_.port().now() + close_answer_max_ms;
  deaf_ = true;
}

}  // namespace tandem::wire::amqp
