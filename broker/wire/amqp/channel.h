// One open channel: requests become inputs, sends become methods. It remembers only what AMQP makes a channel
// remember (last queue, prefetch, consumer tags, mode); queues, deliveries and credit are the core's.
//
// A step that is refused gives back a Fault; AmqpFace closes the channel or the connection for it. A channel
// stays in place until its face erases it from receive(), so a send that comes back inside submit() finds it
// whole.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "broker/core/send.h"
#include "broker/wire/amqp/assembly.h"
#include "broker/wire/amqp/confirm_ledger.h"
#include "broker/wire/amqp/delivery_tags.h"
#include "broker/wire/amqp/expected_answers.h"
#include "broker/wire/amqp/open_transaction.h"
#include "broker/wire/amqp/stream_reader.h"
#include "broker/wire/amqp/whole_publish.h"

namespace tandem::wire::amqp {

/// Of the names this broker chooses for queues and consumers: as long as RabbitMQ's, 128 bits and more of chance.
inline constexpr std::size_t chosen_name_size = 22;

class Channel {
 public:
  Channel(Link& link, std::uint16_t number);

  // --- frames from the peer
  // ------------------------------------------------------------------------------------------
  Verdict take_method(const MethodView& method);
  Verdict take_publish(Bytes fields);
  /// Takes the messages that lie whole at the front of `input` (whole_publish.h), and gives the core all of them at once.
  /// Returns the bytes that they took: 0 when not even the first one can be taken so.
  std::size_t take_publishes(Bytes input, std::size_t payload_size_max);
  Verdict take_header(Bytes payload);
  Verdict take_body(Bytes payload);
  /// Single acks of first..last, both included.
  Verdict take_acks(DeliveryTag first, DeliveryTag last);
  /// The next tag may be settled together with the one before: both are outstanding for certain.
  bool may_join_acks(DeliveryTag next) const;
  /// Frames of a message are under way; nothing else may come between them.
  bool in_content() const { return !assembly_.idle(); }
  Fault interrupted() const { return assembly_.interrupted(); }

  // --- sends from the core
  // -------------------------------------------------------------------------------------------
  Verdict take(const core::Deliver& deliver, const Body& body);
  Verdict take(const core::GotMessage& got, const Body& body);
  Verdict take(const core::Returned& returned, const Body& body);
  Verdict take(const core::GotNothing& nothing);
  Verdict take(const core::Ok& ok);
  Verdict take(const core::QueueOk& ok);
  Verdict take(const core::Committed& committed);
  Verdict take(const core::Refused& refused);
  Verdict take(const core::Confirmed& confirmed);
  Verdict take(const core::ConsumerCancelled& cancelled);
  Verdict take(const core::OffsetListed& listed);
  Verdict take(const core::Fetched& fetched, const Body& body);

  /// Says the confirms that were gathered since the last time.
  void say_confirms();
  /// Delivers what its streams have fetched, as far as consumers have credit and the outbox has room.
  Verdict feed_streams();
  bool has_streams() const { return streams_ != nullptr; }
  /// Records wait for room in the outbox.
  bool wants_room() const;

  // --- life
  // ------------------------------------------------------------------------------------------------------------
  /// Says channel.close; from here on everything but the peer's close and close-ok is ignored.
  void close_for(const Fault& fault);
  bool closing() const { return closing_; }
  /// The core forgets the channel: what it held is requeued.
  void end();

 private:
  struct Consumer {
    std::uint64_t number = 0;  // the core's
    std::string tag;
    bool no_ack = false;
  };
  enum class Mode : std::uint8_t { plain, confirm, transactional };

  // requests, by class (channel.cpp, channel_exchange.cpp, channel_queue.cpp, channel_consume.cpp)
  Verdict flow(const MethodView& method);
  Verdict access_request(const MethodView& method);
  Verdict exchange_declare(const MethodView& method);
  Verdict exchange_delete(const MethodView& method);
  Verdict exchange_bind(const MethodView& method);
  Verdict exchange_unbind(const MethodView& method);
  Verdict queue_declare(const MethodView& method);
  Verdict queue_bind(const MethodView& method);
  Verdict queue_unbind(const MethodView& method);
  Verdict queue_purge(const MethodView& method);
  Verdict queue_delete(const MethodView& method);
  Verdict basic_qos(const MethodView& method);
  Verdict basic_consume(const MethodView& method);
  Verdict basic_cancel(const MethodView& method);
  Verdict basic_get(const MethodView& method);

  // settling, confirms and transactions (channel_settle.cpp)
  Verdict basic_ack(const MethodView& method);
  Verdict basic_nack(const MethodView& method);
  Verdict basic_reject(const MethodView& method);
  Verdict basic_recover(const MethodView& method);
  Verdict confirm_select(const MethodView& method);
  Verdict tx_select(const MethodView& method);
  Verdict tx_commit(const MethodView& method);
  Verdict tx_rollback(const MethodView& method);
  Verdict settle(Method asked, DeliveryTag tag, bool multiple, core::Outcome outcome);
  Verdict settle_in_transaction(Method asked, DeliveryTag tag, bool multiple, core::Outcome outcome);

