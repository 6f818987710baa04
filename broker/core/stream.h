// Queues of type stream: a queue that is declared with x-queue-type stream is a topic with one partition, kept until
// its x-max-age or x-max-length-bytes is reached. Such a topic answers for a queue of its name where that makes sense:
// declare, bind, publishing through the default exchange, delete. It is read with Fetch; Subscribe, Get and PurgeQueue
// are refused.
#pragma once

#include "broker/core/turn.h"

namespace tandem::core {

/// Whether the arguments say x-queue-type stream.
bool declares_stream(const Table* arguments);
/// DeclareQueue of a stream, or of a name that is a topic's and no queue's.
void declare_stream(Turn& turn, const DeclareQueue& input, std::string_view name);
/// The topic was declared as a queue and may be deleted like one.
bool is_stream(const Topic& topic);
/// Deletes it. Answer: QueueOk with the number of its records; Refused: not_empty.
void delete_stream(Turn& turn, const DeleteQueue& input, const Topic& topic);
/// Why a queue's verb cannot be used on this topic; nullopt when no topic has the name.
std::optional<Refusal> refuse_stream(const State& state, std::string_view name);

}  // namespace tandem::core
