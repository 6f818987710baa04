#include "bench/group_member.h"

#include "schemas/byte_order.h"

namespace tandem::bench {
namespace {

constexpr std::uint32_t answer_size_max_bytes = 16u << 20;  // the leader gets every member's subscription
constexpr std::int16_t unknown_member = 25;
constexpr int socket_timeout_ms = 60'000;  // a join is answered when all have joined

using Buffer = std::vector<std::byte>;

void put_text(Buffer& out, std::string_view text) {
  append_big(out, static_cast<std::uint16_t>(text.size()));
  const Bytes bytes = bytes_of(text);
  out.insert(out.end(), bytes.begin(), bytes.end());
}
void put_bytes(Buffer& out, const Buffer& bytes) {
  append_big(out, static_cast<std::uint32_t>(bytes.size()));
  out.insert(out.end(), bytes.begin(), bytes.end());
}
void put_int(Buffer& out, std::int32_t value) { append_big(out, static_cast<std::uint32_t>(value)); }

std::string take_text(ByteReader& in) {
  std::uint16_t size = 0;
  Bytes bytes;
  if (!in.big(size) || size == 0xFFFF || !in.bytes(size, bytes)) return {};
  return std::string(text_of(bytes));
}

/// What consumers tell each other: which topic they want, and which partitions they get.
Buffer subscription_of(const std::string& topic) {
  Buffer out;
  append_big(out, std::uint16_t{0});
  put_int(out, 1);
  put_text(out, topic);
  put_int(out, -1);
  return out;
}
Buffer assignment_of(const std::string& topic, int first, int step, int partitions) {
  Buffer out;
  append_big(out, std::uint16_t{0});
  put_int(out, 1);
  put_text(out, topic);
  put_int(out, (partitions - first + step - 1) / step);
  for (int partition = first; partition < partitions; partition += step) put_int(out, partition);
  put_int(out, -1);
  return out;
}

std::optional<std::vector<std::int32_t>> partitions_of(Bytes assignment) {
  ByteReader in(assignment);
  std::uint16_t version = 0;
  std::uint32_t topics = 0, count = 0, partition = 0;
  if (!in.big(version) || !in.big(topics)) return std::nullopt;
  take_text(in);
  std::vector<std::int32_t> found;
  if (!in.big(count)) return std::nullopt;
  for (std::uint32_t i = 0; i < count && in.big(partition); ++i) found.push_back(static_cast<std::int32_t>(partition));
  return found;
}

}  // namespace

GroupMember::GroupMember(const GroupPlan& plan, OnAssigned on_assigned)
    : plan_(plan), on_assigned_(std::move(on_assigned)), socket_(plan.port, socket_timeout_ms) {
  thread_ = std::thread([this] { run(); });
}

GroupMember::~GroupMember() {
  leaving_ = true;
  thread_.join();
}

void GroupMember::run() {
  while (!leaving_ && !failed_)
    if (!take_part()) failed_ = true;
  Buffer body, answer;
  put_text(body, plan_.group);
  put_text(body, id_);
  if (!failed_) ask(13, 1, body, answer);
}

/// One generation, from joining until the next rebalance; true when the group goes on.
bool GroupMember::take_part() {
  const auto joined = join();
  if (!joined) return false;
  if (joined->generation < 0) return true;  // again
  const auto share = sync(*joined);
  if (!share) return true;
  on_assigned_(joined->generation, share->size());
  if (!commit(joined->generation, *share)) return false;
  while (!leaving_) {
    const auto error = heartbeat(joined->generation);
    if (!error) return false;
    if (*error == unknown_member) id_.clear();
    if (*error != 0) return true;
    const auto next = std::chrono::steady_clock::now() + plan_.heartbeat_interval;
    while (!leaving_ && std::chrono::steady_clock::now() < next) std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return true;
}

std::optional<GroupMember::Joined> GroupMember::join() {
  Buffer body, answer;
  put_text(body, plan_.group);
  put_int(body, 45'000);  // session timeout
  put_int(body, 60'000);  // rebalance timeout
  put_text(body, id_);
  put_text(body, "consumer");
  put_int(body, 1);
  put_text(body, "range");
  put_bytes(body, subscription_of(plan_.topic));
  if (!ask(11, 3, body, answer)) return std::nullopt;
  ByteReader in(answer);
  std::uint32_t throttle = 0, generation = 0, count = 0;
  std::uint16_t error = 0;
  if (!in.big(throttle) || !in.big(error) || !in.big(generation)) return std::nullopt;
  if (static_cast<std::int16_t>(error) == unknown_member) id_.clear();
  if (error != 0) return Joined{};
  take_text(in);  // the protocol that was chosen
  const std::string leader = take_text(in);
  id_ = take_text(in);
  Joined joined{static_cast<std::int32_t>(generation), leader == id_, {}};
  if (!in.big(count)) return std::nullopt;
  for (std::uint32_t i = 0; i < count; ++i) {
    joined.members.push_back(take_text(in));
    std::uint32_t size = 0;
    if (!in.big(size) || !in.skip(size)) return std::nullopt;
  }
  return joined;
}

/// nullopt: this generation is over before it began.
std::optional<std::vector<std::int32_t>> GroupMember::sync(const Joined& joined) {
  Buffer body, answer;
  put_text(body, plan_.group);
  put_int(body, joined.generation);
  put_text(body, id_);
  const auto members = static_cast<int>(joined.members.size());
  put_int(body, joined.is_leader ? members : 0);
  for (int i = 0; joined.is_leader && i < members; ++i) {
    put_text(body, joined.members[static_cast<std::size_t>(i)]);
    put_bytes(body, assignment_of(plan_.topic, i, members, plan_.partitions));
  }
  if (!ask(14, 1, body, answer)) {
    failed_ = true;
    return std::nullopt;
  }
  ByteReader in(answer);
  std::uint32_t throttle = 0, size = 0;
  std::uint16_t error = 0;
  Bytes assignment;
  if (!in.big(throttle) || !in.big(error) || error != 0 || !in.big(size) || !in.bytes(size, assignment)) return std::nullopt;
  return partitions_of(assignment);
}

bool GroupMember::commit(std::int32_t generation, const std::vector<std::int32_t>& partitions) {
  Buffer body, answer;
  put_text(body, plan_.group);
  put_int(body, generation);
  put_text(body, id_);
  append_big(body, ~std::uint64_t{0});  // the broker's retention
  put_int(body, 1);
  put_text(body, plan_.topic);
  put_int(body, static_cast<std::int32_t>(partitions.size()));
  for (const std::int32_t partition : partitions) {
    put_int(body, partition);
    append_big(body, std::uint64_t{0});
    put_text(body, "");
  }
  return ask(8, 2, body, answer);
}

std::optional<std::int16_t> GroupMember::heartbeat(std::int32_t generation) {
  Buffer body, answer;
  put_text(body, plan_.group);
  put_int(body, generation);
  put_text(body, id_);
  if (!ask(12, 1, body, answer) || answer.size() < 6) return std::nullopt;
  return static_cast<std::int16_t>(load_big<std::uint16_t>(answer.data() + 4));
}

bool GroupMember::ask(std::int16_t api, std::int16_t version, const Buffer& body, Buffer& answer) {
  Buffer request(4), head;
  append_big(request, static_cast<std::uint16_t>(api));
  append_big(request, static_cast<std::uint16_t>(version));
  append_big(request, ++correlation_);
  put_text(request, "tandem_bench");
  request.insert(request.end(), body.begin(), body.end());
  store_big(request.data(), static_cast<std::uint32_t>(request.size() - 4));
  if (!socket_.write(request) || !socket_.read(head, 8)) return false;
  const auto size = load_big<std::uint32_t>(head.data());
  if (size < 4 || size > answer_size_max_bytes || load_big<std::uint32_t>(head.data() + 4) != correlation_) return false;
  return socket_.read(answer, size - 4);
}

}  // namespace tandem::bench
