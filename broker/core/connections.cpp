#include "broker/core/connections.h"

#include <algorithm>

#include "broker/core/consumers.h"

namespace tandem::core {

Channel::Channel() = default;
Channel::~Channel() = default;

namespace {

auto place_of(const std::vector<std::unique_ptr<Channel>>& channels, std::uint16_t number) {
  return std::lower_bound(
      channels.begin(), channels.end(), number,
      [](const auto& channel, std::uint16_t wanted) { return channel->id.number < wanted; });
}

}  // namespace

Channel* Connection::find(std::uint16_t number) const {
  auto it = place_of(channels, number);
  return it != channels.end() && (*it)->id.number == number ? it->get() : nullptr;
}

Connection* Connections::find(ConnectionId id) const {
  if (last_found_ && last_found_->id == id) return last_found_;
  auto it = connections_.find(id);
  return it == connections_.end() ? nullptr : last_found_ = it->second.get();
}

Connection& Connections::find_or_open(ConnectionId id) {
  if (Connection* connection = find(id)) return *connection;
  auto connection = std::make_unique<Connection>();
  connection->id = id;
  return *(connections_[id] = std::move(connection));
}

Channel* Connections::find(ChannelId id) const {
  const Connection* connection = find(id.connection);
  return connection ? connection->find(id.number) : nullptr;
}

Channel& Connections::find_or_open(ChannelId id) {
  Connection& connection = find_or_open(id.connection);
  if (Channel* channel = connection.find(id.number)) return *channel;
  auto channel = std::make_unique<Channel>();
  channel->id = id;
  channel->connection = &connection;
  channel->birth = next_birth_++;
  return **connection.channels.insert(place_of(connection.channels, id.number), std::move(channel));
}

void Connections::close(ConnectionId id) {
  if (last_found_ && last_found_->id == id) last_found_ = nullptr;
  connections_.erase(id);
}

void Connections::close(ChannelId id) {
  Connection* connection = find(id.connection);
  if (!connection) return;
  auto it = place_of(connection->channels, id.number);
  if (it != connection->channels.end() && (*it)->id.number == id.number) connection->channels.erase(it);
}

std::vector<Connection*> Connections::all() const {
  std::vector<Connection*> all;
  all.reserve(connections_.size());
  for (const auto& [id, connection] : connections_) all.push_back(connection.get());
  std::sort(all.begin(), all.end(), [](const Connection* a, const Connection* b) { return a->id < b->id; });
  return all;
}

}  // namespace tandem::core
