// The requests that this broker knows: their keys, versions, and who takes them.
#pragma once

#include <span>
#include <string_view>

#include "broker/wire/kafka/answer_line.h"

namespace tandem::wire::kafka {

/// A request on its way from the connection to its task.
struct Arrival {
  Conversation& conversation;
  AnswerLine& line;
  AnswerLine::Header header;
  Reader body;
};

struct Api {
  std::int16_t key = 0;
  std::string_view name;
  std::int16_t advertised_min = 0, version_min = 0, version_max = 0;
  std::int16_t flexible_from = newest;  // never by default
  /// False: the body is not what its version says.
  bool (*begin)(Arrival& arrival) = nullptr;
};

namespace key {
inline constexpr std::int16_t produce = 0, fetch = 1, sasl_handshake = 17, api_versions = 18,
                              sasl_authenticate = 36;
}

/// Ascending by key.
std::span<const Api> apis();
/// nullptr when unknown.
const Api* find_api(std::int16_t key);

/// Decodes the request, gives its task a place in the line, and lets it begin. Bytes behind the body are passed over, as
/// Kafka's own broker does: librdkafka 2.3 has three of them when it asks for all topics in a flexible version.
template <class T>
bool begin(Arrival& arrival) {
  typename T::Request request;
  arrival.body.structure(request);
  if (!arrival.body.ok()) return false;
  const std::uint64_t number = arrival.line.next_number();
  auto task = std::make_unique<T>(Task::Seat{arrival.conversation, number, arrival.header.version});
  T& begun = *task;
  arrival.line.push(arrival.header, std::move(task));
  begun.begin(request);
  arrival.line.begun(number);
  return true;
}

}  // namespace tandem::wire::kafka
