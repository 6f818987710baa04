// Consistent hash: one binding per message, chosen by a hash of the routing key (or of a header or property), in
// proportion to the weights that the bindings give as their keys. A binding is as many buckets as its weight;
// the bucket is found by jump consistent hash (Lamping and Veach, 2014), so a binding more moves only its
// share of keys.
#include <charconv>

#include "broker/core/router.h"

namespace tandem::core {
namespace {

/// Buckets of one binding: keeps an exchange's table small.
constexpr std::uint32_t weight_max = 1'000;

std::optional<std::uint32_t> read_weight(std::string_view key) {
  std::uint32_t weight = 0;
  const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), weight);
  if (error != std::errc() || end != key.data() + key.size() || weight == 0 || weight > weight_max)
    return std::nullopt;
  return weight;
}

/// FNV-1a with a finish that spreads short keys: the choice must be the same on every machine and in every
/// version.
std::uint64_t hash(std::string_view text) {
  std::uint64_t value = 0xCBF2'9CE4'8422'2325ull;
  for (const char c : text) value = (value ^ static_cast<unsigned char>(c)) * 0x0000'0100'0000'01B3ull;
  value = (value ^ value >> 33) * 0xFF51'AFD7'ED55'8CCDull;
  value = (value ^ value >> 33) * 0xC4CE'B9FE'1A85'EC53ull;
  return value ^ value >> 33;
}

std::size_t jump(std::uint64_t key, std::size_t buckets) {
  std::int64_t bucket = -1, next = 0;
  while (next < static_cast<std::int64_t>(buckets)) {
    bucket = next;
    key = key * 2'862'933'555'777'941'757ull + 1;
    next =
        static_cast<std::int64_t>(static_cast<double>(bucket + 1) *
                                  (static_cast<double>(1ull << 31) / static_cast<double>((key >> 33) + 1)));
  }
  return static_cast<std::size_t>(bucket);
}

class HashRouter final : public Router {
 public:
  explicit HashRouter(const Table& arguments) {
    if (const Value* header = find(arguments, "hash-header"); header && header->text())
      header_ = *header->text();
    if (const Value* property = find(arguments, "hash-property"); property && property->text())
      property_ = *property->text();
  }
  void add(const Bound& binding) override {
    buckets_.insert(buckets_.end(), read_weight(binding.routing_key).value_or(1), match_of(binding));
  }
  void remove(const Bound& binding) override { erase_match(buckets_, binding.id); }
  void match(Query& query) const override {
    if (!buckets_.empty()) query.matches.push_back(buckets_[jump(hash_of(query), buckets_.size())]);
  }
  std::optional<Refusal> judge(const Bound& binding) const override {
    if (read_weight(binding.routing_key)) return std::nullopt;
    return Refusal{ErrorCode::invalid_argument,
                   ObjectKind::binding,
                   binding.routing_key,
                   "routing_key",
                   binding.routing_key,
                   "",
                   "The binding key must be a weight, an integer from 1 to " + std::to_string(weight_max)};
  }

 private:
  std::uint64_t hash_of(Query& query) const {
    if (property_ == "message_id") return hash(query.properties().message_id);
    if (property_ == "correlation_id") return hash(query.properties().correlation_id);
    if (property_ == "timestamp") return hash(query.properties().timestamp);
    if (header_.empty()) return hash(query.routing_key);
    const Value* value = find(query.headers(), header_);
    if (!value) return hash("");
    return value->text() ? hash(*value->text()) : hash(to_text(*value));
  }

  std::string header_, property_;
  std::vector<Match> buckets_;
};

}  // namespace

bool is_hash_property(std::string_view name) {
  return name == "message_id" || name == "correlation_id" || name == "timestamp";
}

std::unique_ptr<Router> make_hash_router(const Table& arguments) {
  return std::make_unique<HashRouter>(arguments);
}

}  // namespace tandem::core
