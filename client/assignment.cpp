#include "client/assignment.h"

#include <algorithm>
#include <optional>
#include <tuple>

namespace tandem::client {
namespace {

void put(std::string& out, std::uint32_t value, int size_bytes) {
  for (int shift = (size_bytes - 1) * 8; shift >= 0; shift -= 8)
    out.push_back(static_cast<char>(value >> shift));
}
void put_string(std::string& out, std::string_view text) {
  put(out, static_cast<std::uint32_t>(text.size()), 2);
  out += text;
}
constexpr std::uint32_t none = 0xffffffff;  // the length of what is not there

/// Reads until something is missing; then everything it gives is empty and ok() is false.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}

  std::uint32_t number(int size_bytes) {
    const auto bytes = take(static_cast<std::size_t>(size_bytes));
    std::uint32_t value = 0;
    for (const char byte : bytes) value = value << 8 | static_cast<unsigned char>(byte);
    return value;
  }
  std::string string() { return std::string(take(number(2))); }
  /// The count of an array whose entries have at least this size.
  std::uint32_t count(std::size_t entry_size_bytes) {
    const auto count = number(4);
    if (count == none) return 0;
    if (count > rest_.size() / entry_size_bytes) ok_ = false;
    return ok_ ? count : 0;
  }
  bool ok() const { return ok_; }

 private:
  std::string_view take(std::size_t size) {
    if (size > rest_.size()) ok_ = false;
    if (!ok_) return {};
    const auto taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
  }
  std::string_view rest_;
  bool ok_ = true;
};

Error malformed(std::string_view what) {
  return {ErrorCode::corrupt, "a group member's " + std::string(what) + " is malformed"};
}

}  // namespace

std::string encode_subscription(const std::vector<std::string>& topics) {
  std::string out;
  put(out, 0, 2);
  put(out, static_cast<std::uint32_t>(topics.size()), 4);
  for (const auto& topic : topics) put_string(out, topic);
  put(out, none, 4);
  return out;
}

Result<std::vector<std::string>> decode_subscription(std::string_view bytes) {
  Reader reader(bytes);
  reader.number(2);
  std::vector<std::string> topics;
  const auto count = reader.count(2);
  for (std::uint32_t i = 0; i < count && reader.ok(); ++i) topics.push_back(reader.string());
  if (!reader.ok()) return malformed("subscription");
  return topics;
}

std::string encode_assignment(const std::vector<TopicPartition>& partitions) {
  std::map<std::string, std::vector<std::int32_t>> by_topic;
  for (const auto& [topic, partition] : partitions) by_topic[topic].push_back(partition);
  std::string out;
  put(out, 0, 2);
  put(out, static_cast<std::uint32_t>(by_topic.size()), 4);
  for (const auto& [topic, numbers] : by_topic) {
    put_string(out, topic);
    put(out, static_cast<std::uint32_t>(numbers.size()), 4);
    for (const auto number : numbers) put(out, static_cast<std::uint32_t>(number), 4);
  }
  put(out, none, 4);
  return out;
}

Result<std::vector<TopicPartition>> decode_assignment(std::string_view bytes) {
  std::vector<TopicPartition> partitions;
  if (bytes.empty()) return partitions;
  Reader reader(bytes);
  reader.number(2);
  const auto topics = reader.count(6);
  for (std::uint32_t i = 0; i < topics && reader.ok(); ++i) {
    const auto topic = reader.string();
    const auto count = reader.count(4);
    for (std::uint32_t j = 0; j < count && reader.ok(); ++j)
      partitions.push_back({topic, static_cast<std::int32_t>(reader.number(4))});
  }
  if (!reader.ok()) return malformed("assignment");
  return partitions;
}

Assignments assign_ranges(std::vector<Subscriber> subscribers,
                          const std::map<std::string, std::int32_t>& partitions) {
  // Kafka's order: members with an instance name first, by it; the others by member id.
  std::sort(subscribers.begin(), subscribers.end(), [](const auto& a, const auto& b) {
    return std::make_tuple(a.instance.empty(), std::string_view(a.instance), std::string_view(a.member)) <
           std::make_tuple(b.instance.empty(), std::string_view(b.instance), std::string_view(b.member));
  });
  Assignments assignments;
  for (const auto& subscriber : subscribers) assignments[subscriber.member];
  for (const auto& [topic, partition_count] : partitions) {
    std::vector<const Subscriber*> takers;
    for (const auto& subscriber : subscribers)
      if (std::find(subscriber.topics.begin(), subscriber.topics.end(), topic) != subscriber.topics.end())
        takers.push_back(&subscriber);
    if (takers.empty()) continue;
    const auto taker_count = static_cast<std::int32_t>(takers.size());
    std::int32_t next = 0;
    for (std::int32_t i = 0; i < taker_count; ++i) {
      const auto run = partition_count / taker_count + (i < partition_count % taker_count ? 1 : 0);
      for (std::int32_t end = next + run; next < end; ++next)
        assignments[takers[static_cast<std::size_t>(i)]->member].push_back({topic, next});
    }
  }
  return assignments;
}

}  // namespace tandem::client
