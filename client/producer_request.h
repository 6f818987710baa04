// The request of an appender that numbers its batches; users have TopicAppender instead.
#pragma once

#include <cstdint>

namespace tandem::client {

struct ProducerIdentity {
  std::int64_t id = -1;
  std::int16_t epoch = -1;
};
struct InitProducer {
  using Answer = ProducerIdentity;
};

}  // namespace tandem::client