  // publishing (channel_publish.cpp)
  Verdict publish_whole(const std::optional<PublishedMessage>& whole);
  Verdict publish(const PublishedMessage& message);
  Verdict check_reply_to(const PropertyGlance& properties) const;
  Verdict keep_in_transaction(const PublishedMessage& message, Bytes properties, bool rewritten);
  void ask_for_exchange(std::string_view exchange);
  void submit_publish(const PublishedMessage& message, Bytes properties, const PropertyGlance& glance);
  bool read_ordinary(Bytes input, std::size_t payload_size_max, WholePublish& whole) const;
  void submit_row(const WholePublish& first, WholePublish next, Bytes input, std::size_t payload_size_max,
                  std::size_t& used);
  void stage_large(const PublishedMessage& message, Bytes properties, const PropertyGlance& glance);
  core::MessageView staged(const PublishedMessage& message, Bytes properties, const PropertyGlance& glance);
  std::uint64_t next_confirm_seq() { return mode_ == Mode::confirm ? confirm_base_ + ++published_ : 0; }

  void say_nacks(std::uint64_t first, std::uint64_t last);

  // consumers
  Verdict consume_replies(const MethodView& method, const std::string& tag);
  void subscribe(const MethodView& method, const std::string& queue, const std::string& tag, const Table& arguments,
                 std::int32_t priority);
  Consumer* find_consumer(std::uint64_t number);

  // streams (channel_stream.cpp)
  struct Streams {
    DeliveryTags tags;
    std::map<std::uint64_t, StreamReader> readers;  // by consumer
  };
  Verdict note_stream_request(const MethodView& method, const std::string& queue, const Table& arguments);
  Verdict begin_stream(const core::Refused& refused);
  std::optional<StreamRequest> take_stream_request(std::uint64_t consumer);
  Verdict feed(std::uint64_t number, StreamReader& reader);
  Verdict deliver_record(std::uint64_t number, const StreamRecord& record);
  void fetch(std::uint64_t number, StreamReader& reader);
  bool has_room() const;
  void end_stream(std::uint64_t number);
  Verdict settle_beside_streams(Method asked, DeliveryTag tag, bool multiple, core::Outcome outcome);
  DeliveryTag said_tag(DeliveryTag core_tag) { return streams_ ? streams_->tags.add_queued(core_tag) : core_tag; }

  void forget_consumer(std::uint64_t number);

  // helpers
  core::Caller expect(const MethodView& method, std::string name = {}, std::uint64_t consumer = 0);
  core::Caller expect(Method request, bool silent, std::string name = {}, std::uint64_t consumer = 0);
  /// For requests that are only answered when they are refused.
  core::Caller unanswered(Method request) const;
  std::uint32_t unanswered_serial() const { return incarnation_ | 0x8000'0000; }
  ExpectedAnswer* answered_by(const core::Caller& who);
  Verdict resolve_queue(std::string_view given, Method asked, std::string& queue) const;
  void answer_unless_nowait(const MethodView& method, Method answer,
                            std::initializer_list<FieldValue> values);

  Link& link_;
  ChannelId id_;
  std::uint32_t incarnation_;  // of the channel's number
  bool closing_ = false;
  Mode mode_ = Mode::plain;

  ExpectedAnswers answers_;
  Assembly assembly_;
  std::vector<std::byte> rewritten_;  // properties that were changed on the way in

  std::string last_queue_;
  std::uint32_t consumer_prefetch_ = 0;  // for consumers to come
  std::vector<Consumer> consumers_;  // ascending by number; the core holds limits::consumers_per_channel_max
  std::size_t last_consumer_ = 0;    // index where find_consumer looks first
  std::map<std::string, std::uint64_t, std::less<>> consumers_by_tag_;
  std::string reply_queue_;  // behind direct reply-to, when the channel consumes from it
  std::uint64_t reply_consumer_ = 0;

  std::uint64_t published_ = 0;  // since confirm.select
  std::uint64_t confirm_base_;   // the core's confirm_seq of publish n is this plus n
  ConfirmLedger confirms_;
  OpenTransaction transaction_;

  DeliveryTag last_delivered_ = 0;
  DeliveryTag settled_through_ = 0;  // highest tag that was named in any settlement
  bool all_deliveries_need_ack_ = true;

  std::vector<StreamRequest> stream_requests_;  // consumers that are not answered yet
  std::unique_ptr<Streams> streams_;            // from the channel's first stream on
};

/// The answer's method: exchange.unbind-ok is the one that is not its request's number plus one.
constexpr Method answer_of(Method request) {
  if (request == Method::exchange_unbind) return Method::exchange_unbind_ok;
  return static_cast<Method>(static_cast<std::uint32_t>(request) + 1);
}

/// Names come without carriage returns and line feeds, as RabbitMQ strips them.
std::string clean_name(std::string_view name);

}  // namespace tandem::wire::amqp
