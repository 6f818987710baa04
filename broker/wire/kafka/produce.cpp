// Produce: one record batch for each partition, kept as it was sent.
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

  /// Appends one part after the other. False: a batch is being judged apart, and the same request is to be given again.
  bool go_on(const Request& request) {
    if (parts_.empty()) {
      acks_ = request.acks;
      parts_ = mirror(request.topics, response_.topics);
    }
    bool waits = false;
    for_each_part(request.topics, [&](std::uint32_t part, const auto& topic, const auto& partition) {
      if (waits || part < appended_) return;
      waits = !append(part, topic.name, partition);
      if (!waits) appended_ = part + 1;
    });
    return !waits;
  }

  void take(std::uint32_t part, const core::Send& send, Bodies) override {
    ProduceResponse::Partition& partition = *parts_[part];
    if (const auto* appended = std::get_if<core::AppendedOk>(&send)) {
      partition.base_offset = appended->base_offset;
      partition.append_time = appended->append_time;
      partition.start = appended->start;
    } else if (const auto* refused = core::get_if<core::Refused>(&send)) {
      partition.error = produce_error_of(refused->refusal);
      partition.error_message = core::to_text(refused->refusal);
      if (partition.error != error::invalid_record) partition.record_errors.clear();
    }
  }

  bool has_response() const override { return acks_ != 0; }

 private:
  /// False: nothing was done yet.
  bool append(std::uint32_t part, std::string_view topic, const ProduceRequest::Partition& partition) {
    if (acks_ < -1 || acks_ > 1) {
      refuse(part, error::invalid_required_acks, "acks must be -1, 0 or 1");
    } else if (version() < first_version_with_batches) {
      refuse(part, error::unsupported_for_message_format,
             "message formats 0 and 1 are not taken: produce with version 3 or newer");
    } else if (partition.records.bytes.empty()) {
      refuse(part, error::invalid_record, "a partition needs one record batch");
    } else {
      BatchJudge& judge = conversation().judge;
      const Judgement* judgement = judge.judge(part, partition.records.bytes, port().batch_rules(topic));
      if (!judgement) return false;
      append(part, topic, partition.index, *judgement);
      judge.forget(part);
    }
    return true;
  }

  void append(std::uint32_t part, std::string_view topic, PartitionIndex partition, const Judgement& judgement) {
    const auto& judged = judgement.batch;
    if (!judged && judgement.malformed_record >= 0)
      return refuse_record(part, judgement.malformed_record, judged.error().text);
    if (!judged) return refuse(part, topic_error_of(judged.error().code), judged.error().text);
    // Told only if the core refuses the batch for it.
    if (judged->first_without_key >= 0)
      parts_[part]->record_errors.push_back({judged->first_without_key, "a record needs a key in a topic that compacts"});
    const bool wants_reply = acks_ != 0;
    const core::Caller who = wants_reply ? expect(part) : caller(part);
    core::BatchView batch = judged->view;
    batch.body = port().stage_batch(topic, partition, judged->bytes);
    submit(core::Append{who, topic, partition, batch, -1, wants_reply});
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
  std::uint32_t appended_ = 0;  // parts
  std::vector<ProduceResponse::Partition*> parts_;
};

}  // namespace

/// Its place in the line is taken when it is given for the first time.
bool begin_produce(Arrival& arrival) {
  ProduceRequest request;
  arrival.body.structure(request);
  if (!arrival.body.ok()) return false;
  Task*& unfinished = arrival.conversation.unfinished;
  if (!unfinished) {
    auto task = std::make_unique<Produce>(
        Task::Seat{arrival.conversation, arrival.line.next_number(), arrival.header.version});
    unfinished = task.get();
    arrival.line.push(arrival.header, std::move(task));
  }
  auto& produce = static_cast<Produce&>(*unfinished);
  if (!produce.go_on(request)) return true;
  unfinished = nullptr;
  arrival.line.begun(produce.number());
  return true;
}

}  // namespace tandem::wire::kafka
