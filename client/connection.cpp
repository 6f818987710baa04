#include "client/connection.h"

#include <asio/bind_executor.hpp>
#include <asio/connect.hpp>
#include <asio/write.hpp>

#include "schemas/loopback.h"

namespace tandem::client {

Connection::Connection(const Strand& strand, std::shared_ptr<ConnectionEvents> events)
    : strand_(strand), events_(std::move(events)), resolver_(strand), socket_(strand) {}

void Connection::open(const std::string& host, std::uint16_t port) {
  const auto where = host + ":" + std::to_string(port);
  auto resolved = [self = shared_from_this(), where](asio::error_code error,
                                                     asio::ip::tcp::resolver::results_type found) {
    if (error)
      return self->lose({ErrorCode::unavailable, "cannot resolve " + where + ": " + error.message()});
    auto connected = [self, where](asio::error_code failure, const asio::ip::tcp::endpoint& broker) {
      if (failure)
        return self->lose({ErrorCode::unavailable, "cannot connect to " + where + ": " + failure.message()});
      if (!self->events_) return;
      asio::error_code ignored;  // a socket that cannot is slower, not wrong
      self->socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
      if (broker.address().is_loopback()) send_without_pacing(self->socket_.native_handle());
      self->events_->connection_opened();
      self->read();
    };
    asio::async_connect(self->socket_, found, asio::bind_executor(self->strand_, std::move(connected)));
  };
  resolver_.async_resolve(host, std::to_string(port), asio::bind_executor(strand_, std::move(resolved)));
}

void Connection::read() {
  if (!events_ || reading_ || held_) return;
  reading_ = true;
  const auto space = input_.space(events_->input_size_wanted_bytes());
  socket_.async_read_some(
      asio::buffer(space.data(), space.size()),
      asio::bind_executor(
          strand_, [self = shared_from_this()](asio::error_code error, std::size_t size_bytes) {
            self->reading_ = false;
            if (error)
              return self->lose({ErrorCode::unavailable, "the connection broke: " + error.message()});
            self->take_input(size_bytes);
          }));
}

void Connection::take_input(std::size_t size_bytes) {
  if (!events_) return;
  input_.filled(size_bytes);
  const auto consumed = events_->received(input_.unread(), input_.owner());
  if (!consumed) return lose(consumed.error());
  input_.consumed(*consumed);
  read();
}

void Connection::write(std::vector<Frame> frames) {
  writing_ = std::move(frames);
  std::vector<asio::const_buffer> buffers;
  buffers.reserve(writing_.size() * 2);
  for (const auto& frame : writing_) {
    buffers.emplace_back(frame.head.data(), frame.head.size());
    if (!frame.payload.empty()) buffers.emplace_back(frame.payload.data(), frame.payload.size());
  }
  asio::async_write(
      socket_, std::move(buffers),
      asio::bind_executor(strand_, [self = shared_from_this()](asio::error_code error, std::size_t) {
        self->writing_.clear();
        if (error) return self->lose({ErrorCode::unavailable, "the connection broke: " + error.message()});
        if (self->events_) self->events_->written();
      }));
}

void Connection::hold_reading(bool held) {
  held_ = held;
  read();
}

void Connection::lose(Error why) {
  const auto events = events_;
  close();
  if (events) events->connection_lost(why);
}

void Connection::close() {
  events_.reset();
  asio::error_code ignored;  // what cannot be shut down properly is closed all the same
  resolver_.cancel();
  socket_.shutdown(asio::ip::tcp::socket::shutdown_both, ignored);
  socket_.close(ignored);
}

}  // namespace tandem::client
