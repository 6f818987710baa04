// A queue against a model of it that is a list (of one priority after the other): random publishes,
// deliveries, settles, checkpoints, page-outs and restarts, with limits so small that everything happens.
#include <algorithm>
#include <deque>
#include <map>
#include <random>

#include "doctest/doctest.h"
#include "tests/support/core_fixture.h"

namespace tandem::core {
namespace {

/// Messages in order; those that a consumer holds are marked.
struct Model {
  struct Message {
    std::uint64_t number;
    bool persistent;
    std::uint8_t priority;
    bool is_held = false;
  };
  std::deque<Message> messages;
  std::map<DeliveryTag, std::uint64_t> held;  // tag → number

  Message& at(std::uint64_t number) {
    auto it =
        std::find_if(messages.begin(), messages.end(), [&](const Message& m) { return m.number == number; });
    REQUIRE(it != messages.end());
    return *it;
  }
  std::size_t ready() const {
    return static_cast<std::size_t>(
        std::count_if(messages.begin(), messages.end(), [](const Message& m) { return !m.is_held; }));
  }
  /// The oldest of the highest priority.
  const Message* first_ready() const {
    const Message* first = nullptr;
    for (const Message& message : messages)
      if (!message.is_held && (!first || message.priority > first->priority)) first = &message;
    return first;
  }
  void forget(bool volatile_too) {
    held.clear();
    if (volatile_too) std::erase_if(messages, [](const Message& m) { return !m.persistent; });
    for (Message& message : messages) message.is_held = false;
  }
};

class Story {
 public:
  Story(std::uint32_t seed, std::uint8_t priority_max)
      : fixture_(tight_limits()), random_(seed), priority_max_(priority_max) {
    fixture_.declare_queue("q", priority_max ? Table{{"x-max-priority", int{priority_max}}} : Table());
    subscribe();
  }

  void run(int steps) {
    for (int step = 0; step < steps; ++step) {
      CAPTURE(step);
      one_step();
      take_deliveries();
      const QueueInfo queue = fixture_.queue("q");
      REQUIRE(queue.ready == model_.ready());
      REQUIRE(queue.unsettled == model_.held.size());
    }
  }
  const std::vector<Record>& records() const { return fixture_.records; }

 private:
  std::uint32_t pick(std::uint32_t below) { return random_() % below; }

  void subscribe() { fixture_.subscribe("q", 1, 1 + pick(8)); }

  void one_step() {
    const std::uint32_t choice = pick(100);
    if (choice < 45) return publish(1 + pick(6));
    if (choice < 70) return settle(Outcome::ack);
    if (choice < 78) return settle(Outcome::requeue);
    if (choice < 82) return settle(Outcome::reject);
    if (choice < 86) return fixture_.checkpoint();
    if (choice < 88) return checkpoint_around_a_settle();
    if (choice < 92) return reconnect();
    if (choice < 94) return purge();
    if (choice < 97) return resubscribe();
    restart(pick(2) == 0);
  }

  void publish(std::uint32_t count) {
    for (std::uint32_t i = 0; i < count; ++i) {
      const bool persistent = pick(4) != 0;
      const auto priority = static_cast<std::uint8_t>(priority_max_ ? pick(priority_max_ + 1u) : 0);
      const TestMessage message{.key = "q", .persistent = persistent, .priority = priority};
      // In the model before the call: it may be delivered within it.
      model_.messages.push_back({next_, persistent, priority});
      REQUIRE(fixture_.publish(message) == next_);
      ++next_;
      take_deliveries();
    }
  }

  void settle(Outcome outcome) {
    if (model_.held.empty()) return;
    auto it = model_.held.begin();
    std::advance(it, pick(static_cast<std::uint32_t>(model_.held.size())));
    const auto [tag, number] = *it;
    model_.held.erase(it);
    if (outcome == Outcome::requeue)
      model_.at(number).is_held = false;
    else
      std::erase_if(model_.messages,
                    [number = number](const Model::Message& m) { return m.number == number; });
    fixture_.settle(tag, tag, outcome);
  }

  void checkpoint_around_a_settle() {
    fixture_.begin_checkpoint();
    settle(Outcome::ack);
    take_deliveries();
    publish(2);
    fixture_.finish_checkpoint();
  }

  void reconnect() {
    fixture_.give(ConnectionClosed{ConnectionId(1)});
    model_.forget(false);
    subscribe();
  }

  void resubscribe() {
    fixture_.give(Unsubscribe{CoreFixture::caller(), 1});
    publish(1 + pick(20));
    subscribe();
  }

  void purge() {
    fixture_.give(PurgeQueue{CoreFixture::caller(), "q"});
    std::erase_if(model_.messages, [](const Model::Message& m) { return !m.is_held; });
  }

  void restart(bool clean) {
    fixture_.restart(clean);
    model_.forget(true);
    subscribe();
  }

  /// Each delivery is the oldest message that nobody holds.
  void take_deliveries() {
    for (const Deliver& deliver : fixture_.take<Deliver>()) {
      const Model::Message* next = model_.first_ready();
      REQUIRE(next);
      REQUIRE(fixture_.number_of(deliver.body) == next->number);
      model_.at(next->number).is_held = true;
      model_.held[deliver.tag] = next->number;
    }
  }

  CoreFixture fixture_;
  std::mt19937 random_;
  std::uint8_t priority_max_;
  Model model_;
  std::uint64_t next_ = 1;
};

TEST_CASE("a queue behaves like a list whatever happens to it") {
  for (std::uint32_t seed = 1; seed <= 30; ++seed) {
    CAPTURE(seed);
    Story(seed, 0).run(250);
  }
}

TEST_CASE("a queue with priorities behaves like one list after the other") {
  for (std::uint32_t seed = 1; seed <= 30; ++seed) {
    CAPTURE(seed);
    Story(seed, 2).run(250);
  }
}

TEST_CASE("the same inputs give the same records") {
  Story first(7, 1), second(7, 1);
  first.run(300);
  second.run(300);
  CHECK(first.records() == second.records());
}

}  // namespace
}  // namespace tandem::core
