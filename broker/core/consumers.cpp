#include "broker/core/consumers.h"

#include <algorithm>

#include "broker/base/limits.h"

namespace tandem::core {

std::uint32_t Consumer::credit() const {
  if (channel->connection->is_full) return 0;
  const std::uint32_t limit = prefetch ? prefetch : limits::unsettled_per_connection_max;
  std::uint32_t credit = limit - std::min(limit, unsettled);
  if (channel->prefetch)
    credit = std::min(credit, channel->prefetch - std::min(channel->prefetch, channel->consumers_unsettled));
  return credit;
}

void QueueConsumers::add(Consumer* consumer) {
  auto place = std::find_if(all_.begin(), all_.end(), [consumer](const Consumer* other) {
    return other->priority < consumer->priority;
  });
  all_.insert(place, consumer);
}

void QueueConsumers::remove(Consumer* consumer, bool single_active) {
  std::erase(all_, consumer);
  if (consumer->in_line)
    band(consumer->priority).line.keep_if([consumer](const Consumer* other) { return other != consumer; });
  consumer->in_line = false;
  if (single_active && consumer->active && !all_.empty()) {
    all_.front()->active = true;
    line_up(all_.front());
  }
}

QueueConsumers::Band& QueueConsumers::band(std::int32_t priority) {
  auto place = std::find_if(bands_.begin(), bands_.end(),
                            [priority](const Band& b) { return b.priority <= priority; });
  if (place != bands_.end() && place->priority == priority) return *place;
  return *bands_.insert(place, Band{priority, {}});
}

/// True also when it stood in line already: it may not have been able to take anything when its queue was last looked at,
/// and a queue whose front is on disk reads nothing for those who cannot take it.
bool QueueConsumers::line_up(Consumer* consumer) {
  if (!consumer->can_take()) return false;
  if (!consumer->in_line) put_at_end(consumer);
  return true;
}

Consumer* QueueConsumers::take_next() {
  for (Band& band : bands_) {
    while (!band.line.empty()) {
      Consumer* consumer = band.line.pop_front();
      consumer->in_line = false;
      if (consumer->can_take()) return consumer;
    }
  }
  return nullptr;
}

void QueueConsumers::put_at_end(Consumer* consumer) {
  if (!consumer->can_take()) return;
  band(consumer->priority).line.push_back(consumer);
  consumer->in_line = true;
}

void QueueConsumers::put_at_front(Consumer* consumer) {
  band(consumer->priority).line.push_front(consumer);
  consumer->in_line = true;
}

std::uint64_t QueueConsumers::waiting_credit() const {
  for (const Band& band : bands_)
    if (!band.line.empty() && band.line.front()->can_take())
      return std::uint64_t{band.line.front()->credit()} * band.line.size();
  return 0;
}

}  // namespace tandem::core
