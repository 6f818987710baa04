#include "broker/wire/kafka/answer_line.h"

namespace tandem::wire::kafka {
namespace {

constexpr std::size_t size_prefix_bytes = 4;

void encode(Encoded& out, const AnswerLine::Header& header, const Task& task) {
  out.bytes.resize(size_prefix_bytes);
  append_big(out.bytes, static_cast<std::uint32_t>(header.correlation));
  if (header.header_flexible) out.bytes.push_back(std::byte{0});  // no tagged fields
  Writer writer(out, header.version, header.flexible);
  task.write(writer);
  store_big(out.bytes.data(), static_cast<std::uint32_t>(out.size_bytes() - size_prefix_bytes));
}

}  // namespace

void AnswerLine::push(const Header& header, std::unique_ptr<Task> task) {
  slots_.push_back({header, std::move(task), {}});
}

AnswerLine::Slot* AnswerLine::find(std::uint64_t number) {
  if (number < first_number_ || number >= next_number()) return nullptr;
  return &slots_[number - first_number_];
}

void AnswerLine::begun(std::uint64_t number) {
  Slot* slot = find(number);
  slot->task->set_begun();
  if (slot->task->done()) finish(*slot);
}

void AnswerLine::take(std::uint64_t request, const core::Send& send, Bodies bodies) {
  const std::uint64_t number = Task::number_of(request);
  Slot* slot = find(number);
  if (!slot || !slot->task) return;
  Task* task = slot->task.get();
  task->take(Task::part_of(request), send, bodies);
  task->set_answered();
  if (task->done()) finish(*find(number));  // take() may have come back here
}

void AnswerLine::finish(Slot& slot) {
  const std::unique_ptr<Task> task = std::move(slot.task);
  if (task->has_response()) encode(slot.response, slot.header, *task);
  held_size_bytes_ += slot.response.size_bytes();
  write_front();
}

void AnswerLine::write_front() {
  while (!slots_.empty() && !slots_.front().task) {
    Encoded response = std::move(slots_.front().response);
    slots_.pop_front();
    ++first_number_;
    held_size_bytes_ -= response.size_bytes();
    write(response);
  }
}

void AnswerLine::write(Encoded& response) {
  std::size_t written = 0;
  for (const Encoded::Splice& splice : response.splices) {
    outbox_.write(Bytes(response.bytes).subspan(written, splice.at - written));
    outbox_.write_owned(splice.bytes, splice.owner);
    written = splice.at;
  }
  outbox_.write(Bytes(response.bytes).subspan(written));
}

}  // namespace tandem::wire::kafka
