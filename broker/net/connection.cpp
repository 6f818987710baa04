#include "broker/net/connection.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <asio/posix/stream_descriptor.hpp>
#include <cerrno>
#include <cstring>
#include <utility>

#include "broker/net/reactor_asio.h"

namespace tandem::net {

namespace {

// Own input buffers grow with what has come, not with what a length field promises.
constexpr std::size_t input_growth_min_bytes = 256 * 1024;
constexpr std::size_t front_copied_max_bytes = ReadScratch::size_bytes / 4;
constexpr std::size_t pieces_max = 64;               // per sendmsg; far below IOV_MAX

bool would_block(int error) {
  return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

}  // namespace

namespace {

InputBlock new_block(std::size_t size_bytes) {
  return {std::make_unique_for_overwrite<std::byte[]>(size_bytes), size_bytes};
}

}  // namespace

InputBlock ReadScratch::take(std::size_t wanted_bytes) {
  if (spare_.size_bytes < wanted_bytes) return new_block(wanted_bytes);
  spare_was_used_ = true;
  return std::exchange(spare_, {});
}

void ReadScratch::tidy() {
  if (!std::exchange(spare_was_used_, false) && spare_.size_bytes > spare_at_rest_max_bytes) spare_ = {};
}

void ReadScratch::give_back(InputBlock block) {
  const bool is_large = block.size_bytes > front_copied_max_bytes && block.size_bytes <= spare_max_bytes;
  if (is_large && block.size_bytes > spare_.size_bytes) spare_ = std::move(block);
}

struct Connection::Waits : std::enable_shared_from_this<Waits> {
  using Descriptor = asio::posix::stream_descriptor;
  Waits(Reactor& reactor, int fd, ConnectionHandler& h)
      : descriptor(reactor.asio().context, fd), handler(&h) {}

  void wait(Descriptor::wait_type what, bool Waits::*waiting, void (ConnectionHandler::*happened)()) {
    if (this->*waiting) return;
    this->*waiting = true;
    descriptor.async_wait(what,
                          [self = shared_from_this(), waiting, happened](const asio::error_code& error) {
                            (*self).*waiting = false;
                            if (self->handler != nullptr && error != asio::error::operation_aborted)
                              ((*self->handler).*happened)();
                          });
  }

  Descriptor descriptor;
  ConnectionHandler* handler;  // nullptr once the connection is gone
  bool reading = false, writing = false;
};

Connection::Connection(Reactor& reactor, Socket socket, ConnectionHandler& handler)
    : descriptor_(socket.descriptor()), peer_(socket.peer()), handler_(handler) {
  waits_ = std::make_shared<Waits>(reactor, socket.release(), handler);
}

Connection::~Connection() {
  waits_->handler = nullptr;
  asio::error_code ignored;
  waits_->descriptor.close(ignored);
}

void Connection::wait_readable() {
  waits_->wait(Waits::Descriptor::wait_read, &Waits::reading, &ConnectionHandler::readable);
}

void Connection::wait_writable() {
  waits_->wait(Waits::Descriptor::wait_write, &Waits::writing, &ConnectionHandler::writable);
}

namespace {

Connection::ReadResult receive_some(int descriptor, std::span<std::byte> space) {
  const ssize_t size = ::recv(descriptor, space.data(), space.size(), MSG_DONTWAIT);
  if (size > 0) return {static_cast<std::size_t>(size), Connection::ReadEnd::open, {}};
  if (size == 0) return {0, Connection::ReadEnd::closed_by_peer, {}};
  if (would_block(errno)) return {};
  return {0, Connection::ReadEnd::failed, std::strerror(errno)};
}

}  // namespace

// A small incomplete front is copied before what is read into the scratch; a large frame gathers in input_.
std::span<std::byte> Connection::read_space(ReadScratch& scratch) {
  const std::size_t wanted = handler_.input_size_wanted_bytes();
  if (input_size_ <= front_copied_max_bytes && wanted <= ReadScratch::size_bytes) {
    if (input_size_ > 0) std::memcpy(scratch.bytes().data(), input_.bytes.get(), input_size_);
    return scratch.bytes();
  }
  if (input_.size_bytes - input_size_ < input_growth_min_bytes / 2) {
    const std::size_t growth = std::max(3 * input_size_, input_growth_min_bytes);
    grow_input(scratch, std::clamp(wanted, input_size_ + input_growth_min_bytes, input_size_ + growth));
  }
  return {input_.bytes.get(), input_.size_bytes};
}

void Connection::grow_input(ReadScratch& scratch, std::size_t wanted_bytes) {
  InputBlock larger = scratch.take(wanted_bytes);
  if (input_size_ > 0) std::memcpy(larger.bytes.get(), input_.bytes.get(), input_size_);
  scratch.give_back(std::exchange(input_, std::move(larger)));
}

// The rest may lie in input_ itself or in the scratch.
void Connection::keep_rest(ReadScratch& scratch, Bytes rest) {
  input_size_ = rest.size();
  if (rest.empty()) {
    if (input_.size_bytes > front_copied_max_bytes) scratch.give_back(std::exchange(input_, {}));
    return;
  }
  if (input_.size_bytes < rest.size()) {  // then it does not lie there
    InputBlock block = rest.size() > front_copied_max_bytes ? scratch.take(rest.size()) : new_block(rest.size());
    scratch.give_back(std::exchange(input_, std::move(block)));
  }
  if (rest.data() != input_.bytes.get()) std::memmove(input_.bytes.get(), rest.data(), rest.size());
}

Connection::ReadResult Connection::read(ReadScratch& scratch) {
  const std::span<std::byte> space = read_space(scratch);
  const std::span<std::byte> free = space.subspan(input_size_);
  ReadResult result = receive_some(descriptor_, free.first(std::min(free.size(), read_max_bytes)));
  if (result.size_bytes == 0) return result;
  const Bytes input = space.first(input_size_ + result.size_bytes);
  keep_rest(scratch, input.subspan(handler_.receive(input)));
  return result;
}

void Connection::offer_rest(ReadScratch& scratch) {
  const Bytes input(input_.bytes.get(), input_size_);
  keep_rest(scratch, input.subspan(handler_.receive(input)));
}

Connection::ReadResult Connection::discard(ReadScratch& scratch) {
  return receive_some(descriptor_, scratch.bytes());
}

Connection::WriteEnd Connection::write(std::size_t share_bytes) {
  std::size_t written = 0;
  while (written < share_bytes) {
    pieces_.clear();
    handler_.gather(pieces_, pieces_max);
    if (pieces_.empty()) return WriteEnd::all_written;
    std::array<iovec, pieces_max> vectors;
    std::size_t offered = 0;
    for (std::size_t i = 0; i < pieces_.size(); ++i) {
      vectors[i] = {const_cast<std::byte*>(pieces_[i].data()), pieces_[i].size()};
      offered += pieces_[i].size();
    }
    msghdr message{};
    message.msg_iov = vectors.data();
    message.msg_iovlen = pieces_.size();
    const ssize_t size = ::sendmsg(descriptor_, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (size < 0) return would_block(errno) ? WriteEnd::peer_is_slow : WriteEnd::failed;
    handler_.written(static_cast<std::size_t>(size));
    if (static_cast<std::size_t>(size) < offered) return WriteEnd::peer_is_slow;
    written += offered;
  }
  return WriteEnd::more_to_write;
}

void Connection::shut_down_writing() {
  ::shutdown(descriptor_, SHUT_WR);
}

}  // namespace tandem::net
