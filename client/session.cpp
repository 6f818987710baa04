#include "client/session.h"

#include <algorithm>
#include <cstring>

namespace tandem::client {
namespace {

Error broken(std::string text) {
  return {ErrorCode::corrupt, "the broker sent " + std::move(text)};
}

/// In answer to Hello. Whoever took another protocol's port for the native one is told which it is.
Error not_greeted(Bytes input) {
  const std::string_view first(reinterpret_cast<const char*>(input.data()), 4);  // judge() has seen a whole header
  if (first == "AMQP" || first == "HTTP")
    return {ErrorCode::corrupt, "an " + std::string(first) + " server answered, not in the native protocol"};
  return broken(frame::fault(input));
}

Error closed_error() {
  return {ErrorCode::unavailable, "the client is closed"};
}

}  // namespace

Session::Session(Identity identity, std::function<void(const ClientEvent&)> on_event)
    : identity_(std::move(identity)), on_event_(std::move(on_event)) {}

// --- the connection
// -----------------------------------------------------------------------------------------------------

void Session::connection_opened() {
  state_ = State::greeting;
  input_wanted_ = frame::header_size_bytes;
  output_.clear();
  output_.push_back(make_frame({1, 0}, [&](auto& builder) {
    return fb::CreateHelloDirect(builder, protocol_version, protocol_version, identity_.client_name.c_str(),
                                 identity_.heartbeat_ms, identity_.user.c_str(), identity_.password.c_str());
  }));
}

void Session::connection_lost(const Error& why) {
  if (state_ == State::closed) return;
  state_ = State::offline;
  output_.clear();
  closing_channels_.clear();
  calls_.connection_lost(why);
  for (const auto& part : parts()) part->offline(why);
}

Result<std::size_t> Session::receive(Bytes input, const Owner& owner) {
  std::size_t consumed = 0;
  for (;;) {
    frame::View view;
    std::size_t wanted = frame::header_size_bytes;
    const auto judgement = frame::judge(input.subspan(consumed), view, &wanted);
    if (judgement == frame::Judgement::broken) {
      const Bytes unread = input.subspan(consumed);
      return state_ == State::greeting ? not_greeted(unread) : broken(frame::fault(unread));
    }
    if (judgement == frame::Judgement::incomplete) {
      input_wanted_ = wanted;
      return consumed;
    }
    auto taken = take_frame(view, owner);
    if (!taken) return taken.error();
    consumed += view.size_bytes;
    if (state_ == State::closed) return consumed;
  }
}

std::vector<Frame> Session::take_output() {
  return std::exchange(output_, {});
}

Result<> Session::take_frame(const frame::View& view, const Owner& owner) {
  const auto* envelope = reinterpret_cast<const std::uint8_t*>(view.envelope.data());
  if (reinterpret_cast<std::uintptr_t>(envelope) % alignof(std::uint64_t) != 0) {
    aligned_.resize(view.envelope.size() / sizeof(std::uint64_t) + 1);
    std::memcpy(aligned_.data(), envelope, view.envelope.size());
    envelope = reinterpret_cast<const std::uint8_t*>(aligned_.data());
  }
  flatbuffers::Verifier verifier(envelope, view.envelope.size(), 16, 1'000'000);
  if (!fb::VerifyEnvelopeBuffer(verifier)) return broken("an envelope that is malformed");
  const fb::Envelope& whole = *fb::GetEnvelope(envelope);
  // The verifier lets a message pass that says its type and is not there.
  if (whole.message() == nullptr && whole.message_type() != fb::Message::NONE)
    return broken("an envelope without its message");
  return take_envelope({whole, view.payload, owner});
}

Result<> Session::take_envelope(const Answer& said) {
  const auto& envelope = said.envelope;
  if (const auto* goodbye = envelope.message_as_Goodbye()) return take_goodbye(*goodbye);
  if (const auto* hello = envelope.message_as_Hello()) return take_hello(*hello);
  if (state_ != State::ready) return broken("something before its Hello");
  switch (envelope.message_type()) {
    case fb::Message::Confirmed:
    case fb::Message::Returned:
    case fb::Message::Deliver:
    case fb::Message::ConsumerCancelled: {
      const auto found = channels_.find(envelope.channel());
      if (found == channels_.end()) return Done{};  // closed before
      const auto channel = found->second;           // it may detach itself
      channel->receive(said);
      return Done{};
    }
    case fb::Message::PublishersHeld:
      take_held(*envelope.message_as_PublishersHeld());
      return Done{};
    case fb::Message::Heartbeat:
    case fb::Message::NONE:  // something newer than this client
      return Done{};
    default:
      take_answer(said);
      return Done{};
  }
}

Result<> Session::take_hello(const fb::Hello& hello) {
  if (state_ != State::greeting) return broken("a second Hello");
  if (hello.version_min() > protocol_version || hello.version_max() < protocol_version) {
    refused_for_good_ = true;
    return Error{ErrorCode::not_supported,
                 "the broker speaks version " + std::to_string(hello.version_min()) +
                     " of the native protocol, this client " + std::to_string(protocol_version)};
  }
  welcome_ = {owned(hello.broker_version()), owned(hello.cluster_id()), hello.heartbeat_ms()};
  become_ready();
  return Done{};
}

Error Session::take_goodbye(const fb::Goodbye& goodbye) {
  const auto code = static_cast<ErrorCode>(goodbye.code());
  refused_for_good_ = code == ErrorCode::not_authorized || code == ErrorCode::not_supported;
  const auto text = owned(goodbye.text());
  return {code == ErrorCode::none ? ErrorCode::unavailable : code,
          text.empty() ? "the broker closed the connection" : text};
}

void Session::take_held(const fb::PublishersHeld& held) {
  if (!on_event_) return;
  const auto kind = held.held() ? ClientEvent::Kind::publishers_held : ClientEvent::Kind::publishers_released;
  const auto code = held.held() ? ErrorCode::resource_alarm : ErrorCode::none;
  on_event_({kind, {code, owned(held.reason())}});
}

void Session::take_answer(const Answer& answer) {
  const auto correlation = answer.envelope.correlation();
  const auto* refused = answer.envelope.message_as_Refused();
  if (refused && !calls_.contains(correlation) && topology_.contains(correlation)) {
    if (on_event_) on_event_({ClientEvent::Kind::topology_refused, error_of(*refused)});
    return;
  }
  calls_.answer(answer);
}

void Session::become_ready() {
  state_ = State::ready;
  for (auto& frame : topology_.frames()) output_.push_back(std::move(frame));
  for (const auto& part : parts()) part->online();
  for (auto& frame : calls_.take_unsent()) output_.push_back(std::move(frame));
  if (on_event_) on_event_({ClientEvent::Kind::connected, {ErrorCode::none, {}}});
}

// --- what users want
// -------------------------------------------------------------------------------------------------------

void Session::ask(Call call) {
  if (closed()) return call.handler->fail(closed_error());
  if (!ready() && calls_.full())
    return call.handler->fail({ErrorCode::limit_reached, std::to_string(Calls::unsent_max) +
                                                             " requests wait for a connection already"});
  if (ready()) {
    call.sent = true;
    if (call.repeatable)
      output_.push_back(call.frame);
    else
      output_.push_back(std::move(call.frame));
  }
  calls_.add(std::move(call));
}

void Session::say_heartbeat() {
  say(make_frame({}, [](auto& builder) { return fb::CreateHeartbeat(builder); }));
}

Result<> Session::attach(std::shared_ptr<Part> part) {
  if (closed()) return closed_error();
  parts_.push_back(part);
  if (ready()) part->online();
  return Done{};
}

Result<> Session::attach_channel(std::shared_ptr<Channel> channel) {
  if (closed()) return closed_error();
  std::uint16_t number = 1;
  while (channels_.contains(number) || closing_channels_.contains(number)) ++number;
  if (number > channel_max)
    return Error{ErrorCode::limit_reached, "all " + std::to_string(channel_max) + " channels are in use"};
  channel->number_ = number;
  channels_.emplace(number, channel);
  if (ready()) channel->online();
  return Done{};
}

void Session::detach(const std::shared_ptr<Part>& part) {
  std::erase(parts_, part);
}

void Session::detach_channel(const std::shared_ptr<Channel>& channel, std::uint64_t correlation) {
  const auto number = std::exchange(channel->number_, std::uint16_t{0});
  if (number == 0) return;
  channels_.erase(number);
  if (!ready()) return;  // gone with the connection
  closing_channels_.insert(number);
  Call call;
  call.correlation = correlation;
  call.frame =
      make_frame({correlation, number}, [](auto& builder) { return fb::CreateCloseChannel(builder); });
  call.handler = on_answer([this, number](Result<const Answer*>) { closing_channels_.erase(number); });
  ask(std::move(call));
}

std::vector<std::shared_ptr<Part>> Session::parts() const {
  std::vector<std::shared_ptr<Part>> all;
  for (const auto& [number, channel] : channels_) all.push_back(channel);
  all.insert(all.end(), parts_.begin(), parts_.end());
  return all;
}

void Session::say_goodbye() {
  if (ready())
    say(make_frame(
        {}, [](auto& builder) { return fb::CreateGoodbyeDirect(builder, 0, "closed by the client"); }));
}

void Session::close(const Error& why) {
  if (state_ == State::closed) return;
  state_ = State::closed;
  calls_.fail_all(why);
  for (const auto& part : parts()) part->end(why);
  parts_.clear();
  channels_.clear();
  if (on_event_) on_event_({ClientEvent::Kind::closed, why});
}

}  // namespace tandem::client
