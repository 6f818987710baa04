// Requests about exchanges, queues and bindings.
#include "client/asking.h"

namespace tandem::client {

// A delete or purge that is done twice answers something else the second time.
template <>
inline constexpr bool repeatable<DeleteExchange> = false;
template <>
inline constexpr bool repeatable<DeleteQueue> = false;
template <>
inline constexpr bool repeatable<PurgeQueue> = false;
template <>
inline constexpr bool repeatable<DeletePolicy> = false;
template <>
inline constexpr bool repeatable<DeleteUser> = false;
template <>
inline constexpr bool repeatable<CloseConnection> = false;
template <>
inline constexpr bool repeatable<CancelDelayed> = false;

template <>
void granted(Session& session, const DeclareExchange& request, std::uint64_t correlation,
             const Frame& frame) {
  if (request.remember) session.topology().remember(request, correlation, frame);
}
template <>
void granted(Session& session, const DeclareQueue& request, std::uint64_t correlation, const Frame& frame) {
  if (request.remember) session.topology().remember(request, correlation, frame);
}
template <>
void granted(Session& session, const Bind& request, std::uint64_t correlation, const Frame& frame) {
  if (request.remember) session.topology().remember(request, correlation, frame);
}
template <>
void granted(Session& session, const Unbind& request, std::uint64_t, const Frame&) {
  session.topology().forget(request);
}
template <>
void granted(Session& session, const DeleteExchange& request, std::uint64_t, const Frame&) {
  session.topology().forget(request);
}
template <>
void granted(Session& session, const DeleteQueue& request, std::uint64_t, const Frame&) {
  session.topology().forget(request);
}

static Frame encode(Address address, const DeclareExchange& r) {
  return make_frame(address, [&](auto& b) {
    const auto name = put_text(b, r.name), kind = put_text(b, r.kind);
    return fb::CreateDeclareExchange(b, name, kind, r.passive, r.durable, r.auto_delete, r.internal,
                                     put_table(b, r.arguments));
  });
}
static Frame encode(Address address, const DeleteExchange& r) {
  return make_frame(address,
                    [&](auto& b) { return fb::CreateDeleteExchange(b, put_text(b, r.name), r.if_unused); });
}
static Frame encode(Address address, const DeclareQueue& r) {
  return make_frame(address, [&](auto& b) {
    const auto name = put_text(b, r.name);
    return fb::CreateDeclareQueue(b, name, r.passive, r.durable, r.exclusive, r.auto_delete,
                                  put_table(b, r.arguments));
  });
}
static Frame encode(Address address, const DeleteQueue& r) {
  return make_frame(address, [&](auto& b) {
    return fb::CreateDeleteQueue(b, put_text(b, r.name), r.if_unused, r.if_empty);
  });
}
static Frame encode(Address address, const PurgeQueue& r) {
  return make_frame(address, [&](auto& b) { return fb::CreatePurgeQueue(b, put_text(b, r.name)); });
}

template <class Table_, class Request>
static Frame encode_binding(Address address, const Request& r) {
  return make_frame(address, [&](auto& b) {
    const auto source = put_text(b, r.source), destination = put_text(b, r.destination);
    const auto routing_key = put_text(b, r.routing_key);
    const auto arguments = put_table(b, r.arguments);
    const auto kind = static_cast<fb::Destination>(r.destination_kind);
    if constexpr (std::is_same_v<Table_, fb::Bind>)
      return fb::CreateBind(b, source, kind, destination, routing_key, arguments);
    else
      return fb::CreateUnbind(b, source, kind, destination, routing_key, arguments);
  });
}
static Frame encode(Address address, const Bind& r) {
  return encode_binding<fb::Bind>(address, r);
}
static Frame encode(Address address, const Unbind& r) {
  return encode_binding<fb::Unbind>(address, r);
}

static Frame encode(Address address, const SetPolicy& r) {
  return make_frame(address, [&](auto& b) {
    const auto name = put_text(b, r.name), pattern = put_text(b, r.pattern);
    const auto definition = put_table(b, r.definition);
    return fb::CreateSetPolicy(b, name, pattern, static_cast<fb::PolicyTarget>(r.target), r.priority, definition);
  });
}
static Frame encode(Address address, const DeletePolicy& r) {
  return make_frame(address, [&](auto& b) { return fb::CreateDeletePolicy(b, put_text(b, r.name)); });
}
static Frame encode(Address address, const DeclareUser& r) {
  return make_frame(address, [&](auto& b) {
    const auto name = put_text(b, r.user.name), password = put_text(b, r.password);
    const auto* hash = reinterpret_cast<const std::uint8_t*>(r.user.password_hash.data());
    const auto hash_field = b.CreateVector(hash, r.user.password_hash.size());
    const auto tags = b.CreateVectorOfStrings(r.user.tags);
    const auto configure = b.CreateString(r.user.configure), write = b.CreateString(r.user.write),
               read = b.CreateString(r.user.read);
    return fb::CreateDeclareUser(b, name, password, static_cast<fb::PasswordKind>(r.user.password_kind), hash_field,
                                 tags, r.user.permitted, configure, write, read);
  });
}
static Frame encode(Address address, const AlterUser& r) {
  return make_frame(address, [&](auto& b) {
    const auto said = [&b](const std::optional<std::string>& text) {
      return text ? b.CreateString(*text) : flatbuffers::Offset<flatbuffers::String>();
    };
    const auto name = put_text(b, r.name);
    const auto password = said(r.password), configure = said(r.configure), write = said(r.write), read = said(r.read);
    flatbuffers::Offset<flatbuffers::Vector<flatbuffers::Offset<flatbuffers::String>>> tags;
    if (r.tags) tags = b.CreateVectorOfStrings(*r.tags);
    const auto permitted = r.permitted ? flatbuffers::Optional<bool>(*r.permitted) : flatbuffers::nullopt;
    return fb::CreateAlterUser(b, name, password, tags, permitted, configure, write, read);
  });
}
static Frame encode(Address address, const DeleteUser& r) {
  return make_frame(address, [&](auto& b) { return fb::CreateDeleteUser(b, put_text(b, r.name)); });
}
static Frame encode(Address address, const CloseConnection& r) {
  return make_frame(address, [&](auto& b) { return fb::CreateCloseConnection(b, r.id, put_text(b, r.reason)); });
}
static Frame encode(Address address, const CancelDelayed& r) {
  return make_frame(address,
                    [&](auto& b) { return fb::CreateCancelDelayed(b, put_text(b, r.exchange), r.queue_seq); });
}

static Frame encode(Address address, const Peek& r) {
  return make_frame(address,
                    [&](auto& b) { return fb::CreatePeek(b, put_text(b, r.queue), r.skip, r.count); });
}

template <class Request>
requires std::is_same_v<typename Request::Answer, Done>
static Result<bool> read(const Request&, const Answer& answer, Done&) {
  if (answer.envelope.message_as_Ok()) return true;
  return unexpected_answer(answer);
}

template <class Request>
requires std::is_same_v<typename Request::Answer, QueueStatus>
static Result<bool> read(const Request&, const Answer& answer, QueueStatus& out) {
  const auto* queue = answer.envelope.message_as_QueueOk();
  if (!queue) return unexpected_answer(answer);
  out = {owned(queue->name()), queue->ready(), queue->consumers()};
  return true;
}

static Result<bool> read(const Peek&, const Answer& answer, std::vector<PeekedMessage>& out) {
  const auto* peeked = answer.envelope.message_as_Peeked();
  if (!peeked) return unexpected_answer(answer);
  Bytes rest = answer.payload;
  for (const fb::PeekedItem item : wire::structs_of(peeked->items())) {
    if (item.size() > rest.size()) return Error{ErrorCode::corrupt, "the peeked messages are cut short"};
    PeekedMessage message{
        item.seq(), item.deliveries(), static_cast<std::uint8_t>(item.priority()), {}, answer.owner};
    if (const auto parts = parse_message(rest.first(item.size()))) message.message = *parts;
    out.push_back(std::move(message));
    rest = rest.subspan(item.size());
  }
  return true;
}

template void ask(Driver&, const DeclareExchange&, Completion<Done>);
template void ask(Driver&, const DeleteExchange&, Completion<Done>);
template void ask(Driver&, const DeclareQueue&, Completion<QueueStatus>);
template void ask(Driver&, const DeleteQueue&, Completion<QueueStatus>);
template void ask(Driver&, const PurgeQueue&, Completion<QueueStatus>);
template void ask(Driver&, const Bind&, Completion<Done>);
template void ask(Driver&, const Unbind&, Completion<Done>);
template void ask(Driver&, const SetPolicy&, Completion<Done>);
template void ask(Driver&, const DeletePolicy&, Completion<Done>);
template void ask(Driver&, const DeclareUser&, Completion<Done>);
template void ask(Driver&, const AlterUser&, Completion<Done>);
template void ask(Driver&, const DeleteUser&, Completion<Done>);
template void ask(Driver&, const CloseConnection&, Completion<Done>);
template void ask(Driver&, const CancelDelayed&, Completion<Done>);
template void ask(Driver&, const Peek&, Completion<std::vector<PeekedMessage>>);

}  // namespace tandem::client
