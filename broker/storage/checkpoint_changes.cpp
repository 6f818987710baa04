#include "broker/storage/checkpoint_changes.h"

#include <algorithm>

#include "broker/base/check.h"
#include "broker/storage/checkpoint_keys.h"
#include "broker/storage/record_codec.h"

namespace tandem::storage {

/// What each record means for the keys.
struct CheckpointChanges::Follower {
  CheckpointChanges& changes;
  const core::Record& record;

  void operator()(const core::ExchangeDeclared&) { changes.put(record); }
  void operator()(const core::QueueDeclared&) { changes.put(record); }
  void operator()(const core::Bound&) { changes.put(record); }
  void operator()(const core::PolicySet&) { changes.put(record); }
  void operator()(const core::UserDeclared&) { changes.put(record); }
  void operator()(const core::TopicCreated&) { changes.put(record); }
  void operator()(const core::TopicAltered& r) { changes.put(core::Record(r.topic)); }
  void operator()(const core::OffsetCommitted&) { changes.put(record); }
  void operator()(const core::GroupStable&) { changes.put(record); }
  void operator()(const core::GroupGeneration& r) {
    changes.put(record);
    changes.erase(keys::members(r.group));
  }
  void operator()(const core::ProducerChanged& r) {
    if (r.transactional_id.empty()) return;
    if (r.producer_id < 0)
      changes.erase(keys::transactional_id(r.transactional_id));
    else
      changes.put(record);
  }

  void operator()(const core::ExchangeDeleted& r) { changes.erase(keys::exchange(r.id)); }
  void operator()(const core::PolicyDeleted& r) { changes.erase(keys::policy(r.name)); }
  void operator()(const core::UserDeleted& r) { changes.erase(keys::user(r.name)); }
  void operator()(const core::Unbound& r) { changes.erase(keys::binding(r.id)); }
  void operator()(const core::OffsetDeleted& r) { changes.erase(keys::offset(r.partition, r.group)); }
  void operator()(const core::QueueDeleted& r) {
    changes.erase(keys::queue(r.id));
    changes.erase(keys::queue_state(r.id));
  }
  void operator()(const core::TopicDeleted& r) {
    changes.erase(keys::topic(r.id));
    changes.erase_stored(keys::partitions_of(r.id));
    changes.erase_stored(keys::segments_of(r.id));
    changes.erase_stored(keys::indexes_of(r.id));
    changes.erase_all({keys::offsets_of(r.id), {}, 0});
  }
  void operator()(const core::GroupDeleted& r) {
    changes.erase(keys::group(r.group));
    changes.erase(keys::members(r.group));
    changes.erase_all(
        {std::string(keys::offset_prefix), keys::group_suffix(r.group), keys::offset_between_bytes});
  }

  // Messages and batches: their effect is in QueueState, RunHomed and PartitionState.
  template <class Other>
  void operator()(const Other&) {}
};

void CheckpointChanges::follow(const core::Record& record) {
  if (core::is_durable(record)) std::visit(Follower{*this, record}, record);
}

void CheckpointChanges::put(std::string key, std::string value) {
  values_[std::move(key)] = std::move(value);
}

void CheckpointChanges::put(const core::Record& record) {
  auto key = keys::of(record);
  CHECK(key.has_value());
  const auto encoded = encode_record(record);
  put(std::move(*key), std::string(text_of(encoded)));
}

void CheckpointChanges::erase(std::string key) {
  values_[std::move(key)] = std::nullopt;
}

void CheckpointChanges::erase_all(LmdbChanges::Erasure erasure) {
  std::erase_if(values_, [&erasure](const auto& entry) { return matches(entry.first, erasure); });
  erasures_.push_back(std::move(erasure));
}

LmdbChanges CheckpointChanges::list() const {
  LmdbChanges changes;
  changes.erasures = erasures_;
  for (const auto& [key, value] : values_) {
    if (value)
      changes.puts.push_back({key, *value});
    else
      changes.erasures.push_back({key, {}, 0});
  }
  std::sort(changes.erasures.begin(), changes.erasures.end(),
            [](const auto& a, const auto& b) { return a.prefix < b.prefix; });
  return changes;
}

}  // namespace tandem::storage
