// What connections hold in memory, all together: bounded, so that many which do not read, or send messages in part, take no
// more than one may. Each settle() of a peer counts what it holds.
#include <malloc.h>

#include <algorithm>
#include <functional>

#include "broker/server/log_line.h"
#include "broker/server/loop.h"

namespace tandem::server {

namespace {

// How long one that does not read may keep memory of the store: what the journal takes in meanwhile, at the most.
constexpr DurationMs memory_apart_ms = 500;
// Copied in one turn of the loop: a millisecond or two. The rest follows soon.
constexpr std::size_t copied_at_once_max_bytes = 4u << 20;
constexpr DurationMs memory_rest_apart_ms = 10;
// One that reads is told why it is closed, and holds what it holds until it has read that. Beyond this share of the limit,
// nobody is waited for.
constexpr std::uint64_t waited_for_share = 8;
// Looking at 20,000 connections takes a millisecond.
constexpr DurationMs closing_apart_ms = 20;

std::string kib(std::uint64_t size_bytes) {
  return std::to_string(size_bytes >> 10) + " KiB";
}

}  // namespace

/// Bodies on their way to a peer lie in the store's buffers, which live as long: a peer that has stopped reading a thousand
/// of some KiB each would keep a thousand buffers, and would count as some MiB.
void Loop::part_from_the_store() {
  std::size_t copied = 0;
  peers_.for_each([&](Peer& peer) {
    if (peer.is_deaf() && copied < copied_at_once_max_bytes) copied += peer.own_memory();
  });
  freed_much_ = freed_much_ || copied >= copied_at_once_max_bytes;
  memory_due_ = now() + (copied < copied_at_once_max_bytes ? memory_apart_ms : memory_rest_apart_ms);
}

void Loop::close_those_that_hold_most() {
  closing_due_ = now() + closing_apart_ms;
  std::vector<Peer*> open;
  std::uint64_t open_bytes = 0;
  const bool waits = held_bytes_ <= held_max_bytes_ + held_max_bytes_ / waited_for_share;
  peers_.for_each([&](Peer& peer) {
    if (peer.open()) {
      open.push_back(&peer);
      open_bytes += peer.held_bytes();
    } else if (!waits) {
      peer.end("memory is short");
    }
  });
  if (open_bytes <= held_max_bytes_) return;  // the others are on their way out
  std::sort(open.begin(), open.end(), [](const Peer* a, const Peer* b) {
    return a->held_bytes() != b->held_bytes() ? a->held_bytes() > b->held_bytes() : a->id() < b->id();
  });
  for (Peer* peer : open) {
    if (open_bytes <= held_max_bytes_) break;
    open_bytes -= peer->held_bytes();
    drop(*peer);
  }
}

/// The allocator keeps what was freed between blocks that are still used, and does not know that this is no usual load.
void Loop::give_memory_back() {
  freed_much_ = false;
  ::malloc_trim(0);
}

/// Nothing can be said to one that does not read.
void Loop::drop(Peer& peer) {
  freed_much_ = true;
  const std::string why = "it holds " + kib(peer.held_bytes()) + " of the " + kib(held_max_bytes_) +
                          " that all connections may hold together";
  log_line(LogLevel::warning, peer.name() + " is dropped: " + why + (peer.is_deaf() ? ", and does not read" : ""));
  if (peer.is_deaf()) return peer.end(why);
  peer.face().log_out(why);
  touched(peer);
}

}  // namespace tandem::server
