// What the Kafka protocol configures, by its numbers.
#pragma once

#include <cstdint>

namespace tandem::wire::kafka::resource {

inline constexpr std::int8_t topic = 2, broker = 4;

}  // namespace tandem::wire::kafka::resource
