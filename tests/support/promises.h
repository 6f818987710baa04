// The promises of the broker, judged from what its clients were told (docs/testing.md, "The promises").
// A harness tells what its clients asked for, what they were answered and what they were given; this says
// what must not have been. It knows nothing of how the broker works.
//
// A message is a number that grows over all publishers in the order of their publishes. A place is a queue or
// a partition; a message has one copy per place it was published to. Not thread-safe: one history, one
// thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

namespace tandem::support {

using MessageNumber = std::uint64_t;
using PlaceIndex = std::size_t;
inline constexpr PlaceIndex no_place = ~PlaceIndex{0};

struct PlaceRules {
  std::string name;
  bool is_queue = true;
  bool ordered = true;       // copies come out in the order of their numbers, within a priority
  bool may_drop = false;     // a declared limit lets it drop messages
  PlaceIndex dead_letters = no_place;  // where what is rejected, expired or dropped goes
  bool refuses_to_dead_letters = false;  // what it refuses, too; until it is there a crash brings it back
};

struct Published {
  MessageNumber message = 0;
  std::vector<PlaceIndex> places;
  std::int64_t expires_at = 0;  // ms; 0 = never
  std::uint8_t priority = 0;
  bool persistent = true;  // false: an unclean stop may take it, confirmed or not
  MessageNumber order = 0;  // among the others' numbers, which are theirs; 0: its number is its own, too
};

class Promises {
 public:
  PlaceIndex add_place(PlaceRules rules);
  const PlaceRules& rules(PlaceIndex place) const { return places_[place].rules; }

  // --- publishes: all of a publish's effect or none -------------------------------------------------------
  void published(const Published& publish);
  void confirmed(MessageNumber message);
  /// The broker said no: nothing of it may be seen. Only for publishes to one place.
  void refused(MessageNumber message);
  /// `message` is the effect of a transaction that also acks `source` in `place`.
  void moves(MessageNumber message, PlaceIndex place, MessageNumber source);

  // --- queues ---------------------------------------------------------------------------------------------
  /// `deliveries`: before this one, as the broker says. The holder is whoever must settle it.
  void delivered(PlaceIndex place, MessageNumber message, std::uint32_t deliveries, std::int64_t now);
  /// The settling was taken by the broker (it may still lose it in a crash).
  enum class Outcome { ack, requeue, reject };
  void settled(PlaceIndex place, MessageNumber message, Outcome outcome);
  /// … and was answered: it cannot be lost any more.
  void settle_confirmed(PlaceIndex place, MessageNumber message, Outcome outcome);
  /// The client will never learn whether its settling was taken; it does not hold the message any more.
  void settle_unknown(PlaceIndex place, MessageNumber message);
  /// The broker refused to settle it: the client holds it still.
  void settle_undone(PlaceIndex place, MessageNumber message);
  /// All that nobody holds is gone, or may be after a crash. Gives what was meant, for removal_confirmed().
  std::vector<MessageNumber> purged(PlaceIndex place, std::int64_t now);
  void removal_confirmed(PlaceIndex place, const std::vector<MessageNumber>& messages);

  // --- topics ---------------------------------------------------------------------------------------------
  void read(PlaceIndex partition, std::int64_t offset, MessageNumber message);
  void append_confirmed(PlaceIndex partition, std::int64_t offset, MessageNumber message);
  /// A record that holds no message (a marker) at this offset.
  void read_marker(PlaceIndex partition, std::int64_t offset);
  /// The partition's bounds, as the broker says after a restart or at any time.
  void bounds(PlaceIndex partition, std::int64_t start, std::int64_t end);
  /// Records before `start` may go (trim, retention).
  void may_trim(PlaceIndex partition, std::int64_t start);

  // --- producers' transactions: their records are seen by read_committed together or never -----------------
  void in_transaction(MessageNumber message, std::uint64_t transaction);
  void transaction_ended(std::uint64_t transaction, bool committed);
  void read_committed(MessageNumber message);

  // --- offsets of groups ----------------------------------------------------------------------------------
  void offset_asked(const std::string& group, std::int64_t offset);
  void offset_confirmed(const std::string& group, std::int64_t offset);
  void offset_found(const std::string& group, std::int64_t offset);
  std::int64_t newest_asked(const std::string& group) const;

