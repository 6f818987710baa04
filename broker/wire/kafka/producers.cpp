// Idempotent and transactional producers get their ids.
#include "broker/wire/kafka/error.h"
#include "broker/wire/kafka/messages_transaction.h"
#include "broker/wire/kafka/tasks.h"

namespace tandem::wire::kafka {
namespace {

/// The first version that knows PRODUCER_FENCED.
constexpr std::int16_t init_producer_tells_fenced = 4;

class InitProducerId final : public TaskOf<InitProducerIdRequest, InitProducerIdResponse> {
 public:
  using TaskOf::TaskOf;

  void begin(const Request& request) {
    if (request.transactional_id && request.transactional_id->empty()) {
      response_.error = error::invalid_request;
      return;
    }
    core::InitProducer input;
    input.who = expect();
    input.transactional_id = request.transactional_id.value_or("");
    input.timeout = request.timeout_ms;
    input.producer_id = request.producer_id;
    input.epoch = request.epoch;
    submit(input);
  }

  void take(std::uint32_t, const core::Send& send, Bodies) override {
    if (const auto* ok = std::get_if<core::ProducerOk>(&send)) {
      response_.producer_id = ok->producer_id;
      response_.epoch = ok->epoch;
    } else if (const auto* refused = core::get_if<core::Refused>(&send)) {
      response_.error = refused->refusal.code == ErrorCode::invalid_argument
                            ? error::invalid_transaction_timeout
                            : producer_error_of(refused->refusal, version() >= init_producer_tells_fenced);
    }
  }
};

}  // namespace

bool begin_init_producer_id(Arrival& arrival) {
  return begin<InitProducerId>(arrival);
}

}  // namespace tandem::wire::kafka
