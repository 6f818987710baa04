#include "tests/support/raw_kafka.h"

#include <chrono>

#include "schemas/batch.h"
#include "schemas/byte_order.h"

namespace tandem::support {
namespace {

constexpr std::uint32_t answer_size_max_bytes = 1u << 20;

void append_kafka_text(std::vector<std::byte>& out, std::string_view text) {
  append_big(out, static_cast<std::uint16_t>(text.size()));
  const Bytes bytes = bytes_of(text);
  out.insert(out.end(), bytes.begin(), bytes.end());
}

constexpr std::uint16_t null_text = 0xFFFF;

}  // namespace

bool RawKafka::ask(std::int16_t api, std::int16_t version, Bytes body, std::vector<std::byte>& answer) {
  std::vector<std::byte> request(4);
  append_big(request, static_cast<std::uint16_t>(api));
  append_big(request, static_cast<std::uint16_t>(version));
  append_big(request, ++correlation_);
  append_kafka_text(request, "raw");
  request.insert(request.end(), body.begin(), body.end());
  store_big(request.data(), static_cast<std::uint32_t>(request.size() - 4));
  std::vector<std::byte> head;
  if (!socket_.write(request) || !socket_.read(head, 8)) return false;
  const auto size = load_big<std::uint32_t>(head.data());
  if (size < 4 || size > answer_size_max_bytes || load_big<std::uint32_t>(head.data() + 4) != correlation_) return false;
  return socket_.read(answer, size - 4);
}

std::optional<RawKafka::Producer> RawKafka::init_producer() {
  std::vector<std::byte> body, answer;
  append_big(body, null_text);             // no transactional id
  append_big(body, std::uint32_t{60'000});  // ms
  if (!ask(22, 0, body, answer) || answer.size() < 16) return std::nullopt;
  if (load_big<std::uint16_t>(answer.data() + 4) != 0) return std::nullopt;
  return Producer{static_cast<std::int64_t>(load_big<std::uint64_t>(answer.data() + 6)),
                  static_cast<std::int16_t>(load_big<std::uint16_t>(answer.data() + 14)), 0};
}

std::optional<RawKafka::Produced> RawKafka::produce(std::string_view topic, const Producer& producer,
                                                    std::int32_t sequence, const std::vector<std::string>& values) {
  const auto now = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch());
  BatchBuilder builder;
  for (const std::string& value : values) builder.add(now.count(), std::nullopt, bytes_of(value));
  const auto batch = builder.finish(Codec::none, {producer.id, producer.epoch, sequence, false});
  if (!batch) return std::nullopt;
  std::vector<std::byte> body, answer;
  append_big(body, null_text);                         // no transactional id
  append_big(body, static_cast<std::uint16_t>(-1));    // acks: all
  append_big(body, std::uint32_t{10'000});             // ms
  append_big(body, std::uint32_t{1});                  // topics
  append_kafka_text(body, topic);
  append_big(body, std::uint32_t{1});                  // partitions
  append_big(body, std::uint32_t{0});                  // this one
  append_big(body, static_cast<std::uint32_t>(batch->size()));
  body.insert(body.end(), batch->begin(), batch->end());
  if (!ask(0, 3, body, answer)) return std::nullopt;
  ByteReader reader(answer);
  std::uint32_t topics = 0, partitions = 0, index = 0;
  std::uint16_t name_size = 0, error = 0;
  std::uint64_t base = 0;
  if (!reader.big(topics) || !reader.big(name_size) || !reader.skip(name_size) || !reader.big(partitions) ||
      !reader.big(index) || !reader.big(error) || !reader.big(base))
    return std::nullopt;
  return Produced{static_cast<std::int16_t>(error), static_cast<std::int64_t>(base)};
}

}  // namespace tandem::support
