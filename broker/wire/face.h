// A face translates between the bytes of one connection and the core's vocabulary: sans I/O, no threads, no state of
// the broker. server/ owns one Face per connection, feeds it bytes and sends, and writes what it puts into its Outbox.
#pragma once

#include <cstddef>
#include <functional>
#include <initializer_list>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "broker/core/input.h"
#include "broker/core/send.h"
#include "broker/core/topic_options.h"
#include "broker/wire/login.h"
#include "broker/wire/outbox.h"

namespace tandem::wire {

/// The bytes that a send's handle stands for, as the server found them. `error` is set when they cannot be read
/// (a checksum is wrong): the face says so to its client and goes on.
struct Body {
  Bytes bytes;
  Owner owner;
  ErrorCode error = ErrorCode::none;
};

/// What a face can ask of the server. Lives longer than the face.
class BrokerPort {
 public:
  virtual ~BrokerPort() = default;
  virtual TimestampMs now() const = 0;
  /// Puts a message into the open journal group; the parts are joined. The handle is good for the next
  /// submit() calls; bytes that no record refers to are forgotten. The total must be ≤ limits::message_size_max_bytes.
  virtual BodyHandle stage(std::initializer_list<Bytes> parts) = 0;
  /// The same for a record batch: its handle is for one append, most likely to that partition.
  virtual BodyHandle stage_batch(std::string_view /*topic*/, PartitionIndex /*partition*/, Bytes batch) {
    return stage({batch});
  }
  /// A large message, `head` and `rest` joined: the disk takes it piece by piece, so that nobody but its connection waits. Then, unless the
  /// connection has ended, `staged` is called: the input that names the body is submitted before that returns, or never. What `rest`
  /// refers to stays as it is until then, also when the connection ends; what it holds is not freed before.
  virtual void stage_large(ConnectionId /*connection*/, std::initializer_list<Bytes> head, Bytes rest,
                           std::function<void(BodyHandle)> staged) {
    std::vector<std::byte> whole;
    for (const Bytes part : head) whole.insert(whole.end(), part.begin(), part.end());
    whole.insert(whole.end(), rest.begin(), rest.end());
    staged(stage({whole}));
  }
  /// Runs the core on one input, now. Its sends may come back into Face::send (also of this same face) before submit()
  /// returns, so a face keeps itself consistent before it calls.
  virtual void submit(const core::Input& input) = 0;
  /// Asked behind each request: whether a connection may go on with the next one that it has in its hand. When its share of this
  /// turn of the loop is used up, receive() returns, and what is left is offered again in the next turn.
  virtual bool may_go_on() const { return true; }
  /// Has `work` done by another thread, after what was given before; it touches nothing that anybody else might touch
  /// meanwhile. Then, unless the connection has ended, `done` is called as if by it, and its input is looked at again. Without
  /// a second thread both are done before it returns.
  virtual void do_apart(ConnectionId /*connection*/, std::function<void()> work, std::function<void()> done) {
    work();
    done();
  }
  /// For judge_append().
  virtual core::BatchRules batch_rules(std::string_view /*topic*/) const { return {}; }
  /// Random bytes for server-chosen names and member ids, as lower-case hexadecimal or URL-safe text of `size`.
  virtual std::string random_name(std::size_t size) = 0;
  /// Facts for handshakes: version, cluster id, advertised host and port of each face.
  virtual std::string_view fact(std::string_view name) const = 0;
  /// Whether the channel holds an outstanding delivery with this tag.
  virtual bool holds(ChannelId /*channel*/, DeliveryTag /*tag*/) const { return true; }
  /// Whether there is such a user and it has this tag.
  virtual bool has_tag(std::string_view /*user*/, std::string_view /*tag*/) const { return false; }
  /// False: whoever is on this machine may be guest without saying so.
  virtual bool has_users() const { return false; }
  /// What the connection's user may do with what bears this name; without one, with every name there could be.
  virtual core::Allowed allowed(ConnectionId /*connection*/, std::optional<std::string_view> /*name*/) const { return {}; }
  /// Whether this user may come in, now. `peer`: where from, for the log line of a refusal.
  virtual LoginVerdict log_in(const Login& login, std::string_view /*peer*/) { return judge_guest(login); }
  /// What is kept of a password: 4 octets of salt and a SHA-256. Tests have no users with passwords.
  virtual std::string hash_password(std::string_view /*password*/) { return {}; }
};

class Face {
 public:
  virtual ~Face() = default;

