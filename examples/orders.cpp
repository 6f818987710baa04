// A service in both modes at once. Orders come in as a task queue; what happened to them is kept as history in a topic; others
// are told through an exchange. Each order is one transaction: its ack, its event and its announcement are on disk together, or
// none of them is, and then the order is delivered again. So the service may crash anywhere and does every order exactly once.
//
//   orders [HOST:PORT]
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "tandem/tandem.h"

using namespace tandem;
using namespace std::chrono_literals;

namespace {

constexpr int order_count = 5;

/// Every call of the library gives a Result: a value, or an Error with a code for the program and a text for people.
template <class T>
T must(Result<T> result, const char* what) {
  if (result) return std::move(result).value();
  std::fprintf(stderr, "orders: %s: %s\n", what, result.error().text.c_str());
  std::exit(1);
}

void declare(const Client& client) {
  must(client.ask(DeclareQueue{.name = "orders.incoming"}), "declare");
  must(client.ask(DeclareQueue{.name = "orders.mail"}), "declare");
  must(client.ask(DeclareExchange{.name = "orders.events", .kind = "topic"}), "declare");
  must(client.ask(Bind{.source = "orders.events", .destination = "orders.mail", .routing_key = "order.#"}), "bind");
  // Fine if it is there: its history goes on.
  if (auto made = client.ask(CreateTopic{.name = "orders.history"}); !made && made.error().code != ErrorCode::already_exists)
    must(std::move(made), "create");
}

void take_in(const Client& client) {
  auto publisher = must(Publisher::open(client), "publisher");
  for (int i = 1; i <= order_count; ++i) {
    const std::string body = "order " + std::to_string(i);
    must(publisher.post(Message{.routing_key = "orders.incoming", .body = body}, Mandatory::yes), "publish");
  }
  must(publisher.flush(), "publish");  // now all of them are on disk
}

/// The ack, the event and the announcement of one order, in one commit. `end` is where the history ended when it was read:
/// whoever appended meanwhile makes this a version_conflict, and nothing of it happens.
Result<Offset> handle(const Client& client, Delivery order, Offset end) {
  const std::string what(order.body());
  const Record event{.key = "customer-7", .value = what};
  Transaction together(client);
  together.ack(std::move(order))
      .append("orders.history", 0, std::span(&event, 1), end)
      .publish(Message{.exchange = "orders.events", .routing_key = "order.accepted", .body = what + " accepted"});
  const auto committed = together.commit();
  if (!committed) return committed.error();
  return committed->append_offsets.front() + 1;
}

Offset end_of_history(const Client& client) {
  return must(client.ask(DescribeTopics{.name = "orders.history"}), "describe").at(0).partitions.at(0).end;
}

void work(const Client& client, Offset end) {
  auto orders = must(Consumer::open(client, {.queue = "orders.incoming", .prefetch = 10}), "consume");
  for (int i = 0; i < order_count; ++i)
    end = must(handle(client, must(orders.receive(5s), "receive"), end), "commit");
}

void show_mail(const Client& client) {
  auto mail = must(Consumer::open(client, {.queue = "orders.mail"}), "consume");
  for (int i = 0; i < order_count; ++i) {
    Delivery letter = must(mail.receive(5s), "receive");
    std::printf("mail: %s\n", std::string(letter.body()).c_str());
    letter.ack();
  }
  must(mail.flush(), "ack");
}

void show_history(const Client& client, Offset from) {
  auto reader = must(TopicReader::open(client, {{"orders.history", 0, from}}), "read");
  std::vector<TopicRecord> events;
  while (events.size() < order_count)
    if (must(reader.poll(events, 1'000, 5s), "read") == 0) break;  // nothing came in time
  for (const TopicRecord& event : events)
    std::printf("history %lld: %s\n", static_cast<long long>(event.offset), std::string(*event.value).c_str());
}

ClientOptions options_of(std::string_view address) {
  ClientOptions options{.client_name = "orders"};
  const auto colon = address.rfind(':');
  options.host = address.substr(0, colon);
  options.port = static_cast<std::uint16_t>(std::atoi(std::string(address.substr(colon + 1)).c_str()));
  return options;
}

}  // namespace

int main(int argc, char** argv) {
  Client client = must(Client::connect(options_of(argc > 1 ? argv[1] : "127.0.0.1:7171")), "connect");
  declare(client);
  const Offset from = end_of_history(client);
  take_in(client);
  work(client, from);
  show_mail(client);
  show_history(client, from);
  must(client.close(), "close");
}
