// What has the name that a verb for queues was given: a stream answers to it, too, and is read as the topic that it is.
#pragma once

#include <optional>
#include <string>

#include "client/cli/exit_status.h"
#include "tandem/tandem.h"

namespace tandem::cli {

bool is_stream(const TopicInfo& topic);

enum class Named { nothing, queue, stream, topic };
/// nullopt: it cannot be seen. It never ends the verb.
std::optional<Named> look_up(Client& client, const std::string& name);

/// Ends the verb with `status` where a topic and no queue has the name, and says what is for topics: `instead`.
void fail_if_topic(Client& client, const std::string& name, ExitStatus status, const std::string& instead);
/// "`tandem read history` prints its records"
std::string read_instead(const std::string& name);

/// The value, or the end of the verb, in this program's words where it was refused since the queue is a topic.
template <class T>
T need_queue(Client& client, const std::string& name, Result<T> result, const std::string& instead) {
  if (!result && result.error().code == ErrorCode::not_supported) fail_if_topic(client, name, exit_refused, instead);
  return need(std::move(result));
}

}  // namespace tandem::cli
