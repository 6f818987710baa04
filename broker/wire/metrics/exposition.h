// What the broker counts, as Prometheus reads it (text exposition format 0.0.4).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "broker/core/send.h"
#include "broker/wire/face.h"

namespace tandem::wire::metrics {

inline constexpr std::string_view content_type = "text/plain; version=0.0.4; charset=utf-8";
/// Queues, partitions and committed offsets of one page, together: it is written on the loop, where nobody else is served meanwhile.
inline constexpr std::size_t objects_max = 10'000;

/// The broker as a whole. `described`: of Subject::broker.
void append_broker(std::string& page, const core::Described& described, const BrokerPort& port);
/// A line for each queue, partition or committed offset and what is counted of it. `described`: of queues, topics or groups.
void append_objects(std::string& page, const core::Described& described);
/// How many objects it would add.
std::size_t count_objects(const core::Described& described);

}  // namespace tandem::wire::metrics
