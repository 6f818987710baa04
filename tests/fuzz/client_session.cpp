// The client under arbitrary bytes from a server: after a proper Hello whatever comes is taken or ends the connection,
// every request gets its end exactly once, and what was delivered is within what came.
// Run: tandem_fuzz_client_session CORPUS_DIR
#include <cstdlib>
#include <cstring>

#include <asio/io_context.hpp>

#include "client/consume_channel.h"
#include "client/driver.h"
#include "client/frames.h"
#include "client/publish_channel.h"
#include "tandem/tandem.h"

namespace {

using namespace tandem;

void must(bool holds) {
  if (!holds) std::abort();
}

struct Talk {
  asio::io_context io;
  std::shared_ptr<client::Driver> driver = client::Driver::make(options());
  int asked = 0, ended = 0;

  /// A caller's executor has to run until the client is closed, which the last handle does.
  ~Talk() {
    driver.reset();
    run();
  }

  /// All that waits. Without the restart an executor that ran out of work once would do nothing any more.
  void run() {
    io.restart();
    io.poll();
  }

  ClientOptions options() {
    ClientOptions options;
    options.request_timeout = Milliseconds(0);
    options.executor = io.get_executor();
    return options;
  }

  template <class Request>
  void ask(Request request) {
    ++asked;
    client::ask(*driver, request, [this](Result<typename Request::Answer>) { ++ended; });
  }

  /// One of each kind of answer; their correlations go up from 16.
  void ask_everything() {
    ask(DeclareQueue{.name = "q"});
    ask(DeclareExchange{.name = "x"});
    ask(PurgeQueue{.name = "q"});
    ask(CreateTopic{.name = "t"});
    ask(ListOffset{.topic = "t"});
    ask(FetchOffsets{.group = "g"});
    ask(CommitOffsets{.group = "g", .offsets = {{"t", 0, 1}}});
    ask(Peek{.queue = "q"});
    ask(DescribeExchanges{});
    ask(DescribeQueues{});
    ask(DescribePolicies{});
    ask(DescribeBindings{});
    ask(DescribeTopics{});
    ask(DescribeGroups{});
    ask(DescribeConnections{});
    ask(DescribeConsumers{});
    ask(DescribeBroker{});
  }
};

std::vector<std::byte> hello() {
  const auto frame = client::make_frame({1, 0}, [](auto& builder) {
    return client::fb::CreateHelloDirect(builder, 1, 1, nullptr, 0, "guest", nullptr, "1", "cluster");
  });
  auto bytes = frame.head;
  bytes.insert(bytes.end(), frame.payload.begin(), frame.payload.end());
  return bytes;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::vector<std::byte> greeting = hello();
  Talk talk;
  auto& session = talk.driver->session();
  session.connection_opened();
  must(session.receive(greeting, nullptr).ok() && session.ready());
  talk.ask_everything();
  talk.run();

  ConsumerOptions consuming;
  consuming.queue = "q";
  const auto input = std::make_shared<std::vector<std::byte>>(size);
  if (size != 0) std::memcpy(input->data(), data, size);
  consuming.on_delivery = [](Delivery delivery) { must(delivery.body().size() < (1u << 30)); };
  const auto consumer = std::make_shared<client::ConsumeChannel>(talk.driver, consuming);
  const auto publisher = std::make_shared<client::PublishChannel>(talk.driver, PublisherOptions{});
  consumer->open([](Result<Done>) {});
  must(session.attach_channel(publisher).ok());
  const EncodedProperties properties;
  const std::string_view body = "body";
  for (int i = 0; i < 3; ++i)
    (void)publisher->post({"", "q", properties.bytes(), bytes_of(body)}, Mandatory::no,
                          client::PublishChannel::WhenFull::refuse);
  talk.run();
  (void)session.take_output();

  const auto consumed = session.receive(*input, input);
  must(!consumed.ok() || *consumed <= size);
  talk.run();
  session.connection_lost(consumed ? Error{ErrorCode::unavailable, "the end"} : consumed.error());
  publisher->close();
  talk.driver->close(Milliseconds(0), [](const Result<Done>&) {});  // without a connection there is no goodbye to wait for
  talk.run();
  must(talk.ended == talk.asked);
  return 0;
}
