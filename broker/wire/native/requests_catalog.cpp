// Exchanges, queues, bindings, and looking at them.
#include "broker/wire/native/requests.h"

namespace tandem::wire::native {
namespace {

constexpr std::string_view generated_prefix = "tandem.gen-";
constexpr std::size_t generated_random_size = 22;  // 128 bits as URL-safe text: never the same twice

std::string unknown_kind_text(std::string_view kind) {
  return "unknown exchange kind '" + std::string(kind.substr(0, 64)) +
         "'; known are direct, fanout, topic, headers, x-consistent-hash, x-delayed-message";
}

template <class Input, class Message>
Input binding_input(const core::Caller& who, const Message& m, core::DestinationKind kind,
                    const Table& arguments) {
  return {who, text_of(m.source()), kind, text_of(m.destination()), text_of(m.routing_key()), &arguments};
}

}  // namespace

void Requests::on(const Request& r, const fb::DeclareExchange& m) {
  const auto kind = exchange_kind_of(text_of(m.kind()));
  if (!kind && !m.passive())
    return refuse(r, ErrorCode::invalid_argument, unknown_kind_text(text_of(m.kind())));
  if (!names_fit(r, {text_of(m.name())})) return;
  const Arguments arguments = arguments_of(r, m.arguments());
  if (!arguments) return;
  submit(core::DeclareExchange{r.who, text_of(m.name()), kind.value_or(core::ExchangeKind::direct),
                               m.passive(), m.durable(), m.auto_delete(), m.internal(), &*arguments});
}

void Requests::on(const Request& r, const fb::DeleteExchange& m) {
  if (!names_fit(r, {text_of(m.name())})) return;
  submit(core::DeleteExchange{r.who, text_of(m.name()), m.if_unused()});
}

void Requests::on(const Request& r, const fb::DeclareQueue& m) {
  const std::string_view name = text_of(m.name());
  if (!names_fit(r, {name})) return;
  const Arguments arguments = arguments_of(r, m.arguments());
  if (!arguments) return;
  std::string chosen;
  if (name.empty()) chosen = std::string(generated_prefix) + port_.random_name(generated_random_size);
  submit(core::DeclareQueue{r.who, name, chosen, m.passive(), m.durable(), m.exclusive(), m.auto_delete(),
                            &*arguments});
}

void Requests::on(const Request& r, const fb::DeleteQueue& m) {
  if (!names_fit(r, {text_of(m.name())})) return;
  submit(core::DeleteQueue{r.who, text_of(m.name()), m.if_unused(), m.if_empty()});
}

void Requests::on(const Request& r, const fb::PurgeQueue& m) {
  if (!names_fit(r, {text_of(m.name())})) return;
  submit(core::PurgeQueue{r.who, text_of(m.name())});
}

void Requests::on(const Request& r, const fb::Bind& m) {
  const auto kind = destination_of(m.destination_kind());
  if (!kind) return refuse(r, ErrorCode::invalid_argument, "unknown kind of destination");
  if (!names_fit(r, {text_of(m.source()), text_of(m.destination()), text_of(m.routing_key())})) return;
  const Arguments arguments = arguments_of(r, m.arguments());
  if (arguments) submit(binding_input<core::Bind>(r.who, m, *kind, *arguments));
}

void Requests::on(const Request& r, const fb::Unbind& m) {
  const auto kind = destination_of(m.destination_kind());
  if (!kind) return refuse(r, ErrorCode::invalid_argument, "unknown kind of destination");
  if (!names_fit(r, {text_of(m.source()), text_of(m.destination()), text_of(m.routing_key())})) return;
  const Arguments arguments = arguments_of(r, m.arguments());
  if (arguments) submit(binding_input<core::Unbind>(r.who, m, *kind, *arguments));
}

void Requests::on(const Request& r, const fb::Describe& m) {
  const auto subject = subject_of(m.subject());
  if (!subject) return refuse(r, ErrorCode::invalid_argument, "unknown subject to describe");
  const std::string_view name = text_of(m.name());
  if (name.empty() && (*subject == core::Subject::queues || *subject == core::Subject::bindings))
    unanswered_.listings.push_back({{r.who, *subject, "", 0, listing_rows_max}});
  else
    submit(core::Describe{r.who, *subject, name});
}

void Requests::list() {
  if (!has_listing_due()) return;
  Listing& listing = unanswered_.listings.front();
  listing.is_asked = true;
  submit(core::Describe(listing.rest));  // a copy: the answer may come before this returns
}

void Requests::on(const Request& r, const fb::SetPolicy& m) {
  const auto target = policy_target_of(m.target());
  if (!target) return refuse(r, ErrorCode::invalid_argument, "unknown target of a policy");
  if (!names_fit(r, {text_of(m.name())})) return;
  const Arguments definition = arguments_of(r, m.definition());
  if (!definition) return;
  submit(core::SetPolicy{r.who, text_of(m.name()), text_of(m.pattern()), *target, m.priority(), &*definition});
}

void Requests::on(const Request& r, const fb::DeletePolicy& m) {
  if (names_fit(r, {text_of(m.name())})) submit(core::DeletePolicy{r.who, text_of(m.name())});
}

/// A password is hashed here and goes no further.
void Requests::on(const Request& r, const fb::DeclareUser& m) {
  if (m.password_kind() > fb::PasswordKind::MAX)
    return refuse(r, ErrorCode::invalid_argument, "unknown kind of password hash");
  auto kind = static_cast<core::PasswordKind>(m.password_kind());  // the same order, see fields.cpp
  std::string hash(tandem::text_of(bytes_of(m.password_hash())));
  if (!text_of(m.password()).empty()) {
    kind = core::PasswordKind::sha256;
    hash = port_.hash_password(text_of(m.password()));
  }
  std::vector<std::string_view> tags;
  if (m.tags())
    for (const auto* tag : *m.tags()) tags.push_back(text_of(tag));
  // What is not there is from a client that knows no permissions: its users may do everything.
  const auto pattern = [](const flatbuffers::String* text) { return text ? text_of(text) : std::string_view(".*"); };
  submit(core::DeclareUser{r.who, text_of(m.name()), kind, hash, tags, m.permitted(), pattern(m.configure()),
                           pattern(m.write()), pattern(m.read())});
}

void Requests::on(const Request& r, const fb::AlterUser& m) {
  core::AlterUser input{.who = r.who, .name = text_of(m.name())};
  std::string hash;
  if (m.password()) {
    const std::string_view password = text_of(m.password());
    if (!password.empty()) hash = port_.hash_password(password);
    input.password = {password.empty() ? core::PasswordKind::none : core::PasswordKind::sha256, hash};
  }
  std::vector<std::string_view> tags;
  if (m.tags()) {
    for (const auto* tag : *m.tags()) tags.push_back(text_of(tag));
    input.tags = tags;
  }
  if (m.permitted().has_value()) input.permitted = m.permitted().value();
  const auto said = [](const flatbuffers::String* text) {
    return text ? std::optional(text_of(text)) : std::nullopt;
  };
  input.configure = said(m.configure());
  input.write = said(m.write());
  input.read = said(m.read());
  submit(input);
}

void Requests::on(const Request& r, const fb::DeleteUser& m) {
  submit(core::DeleteUser{r.who, text_of(m.name())});
}

void Requests::on(const Request& r, const fb::CloseConnection& m) {
  if (names_fit(r, {text_of(m.reason())}))
    submit(core::CloseConnection{r.who, ConnectionId(m.id()), text_of(m.reason())});
}

void Requests::on(const Request& r, const fb::CancelDelayed& m) {
  if (names_fit(r, {text_of(m.exchange())})) submit(core::CancelDelayed{r.who, text_of(m.exchange()), m.seq()});
}

}  // namespace tandem::wire::native
