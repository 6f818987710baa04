#include "tandem/transaction.h"

#include <variant>

#include "client/asking.h"
#include "client/consume_channel.h"
#include "client/record_batch.h"

namespace tandem {
namespace client {

namespace {
constexpr std::size_t operations_max = 10'000;
constexpr std::size_t size_max_bytes = 32u << 20;
}  // namespace

struct SettleDraft {
  std::size_t delivery;  // index in TransactionDraft::deliveries
  fb::Outcome outcome;
};
struct PublishDraft {
  std::uint32_t size_bytes;
  bool mandatory;
};
struct AppendDraft {
  std::string topic;
  std::int32_t partition;
  Offset expected_end;
  std::uint32_t size_bytes;
};
struct CommitOffsetDraft {
  std::string group, topic;
  std::int32_t partition;
  Offset offset;
  std::string metadata;
};
using OperationDraft = std::variant<SettleDraft, PublishDraft, AppendDraft, CommitOffsetDraft>;

/// Where a delivery is settled: found out when the transaction is sent.
struct SettlePlace {
  std::uint64_t tag = 0;
  std::uint32_t epoch = 0;
  std::shared_ptr<ConsumeChannel> channel;
};

struct TransactionDraft {
  explicit TransactionDraft(std::shared_ptr<Driver> its_driver) : driver(std::move(its_driver)) {}

  std::shared_ptr<Driver> driver;
  std::vector<OperationDraft> operations;
  std::vector<Delivery> deliveries;  // kept, so that they are requeued when the commit fails
  std::vector<SettlePlace> places;   // of the deliveries
  std::vector<std::byte> payload;
  std::optional<Error> invalid;  // the first operation that could not be put in

  void refuse(Error error) {
    if (!invalid) invalid = std::move(error);
  }
};

namespace {

using Entries = std::vector<flatbuffers::Offset<fb::OperationEntry>>;

/// Writes the operations of a draft into an envelope.
class OperationWriter {
 public:
  OperationWriter(flatbuffers::FlatBufferBuilder& builder, const TransactionDraft& draft)
      : b_(builder), draft_(draft) {}

  void operator()(const SettleDraft& op) {
    const auto& place = draft_.places[op.delivery];
    const fb::Range range(place.tag, place.tag);
    const auto ranges = b_.CreateVectorOfStructs(&range, 1);
    put(fb::CreateSettleOp(b_, place.channel->number(), ranges, op.outcome));
  }
  void operator()(const PublishDraft& op) { put(fb::CreatePublishOp(b_, op.size_bytes, op.mandatory)); }
  void operator()(const AppendDraft& op) {
    put(fb::CreateAppendOp(b_, put_text(b_, op.topic), op.partition, op.expected_end, op.size_bytes));
  }
  void operator()(const CommitOffsetDraft& op) {
    const auto group = put_text(b_, op.group), topic = put_text(b_, op.topic),
               metadata = put_text(b_, op.metadata);
    put(fb::CreateCommitOffsetOp(b_, group, topic, op.partition, op.offset, metadata));
  }
  Entries entries;

