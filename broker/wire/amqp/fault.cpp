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

std::string_view type_name(ValueType type) {
  switch (type) {
    case ValueType::boolean:
      return "bool";
    case ValueType::int8:
      return "byte";
    case ValueType::uint8:
      return "unsignedbyte";
    case ValueType::int16:
      return "short";
    case ValueType::uint16:
      return "unsignedshort";
    case ValueType::int32:
      return "signedint";
    case ValueType::uint32:
      return "unsignedint";
    case ValueType::int64:
      return "long";
    case ValueType::float32:
      return "float";
    case ValueType::float64:
      return "double";
    case ValueType::decimal:
      return "decimal";
    case ValueType::string:
      return "longstr";
    case ValueType::array:
      return "array";
    case ValueType::timestamp:
      return "timestamp";
    case ValueType::table:
      return "table";
    case ValueType::nothing:
      return "void";
    case ValueType::bytes:
      return "binary";
  }
  return "unknown";
}

}  // namespace tandem::wire::amqp
