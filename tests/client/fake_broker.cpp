#include "tests/client/fake_broker.h"

#include <sys/socket.h>

#include "tandem/message.h"

namespace tandem::testing {

FakeBroker::FakeBroker(Script script)
    : script_(std::move(script)), acceptor_(io_, {asio::ip::address_v4::loopback(), 0}) {
  port_ = acceptor_.local_endpoint().port();
  thread_ = std::thread([this] { run(); });
}

FakeBroker::~FakeBroker() {
  ending_ = true;
  drop();
  asio::error_code ignored;
  asio::ip::tcp::socket(io_).connect({asio::ip::address_v4::loopback(), port_}, ignored);  // ends accept()
  thread_.join();
}

ClientOptions FakeBroker::options() const {
  ClientOptions options;
  options.port = port_;
  options.request_timeout = Milliseconds(4'000);
  options.reconnect.delay_min = Milliseconds(5);
  return options;
}

void FakeBroker::run() {
  while (!ending_) {
    asio::ip::tcp::socket socket(io_);
    acceptor_.accept(socket);
    {
      std::lock_guard lock(mutex_);
      socket_ = socket.native_handle();
    }
    if (!ending_) serve(socket);
    std::lock_guard lock(mutex_);
    socket_ = -1;
  }
}

void FakeBroker::serve(asio::ip::tcp::socket& socket) {
  ++connections_;
  std::vector<std::byte> input;
  for (;;) {
    frame::View view;
    std::size_t wanted = 0;
    while (frame::judge(input, view, &wanted) == frame::Judgement::whole) {
      // Copied so that the envelope is aligned.
      const std::vector<std::byte> envelope(view.envelope.begin(), view.envelope.end());
      take(*fb::GetEnvelope(envelope.data()), view.payload);
      input.erase(input.begin(), input.begin() + static_cast<std::ptrdiff_t>(view.size_bytes));
    }
    std::byte piece[4096];
    asio::error_code error;
    const auto size = socket.read_some(asio::buffer(piece), error);
    if (error) return;
    input.insert(input.end(), piece, piece + size);
  }
}

void FakeBroker::take(const fb::Envelope& said, Bytes payload) {
  switch (said.message_type()) {
    case fb::Message::Hello:
      if (silent_) return;
      if (goodbye_ != 0)
        return say(make_frame({}, [&](auto& b) { return fb::CreateGoodbyeDirect(b, goodbye_, "not you"); }));
      return answer(said, [&](auto& b) {
        return fb::CreateHelloDirect(b, 1, 1, nullptr, said.message_as_Hello()->heartbeat_ms(), "guest",
                                     nullptr, "0.1", "test-cluster");
      });
    case fb::Message::Heartbeat:
    case fb::Message::Goodbye:
      return;
    default:
      script_(*this, said, payload);
  }
}

void FakeBroker::say(const Frame& frame) {
  std::vector<std::byte> bytes = frame.head;
  bytes.insert(bytes.end(), frame.payload.begin(), frame.payload.end());
  std::lock_guard lock(mutex_);
  for (std::size_t sent = 0; sent < bytes.size() && socket_ >= 0;) {
    const auto count = ::send(socket_, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (count <= 0) return;
    sent += static_cast<std::size_t>(count);
  }
}

void FakeBroker::answer_ok(const fb::Envelope& to) {
  answer(to, [](auto& b) { return fb::CreateOk(b); });
}

void FakeBroker::refuse(const fb::Envelope& to, ErrorCode code, const char* text) {
  answer(to, [&](auto& b) { return fb::CreateRefusedDirect(b, static_cast<std::uint16_t>(code), text); });
}

void FakeBroker::confirm(std::uint16_t channel, std::uint64_t first, std::uint64_t last) {
  const std::vector<fb::Range> ranges{{first, last}};
  say(make_frame({0, channel}, [&](auto& b) { return fb::CreateConfirmedDirect(b, &ranges); }));
}

void FakeBroker::nack(std::uint16_t channel, std::uint64_t first, std::uint64_t last, ErrorCode code,
                      const char* text) {
  const std::vector<fb::Range> ranges{{first, last}};
  say(make_frame({0, channel}, [&](auto& b) {
    return fb::CreateConfirmedDirect(b, &ranges, true, static_cast<std::uint16_t>(code), text);
  }));
}

void FakeBroker::deliver(std::uint16_t channel, std::uint64_t first_tag,
                         const std::vector<std::string>& bodies) {
  std::vector<fb::DeliverItem> items;
  std::vector<std::byte> payload;
  for (std::size_t i = 0; i < bodies.size(); ++i) {
    const auto message = stored("q", bodies[i]);
    items.emplace_back(first_tag + i, i, 1, static_cast<std::uint32_t>(message.size()), 0, 0);
    payload.insert(payload.end(), message.begin(), message.end());
  }
  say(make_frame(
      {0, channel}, [&](auto& b) { return fb::CreateDeliverDirect(b, &items); }, Bytes(payload)));
}

void FakeBroker::drop() {
  std::lock_guard lock(mutex_);
  if (socket_ >= 0) ::shutdown(socket_, SHUT_RDWR);
}

bool FakeBroker::wait_for(const std::function<bool()>& seen) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(5);
  while (!seen()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

std::vector<std::byte> stored(std::string_view queue, std::string_view body) {
  const EncodedProperties properties;
  std::vector<std::byte> bytes;
  append_message(bytes, {"", queue, properties.bytes(), bytes_of(body)});
  return bytes;
}

}  // namespace tandem::testing
