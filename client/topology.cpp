#include "client/topology.h"

#include <algorithm>

namespace tandem::client {

bool Topology::Entry::same_object(const Entry& other) const {
  return binding == other.binding && kind == other.kind && name == other.name && source == other.source &&
         routing_key == other.routing_key && arguments == other.arguments;
}

Topology::Entry Topology::binding_entry(const std::string& source, Destination kind,
                                        const std::string& destination, const std::string& routing_key,
                                        const Table& arguments) {
  Entry entry;
  entry.binding = true;
  entry.kind = kind;
  entry.name = destination;
  entry.source = source;
  entry.routing_key = routing_key;
  entry.arguments = arguments;
  return entry;
}

void Topology::put(Entry entry) {
  for (auto& known : entries_)
    if (known.same_object(entry)) {
      known = std::move(entry);
      return;
    }
  entries_.push_back(std::move(entry));
}

void Topology::remember(const DeclareExchange& exchange, std::uint64_t correlation, const Frame& frame) {
  Entry entry;
  entry.kind = Destination::exchange;
  entry.name = exchange.name;
  entry.correlation = correlation;
  entry.frame = frame;
  put(std::move(entry));
}

void Topology::remember(const DeclareQueue& queue, std::uint64_t correlation, const Frame& frame) {
  Entry entry;
  entry.name = queue.name;
  entry.correlation = correlation;
  entry.frame = frame;
  put(std::move(entry));
}

void Topology::remember(const Bind& bind, std::uint64_t correlation, const Frame& frame) {
  auto entry =
      binding_entry(bind.source, bind.destination_kind, bind.destination, bind.routing_key, bind.arguments);
  entry.correlation = correlation;
  entry.frame = frame;
  put(std::move(entry));
}

void Topology::forget(const Unbind& unbind) {
  const auto gone = binding_entry(unbind.source, unbind.destination_kind, unbind.destination,
                                  unbind.routing_key, unbind.arguments);
  std::erase_if(entries_, [&](const Entry& entry) { return entry.same_object(gone); });
}

void Topology::forget_object(Destination kind, const std::string& name) {
  std::erase_if(entries_, [&](const Entry& entry) {
    const bool is_it = entry.kind == kind && entry.name == name;
    const bool comes_from_it = entry.binding && kind == Destination::exchange && entry.source == name;
    return is_it || comes_from_it;
  });
}

std::vector<Frame> Topology::frames() const {
  std::vector<Frame> frames;
  for (const auto& entry : entries_) frames.push_back(entry.frame);
  return frames;
}

bool Topology::contains(std::uint64_t correlation) const {
  return std::any_of(entries_.begin(), entries_.end(),
                     [&](const Entry& entry) { return entry.correlation == correlation; });
}

}  // namespace tandem::client
