#include "examples/package_index/queues.h"

#include <atomic>
#include <chrono>
#include <thread>

#include "examples/package_index/progress.h"

namespace package_index {

using namespace tandem;

const std::vector<Selection>& selections() {
  static const std::vector<Selection> all = {
      {"package-index.everything", "#", [](const Package&) { return true; }},
      {"package-index.libraries", "libs.#", [](const Package& p) { return p.section == "libs"; }},
      {"package-index.python", "python.*.*", [](const Package& p) { return p.section == "python"; }},
      {"package-index.any-machine", "#.all", [](const Package& p) { return p.architecture == "all"; }},
      {"package-index.required", "*.required.*", [](const Package& p) { return p.priority == "required"; }},
  };
  return all;
}

Result<> declare_queues(const Client& client) {
  if (auto r = client.ask(DeleteExchange{.name = exchange_name}); !r) return r.error();
  if (auto r = client.ask(DeclareExchange{.name = exchange_name, .kind = "topic"}); !r) return r.error();
  for (const auto& selection : selections()) {
    if (auto r = client.ask(DeleteQueue{.name = selection.queue}); !r) return r.error();
    if (auto r = client.ask(DeclareQueue{.name = selection.queue}); !r) return r.error();
    if (auto r = client.ask(
            Bind{.source = exchange_name, .destination = selection.queue, .routing_key = selection.pattern});
        !r)
      return r.error();
  }
  return {};
}

Result<Published> publish_all(const Client& client, const std::vector<Package>& packages) {
  std::atomic<std::uint64_t> confirmed{0};
  PublisherOptions options;
  options.on_outcome = [&confirmed](const PublishOutcome& outcome) {
    if (outcome.confirmed) confirmed += outcome.last - outcome.first + 1;
  };
  auto publisher = Publisher::open(client, std::move(options));
  if (!publisher) return publisher.error();

  Published result;
  Progress progress("publishing", packages.size());
  const auto begin = std::chrono::steady_clock::now();
  for (const auto& package : packages) {
    Properties properties = persistent();
    properties.content_type = "text/plain";
    properties.headers = Table{{"source", Value(package.source)},
                               {"number", Value(static_cast<std::int64_t>(result.sent.count))}};
    auto posted =
        publisher->post(Message{exchange_name, package.routing_key(), std::move(properties), package.stanza});
    if (!posted) return posted.error();
    result.sent.add(package.stanza);
    progress.show(confirmed);
  }
  if (auto flushed = publisher->flush(); !flushed) return flushed.error();
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  result.confirmed = confirmed;
  return result;
}

Result<Drained> drain(const Client& client, const std::string& queue, int consumers, std::uint64_t expected) {
  struct Share {
    Tally tally;
    std::uint64_t redelivered = 0;
    Error error{ErrorCode::none, ""};
  };
  std::vector<Share> shares(static_cast<std::size_t>(consumers));
  std::atomic<std::uint64_t> received{0};

  const auto work = [&](Share& share) {
    auto consumer = Consumer::open(client, {.queue = queue, .prefetch = 500});
    if (!consumer) {
      share.error = consumer.error();
      return;
    }
    std::vector<Delivery> batch;
    for (int idle = 0; received < expected && idle < 50;) {
      auto count = consumer->receive_many(batch, 500, Milliseconds(100));
      if (!count && count.error().code != ErrorCode::timed_out) {
        share.error = count.error();
        return;
      }
      idle = batch.empty() ? idle + 1 : 0;
      for (const auto& delivery : batch) {
        share.tally.add(delivery.body());
        share.redelivered += delivery.redelivered();
      }
      received += batch.size();
      Consumer::ack_all(batch);
    }
    if (auto flushed = consumer->flush(); !flushed) share.error = flushed.error();
  };

  std::vector<std::thread> threads;
  for (auto& share : shares) threads.emplace_back(work, std::ref(share));
  for (auto& thread : threads) thread.join();

  Drained result;
  for (const auto& share : shares) {
    if (share.error.code != ErrorCode::none) return share.error;
    result.received.add(share.tally);
    result.redelivered += share.redelivered;
    result.per_consumer.push_back(share.tally.count);
  }
  return result;
}

}  // namespace package_index
