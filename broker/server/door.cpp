#include "broker/server/door.h"

#include "broker/server/log_line.h"

namespace tandem::server {

namespace {

Error with_advice(const Error& error, const Protocol& protocol) {
  const std::string option(protocol.option);
  if (error.code == ErrorCode::in_use)
    return {error.code, error.text + "; choose another port with " + option + ", or -1 to do without it"};
  if (error.code == ErrorCode::not_authorized)
    return {error.code, error.text + "; choose a port with " + option};
  return {error.code, error.text + "; check --listen"};
}

}  // namespace

Result<std::unique_ptr<Door>> Door::open(net::Reactor& reactor, Loop& loop, const Protocol& protocol,
                                         const std::vector<std::string>& addresses, std::uint16_t port) {
  static const std::vector<std::string> loopback = {"127.0.0.1", "::1"};
  std::unique_ptr<Door> door(new Door(loop, protocol));
  for (const auto& address : addresses.empty() ? loopback : addresses) {
    const std::uint16_t same_port = door->listeners_.empty() ? port : door->port();
    auto listener = net::Listener::open(reactor, address, same_port, *door);
    if (listener) {
      door->listeners_.push_back(std::move(*listener));
      continue;
    }
    const bool may_be_missing = addresses.empty() && address == "::1";
    if (!may_be_missing || listener.error().code == ErrorCode::in_use)
      return with_advice(listener.error(), protocol);
    log_line(LogLevel::debug, listener.error().text);
  }
  return door;
}

void Door::accepted(net::Socket socket) {
  loop_.woke();
  loop_.accept(std::move(socket), protocol_.make_face, protocol_.advertised);
}

void Door::accept_failed(const std::string& reason) {
  log_line(LogLevel::warning, "a connection to " + endpoint() + " could not be taken: " + reason);
}

}  // namespace tandem::server
