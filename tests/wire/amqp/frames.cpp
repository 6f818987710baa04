#include "tests/wire/amqp/frames.h"

namespace tandem::wire::amqp::test {
namespace {

std::string shown_field(const Field& field, const MethodView& method) {
  switch (field.type) {
    case FieldType::short_text:
    case FieldType::long_text:
      return std::string(method.text(field.name));
    case FieldType::table: {
      const auto table = decode_table(method.table(field.name));
      return table ? to_text(Value(*table)) : "(unreadable)";
    }
    default:
      return std::to_string(method.number(field.name));
  }
}

std::string shown_method(Bytes payload) {
  const auto number = static_cast<Method>(load_big<std::uint32_t>(payload.data()));
  const MethodInfo* info = find_method(number);
  if (info == nullptr) return "unknown method";
  const auto method = decode_method(*info, payload.subspan(4));
  std::string text(info->name);
  if (!method) return text + " (unreadable)";
  for (const Field& field : info->fields())
    if (!field.name.empty()) text += " " + std::string(field.name) + "=" + shown_field(field, *method);
  return text;
}

}  // namespace

std::string shown(const Frame& frame) {
  const std::string channel = std::to_string(frame.channel) + " ";
  switch (frame.type) {
    case 1:
      return channel + shown_method(frame.payload);
    case 2:
      return channel + "header size=" + std::to_string(load_big<std::uint64_t>(frame.payload.data() + 4));
    case 3:
      return channel + "body '" + std::string(text_of(frame.payload)) + "'";
    case 8:
      return channel + "heartbeat";
    default:
      return channel + "frame of type " + std::to_string(int{frame.type});
  }
}

std::vector<std::string> shown_frames(Bytes bytes) {
  std::vector<std::string> lines;
  Frame frame;
  std::size_t wanted = 0;
  while (!bytes.empty()) {
    if (judge_frame(bytes, 1u << 26, frame, wanted) != FrameJudgement::whole) {
      lines.push_back("… " + std::to_string(bytes.size()) + " bytes");
      break;
    }
    lines.push_back(shown(frame));
    bytes = bytes.subspan(frame.size_bytes());
  }
  return lines;
}

}  // namespace tandem::wire::amqp::test
