#include "broker/net/listener.h"

#include <asio/ip/tcp.hpp>
#include <asio/ip/v6_only.hpp>

#include "broker/net/reactor_asio.h"
#include "schemas/loopback.h"

namespace tandem::net {

namespace {

using asio::ip::tcp;
constexpr int backlog = 1024;  // connections that the kernel holds until the loop comes round

std::string text_of(const tcp::endpoint& endpoint) {
  const std::string address = endpoint.address().to_string();
  const std::string port = std::to_string(endpoint.port());
  return endpoint.address().is_v6() ? "[" + address + "]:" + port : address + ":" + port;
}

bool is_loopback(const asio::ip::address& address) {
  if (address.is_v6() && address.to_v6().is_v4_mapped())
    return asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6()).is_loopback();
  return address.is_loopback();
}

asio::ip::address parse_address(std::string_view text, asio::error_code& error) {
  if (text.size() > 2 && text.front() == '[' && text.back() == ']') text = text.substr(1, text.size() - 2);
  return asio::ip::make_address(std::string(text), error);
}

ErrorCode code_of(const asio::error_code& error) {
  if (error == asio::error::address_in_use) return ErrorCode::in_use;
  if (error == asio::error::access_denied) return ErrorCode::not_authorized;
  return ErrorCode::unavailable;
}

asio::error_code bind_and_listen(tcp::acceptor& acceptor, const tcp::endpoint& endpoint) {
  asio::error_code error;
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error && endpoint.address().is_v6()) acceptor.set_option(asio::ip::v6_only(true), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(backlog, error);
  return error;
}

}  // namespace

struct Listener::Acceptor : std::enable_shared_from_this<Acceptor> {
  Acceptor(Reactor& reactor, AcceptHandler& h)
      : acceptor(reactor.asio().context), retry(reactor.asio().context), handler(&h) {}

  void accept_next() {
    acceptor.async_accept([self = shared_from_this()](const asio::error_code& error, tcp::socket socket) {
      if (self->handler == nullptr) return;
      if (error) return self->accept_later(error);
      self->hand_over(std::move(socket));
      if (self->handler != nullptr) self->accept_next();
    });
  }

  // Out of descriptors the kernel would report the same connection for ever: wait instead of spinning.
  void accept_later(const asio::error_code& error) {
    if (error == asio::error::connection_aborted) return accept_next();
    handler->accept_failed(error.message());
    retry.expires_after(std::chrono::seconds(1));
    retry.async_wait([self = shared_from_this()](const asio::error_code&) {
      if (self->handler != nullptr) self->accept_next();
    });
  }

  void hand_over(tcp::socket socket) {
    asio::error_code error;
    const tcp::endpoint peer = socket.remote_endpoint(error);
    if (error) return;  // gone before it was looked at
    socket.set_option(tcp::no_delay(true), error);
    const bool loopback = is_loopback(peer.address());
    if (loopback) send_without_pacing(socket.native_handle());
    const int descriptor = socket.release(error);
    if (!error) handler->accepted(Socket(descriptor, text_of(peer), loopback));
  }

  tcp::acceptor acceptor;
  asio::steady_timer retry;
  AcceptHandler* handler;  // nullptr once the listener is gone
};

Listener::Listener(std::shared_ptr<Acceptor> acceptor) : acceptor_(std::move(acceptor)) {}

Listener::~Listener() {
  acceptor_->handler = nullptr;
  asio::error_code ignored;
  acceptor_->acceptor.close(ignored);
  acceptor_->retry.cancel();
}

Result<std::unique_ptr<Listener>> Listener::open(Reactor& reactor, const std::string& address,
                                                 std::uint16_t port, AcceptHandler& handler) {
  asio::error_code error;
  const auto parsed = parse_address(address, error);
  if (error) return Error{ErrorCode::invalid_argument, "'" + address + "' is not an IPv4 or IPv6 address"};
  const tcp::endpoint endpoint(parsed, port);
  auto acceptor = std::make_shared<Acceptor>(reactor, handler);
  error = bind_and_listen(acceptor->acceptor, endpoint);
  if (error) return Error{code_of(error), "cannot listen on " + text_of(endpoint) + ": " + error.message()};
  acceptor->accept_next();
  return std::unique_ptr<Listener>(new Listener(std::move(acceptor)));
}

std::uint16_t Listener::port() const {
  asio::error_code ignored;
  return acceptor_->acceptor.local_endpoint(ignored).port();
}

std::string Listener::endpoint() const {
  asio::error_code ignored;
  return text_of(acceptor_->acceptor.local_endpoint(ignored));
}

}  // namespace tandem::net