  // --- the broker's lives ---------------------------------------------------------------------------------
  /// `clean`: it was stopped in order, and had answered everything before.
  void restarted(bool clean);
  /// A failing disk holds some messages back: until the next restart their order is not judged.
  void forgives_order();
  /// From now on everything that is left is taken out; judge_end() follows.
  void drains() { draining_ = true; }
  void judge_end(std::int64_t now);

  void violation(std::string text);
  /// Everything that is told of this message goes to stderr, for whoever looks for the cause of a violation.
  void trace(MessageNumber message) { traced_ = message; }
  void tell(const std::string& text) const;
  const std::vector<std::string>& violations() const { return violations_; }

  struct Counts {
    std::uint64_t published = 0, confirmed = 0, delivered = 0, redelivered = 0, settles_confirmed = 0,
                  records_read = 0, lives = 1;
    Counts& operator+=(const Counts& other);
  };
  const Counts& counts() const { return counts_; }

  /// Copies that are surely in the queue and those that may be, held ones too; for comparison with counts.
  struct Bounds {
    std::uint64_t least = 0, most = 0;
  };
  Bounds copies(PlaceIndex place, std::int64_t now) const;

 private:
  struct Copy {
    bool certain = false;   // promised to be there, or seen there
    bool seen = false;      // given to a client at least once, in any life
    bool held = false;      // a client has it and has not settled it
    bool left = false;      // in this life the broker was told to remove it
    bool may_be_gone = false;  // a removal was asked for in some life
    bool might_have_gone = false;  // may_be_gone before the newest settling
    bool gone = false;      // its removal was promised
    bool rejected = false;  // asked to go to the dead letters
    bool drained = false;
    bool out_this_life = false;
    // Deliveries before the next one: at least, at most, and what no crash can take back.
    std::uint32_t deliveries_min = 0, deliveries_max = 0, deliveries_kept = 0;
    MessageNumber moved_as = 0;  // the transaction that acked it last, if one did
  };
  struct Message {
    Published published;
    bool confirmed = false, refused = false;
    bool seen = false;  // in any place
    std::uint64_t refused_in = 0;  // which life
  };
  struct Place {
    PlaceRules rules;
    std::unordered_map<MessageNumber, Copy> copies;
    std::map<std::uint8_t, std::map<MessageNumber, MessageNumber>> ready;  // by priority and order: must be handed out so
    std::map<std::uint8_t, MessageNumber> newest_out;  // its order; in this life
    std::map<std::int64_t, MessageNumber> records;          // 0: a marker
    std::int64_t start_max = 0, end_min = 0;
    std::unordered_map<MessageNumber, std::int64_t> offsets;
  };
  struct Offsets {
    std::int64_t asked = -1, confirmed = -1;
  };

  struct Transaction {
    std::vector<MessageNumber> messages;
    std::optional<bool> committed;
  };
  void judge_transactions();
  std::string name(PlaceIndex place, MessageNumber message) const;
  Copy& copy(PlaceIndex place, MessageNumber message) { return places_[place].copies[message]; }
  MessageNumber order_of(MessageNumber message) const;
  void now_ready(PlaceIndex place, MessageNumber message);
  void not_ready(PlaceIndex place, MessageNumber message);
  void saw(PlaceIndex place, MessageNumber message);
  void judge_order(PlaceIndex place, MessageNumber message);
  void judge_dead_letter(PlaceIndex place, MessageNumber message, std::int64_t now);
  void judge_copy(PlaceIndex place, MessageNumber message, const Copy& copy, std::int64_t now);
  void judge_records(PlaceIndex place);
  bool in_dead_letters(PlaceIndex place, MessageNumber message) const;
  bool may_leave(const Place& place, const Message& message, const Copy& copy, std::int64_t now) const;

  std::vector<Place> places_;
  std::unordered_map<MessageNumber, Message> messages_;
  std::map<std::string, Offsets> offsets_;
  std::map<std::uint64_t, Transaction> transactions_;
  std::unordered_map<MessageNumber, std::uint64_t> transaction_of_;
  std::set<MessageNumber> read_committed_;
  void told(const char* what, PlaceIndex place, MessageNumber message) const;
  MessageNumber traced_ = 0;
  bool draining_ = false;
  bool judges_order_ = true;
  bool was_unclean_ = false;
  Counts counts_;
  std::vector<std::string> violations_;
};

}  // namespace tandem::support
