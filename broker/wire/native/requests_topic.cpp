// Topics: configure, append, read.
#include "broker/base/limits.h"
#include "broker/wire/native/requests.h"

namespace tandem::wire::native {
namespace {

// A Fetched frame must hold what is asked and, at least, one whole batch.
constexpr std::uint32_t fetch_size_max_bytes = limits::batch_size_max_bytes;

using ConfigVector = flatbuffers::Vector<flatbuffers::Offset<fb::ConfigEntry>>;

std::vector<core::TopicConfigEntry> config_of(const ConfigVector* entries) {
  std::vector<core::TopicConfigEntry> config;
  if (!entries) return config;
  for (const fb::ConfigEntry* entry : *entries)
    config.push_back({text_of(entry->key()), text_of(entry->value())});
  return config;
}

}  // namespace

void Requests::on(const Request& r, const fb::CreateTopic& m) {
  const auto config = config_of(m.config());
  submit(core::CreateTopic{r.who, text_of(m.name()), m.partitions(), config, m.validate_only()});
}

void Requests::on(const Request& r, const fb::AlterTopic& m) {
  const auto set = config_of(m.set());
  std::vector<std::string_view> remove;
  if (m.remove())
    for (const flatbuffers::String* key : *m.remove()) remove.push_back(text_of(key));
  submit(core::AlterTopic{r.who, text_of(m.name()), m.partitions(), set, remove, m.validate_only()});
}

void Requests::on(const Request& r, const fb::DeleteTopic& m) {
  submit(core::DeleteTopic{r.who, text_of(m.name())});
}

void Requests::on(const Request& r, const fb::Append& m) {
  const Judgement* judgement = judge_.judge(0, r.payload, port_.batch_rules(text_of(m.topic())));
  if (!judgement) return;
  if (const auto& judged = judgement->batch; judged) {
    core::BatchView batch = judged->view;
    batch.body = port_.stage_batch(text_of(m.topic()), m.partition(), judged->bytes);
    submit(core::Append{r.who, text_of(m.topic()), m.partition(), batch, m.expected_end(), true});
  } else {
    refuse(r, judged.error().code, judged.error().text);
  }
  judge_.forget();
}

void Requests::on(const Request& r, const fb::Fetch& m) {
  if (size_of(m.partitions()) > limits::fetch_partitions_max)
    return refuse(r, ErrorCode::limit_reached,
                  "a fetch may name " + std::to_string(limits::fetch_partitions_max) + " partitions");
  std::vector<core::FetchPartition> partitions;
  if (m.partitions())
    for (const fb::FetchPartition* p : *m.partitions())
      partitions.push_back({text_of(p->topic()), p->partition(), p->offset(), p->size_max()});
  const auto isolation =
      m.read_committed() ? core::Isolation::read_committed : core::Isolation::read_uncommitted;
  submit(core::Fetch{r.who, partitions, m.size_min(), std::min(m.size_max(), fetch_size_max_bytes),
                     m.wait_max_ms(), isolation});
}

void Requests::on(const Request& r, const fb::ListOffset& m) {
  submit(
      core::ListOffset{r.who, text_of(m.topic()), m.partition(), m.at(), core::Isolation::read_uncommitted});
}

void Requests::on(const Request& r, const fb::TrimTopic& m) {
  submit(core::TrimTopic{r.who, text_of(m.topic()), m.partition(), m.offset()});
}

void Requests::on(const Request& r, const fb::InitProducer& /*m*/) {
  submit(core::InitProducer{.who = r.who});
}

}  // namespace tandem::wire::native
