#include "broker/wire/native/requests.h"

#include "broker/base/limits.h"

namespace tandem::wire::native {
namespace {

// Kafka's default for offset.metadata.max.bytes: it is kept in memory for every committed offset.
constexpr std::size_t offset_metadata_max_bytes = 4096;

std::string too_large_text(std::string_view what, std::size_t size) {
  return std::string(what) + " of " + std::to_string(size) + " bytes is over the limit of " +
         std::to_string(limits::message_size_max_bytes);
}

}  // namespace

Result<> Requests::handle(const fb::Envelope& envelope, Bytes payload) {
  Request r;
  r.correlation = envelope.correlation();
  r.who.channel = {context_.connection, envelope.channel()};
  r.who.request = pack(Asked::request, number_of(r.correlation));
  r.payload = payload;
  if (r.correlation >= number_end) {
    refuse(r, ErrorCode::invalid_argument, "correlations must be below 2^60");
    return Done{};
  }
  if (envelope.channel() > limits::channels_per_connection_max) {
    refuse(r, ErrorCode::limit_reached,
           "channel numbers end at " + std::to_string(limits::channels_per_connection_max));
    return Done{};
  }
  using fb::Message;
  switch (envelope.message_type()) {
    case Message::Publish:
      return on(r, *envelope.message_as_Publish());
    case Message::Transaction:
      return on(r, *envelope.message_as_Transaction());
    case Message::Settle:
      on(r, *envelope.message_as_Settle());
      break;
    case Message::DeclareExchange:
      on(r, *envelope.message_as_DeclareExchange());
      break;
    case Message::DeleteExchange:
      on(r, *envelope.message_as_DeleteExchange());
      break;
    case Message::DeclareQueue:
      on(r, *envelope.message_as_DeclareQueue());
      break;
    case Message::DeleteQueue:
      on(r, *envelope.message_as_DeleteQueue());
      break;
    case Message::PurgeQueue:
      on(r, *envelope.message_as_PurgeQueue());
      break;
    case Message::Bind:
      on(r, *envelope.message_as_Bind());
      break;
    case Message::Unbind:
      on(r, *envelope.message_as_Unbind());
      break;
    case Message::Describe:
      on(r, *envelope.message_as_Describe());
      break;
    case Message::Subscribe:
      on(r, *envelope.message_as_Subscribe());
      break;
    case Message::Unsubscribe:
      on(r, *envelope.message_as_Unsubscribe());
      break;
    case Message::SetPrefetch:
      on(r, *envelope.message_as_SetPrefetch());
      break;
    case Message::Get:
      on(r, *envelope.message_as_Get());
      break;
    case Message::Peek:
      on(r, *envelope.message_as_Peek());
      break;
    case Message::CloseChannel:
      on(r, *envelope.message_as_CloseChannel());
      break;
    case Message::CreateTopic:
      on(r, *envelope.message_as_CreateTopic());
      break;
    case Message::AlterTopic:
      on(r, *envelope.message_as_AlterTopic());
      break;
    case Message::DeleteTopic:
      on(r, *envelope.message_as_DeleteTopic());
      break;
    case Message::Append:
      on(r, *envelope.message_as_Append());
      break;
    case Message::Fetch:
      on(r, *envelope.message_as_Fetch());
      break;
    case Message::ListOffset:
      on(r, *envelope.message_as_ListOffset());
      break;
    case Message::TrimTopic:
      on(r, *envelope.message_as_TrimTopic());
      break;
    case Message::InitProducer:
      on(r, *envelope.message_as_InitProducer());
      break;
    case Message::CommitOffsets:
      on(r, *envelope.message_as_CommitOffsets());
      break;
    case Message::FetchOffsets:
      on(r, *envelope.message_as_FetchOffsets());
      break;
    case Message::DeleteOffsets:
      on(r, *envelope.message_as_DeleteOffsets());
      break;
    case Message::JoinGroup:
      on(r, *envelope.message_as_JoinGroup());
      break;
    case Message::SyncGroup:
      on(r, *envelope.message_as_SyncGroup());
      break;
    case Message::HeartbeatGroup:
      on(r, *envelope.message_as_HeartbeatGroup());
      break;
    case Message::LeaveGroup:
      on(r, *envelope.message_as_LeaveGroup());
      break;
    case Message::DeleteGroup:
      on(r, *envelope.message_as_DeleteGroup());
      break;
    case Message::SetPolicy:
      on(r, *envelope.message_as_SetPolicy());
      break;
    case Message::DeletePolicy:
      on(r, *envelope.message_as_DeletePolicy());
      break;
    case Message::DeclareUser:
      on(r, *envelope.message_as_DeclareUser());
      break;
    case Message::AlterUser:
      on(r, *envelope.message_as_AlterUser());
      break;
    case Message::DeleteUser:
      on(r, *envelope.message_as_DeleteUser());
      break;
    case Message::CloseConnection:
      on(r, *envelope.message_as_CloseConnection());
      break;
    case Message::CancelDelayed:
      on(r, *envelope.message_as_CancelDelayed());
      break;
    case Message::Hello:
      refuse(r, ErrorCode::wrong_state, "Hello was said before");
      break;
    default:
      refuse(r, ErrorCode::not_supported, "this broker does not know the request, or it is not a client's");
      break;
  }
  return Done{};
}

void Requests::refuse(const Request& request, ErrorCode code, std::string_view text, std::int32_t operation) {
  const auto text_offset = text_field(text);
  speaker_.say(
      request.correlation, request.who.channel.number,
      fb::CreateRefused(Speaker::builder(), static_cast<std::uint16_t>(code), text_offset, 0, 0, operation));
}

bool Requests::names_fit(const Request& request, std::initializer_list<std::string_view> names) {
  for (const std::string_view name : names) {
    if (name.size() <= limits::name_size_max_bytes) continue;
    refuse(request, ErrorCode::invalid_argument,
           "a name of " + std::to_string(name.size()) + " bytes is over the limit of " +
               std::to_string(limits::name_size_max_bytes));
    return false;
  }
  return true;
}

Requests::Arguments Requests::arguments_of(const Request& request,
                                           const flatbuffers::Vector<std::uint8_t>* encoded) {
  if (size_of(encoded) == 0) return Table{};
  std::size_t consumed = 0;
  Arguments arguments = decode_table(bytes_of(encoded), &consumed);
  if (arguments && consumed == encoded->size()) return arguments;
  refuse(request, ErrorCode::invalid_argument, "the arguments are not a whole field table");
  return std::nullopt;
}

Result<core::MessageView> judge_message(Bytes stored, std::string_view user) {
  if (stored.size() > limits::message_size_max_bytes)
    return Error{ErrorCode::too_large, too_large_text("message", stored.size())};
  const auto parts = parse_message(stored);
  if (!parts) return Error{ErrorCode::corrupt, "not a whole message"};
  const auto glance = glance_properties(parts->properties);
  if (!glance) return Error{ErrorCode::corrupt, "the message's properties are malformed"};
  if (!glance->user_id.empty() && glance->user_id != user)
    return Error{ErrorCode::access_refused,
                 "the message's user_id is not the connection's user '" + std::string(user) + "'"};
  core::MessageView view;
  view.size_bytes = static_cast<std::uint32_t>(stored.size());
  view.body_size_bytes = static_cast<std::uint32_t>(parts->body.size());
  view.exchange = parts->exchange;
  view.routing_key = parts->routing_key;
  view.properties = *glance;
  return view;
}

Result<> judge_offset_metadata(std::string_view metadata) {
  if (metadata.size() <= offset_metadata_max_bytes) return Done{};
  return Error{ErrorCode::too_large, "offset metadata is over the limit of " +
                                         std::to_string(offset_metadata_max_bytes) + " bytes"};
}

}  // namespace tandem::wire::native
