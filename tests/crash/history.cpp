#include "tests/crash/history.h"

#include <algorithm>
#include <charconv>

namespace tandem::crash {

std::string to_text(MessageId id) {
  return std::to_string(id.publisher) + "-" + std::to_string(id.number);
}

MessageId parse_id(std::string_view text) {
  MessageId id;
  const auto first = std::from_chars(text.data(), text.data() + text.size(), id.publisher);
  if (first.ec != std::errc() || first.ptr == text.data() + text.size() || *first.ptr != '-') return {};
  const auto second = std::from_chars(first.ptr + 1, text.data() + text.size(), id.number);
  return second.ec == std::errc() ? id : MessageId{};
}

void History::violation(const std::string& text) {
  std::lock_guard lock(mutex_);
  violations_.push_back(text);
}

void History::invoked(MessageId id) {
  std::lock_guard lock(mutex_);
  ++counts_.invoked;
  invoked_.insert(id);
}

void History::confirmed(MessageId id) {
  std::lock_guard lock(mutex_);
  ++counts_.confirmed;
  confirmed_.insert(id);
}

void History::delivered(const std::string& queue, MessageId id, bool redelivered, int life) {
  std::lock_guard lock(mutex_);
  ++counts_.delivered;
  counts_.redelivered += redelivered;
  const std::string what = to_text(id) + " from " + queue;
  if (!invoked_.contains(id)) violations_.push_back("delivered but never published: " + what);

  Place& place = by_place_[queue];
  const auto [at, is_new] = place.seen.try_emplace(id);
  Seen& seen = at->second;
  if (seen.ack_confirmed) violations_.push_back("delivered again after its ack was confirmed: " + what);
  if (!is_new && !redelivered) violations_.push_back("delivered again and not marked redelivered: " + what);
  if (!is_new && seen.last_life == life)
    violations_.push_back("delivered twice in one life without a requeue: " + what);
  seen.last_life = life;

  if (is_new) {  // first deliveries keep the publisher's order within a life of the broker
    auto& [last_life, last_number] = place.last_first_delivery[id.publisher];
    if (last_life == life && id.number < last_number)
      violations_.push_back("out of order: " + what + " after number " + std::to_string(last_number));
    last_life = life;
    last_number = id.number;
  }
}

void History::acked(const std::string& queue, MessageId id) {
  std::lock_guard lock(mutex_);
  by_place_[queue].seen[id].acked = true;
}

void History::ack_confirmed(const std::string& queue, MessageId id) {
  std::lock_guard lock(mutex_);
  ++counts_.acks_confirmed;
  by_place_[queue].seen[id].ack_confirmed = true;
}

void History::requeued(const std::string& queue, MessageId id) {
  std::lock_guard lock(mutex_);
  by_place_[queue].seen[id].last_life = 0;
}

void History::read(const std::string& topic, int partition, std::int64_t offset, MessageId id) {
  std::lock_guard lock(mutex_);
  ++counts_.read;
  const auto [at, is_new] = topics_[{topic, partition}].try_emplace(offset, id);
  if (!is_new && at->second != id)
    violations_.push_back("offset " + std::to_string(offset) + " of " + topic + "/" +
                          std::to_string(partition) + " was " + to_text(at->second) + " and is now " +
                          to_text(id));
  if (is_new) by_place_[topic].seen.try_emplace(id);
}

void History::offset_confirmed(const std::string& group, std::int64_t offset) {
  std::lock_guard lock(mutex_);
  offsets_[group] = offset;
}

std::int64_t History::offset_floor(const std::string& group) const {
  std::lock_guard lock(mutex_);
  const auto at = offsets_.find(group);
  return at == offsets_.end() ? -1 : at->second;
}

void History::offset_found(const std::string& group, std::int64_t offset, std::int64_t floor) {
  std::lock_guard lock(mutex_);
  if (offset < floor)
    violations_.push_back("the committed offset of " + group + " moved back from " + std::to_string(floor) +
                          " to " + std::to_string(offset));
}

void History::judge_place(const std::string& name) {
  const auto& seen = by_place_[name].seen;
  for (const auto& id : confirmed_)
    if (!seen.contains(id)) violations_.push_back("confirmed but lost: " + to_text(id) + " in " + name);
}

void History::judge_end() {
  std::lock_guard lock(mutex_);
  for (const auto& place : places_) judge_place(place);

  // A publish without a confirm has all of its effect or none.
  for (const auto& id : invoked_) {
    std::size_t present = 0;
    for (const auto& place : places_) present += by_place_[place].seen.contains(id);
    if (present != 0 && present != places_.size())
      violations_.push_back("half a fan-out: " + to_text(id) + " is in " + std::to_string(present) + " of " +
                            std::to_string(places_.size()) + " places");
  }

  for (const auto& [partition, records] : topics_) {
    std::int64_t expected = records.empty() ? 0 : records.begin()->first;
    std::set<MessageId> ids;
    for (const auto& [offset, id] : records) {
      const std::string where = partition.first + "/" + std::to_string(partition.second);
      if (offset != expected)
        violations_.push_back("offsets of " + where + " have a gap before " + std::to_string(offset));
      if (!ids.insert(id).second) violations_.push_back("stored twice in " + where + ": " + to_text(id));
      expected = offset + 1;
    }
  }
}

History::Counts& History::Counts::operator+=(const Counts& other) {
  invoked += other.invoked;
  confirmed += other.confirmed;
  delivered += other.delivered;
  redelivered += other.redelivered;
  acks_confirmed += other.acks_confirmed;
  read += other.read;
  return *this;
}

bool History::every_publisher_confirmed(const std::set<std::uint32_t>& publishers) const {
  std::lock_guard lock(mutex_);
  std::set<std::uint32_t> found;
  for (const MessageId& id : confirmed_) found.insert(id.publisher);
  return std::includes(found.begin(), found.end(), publishers.begin(), publishers.end());
}

History::Counts History::counts() const {
  std::lock_guard lock(mutex_);
  return counts_;
}

std::vector<std::string> History::violations() const {
  std::lock_guard lock(mutex_);
  return violations_;
}

}  // namespace tandem::crash
