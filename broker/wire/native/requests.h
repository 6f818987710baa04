// A client's requests, one function each: verified envelope → core input. What is wrong with a request itself
// (a name too long, arguments that cannot be read) is refused here; every other decision is the core's.
#pragma once

#include <functional>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "broker/wire/batch_judge.h"
#include "broker/wire/face.h"
#include "broker/wire/native/asked.h"
#include "broker/wire/native/fields.h"
#include "broker/wire/native/speaker.h"
#include "schemas/result.h"

namespace tandem::wire::native {

class Requests {
 public:
  Requests(const FaceContext& context, Speaker& speaker, Unanswered& unanswered)
      : context_(context), port_(*context.port), speaker_(speaker), unanswered_(unanswered),
        judge_(*context.port, context.connection) {}

  /// Who the handshake found.
  void introduce(std::string user, std::string client_name) {
    user_ = std::move(user);
    client_name_ = std::move(client_name);
  }

  /// Hands one request to the core, or refuses it. An Error is a frame whose parts do not fit together: the
  /// connection cannot go on.
  Result<> handle(const fb::Envelope& envelope, Bytes payload);
  /// The last one was not handled: a batch of it is being judged apart, and it is to be given again when this is false.
  bool judges() const { return judge_.waiting(); }
  /// The last one was not handled to its end: a large message of it is being staged. Then staged() is called, in which it is to be given
  /// again; it stays where it is until then.
  bool stages() const { return large_ && !large_->body; }
  /// Once for all requests. Until `may` is said of a request, what it refers to may not stay where it is.
  void when_staged(std::function<void()> staged) { staged_ = std::move(staged); }
  void may_stage_large(bool may) { may_stage_large_ = may; }
  /// Of a listing, the next piece is asked for with list(). One of the queues has some 50 KiB, and takes the broker 100 µs.
  bool has_listing_due() const { return !unanswered_.listings.empty() && !unanswered_.listings.front().is_asked; }
  void list();
  bool lists_enough() const { return unanswered_.listings.size() >= listings_max; }
  std::size_t kept_bytes() const { return judge_.kept_bytes(); }

 private:
  static constexpr std::uint32_t listing_rows_max = 128;
  /// So many wait at most: nothing more is read meanwhile.
  static constexpr std::size_t listings_max = 16;
  struct Request {
    std::uint64_t correlation = 0;
    core::Caller who;
    Bytes payload;
  };
  using Arguments = std::optional<Table>;

  // requests_catalog.cpp
  void on(const Request& request, const fb::DeclareExchange& m);
  void on(const Request& request, const fb::DeleteExchange& m);
  void on(const Request& request, const fb::DeclareQueue& m);
  void on(const Request& request, const fb::DeleteQueue& m);
  void on(const Request& request, const fb::PurgeQueue& m);
  void on(const Request& request, const fb::Bind& m);
  void on(const Request& request, const fb::Unbind& m);
  void on(const Request& request, const fb::Describe& m);
  void on(const Request& request, const fb::SetPolicy& m);
  void on(const Request& request, const fb::DeletePolicy& m);
  void on(const Request& request, const fb::DeclareUser& m);
  void on(const Request& request, const fb::AlterUser& m);
  void on(const Request& request, const fb::DeleteUser& m);
  void on(const Request& request, const fb::CloseConnection& m);
  void on(const Request& request, const fb::CancelDelayed& m);
  // requests_queue.cpp
  Result<> on(const Request& request, const fb::Publish& m);
  void publish_one(const Request& request, std::uint64_t seq, Bytes stored, bool mandatory, std::optional<BodyHandle> body);
  bool is_to_be_staged_alone(Bytes stored) const;
  void stage_large(std::size_t item, Bytes stored);
  void submit_published(const Request& request);
  void on(const Request& request, const fb::Subscribe& m);
  void on(const Request& request, const fb::Unsubscribe& m);
  void on(const Request& request, const fb::SetPrefetch& m);
  void on(const Request& request, const fb::Get& m);
  void on(const Request& request, const fb::Peek& m);
  void on(const Request& request, const fb::Settle& m);
  void on(const Request& request, const fb::CloseChannel& m);
  // requests_topic.cpp
  void on(const Request& request, const fb::CreateTopic& m);
  void on(const Request& request, const fb::AlterTopic& m);
  void on(const Request& request, const fb::DeleteTopic& m);
  void on(const Request& request, const fb::Append& m);
  void on(const Request& request, const fb::Fetch& m);
  void on(const Request& request, const fb::ListOffset& m);
  void on(const Request& request, const fb::TrimTopic& m);
  void on(const Request& request, const fb::InitProducer& m);
  // requests_group.cpp
  void on(const Request& request, const fb::CommitOffsets& m);
  void on(const Request& request, const fb::FetchOffsets& m);
  void on(const Request& request, const fb::DeleteOffsets& m);
  void on(const Request& request, const fb::JoinGroup& m);
  void on(const Request& request, const fb::SyncGroup& m);
  void on(const Request& request, const fb::HeartbeatGroup& m);
  void on(const Request& request, const fb::LeaveGroup& m);
  void on(const Request& request, const fb::DeleteGroup& m);
  // requests_transaction.cpp
  Result<> on(const Request& request, const fb::Transaction& m);

  void submit(const core::Input& input) { port_.submit(input); }

  void refuse(const Request& request, ErrorCode code, std::string_view text, std::int32_t operation = -1);
  /// Refuses and gives false when one of the names is longer than a name may be.
  bool names_fit(const Request& request, std::initializer_list<std::string_view> names);
  /// Refuses and gives nullopt when the field table cannot be read. Absent = empty.
  Arguments arguments_of(const Request& request, const flatbuffers::Vector<std::uint8_t>* encoded);

  const FaceContext& context_;
  BrokerPort& port_;
  Speaker& speaker_;
  Unanswered& unanswered_;
  std::string user_;
  std::string client_name_;
  BatchJudge judge_;
  std::vector<core::PublishMany::One> published_;  // staged, and not submitted yet
  /// Of the request that is being handled: those before it were submitted.
  struct LargeItem {
    std::size_t item = 0;
    std::optional<BodyHandle> body;  // once it is staged
  };
  std::optional<LargeItem> large_;
  bool may_stage_large_ = false, begins_large_ = false;
  std::function<void()> staged_;
};

/// What routing and queues look at in a stored message that `user` publishes, with `body` not yet set.
/// Errors: too_large, corrupt, access_refused (its user_id property names someone else).
Result<core::MessageView> judge_message(Bytes stored, std::string_view user);
/// Errors: too_large.
Result<> judge_offset_metadata(std::string_view metadata);

}  // namespace tandem::wire::native
