// One protocol's way in: its port on every address that is listened on, and the face that speaks it.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "broker/net/listener.h"
#include "broker/server/loop.h"

namespace tandem::server {

struct Protocol {
  std::string_view name;    // as in the ready line: native, amqp, kafka
  std::string_view option;  // that sets its port
  MakeFace make_face;
  wire::Advertised advertised{};  // of this way in alone
};

class Door final : public net::AcceptHandler {
 public:
  /// Listens on `addresses`, or on the loopback addresses when there are none (IPv6 only where this machine
  /// has it). Port 0: the system chooses, the same port for all addresses. Errors: the listener's; the text
  /// names the option that helps.
  static Result<std::unique_ptr<Door>> open(net::Reactor& reactor, Loop& loop, const Protocol& protocol,
                                            const std::vector<std::string>& addresses, std::uint16_t port);

  const Protocol& protocol() const { return protocol_; }
  /// Of the first address, e.g. "127.0.0.1:7171".
  std::string endpoint() const { return listeners_.front()->endpoint(); }
  std::uint16_t port() const { return listeners_.front()->port(); }

 private:
  Door(Loop& loop, const Protocol& protocol) : loop_(loop), protocol_(protocol) {}
  void accepted(net::Socket socket) override;
  void accept_failed(const std::string& reason) override;

  Loop& loop_;
  Protocol protocol_;
  std::vector<std::unique_ptr<net::Listener>> listeners_;
};

}  // namespace tandem::server
