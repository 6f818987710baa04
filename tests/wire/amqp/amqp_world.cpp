#include "tests/wire/amqp/amqp_world.h"

#include "broker/base/check.h"
#include "schemas/topic_record.h"

namespace tandem::wire::amqp::test {

// --- World
// -----------------------------------------------------------------------------------------------------------

World::World() {
  broker_.replayed(now_ms, true);
}

BodyHandle World::stage(std::initializer_list<Bytes> parts) {
  auto whole = std::make_shared<Buffer>();
  for (const Bytes part : parts) add(*whole, part);
  staged_.push_back(std::move(whole));
  return BodyHandle{staged_.size()};
}

void World::submit(const core::Input& input) {
  core::Outputs outputs;
  broker_.handle(now_ms, input, outputs);
  if (outputs.turn != 0) turn_ = outputs.turn;
  for (const core::Record& record : outputs.records)
    if (const auto* appended = std::get_if<core::Appended>(&record))
      appended_[appended->partition].push_back(*appended);
  route(outputs);
  if (persists_at_once && !std::holds_alternative<core::Persisted>(input)) persist();
}

void World::persist() {
  if (persisted_ == turn_) return;
  persisted_ = turn_;
  submit(core::Persisted{turn_});
}

void World::tick() {
  submit(core::Tick{});
  for (auto& [id, face] : faces_) face->tick(now_ms);
}

void World::route(core::Outputs& outputs) {
  for (core::Send& send : outputs.sends) waiting_.push_back(std::move(send));
  if (routing_) return;
  routing_ = true;
  while (!waiting_.empty()) {
    const core::Send send = std::move(waiting_.front());
    waiting_.pop_front();
    say(send);
  }
  routing_ = false;
}

void World::say(const core::Send& send) {
  const auto face = faces_.find(core::recipient(send).value);
  if (face == faces_.end()) return;
  std::vector<Body> bodies;
  if (const auto* fetched = std::get_if<core::Fetched>(&send))
    for (const auto& partition : fetched->partitions) bodies.push_back(batches_of(partition));
  core::visit(
      [&]<class S>(const S& said) {
        if constexpr (requires {
                        said.body;
                        said.size_bytes;
                      })
          bodies.push_back(body_of(said.body, said.size_bytes));
      },
      send);
  face->second->send(send, bodies);
}

Body World::body_of(BodyHandle handle, std::uint32_t size_bytes) const {
  if (!bodies_are_readable) return {{}, nullptr, ErrorCode::corrupt};
  const auto& stored = staged_.at(handle.value - 1);
  CHECK(stored->size() == size_bytes);
  return {*stored, stored, ErrorCode::none};
}

/// Every message is a batch of its own, as many as one fetch may bring.
Body World::batches_of(const core::FetchedPartition& fetched) const {
  constexpr std::size_t batches_max = 3;
  const auto found = appended_.find(fetched.partition);
  if (found == appended_.end() || fetched.error != ErrorCode::none) return {};
  auto bytes = std::make_shared<Buffer>();
  std::size_t count = 0;
  for (const core::Appended& appended : found->second) {
    if (appended.base_offset < fetched.offset || appended.base_offset >= fetched.visible_end) continue;
    if (++count > batches_max) break;
    BatchBuilder builder;
    CHECK(add_message(builder, *staged_.at(appended.body.value - 1), appended.max_timestamp).ok());
    auto batch = builder.finish();
    CHECK(batch.ok());
    patch_base_offset(*batch, appended.base_offset);
    add(*bytes, *batch);
  }
  return {*bytes, bytes, ErrorCode::none};
}

std::string World::random_name(std::size_t size) {
  std::string name = std::to_string(++next_name_);
  return std::string(size - name.size(), 'x') + name;
}

// --- Client
// ----------------------------------------------------------------------------------------------------------

Buffer handshake_bytes(const ClientOptions& options) {
  Buffer out;
  add(out, bytes_of(std::string_view("AMQP\0\0\x09\x01", 8)));
  Table properties;
  if (options.capabilities)
    properties = {{"capabilities", Value(Table{{"authentication_failure_close", Value(true)},
                                               {"consumer_cancel_notify", Value(true)},
                                               {"connection.blocked", Value(true)}})}};
  std::string response;
  response += '\0';
  response += options.user;
  response += '\0';
  response += options.password;
  add(out, method_frame(0, Method::connection_start_ok,
                        {Bytes(encoded_table(properties)), options.mechanism, response, "en_US"}));
  add(out, method_frame(0, Method::connection_tune_ok,
                        {options.channel_max, options.frame_max, options.heartbeat_s}));
  add(out, method_frame(0, Method::connection_open, {options.vhost}));
  add(out, method_frame(1, Method::channel_open, {}));
  return out;
}

Client::Client(World& world, Silent, bool loopback) : world_(world), id_(world.next_connection_++) {
  face_ = make_amqp_face({id_, &world, "127.0.0.1:" + std::to_string(40000 + id_.value), loopback});
  world_.faces_[id_.value] = face_.get();
}

Client::Client(World& world, const ClientOptions& options) : Client(world, Silent{}, options.loopback) {
  feed(handshake_bytes(options));
  heard_bytes();
}

Client::~Client() {
  if (face_) drop();
}

void Client::drop() {
  world_.faces_.erase(id_.value);
  face_.reset();
  world_.submit(core::ConnectionClosed{id_});
}

void Client::feed(Bytes bytes) {
  add(unread_, bytes);
  if (face_->closing()) return;
  const std::size_t used = face_->receive(unread_);
  unread_.erase(unread_.begin(), unread_.begin() + static_cast<std::ptrdiff_t>(used));
}

void Client::declare_queue(std::string_view name, const Table& arguments, std::uint16_t channel) {
  call(channel, Method::queue_declare,
       {name, false, true, false, false, false, Bytes(encoded_table(arguments))});
}

void Client::declare_exchange(std::string_view name, std::string_view type, std::uint16_t channel) {
  call(channel, Method::exchange_declare, {name, type, false, true, false, false, false, Bytes{}});
}

void Client::bind(std::string_view queue, std::string_view exchange, std::string_view key,
                  const Table& arguments) {
  call(1, Method::queue_bind, {queue, exchange, key, false, Bytes(encoded_table(arguments))});
}

void Client::consume(std::string_view queue, std::string_view tag, bool no_ack, std::uint16_t channel) {
  call(channel, Method::basic_consume, {queue, tag, false, no_ack, false, false, Bytes{}});
}

void Client::publish(std::string_view exchange, std::string_view key, std::string_view body,
                     const Properties& properties, bool mandatory, std::uint16_t channel) {
  feed(publish_frames(channel, exchange, key, body, properties, mandatory));
}

Buffer Client::heard_bytes() {
  face_->flush();
  Buffer all;
  std::vector<Bytes> pieces;
  while (!face_->outbox().empty()) {
    pieces.clear();
    face_->outbox().gather(pieces, 16);
    std::size_t size = 0;
    for (const Bytes piece : pieces) {
      add(all, piece);
      size += piece.size();
    }
    face_->outbox().consume(size);
  }
  return all;
}

std::vector<std::string> Client::heard() {
  return shown_frames(heard_bytes());
}

std::string Client::heard_text() {
  std::string text;
  for (const std::string& line : heard()) text += (text.empty() ? "" : "\n") + line;
  return text;
}

}  // namespace tandem::wire::amqp::test
