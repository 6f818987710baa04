// One peer, between a host that the test plays and a socket. The host calls settle() only for a peer that said touched(), several
// times in a turn, as the loop does, so that a peer which waits for an event that does not come stands still here, too.
#include "broker/server/peer.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>

#include "tests/server/fake_store.h"

using namespace tandem;
using namespace tandem::server;

namespace {

/// Says the body of each message, and nothing else.
class BodyFace final : public wire::Face {
 public:
  std::size_t receive(Bytes input) override { return input.size(); }
  std::size_t input_size_wanted_bytes() const override { return 1; }
  void send(const core::Send&, std::span<const wire::Body> bodies) override {
    for (const wire::Body& body : bodies) outbox_.write_owned(body.bytes, body.owner);
  }
  void tick(TimestampMs) override {}
  void publishers_held(bool, std::string_view) override {}
  void shut_down(std::string_view) override {}
  bool closing() const override { return false; }
};

class Host final : public PeerHost {
 public:
  Host() {
    int ends[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
    const int buffer_bytes = 212'992;  // Linux's greatest unless it is told otherwise, and it doubles that (socket(7)): 64 pieces fit
    ::setsockopt(ends[1], SOL_SOCKET, SO_SNDBUF, &buffer_bytes, sizeof buffer_bytes);
    reader_ = ends[0];
    ::fcntl(reader_, F_SETFL, O_NONBLOCK);
    peer_ = std::make_unique<Peer>(*this, ConnectionId{1}, reactor_, net::Socket(ends[1], "test", true), std::make_unique<BodyFace>());
  }
  ~Host() override {
    peer_.reset();
    ::close(reader_);
  }

  /// Says a message, its number.
  void deliver(int number, bool in_memory, std::size_t size = 4) {
    std::string body = std::to_string(number);
    body.insert(0, size - body.size(), '0');
    said += body;
    store_.add(++handle_, body, in_memory);
    core::Deliver deliver;
    deliver.body = BodyHandle{handle_};
    deliver.size_bytes = static_cast<std::uint32_t>(size);
    core::Send send = deliver;
    peer_->say(send);
  }
  /// Turns of the loop, as long as the peer wants one and at most `count`.
  void run(int count) {
    for (; count > 0 && peer_->listed; --count) {
      ++turn_;
      for (int round = 0; round < 8 && peer_->listed; ++round) {
        peer_->listed = false;
        peer_->settle();
      }
      std::string part(65536, '\0');
      for (ssize_t n; (n = ::recv(reader_, part.data(), part.size(), 0)) > 0;) heard.append(part, 0, static_cast<std::size_t>(n));
      while (!store_.reads.empty()) store_.answer_read();
      while (reactor_.run_ready()) {
      }
    }
  }

  std::string said, heard;
  int share_looks = 1'000'000;  // at the clock; with the last one a share is over
  std::size_t write_share = net::Connection::write_share_bytes;

 private:
  void woke() override {}
  TimestampMs now() const override { return 1'000'000; }
  net::ReadScratch& scratch() override { return scratch_; }
  storage::Store& store() override { return store_; }
  void submit(const core::Input&) override {}
  bool disk_is_behind() const override { return false; }
  void touched(Peer& peer) override { peer.listed = true; }
  void count_read(std::size_t) override {}
  void begin_share() override { looks_left_ = share_looks; }
  bool share_is_over() const override { return --looks_left_ <= 0; }
  std::size_t write_share_bytes() const override { return write_share; }
  std::uint64_t turn() const override { return turn_; }
  void count_said(std::size_t) override {}
  void count_held(std::size_t, std::size_t) override {}
  std::size_t unsettled_bytes(ConnectionId) const override { return 0; }
  bool memory_is_short() const override { return false; }
  void found(ConnectionId, SendLine::Ticket ticket, Result<storage::StoredBytes> bytes) override {
    peer_->found(ticket, std::move(bytes));
  }

  net::Reactor reactor_;
  net::ReadScratch scratch_;
  FakeStore store_;
  std::uint64_t turn_ = 0, handle_ = 0;
  mutable int looks_left_ = 0;
  int reader_ = -1;
  std::unique_ptr<Peer> peer_;
};

}  // namespace

constexpr int said_between_looks = 16;  // as in peer.cpp

TEST_CASE("a line goes on in the next turn when its share is over") {
  Host host;
  host.share_looks = 1;
  host.deliver(0, false);  // the others wait behind it
  for (int i = 1; i <= 40; ++i) host.deliver(i, true);
  host.run(2);  // asks the disk for the first, and begins
  CHECK(host.heard.size() == 4u * said_between_looks);
  host.run(10);
  CHECK(host.heard == host.said);
}

TEST_CASE("a share that ends just with what was looked up is no end") {
  Host host;
  host.share_looks = SendLine::ahead_max / said_between_looks;
  host.deliver(0, false);
  for (std::size_t i = 1; i < 3 * SendLine::ahead_max; ++i) host.deliver(static_cast<int>(i), true);
  host.run(2);
  CHECK(host.heard.size() == 4 * SendLine::ahead_max);
  host.run(10);
  CHECK(host.heard == host.said);
}

TEST_CASE("an outbox goes on in the next turn when its share of writing is over") {
  Host host;
  host.write_share = 1;  // one sendmsg, of 64 pieces
  for (int i = 0; i < 150; ++i) host.deliver(i, true, wire::Outbox::reference_min_bytes);  // a piece each
  host.run(1);
  CHECK(host.heard.size() == 64 * wire::Outbox::reference_min_bytes);
  host.run(100);
  CHECK(host.heard == host.said);
}
