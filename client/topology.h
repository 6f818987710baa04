// Declarations that are made again after every reconnect, in the order they were made first.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "client/frames.h"
#include "schemas/value.h"
#include "tandem/requests.h"

namespace tandem::client {

class Topology {
 public:
  void remember(const DeclareExchange& exchange, std::uint64_t correlation, const Frame& frame);
  void remember(const DeclareQueue& queue, std::uint64_t correlation, const Frame& frame);
  void remember(const Bind& binding, std::uint64_t correlation, const Frame& frame);
  void forget(const DeleteExchange& exchange) { forget_object(Destination::exchange, exchange.name); }
  void forget(const DeleteQueue& queue) { forget_object(Destination::queue, queue.name); }
  void forget(const Unbind& binding);

  std::vector<Frame> frames() const;
  /// Whether the correlation is that of a remembered declaration.
  bool contains(std::uint64_t correlation) const;
  std::size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    bool binding = false;
    Destination kind = Destination::queue;  // of the object, or of the binding's destination
    std::string name;                       // likewise
    std::string source, routing_key;        // bindings
    Table arguments;                        // bindings
    std::uint64_t correlation = 0;
    Frame frame;
    bool same_object(const Entry& other) const;
  };
  static Entry binding_entry(const std::string& source, Destination kind, const std::string& destination,
                             const std::string& routing_key, const Table& arguments);
  void put(Entry entry);
  void forget_object(Destination kind, const std::string& name);

  std::vector<Entry> entries_;
};

}  // namespace tandem::client
