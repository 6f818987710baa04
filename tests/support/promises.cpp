#include "tests/support/promises.h"

#include <algorithm>
#include <cstdio>

namespace tandem::support {

Promises::Counts& Promises::Counts::operator+=(const Counts& other) {
  published += other.published;
  confirmed += other.confirmed;
  delivered += other.delivered;
  redelivered += other.redelivered;
  settles_confirmed += other.settles_confirmed;
  records_read += other.records_read;
  lives += other.lives;
  return *this;
}

PlaceIndex Promises::add_place(PlaceRules rules) {
  places_.emplace_back().rules = std::move(rules);
  return places_.size() - 1;
}

void Promises::violation(std::string text) {
  tell("VIOLATION: " + text);
  violations_.push_back(std::move(text));
}

void Promises::tell(const std::string& text) const {
  if (traced_ != 0) std::fprintf(stderr, "trace: %s\n", text.c_str());
}

void Promises::told(const char* what, PlaceIndex place, MessageNumber message) const {
  if (traced_ == message && traced_ != 0) tell(what + (": " + name(place, message)));
}

std::string Promises::name(PlaceIndex place, MessageNumber message) const {
  return "message " + std::to_string(message) + " of " + places_[place].rules.name;
}

// --- publishes -------------------------------------------------------------------------------------------

void Promises::published(const Published& publish) {
  ++counts_.published;
  messages_[publish.message].published = publish;
  for (const PlaceIndex place : publish.places) {
    copy(place, publish.message);
    told(publish.persistent ? "published" : "published (transient)", place, publish.message);
  }
}

void Promises::confirmed(MessageNumber number) {
  ++counts_.confirmed;
  Message& message = messages_[number];
  message.confirmed = true;
  for (const PlaceIndex place : message.published.places) {
    copy(place, number).certain = true;
    told("confirmed", place, number);
    now_ready(place, number);
  }
}

void Promises::refused(MessageNumber number) {
  Message& message = messages_[number];
  message.refused = true;
  message.refused_in = counts_.lives;
  if (message.seen) violation("message " + std::to_string(number) + " was refused, but it was seen");
}

void Promises::moves(MessageNumber message, PlaceIndex place, MessageNumber source) {
  copy(place, source).moved_as = message;
}

/// Whoever sees one copy knows that the publish is on disk, so all of it is.
void Promises::saw(PlaceIndex place, MessageNumber number) {
  Message& message = messages_[number];
  const bool came_back = places_[place].rules.refuses_to_dead_letters && counts_.lives > message.refused_in;
  if (message.refused && !came_back) violation("refused, but it is there: " + name(place, number));
  if (message.seen) return;
  message.seen = true;
  if (!message.published.persistent) return;
  for (const PlaceIndex other : message.published.places) {
    copy(other, number).certain = true;
    now_ready(other, number);
  }
}

// --- queues ----------------------------------------------------------------------------------------------

MessageNumber Promises::order_of(MessageNumber message) const {
  const auto known = messages_.find(message);
  return known != messages_.end() && known->second.published.order != 0 ? known->second.published.order : message;
}

void Promises::now_ready(PlaceIndex index, MessageNumber number) {
  Place& place = places_[index];
  if (!place.rules.is_queue || !place.rules.ordered || place.rules.may_drop) return;
  const Copy& copy = place.copies[number];
  const Published& published = messages_[number].published;
  const bool is_ready = copy.certain && !copy.held && !copy.left && !copy.may_be_gone && !copy.gone &&
                        !copy.rejected && published.expires_at == 0 &&
                        (published.persistent || copy.seen);  // what is not kept is confirmed before it is visible
  if (is_ready) told("ready", index, number);
  if (is_ready) place.ready[published.priority].emplace(order_of(number), number);
}

void Promises::not_ready(PlaceIndex place, MessageNumber number) {
  places_[place].ready[messages_[number].published.priority].erase(order_of(number));
}

void Promises::judge_order(PlaceIndex index, MessageNumber number) {
  Place& place = places_[index];
  if (!place.rules.ordered || !judges_order_) return;
  const std::uint8_t priority = messages_[number].published.priority;
  for (const auto& [other, ready] : place.ready) {
    if (ready.empty() || other < priority) continue;
    if (other > priority)
      violation(name(index, number) + " overtook number " + std::to_string(ready.begin()->second) +
                " of a higher priority");
    else if (ready.begin()->first < order_of(number))
      violation(name(index, number) + " overtook number " + std::to_string(ready.begin()->second));
  }
  MessageNumber& newest = place.newest_out[priority];
  if (!place.copies[number].out_this_life && order_of(number) < newest)
    violation(name(index, number) + " comes after the one whose order is " + std::to_string(newest));
  newest = std::max(newest, order_of(number));
}

bool Promises::in_dead_letters(PlaceIndex place, MessageNumber message) const {
  const PlaceIndex dead = places_[place].rules.dead_letters;
  if (dead == no_place) return false;
  const auto found = places_[dead].copies.find(message);
  return found != places_[dead].copies.end() && found->second.seen;
}

void Promises::judge_dead_letter(PlaceIndex index, MessageNumber number, std::int64_t now) {
  const Published& published = messages_[number].published;
  bool has_reason = false;
  for (const PlaceIndex from : published.places) {
    if (places_[from].rules.dead_letters != index) continue;
    Copy& original = copy(from, number);
    const bool was_refused = places_[from].rules.refuses_to_dead_letters && !messages_[number].confirmed;
    has_reason = original.rejected || places_[from].rules.may_drop || was_refused ||
                 (published.expires_at != 0 && published.expires_at <= now);
    if (original.gone) violation("among the dead letters after its removal was confirmed: " + name(from, number));
    if (original.held) violation("among the dead letters while a client holds it: " + name(from, number));
    original.left = original.may_be_gone = original.gone = true;
    not_ready(from, number);
  }
  if (!has_reason) violation("a dead letter without a reason: " + name(index, number));
}

void Promises::delivered(PlaceIndex index, MessageNumber number, std::uint32_t deliveries, std::int64_t now) {
  ++counts_.delivered;
  counts_.redelivered += deliveries > 0;
  if (!messages_.contains(number)) return violation("never published: " + name(index, number));
  const auto& places = messages_[number].published.places;
  const bool meant = std::find(places.begin(), places.end(), index) != places.end();
  Copy& copy = this->copy(index, number);
  if (!meant && !copy.seen) {
    judge_dead_letter(index, number, now);
    copy.deliveries_max = static_cast<std::uint32_t>(counts_.lives);
  }
  if (copy.gone) violation("delivered after its removal was final: " + name(index, number));
  if (copy.left) violation("delivered after it was settled in this life: " + name(index, number));
  if (copy.held) violation("delivered while another client holds it: " + name(index, number));
  if (copy.moved_as != 0 && messages_[copy.moved_as].seen)
    violation("half a transaction: the effect " + std::to_string(copy.moved_as) + " is there, and again " +
              name(index, number));
  // Where messages are got, one may have been taken out for a Get whose answer was never said.
  const bool too_many = places_[index].rules.ordered && deliveries > copy.deliveries_max;
  if (deliveries < copy.deliveries_min || too_many)
    violation(name(index, number) + " says " + std::to_string(deliveries) + " deliveries before, not " +
              std::to_string(copy.deliveries_min) + " to " + std::to_string(copy.deliveries_max));
  judge_order(index, number);
  told("delivered", index, number);
  copy.certain = copy.seen = copy.held = copy.out_this_life = true;
  copy.drained = draining_;
  copy.moved_as = 0;
  copy.deliveries_min = copy.deliveries_max = deliveries;
  not_ready(index, number);
  if (meant) saw(index, number);
}

void Promises::settled(PlaceIndex index, MessageNumber number, Outcome outcome) {
  Copy& copy = this->copy(index, number);
  copy.held = false;
  told(outcome == Outcome::ack ? "acked" : outcome == Outcome::requeue ? "requeued" : "rejected", index, number);
  if (outcome == Outcome::requeue) {
    copy.deliveries_min += 1;
    copy.deliveries_max += 1;
    return now_ready(index, number);
  }
  copy.left = true;
  copy.might_have_gone = copy.may_be_gone;
  const bool dies = outcome == Outcome::reject && places_[index].rules.dead_letters != no_place;
  if (dies)
    copy.rejected = true;
  else
    copy.may_be_gone = true;
}

void Promises::settle_confirmed(PlaceIndex index, MessageNumber number, Outcome outcome) {
  ++counts_.settles_confirmed;
  told("settling confirmed", index, number);
  Copy& copy = this->copy(index, number);
  const bool dies = outcome == Outcome::reject && places_[index].rules.dead_letters != no_place;
  if (outcome != Outcome::requeue && !dies) copy.gone = true;
}

void Promises::settle_unknown(PlaceIndex place, MessageNumber message) {
  Copy& copy = this->copy(place, message);
  copy.left = copy.held = false;
  copy.may_be_gone = true;
  copy.deliveries_max += 1;
}

void Promises::settle_undone(PlaceIndex place, MessageNumber message) {
  Copy& copy = this->copy(place, message);
  copy.left = false;
  copy.held = true;
  copy.may_be_gone = copy.might_have_gone;
  copy.moved_as = 0;
}

std::vector<MessageNumber> Promises::purged(PlaceIndex index, std::int64_t now) {
  std::vector<MessageNumber> meant;
  for (auto& [number, copy] : places_[index].copies) {
    if (copy.held || copy.left || copy.gone) continue;
    // What is over may be on its way to the dead letters already.
    const std::int64_t expires_at = messages_[number].published.expires_at;
    copy.may_be_gone = true;
    if (expires_at != 0 && expires_at <= now) continue;
    copy.left = true;
    not_ready(index, number);
    meant.push_back(number);
    told("purged", index, number);
  }
  return meant;
}

void Promises::removal_confirmed(PlaceIndex place, const std::vector<MessageNumber>& messages) {
  for (const MessageNumber message : messages) copy(place, message).gone = true;
}

// --- topics ----------------------------------------------------------------------------------------------

void Promises::read(PlaceIndex index, std::int64_t offset, MessageNumber number) {
  ++counts_.records_read;
  Place& place = places_[index];
  if (!messages_.contains(number)) return violation("never published: " + name(index, number));
  const auto [at, is_new] = place.records.try_emplace(offset, number);
  const std::string where = "offset " + std::to_string(offset) + " of " + place.rules.name;
  if (at->second != number)
    violation(where + " was " + std::to_string(at->second) + " and is now " + std::to_string(number));
  const auto [of, first] = place.offsets.try_emplace(number, offset);
  if (of->second != offset)
    violation(name(index, number) + " is stored twice, at offsets " + std::to_string(of->second) + " and " +
              std::to_string(offset));
  place.end_min = std::max(place.end_min, offset + 1);
  if (!is_new) return;
  if (place.rules.ordered) {
    const bool after = at != place.records.begin() && order_of(std::prev(at)->second) > order_of(number);
    const bool before = std::next(at) != place.records.end() && std::next(at)->second != 0 &&
                        order_of(std::next(at)->second) < order_of(number);
    if (after || before) violation("out of order at " + where + ": " + name(index, number));
  }
  Copy& copy = place.copies[number];
  copy.certain = copy.seen = true;
  saw(index, number);
}

void Promises::append_confirmed(PlaceIndex place, std::int64_t offset, MessageNumber message) {
  read(place, offset, message);
}

void Promises::read_marker(PlaceIndex index, std::int64_t offset) {
  Place& place = places_[index];
  const auto at = place.records.try_emplace(offset, 0).first;
  if (at->second != 0)
    violation("offset " + std::to_string(offset) + " of " + place.rules.name + " was message " +
              std::to_string(at->second) + " and is now a marker");
  place.end_min = std::max(place.end_min, offset + 1);
}

void Promises::may_trim(PlaceIndex partition, std::int64_t start) {
  places_[partition].start_max = std::max(places_[partition].start_max, start);
}

void Promises::bounds(PlaceIndex index, std::int64_t start, std::int64_t end) {
  const Place& place = places_[index];
  if (end < place.end_min)
    violation(place.rules.name + " ends at " + std::to_string(end) + ", but offset " +
              std::to_string(place.end_min - 1) + " was read or confirmed");
  if (start > place.start_max)
    violation(place.rules.name + " starts at " + std::to_string(start) + ", though nothing from " +
              std::to_string(place.start_max) + " on was given up");
}

// --- producers' transactions ------------------------------------------------------------------------------

void Promises::in_transaction(MessageNumber message, std::uint64_t transaction) {
  transactions_[transaction].messages.push_back(message);
  transaction_of_[message] = transaction;
}

void Promises::transaction_ended(std::uint64_t id, bool committed) {
  Transaction& transaction = transactions_[id];
  if (transaction.committed && *transaction.committed != committed)
    violation("transaction " + std::to_string(id) + " was " + (committed ? "aborted" : "committed") +
              " and then " + (committed ? "committed" : "aborted"));
  transaction.committed = committed;
}

void Promises::read_committed(MessageNumber message) {
  read_committed_.insert(message);
  const auto of = transaction_of_.find(message);
  if (of != transaction_of_.end()) transaction_ended(of->second, true);
}

void Promises::judge_transactions() {
  for (const auto& [id, transaction] : transactions_) {
    std::size_t visible = 0;
    for (const MessageNumber message : transaction.messages) visible += read_committed_.contains(message);
    const bool expected = transaction.committed.value_or(visible > 0);
    if (visible != (expected ? transaction.messages.size() : 0))
      violation("transaction " + std::to_string(id) + (expected ? " was committed, " : " was aborted, ") +
                std::to_string(visible) + " of its " + std::to_string(transaction.messages.size()) +
                " records are visible");
  }
}

// --- offsets ---------------------------------------------------------------------------------------------

void Promises::offset_asked(const std::string& group, std::int64_t offset) {
  offsets_[group].asked = std::max(offsets_[group].asked, offset);
}

void Promises::offset_confirmed(const std::string& group, std::int64_t offset) {
  offsets_[group].confirmed = std::max(offsets_[group].confirmed, offset);
}

void Promises::offset_found(const std::string& group, std::int64_t offset) {
  Offsets& known = offsets_[group];
  if (offset < known.confirmed)
    violation("the committed offset of " + group + " moved back from " + std::to_string(known.confirmed) +
              " to " + std::to_string(offset));
  if (offset > known.asked)
    violation("the committed offset of " + group + " is " + std::to_string(offset) + ", nobody asked for more than " +
              std::to_string(known.asked));
  known.confirmed = std::max(known.confirmed, offset);
}

std::int64_t Promises::newest_asked(const std::string& group) const {
  const auto known = offsets_.find(group);
  return known == offsets_.end() ? -1 : known->second.asked;
}

// --- lives -----------------------------------------------------------------------------------------------

void Promises::forgives_order() {
  judges_order_ = false;
}

void Promises::restarted(bool clean) {
  ++counts_.lives;
  judges_order_ = true;
  tell(clean ? "the broker was stopped in order" : "the broker was stopped uncleanly");
  was_unclean_ |= !clean;
  for (PlaceIndex index = 0; index < places_.size(); ++index) {
    Place& place = places_[index];
    place.ready.clear();
    place.newest_out.clear();
    for (auto& [number, copy] : place.copies) {
      if (copy.gone) continue;
      const Message& message = messages_[number];
      if (clean) {
        if (copy.held) copy.deliveries_max = ++copy.deliveries_min;
        copy.deliveries_kept = copy.deliveries_min;
        if (copy.left && !copy.rejected) copy.gone = true;
      } else {
        copy.deliveries_min = std::max<std::uint32_t>(copy.deliveries_kept, copy.seen ? 1 : 0);
        copy.deliveries_max += 1;
      }
      if (!message.published.persistent) copy.may_be_gone = true;
      copy.held = copy.left = copy.out_this_life = false;
      now_ready(index, number);
    }
  }
}

Promises::Bounds Promises::copies(PlaceIndex index, std::int64_t now) const {
  Bounds bounds;
  const Place& place = places_[index];
  for (const auto& [number, copy] : place.copies) {
    const Message& message = messages_.at(number);
    if (copy.left || copy.gone || message.refused) continue;
    bounds.most += 1;
    bounds.least += copy.certain && !copy.may_be_gone && !may_leave(place, message, copy, now);
  }
  return bounds;
}

bool Promises::may_leave(const Place& place, const Message& message, const Copy& copy, std::int64_t now) const {
  const std::int64_t expires_at = message.published.expires_at;
  return copy.rejected || place.rules.may_drop || (expires_at != 0 && expires_at <= now);
}

void Promises::judge_copy(PlaceIndex index, MessageNumber number, const Copy& copy, std::int64_t now) {
  const Place& place = places_[index];
  const Message& message = messages_[number];
  if (!copy.certain || copy.drained) return;
  if (copy.moved_as != 0 && !messages_[copy.moved_as].seen && message.published.persistent)
    return violation("half a transaction: nothing of the effect " + std::to_string(copy.moved_as) +
                     " is there, and gone is " + name(index, number));
  if (copy.gone || copy.may_be_gone) return;
  if (!may_leave(place, message, copy, now)) return violation("confirmed or seen, but lost: " + name(index, number));
  const PlaceIndex dead = place.rules.dead_letters;
  if (dead == no_place || places_[dead].rules.may_drop || in_dead_letters(index, number)) return;
  violation("left its queue, but is not among the dead letters: " + name(index, number));
}

void Promises::judge_records(PlaceIndex index) {
  const Place& place = places_[index];
  std::int64_t expected = std::max<std::int64_t>(place.start_max, place.records.empty() ? 0 : place.records.begin()->first);
  if (place.start_max == 0) expected = 0;
  for (auto at = place.records.lower_bound(place.start_max); at != place.records.end(); ++at, ++expected)
    if (at->first != expected) {
      violation("offsets of " + place.rules.name + " have a gap before " + std::to_string(at->first));
      expected = at->first;
    }
  if (place.start_max > 0) return;  // what was trimmed was not read
  for (const auto& [number, copy] : place.copies)
    if (copy.certain && !place.offsets.contains(number)) violation("confirmed, but lost: " + name(index, number));
}

void Promises::judge_end(std::int64_t now) {
  judge_transactions();
  for (PlaceIndex index = 0; index < places_.size(); ++index) {
    if (!places_[index].rules.is_queue) {
      judge_records(index);
      continue;
    }
    std::vector<MessageNumber> numbers;  // in order: what is said must not hang on a hash table
    for (const auto& [number, copy] : places_[index].copies) numbers.push_back(number);
    std::sort(numbers.begin(), numbers.end());
    for (const MessageNumber number : numbers) judge_copy(index, number, copy(index, number), now);
  }
}

}  // namespace tandem::support