  /// Consumes as many whole frames of `input` as it can and returns the number of bytes consumed. What is left is
  /// offered again with more behind it. Never consumes when closing() is true. What is longer than net::ReadScratch and not
  /// consumed at all stays where it is while reading() is false.
  virtual std::size_t receive(Bytes input) = 0;
  /// Bytes that receive() needs to see at once to go on (a frame's size once known); bounds the connection's buffer.
  virtual std::size_t input_size_wanted_bytes() const = 0;

  /// Whether receive() would go on. While it is false nothing is read from the peer, and what receive() left is
  /// offered again, as it is, once it is true: for a face that takes only so many requests at a time.
  virtual bool reading() const { return true; }

  /// Translates a send. `bodies`: Deliver, GotMessage, Returned: one; Peeked: one per entry; Fetched: one per
  /// partition (whole record batches, may be empty); otherwise none. OffsetListed has its lookup already answered.
  virtual void send(const core::Send& send, std::span<const Body> bodies) = 0;

  /// Writes to the outbox what send() gathered (deliveries and confirms that travel together). Called at the end of a
  /// loop iteration, before the outbox is written.
  virtual void flush() {}
  /// There is more to say as soon as the outbox has room: flush() is called again when it was written.
  virtual bool wants_room() const { return false; }

  /// Heartbeats and timeouts; called at or after next_due().
  virtual void tick(TimestampMs now) = 0;
  virtual TimestampMs next_due() const { return std::numeric_limits<TimestampMs>::max(); }
  /// The broker did not read this connection until now (the disk is behind, or publishers are held back), so that its silence means nothing: what heartbeats measure begins anew.
  virtual void excuse_silence(TimestampMs) {}

  /// Publishers are held back (disk or memory is short) or no longer.
  virtual void publishers_held(bool held, std::string_view reason) = 0;
  /// The broker stops in order: say so to the peer and become closing().
  virtual void shut_down(std::string_view reason) = 0;
  /// Somebody wants this one connection gone: say so to the peer and become closing().
  virtual void log_out(std::string_view reason) { shut_down(reason); }

  /// Nothing more is read; the connection ends when the outbox is written.
  virtual bool closing() const = 0;

  Outbox& outbox() { return outbox_; }
  /// Bytes that it keeps beside its outbox for its peer: messages that came in part, open transactions, answers that wait.
  virtual std::size_t kept_bytes() const { return 0; }

 protected:
  Outbox outbox_;
};

/// Where clients are told to connect to.
struct Advertised {
  std::string host;  // "": as the facts say
  std::int32_t port = 0;
};

/// Makes the face of a new connection; it submits ConnectionOpened itself when its handshake is done, and the server
/// submits ConnectionClosed at the end in any case.
struct FaceContext {
  ConnectionId connection;
  BrokerPort* port = nullptr;
  std::string peer;          // address:port of the peer
  bool loopback = false;     // the peer is on this machine
  Advertised advertised{};   // by the listener that the peer came to
};
std::unique_ptr<Face> make_native_face(FaceContext context);
std::unique_ptr<Face> make_amqp_face(FaceContext context);
std::unique_ptr<Face> make_kafka_face(FaceContext context);
std::unique_ptr<Face> make_metrics_face(FaceContext context);

}  // namespace tandem::wire
