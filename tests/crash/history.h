// What the clients of a crash test were told, and the judgement over it. One History lives through all
// crashes of a run.
//
// Thread-safe. A message is known by its id, which is its body's first word: "<publisher>-<number>".
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

namespace tandem::crash {

/// A published id: `publisher` counts its own messages from 1.
struct MessageId {
  std::uint32_t publisher = 0;
  std::uint64_t number = 0;
  friend auto operator<=>(const MessageId&, const MessageId&) = default;
};
std::string to_text(MessageId id);
/// {0, 0} when the text is none.
MessageId parse_id(std::string_view text);

class History {
 public:
  explicit History(std::vector<std::string> places) : places_(std::move(places)) {}

  // --- publishes: to every place (queue or topic) of the fan-out, all or none
  // -----------------------------------------
  void invoked(MessageId id);
  void confirmed(MessageId id);

  // --- what came out
  // -----------------------------------------------------------------------------------------------------
  void delivered(const std::string& queue, MessageId id, bool redelivered, int life);
  void acked(const std::string& queue, MessageId id);  // asked for, outcome unknown
  void ack_confirmed(const std::string& queue, MessageId id);
  void requeued(const std::string& queue, MessageId id);  // it may come again in the same life
  /// A record of a topic: the same offset must hold the same id for ever.
  void read(const std::string& topic, int partition, std::int64_t offset, MessageId id);
  /// A group's offset, confirmed or found after a crash; must never move back.
  void offset_confirmed(const std::string& group, std::int64_t offset);
  /// The newest confirmed one: a fetch that is asked for from now on must find it or a later one.
  std::int64_t offset_floor(const std::string& group) const;
  void offset_found(const std::string& group, std::int64_t offset, std::int64_t floor);

  void violation(const std::string& text);

  /// After the last crash, when every queue was drained and every topic read: the promises over whole
  /// histories.
  void judge_end();

  struct Counts {
    std::uint64_t invoked = 0, confirmed = 0, delivered = 0, redelivered = 0, acks_confirmed = 0, read = 0;
    Counts& operator+=(const Counts& other);
  };
  bool every_publisher_confirmed(const std::set<std::uint32_t>& publishers) const;
  Counts counts() const;
  std::vector<std::string> violations() const;

 private:
  struct Seen {
    bool acked = false, ack_confirmed = false;
    int last_life = 0;  // the broker's life in which it was delivered last
  };
  struct Place {
    std::map<MessageId, Seen> seen;
    std::map<std::uint32_t, std::pair<int, std::uint64_t>>
        last_first_delivery;  // per publisher: life, number
  };
  void judge_place(const std::string& name);

  mutable std::mutex mutex_;
  std::vector<std::string> places_;
  std::map<std::string, Place> by_place_;
  std::map<std::pair<std::string, int>, std::map<std::int64_t, MessageId>> topics_;
  std::set<MessageId> invoked_, confirmed_;
  std::map<std::string, std::int64_t> offsets_;
  Counts counts_;
  std::vector<std::string> violations_;
};

}  // namespace tandem::crash
