// Produce: one record batch for each partition, kept as it was sent.
#include "broker/wire/judge_append.h"
#include "broker/wire/kafka/error.h"
#include "broker/wire/kafka/messages_topic.h"
#include "broker/wire/kafka/parts.h"
#include "broker/wire/kafka/tasks.h"

namespace tandem::wire::kafka {
namespace {

/// Batches of the format that is stored come with this version.
constexpr std::int16_t first_version_with_batches = 3;

std::int16_t produce_error_of(const core::Refusal& refusal) {
  if (refusal.argument == "message.timestamp.after.max.ms" || refusal.argument == "message.timestamp.before.max.ms")
    return error::invalid_timestamp;
  if (refusal.code == ErrorCode::invalid_argument) return error::invalid_record;
  return topic_error_of(refusal.code);
}

class Produce final : public TaskOf<ProduceRequest, ProduceResponse> {
 public:
  using TaskOf::TaskOf;

  void begin(const Request& request) {
    acks_ = request.acks;
    parts_ = mirror(request.topics, response_.topics);
    for_each_part(request.topics, [&](std::uint32_t part, const auto& topic, const auto& partition) {
      append(part, topic.name, partition);
    });
  }

  void take(std::uint32_t part, const core::Send& send, Bodies) override {
    ProduceResponse::Partition& partition = *parts_[part];
    if (const auto* appended = std::get_if<core::AppendedOk>(&send)) {
      partition.base_offset = appended->base_offset;
      partition.append_time = appended->append_time;
      partition.start = appended->start;
    } else if (const auto* refused = std::get_if<core::Refused>(&send)) {
      partition.error = produce_error_of(refused->refusal);
      partition.error_message = core::to_text(refused->refusal);
      if (partition.error != error::invalid_record) partition.record_errors.clear();
    }
  }

  bool has_response() const override { return acks_ != 0; }

 private:
  void append(std::uint32_t part, std::string_view topic, const ProduceRequest::Partition& partition) {
    if (acks_ < -1 || acks_ > 1)
      return refuse(part, error::invalid_required_acks, "acks must be -1, 0 or 1");
    if (version() < first_version_with_batches)
      return refuse(part, error::unsupported_for_message_format,
                    "message formats 0 and 1 are not taken: produce with version 3 or newer");
    if (partition.records.bytes.empty())
      return refuse(part, error::invalid_record, "a partition needs one record batch");
    std::int32_t malformed_record = -1;
    auto judged = judge_append(partition.records.bytes, port().batch_rules(topic), &malformed_record);
    if (!judged && malformed_record >= 0) return refuse_record(part, malformed_record, judged.error().text);
    if (!judged) return refuse(part, topic_error_of(judged.error().code), judged.error().text);
    // Told only if the core refuses the batch for it.
    if (judged->first_without_key >= 0)
      parts_[part]->record_errors.push_back({judged->first_without_key, "a record needs a key in a topic that compacts"});
    const bool wants_reply = acks_ != 0;
    const core::Caller who = wants_reply ? expect(part) : caller(part);
    judged->view.body = port().stage_batch(topic, partition.index, judged->bytes);
    submit(core::Append{who, topic, partition.index, judged->view, -1, wants_reply});
  }

  /// A producer that wants no response learns of an error by losing its connection, as with Kafka.
  void refuse(std::uint32_t part, std::int16_t error, std::string text) {
    parts_[part]->error = error;
    parts_[part]->error_message = std::move(text);
    if (acks_ == 0) conversation().hang_up = true;
  }

  void refuse_record(std::uint32_t part, std::int32_t record, std::string text) {
    parts_[part]->record_errors.push_back({record, text});
    refuse(part, error::invalid_record, std::move(text));
  }

  std::int16_t acks_ = 0;
  std::vector<ProduceResponse::Partition*> parts_;
};

}  // namespace

bool begin_produce(Arrival& arrival) {
  return begin<Produce>(arrival);
}

}  // namespace tandem::wire::kafka