 private:
  template <class Table_>
  void put(flatbuffers::Offset<Table_> operation) {
    entries.push_back(
        fb::CreateOperationEntry(b_, fb::OperationTraits<Table_>::enum_value, operation.Union()));
  }
  flatbuffers::FlatBufferBuilder& b_;
  const TransactionDraft& draft_;
};

/// What keeps a draft from being sent as it is now. On the I/O thread.
std::optional<Error> reason_not_to_send(const TransactionDraft& draft) {
  if (draft.invalid) return draft.invalid;
  if (draft.operations.size() > operations_max)
    return Error{ErrorCode::limit_reached,
                 "a transaction has at most " + std::to_string(operations_max) + " operations"};
  if (draft.payload.size() > size_max_bytes)
    return Error{ErrorCode::too_large,
                 "a transaction has at most " + std::to_string(size_max_bytes) + " bytes"};
  for (const auto& place : draft.places)
    if (place.channel->number() == 0 || place.channel->epoch() != place.epoch)
      return Error{ErrorCode::unknown_delivery,
                   "a delivery came on a connection that is gone; it is delivered again"};
  return std::nullopt;
}

Result<TransactionCommitted> read_committed_answer(const Result<const Answer*>& answer) {
  if (!answer) return answer.error();
  const auto* committed = (*answer)->envelope.message_as_Committed();
  if (!committed) return Error{ErrorCode::corrupt, "the broker answered a transaction with something else"};
  TransactionCommitted result;
  if (committed->append_offsets())
    result.append_offsets.assign(committed->append_offsets()->begin(), committed->append_offsets()->end());
  return result;
}

}  // namespace
}  // namespace client

using client::TransactionDraft;

Transaction::Transaction(const Client& client)
    : driver_(client.driver()), draft_(std::make_shared<TransactionDraft>(driver_->shared_from_this())) {}
Transaction::Transaction(Transaction&&) noexcept = default;
Transaction& Transaction::operator=(Transaction&&) noexcept = default;
Transaction::~Transaction() = default;

void Transaction::settle(Delivery delivery, std::uint8_t outcome) {
  if (!delivery.channel_) return;
  draft_->places.push_back({delivery.tag_, delivery.epoch_, delivery.channel_});
  draft_->operations.push_back(
      client::SettleDraft{draft_->deliveries.size(), static_cast<client::fb::Outcome>(outcome)});
  draft_->deliveries.push_back(std::move(delivery));
}

Transaction& Transaction::ack(Delivery delivery) {
  settle(std::move(delivery), static_cast<std::uint8_t>(client::fb::Outcome::ack));
  return *this;
}
Transaction& Transaction::reject(Delivery delivery) {
  settle(std::move(delivery), static_cast<std::uint8_t>(client::fb::Outcome::reject));
  return *this;
}

Transaction& Transaction::publish(const MessageParts& message, Mandatory mandatory) {
  const auto before = draft_->payload.size();
  auto stored = Publisher::store(message);
  if (!stored) {
    draft_->refuse(stored.error());
    return *this;
  }
  draft_->payload.insert(draft_->payload.end(), stored->begin(), stored->end());
  draft_->operations.push_back(client::PublishDraft{
      static_cast<std::uint32_t>(draft_->payload.size() - before), mandatory == Mandatory::yes});
  return *this;
}

Transaction& Transaction::publish(const Message& message, Mandatory mandatory) {
  const EncodedProperties properties(message.properties);
  return publish({message.exchange, message.routing_key, properties.bytes(), bytes_of(message.body)},
                 mandatory);
}

Transaction& Transaction::append(std::string topic, std::int32_t partition, std::span<const Record> records,
                                 Offset expected_end, Codec codec) {
  auto batch = client::encode_batch(records, codec);
  if (!batch) {
    draft_->refuse(batch.error());
    return *this;
  }
  draft_->operations.push_back(client::AppendDraft{std::move(topic), partition, expected_end,
                                                   static_cast<std::uint32_t>(batch->size())});
  draft_->payload.insert(draft_->payload.end(), batch->begin(), batch->end());
  return *this;
}

Transaction& Transaction::commit_offset(std::string group, std::string topic, std::int32_t partition,
                                        Offset offset, std::string metadata) {
  draft_->operations.push_back(
      client::CommitOffsetDraft{std::move(group), std::move(topic), partition, offset, std::move(metadata)});
  return *this;
}

std::shared_ptr<TransactionDraft> Transaction::take() {
  return std::exchange(draft_, std::make_shared<TransactionDraft>(driver_->shared_from_this()));
}

void Transaction::start_commit(const std::shared_ptr<TransactionDraft>& draft,
                               client::Completion<TransactionCommitted> done) {
  auto& driver = *draft->driver;
  driver.post([draft, &driver, done = std::move(done)]() mutable {
    if (auto reason = client::reason_not_to_send(*draft)) {
      draft->deliveries.clear();  // requeued before the caller hears of it
      return done(std::move(*reason));
    }
    client::Call call;
    call.correlation = driver.next_correlation();
    auto build = [&](flatbuffers::FlatBufferBuilder& builder) {
      client::OperationWriter writer(builder, *draft);
      for (const auto& operation : draft->operations) std::visit(writer, operation);
      return client::fb::CreateTransaction(builder, builder.CreateVector(writer.entries));
    };
    call.frame = client::make_frame({call.correlation, 0}, build, std::move(draft->payload));
    call.handler =
        client::on_answer([draft, done = std::move(done)](Result<const client::Answer*> answer) mutable {
          auto committed = client::read_committed_answer(answer);
          if (committed)
            for (auto& delivery : draft->deliveries) delivery.channel_.reset();
          draft->deliveries.clear();
          done(std::move(committed));
        });
    driver.ask(std::move(call));
  });
}

}  // namespace tandem
