// One TCP connection: reads into a buffer for its handler, writes what its handler has. Knows nothing of
// protocols. Thread rule: the reactor's thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "broker/net/reactor.h"
#include "broker/net/socket.h"
#include "schemas/message.h"

namespace tandem::net {

/// None of these may destroy the connection; that is for later, outside of the call.
class ConnectionHandler {
 public:
  virtual ~ConnectionHandler() = default;
  /// Bytes (or the end) can be read: call Connection::read(), now or later.
  virtual void readable() = 0;
  /// The kernel takes bytes again: call Connection::write().
  virtual void writable() = 0;
  /// Consumes a part of `input` from its front and returns its size. The rest is offered again with more
  /// behind it.
  virtual std::size_t receive(Bytes input) = 0;
  /// How many bytes receive() needs to see at once to go on; bounds the input buffer.
  virtual std::size_t input_size_wanted_bytes() const = 0;
  /// The first pieces to write, at most `count_max`; they stay valid until written().
  virtual void gather(std::vector<Bytes>& pieces, std::size_t count_max) = 0;
  virtual void written(std::size_t size) = 0;
};

/// Memory that input gathers in. What is in it is not cleared.
struct InputBlock {
  std::unique_ptr<std::byte[]> bytes;
  std::size_t size_bytes = 0;
};

/// For reads of connections that have no incomplete input: one for all, so that an idle connection holds no
/// buffer. Also keeps the block of the last large frame for the next one, of whatever connection: its pages
/// cost more than what is read into them.
class ReadScratch {
 public:
  static constexpr std::size_t size_bytes = 256 * 1024;
  /// The spare block's size: any message's; and what is kept of it when nobody has needed it for some seconds.
  static constexpr std::size_t spare_max_bytes = 48u << 20, spare_at_rest_max_bytes = 4u << 20;
  ReadScratch() : bytes_(size_bytes) {}
  std::span<std::byte> bytes() { return bytes_; }

  InputBlock take(std::size_t wanted_bytes);
  void give_back(InputBlock block);
  /// To be called now and then: a large block that was not taken since the last call goes.
  void tidy();

 private:
  std::vector<std::byte> bytes_;
  InputBlock spare_;
  bool spare_was_used_ = false;  // since tidy()
};

class Connection {
 public:
  /// `handler` must outlive the connection.
  Connection(Reactor& reactor, Socket socket, ConnectionHandler& handler);
  /// Closes the socket.
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// Asks for one readable().
  void wait_readable();
  /// Asks for one writable().
  void wait_writable();

  enum class ReadEnd : std::uint8_t { open, closed_by_peer, failed };
  struct ReadResult {
    std::size_t size_bytes = 0;
    ReadEnd end = ReadEnd::open;
    std::string reason;  // when failed
  };
  /// Reads once, as much as is there and fits, and offers it to the handler.
  ReadResult read(ReadScratch& scratch);
  /// Offers what the handler left, with nothing new behind it.
  void offer_rest(ReadScratch& scratch);
  /// What one read() takes at most: the kernel may have many megabytes of a large message, and others wait meanwhile.
  static constexpr std::size_t read_max_bytes = 1u << 20;
  /// Reads once and throws away: the peer may still be sending while it is told goodbye.
  ReadResult discard(ReadScratch& scratch);

  enum class WriteEnd : std::uint8_t { all_written, peer_is_slow, more_to_write, failed };
  /// A fair share of writing: then other connections have their turn. 0.1 ms of copying.
  static constexpr std::size_t write_share_bytes = 512u << 10;
  /// Writes what the handler has, until the kernel takes no more or `share_bytes` are written (checked between sendmsg calls,
  /// each of which offers 64 pieces at most).
  WriteEnd write(std::size_t share_bytes = write_share_bytes);

  /// Of memory that incomplete input gathers in.
  std::size_t input_capacity_bytes() const { return input_.size_bytes; }

  /// No more writes: the peer reads the end once it has read all.
  void shut_down_writing();
  const std::string& peer() const { return peer_; }

 private:
  struct Waits;
  std::span<std::byte> read_space(ReadScratch& scratch);
  void grow_input(ReadScratch& scratch, std::size_t wanted_bytes);
  void keep_rest(ReadScratch& scratch, Bytes rest);

  std::shared_ptr<Waits> waits_;  // shared with the outstanding waits
  int descriptor_;
  std::string peer_;
  ConnectionHandler& handler_;
  InputBlock input_;            // starts with the incomplete front of the input
  std::size_t input_size_ = 0;  // its size
  std::vector<Bytes> pieces_;
};

}  // namespace tandem::net
