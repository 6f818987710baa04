// Kafka's consumer protocol as group members exchange it through the broker, which does not look into it:
// what a member subscribes to, and which partitions it gets. All big endian.
//
//   subscription = version i16, topics i32 × string, user data i32 bytes (-1 = none)
//   assignment   = version i16, topics i32 × (string, partitions i32 × i32), user data
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "schemas/result.h"
#include "tandem/requests.h"

namespace tandem::client {

/// The assignor's name, as Kafka's clients call it too.
inline constexpr std::string_view range_assignor = "range";

std::string encode_subscription(const std::vector<std::string>& topics);
/// Later versions have more behind the topics, which is left unread. Errors: corrupt.
Result<std::vector<std::string>> decode_subscription(std::string_view bytes);

std::string encode_assignment(const std::vector<TopicPartition>& partitions);
/// Empty bytes are an empty assignment. Errors: corrupt.
Result<std::vector<TopicPartition>> decode_assignment(std::string_view bytes);

struct Subscriber {
  std::string member;
  std::string instance;  // "" = none
  std::vector<std::string> topics;
};
using Assignments = std::map<std::string, std::vector<TopicPartition>>;  // by member

/// Kafka's range assignor: the members of a topic, by instance name or else member id, get its partitions in
/// runs of equal length, the first ones one more. Every member is in the result. Topics without a count have
/// no partitions.
Assignments assign_ranges(std::vector<Subscriber> subscribers,
                          const std::map<std::string, std::int32_t>& partitions);

}  // namespace tandem::client
