#include "broker/wire/amqp/fault.h"

namespace tandem::wire::amqp {
namespace {

std::string_view name_of(ReplyCode code) {
  switch (code) {
    case ReplyCode::success:
      return "SUCCESS";
    case ReplyCode::no_route:
      return "NO_ROUTE";
    case ReplyCode::connection_forced:
      return "CONNECTION_FORCED";
    case ReplyCode::access_refused:
      return "ACCESS_REFUSED";
    case ReplyCode::not_found:
      return "NOT_FOUND";
    case ReplyCode::resource_locked:
      return "RESOURCE_LOCKED";
    case ReplyCode::precondition_failed:
      return "PRECONDITION_FAILED";
    case ReplyCode::frame_error:
      return "FRAME_ERROR";
    case ReplyCode::syntax_error:
      return "SYNTAX_ERROR";
    case ReplyCode::command_invalid:
      return "COMMAND_INVALID";
    case ReplyCode::channel_error:
      return "CHANNEL_ERROR";
    case ReplyCode::unexpected_frame:
      return "UNEXPECTED_FRAME";
    case ReplyCode::resource_error:
      return "RESOURCE_ERROR";
    case ReplyCode::not_allowed:
      return "NOT_ALLOWED";
    case ReplyCode::not_implemented:
      return "NOT_IMPLEMENTED";
    case ReplyCode::internal_error:
      return "INTERNAL_ERROR";
  }
  return "INTERNAL_ERROR";
}

}  // namespace

bool closes_channel_only(ReplyCode code) {
  switch (code) {
    case ReplyCode::no_route:
    case ReplyCode::access_refused:
    case ReplyCode::not_found:
    case ReplyCode::resource_locked:
    case ReplyCode::precondition_failed:
      return true;
    default:
      return false;
  }
}

std::string reply_text(const Fault& fault) {
  constexpr std::size_t short_text_max = 255;
  std::string text(name_of(fault.code));
  text += " - ";
  text += fault.text;
  if (text.size() > short_text_max) text = text.substr(0, short_text_max - 3) + "...";
  return text;
}

}  // namespace tandem::wire::amqp
