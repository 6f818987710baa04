#include "broker/core/dead_letter.h"

#include <algorithm>

#include "broker/core/enqueue.h"
#include "broker/core/route.h"

namespace tandem::core {
namespace {

/// What a record may say of it.
RemovalReason recorded(RemovalReason reason) {
  return reason == RemovalReason::delivery_limit ? RemovalReason::rejected : reason;
}

std::string_view text_at(const Table& table, std::string_view key) {
  const Value* value = find(table, key);
  return value && value->text() ? std::string_view(*value->text()) : std::string_view();
}

/// Whether this queue died of the message before, and nobody rejected it since: it would go round for ever.
bool is_cycle(const Table& headers, std::string_view queue) {
  const Value* deaths = find(headers, "x-death");
  if (!deaths || !deaths->array()) return false;
  bool was_here = false;
  for (const Value& death : *deaths->array()) {  // newest first
    if (!death.table()) return false;
    if (text_at(*death.table(), "reason") == "rejected") return false;
    was_here = text_at(*death.table(), "queue") == queue;
    if (was_here) return true;
  }
  return was_here;
}

void publish_copy(Turn& turn, const Exchange& exchange, const MessageView& copy) {
  std::vector<Match> found = route(turn, exchange, copy);
  std::erase_if(found, [&turn](const Match& match) {
    if (match.kind != DestinationKind::queue) return false;
    const Queue* queue = turn.state().queues.find(QueueId(match.destination));
    return !queue || is_cycle(turn.session().routing.query.headers(), queue->declared.name);
  });
  put_into(turn, found, copy);
}

}  // namespace

void discard(Turn& turn, const Queue& queue, const QueueEntry& entry, RemovalReason reason,
             Removals& removals) {
  const QueueOptions& options = queue.options;
  if (!options.has_dead_letter_exchange || !turn.state().catalog.find_exchange(options.dead_letter_exchange))
    return removals.add(entry, recorded(reason));
  turn.life(queue.declared.id)->leaving[entry.seq] = {entry, reason};
  turn.say(RewriteDeadLetter{queue.declared.id, entry.seq, entry.body, entry.size_bytes, reason,
                             queue.declared.name, options.dead_letter_exchange,
                             options.dead_letter_routing_key, turn.now()});
}

void handle(Turn& turn, const DeadLetterReady& input) {
  const QueueId id(input.queue);
  QueueLife* life = turn.life(id);
  if (!life) return;
  auto leaving = life->leaving.find(input.seq);
  if (leaving == life->leaving.end()) return;
  const QueueEntry entry = leaving->second.entry;
  life->leaving.erase(leaving);
  {
    Removals removals(turn, id);
    removals.add(entry, RemovalReason::dead_lettered);
  }
  if (const Exchange* exchange = turn.state().catalog.find_exchange(input.exchange))
    publish_copy(turn, *exchange, input.message);
}

}  // namespace tandem::core
