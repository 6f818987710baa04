// Streams: a consumer of a topic, to AMQP a queue of type stream. The core refuses to subscribe to a topic; so the
// channel asks where the consumer begins (ListOffset) and then reads it with fetches, one at a time, each when what was
// fetched before is delivered.
#include <algorithm>
#include <array>

#include "broker/wire/amqp/channel.h"

namespace tandem::wire::amqp {
namespace {

/// What one fetch brings at most (one whole batch at least), and how long it waits for more.
constexpr std::uint32_t fetch_size_max_bytes = 1u << 20;
constexpr DurationMs fetch_wait_ms = 30'000;

/// Fetches are no requests of the client's; their answers are found by the consumer's number, whose top bit is free.
constexpr std::uint64_t fetch_bit = std::uint64_t{1} << 63;

std::string stream_of(std::string_view queue) { return "stream queue '" + std::string(queue) + "' in vhost '/'"; }

Verdict judge(const StreamRequest& request) {
  if (request.no_ack)
    return Fault{ReplyCode::not_implemented, "automatic acknowledgement not supported by " + stream_of(request.queue),
                 Method::basic_consume};
  if (request.prefetch == 0)
    return Fault{ReplyCode::precondition_failed, "consumer prefetch count is not set for " + stream_of(request.queue),
                 Method::basic_consume};
  return std::nullopt;
}

}  // namespace

Verdict Channel::note_stream_request(const MethodView& method, const std::string& queue, const Table& arguments) {
  StreamRequest request;
  request.queue = queue;
  request.no_ack = method.flag("no-ack");
  request.prefetch = consumer_prefetch_;
  if (Verdict fault = read_stream_start(arguments, queue, link_.port().now(), request.start)) return fault;
  if (const Value* partition = find(arguments, "x-stream-partition")) {
    const std::int64_t* number = partition->integer();
    if (!number || *number < 0 || *number > INT32_MAX)
      return invalid_argument_fault(method.method(), "queue", queue, "x-stream-partition",
                                    "expected a partition's number, got " + to_text(*partition));
    request.partition = static_cast<PartitionIndex>(*number);
  }
  stream_requests_.push_back(std::move(request));
  return std::nullopt;
}

std::optional<StreamRequest> Channel::take_stream_request(std::uint64_t consumer) {
  const auto found = std::ranges::find(stream_requests_, consumer, &StreamRequest::consumer);
  if (found == stream_requests_.end()) return std::nullopt;
  std::optional<StreamRequest> request = std::move(*found);
  stream_requests_.erase(found);
  if (stream_requests_.empty()) stream_requests_.shrink_to_fit();
  return request;
}

/// The queue is a topic: its answer is still owed.
Verdict Channel::begin_stream(const core::Refused& refused) {
  const ExpectedAnswer* expected = answered_by(refused.who);
  const auto found = std::ranges::find(stream_requests_, expected ? expected->consumer : 0, &StreamRequest::consumer);
  if (found == stream_requests_.end()) return fault_of(refused.refusal, Method::basic_consume);
  if (Verdict fault = judge(*found)) return fault;
  const core::ListOffset ask{refused.who, found->queue, found->partition, found->asked_at()};
  const std::string topic = found->queue;
  link_.port().submit(core::ListOffset{ask.who, topic, ask.partition, ask.at});
  return std::nullopt;
}

Verdict Channel::take(const core::OffsetListed& listed) {
  ExpectedAnswer* expected = answered_by(listed.who);
  if (expected == nullptr) return std::nullopt;
  const auto request = take_stream_request(expected->consumer);
  if (!request) return std::nullopt;
  if (!streams_) streams_ = std::make_unique<Streams>();
  streams_->tags.begin(last_delivered_);
  all_deliveries_need_ack_ = false;  // acks are looked at one by one from here on
  const Offset first = request->first_offset(listed.start, listed.end, listed.offset);
  auto& reader = streams_->readers.try_emplace(request->consumer, *request, first, link_).first->second;
  answers_.answer(*expected, Method::basic_consume_ok, {expected->name});
  return feed(request->consumer, reader);
}

Verdict Channel::take(const core::Fetched& fetched, const Body& body) {
  const std::uint64_t number = fetched.who.request & ~fetch_bit;
  if (!streams_ || (fetched.who.request & fetch_bit) == 0 || fetched.partitions.size() != 1) return std::nullopt;
  const auto found = streams_->readers.find(number);
  if (found == streams_->readers.end()) return std::nullopt;
  StreamReader& reader = found->second;
  reader.fetching = false;
  const core::FetchedPartition& partition = fetched.partitions.front();
  switch (partition.error) {
    case ErrorCode::none:
      break;
    case ErrorCode::out_of_range:  // retention was faster than the consumer
      reader.next_offset = partition.start;
      return feed(number, reader);
    default:  // the topic is gone
      end_stream(number);
      return take(core::ConsumerCancelled{id_, number});
  }
  const bool has_nothing = body.bytes.empty() && partition.offset < partition.visible_end;
  if (body.error != ErrorCode::none || has_nothing)
    return Fault{ReplyCode::internal_error, "a stored record cannot be read: its checksum is wrong",
                 Method::basic_deliver};
  reader.take(partition, body.bytes, body.owner);
  return feed(number, reader);
}

Verdict Channel::feed_streams() {
  if (!streams_) return std::nullopt;
  std::vector<std::uint64_t> numbers;  // a fetch may be answered at once, and its reader be gone
  for (const auto& [number, reader] : streams_->readers) numbers.push_back(number);
  for (const std::uint64_t number : numbers)
    if (const auto found = streams_->readers.find(number); found != streams_->readers.end())
      if (Verdict fault = feed(number, found->second)) return fault;
  return std::nullopt;
}

bool Channel::has_room() const { return link_.outbox().size_bytes() < limits::outbox_high_bytes; }

bool Channel::wants_room() const {
  return streams_ && std::ranges::any_of(streams_->readers, [](const auto& each) {
           return each.second.credit > 0 && !each.second.waiting() && (!each.second.is_empty() || !each.second.fetching);
         });
}

Verdict Channel::feed(std::uint64_t number, StreamReader& reader) {
  while (reader.credit > 0 && has_room()) {
    auto record = reader.next();
    if (!record) return Fault{ReplyCode::internal_error, record.error().text, Method::basic_deliver};
    if (!*record) break;  // all is delivered, or it waits
    --reader.credit;
    if (Verdict fault = deliver_record(number, **record)) return fault;
  }
  if (reader.credit > 0 && reader.is_empty() && !reader.fetching && has_room()) fetch(number, reader);
  return std::nullopt;
}

Verdict Channel::deliver_record(std::uint64_t number, const StreamRecord& record) {
  const Consumer* consumer = find_consumer(number);
  auto message = parse_message(record.stored);
  const auto properties =
      message ? with_header(message->properties, "x-stream-offset", Value(std::int64_t{record.offset})) : std::nullopt;
  if (consumer == nullptr || !properties) return std::nullopt;
  message->properties = *properties;
  last_delivered_ = streams_->tags.add_streamed(number);
  write_deliver(link_.content_target(id_.number), {consumer->tag, last_delivered_, false}, *message, nullptr);
  return std::nullopt;
}

void Channel::fetch(std::uint64_t number, StreamReader& reader) {
  reader.fetching = true;
  const std::array partitions{
      core::FetchPartition{reader.topic, reader.partition, reader.next_offset, fetch_size_max_bytes}};
  link_.port().submit(core::Fetch{{id_, number | fetch_bit}, partitions, 1, fetch_size_max_bytes, fetch_wait_ms,
                                  core::Isolation::read_committed});
}

void Channel::end_stream(std::uint64_t number) {
  if (streams_) streams_->readers.erase(number);
}

/// What the tag means is found here; the core settles its own, a stream's reader has credit for more.
Verdict Channel::settle_beside_streams(Method asked, DeliveryTag tag, bool multiple, core::Outcome outcome) {
  const auto settled = streams_->tags.settle(tag, multiple);
  if (!settled)
    return Fault{ReplyCode::precondition_failed, "unknown delivery tag " + std::to_string(tag), asked};
  if (settled->core_tag != 0 && mode_ == Mode::transactional) {
    const core::SettleOp op{id_, settled->core_tag, settled->core_tag, settled->multiple, outcome};
    if (Verdict fault = transaction_.add(op)) return fault;
  } else if (settled->core_tag != 0) {
    link_.port().submit(core::Settle{unanswered(asked), settled->core_tag, settled->core_tag, settled->multiple,
                                     outcome, false, true});
  }
  for (const std::uint64_t consumer : settled->consumers)
    if (const auto reader = streams_->readers.find(consumer); reader != streams_->readers.end())
      ++reader->second.credit;
  return feed_streams();
}

}  // namespace tandem::wire::amqp
