// librdkafka's handles, owned, and opened with settings.
#pragma once

#include <librdkafka/rdkafka.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "bench/measure.h"

namespace tandem::bench::peers {

/// How long an answer is waited for before the run counts as failed.
inline constexpr int answer_wait_ms = 20'000;
/// Messages given to the producer in one call.
inline constexpr std::size_t block_messages = 1'000;

struct CloseKafka {
  void operator()(rd_kafka_t* kafka) const { rd_kafka_destroy(kafka); }
  void operator()(rd_kafka_topic_t* handle) const { rd_kafka_topic_destroy(handle); }
};
using Kafka = std::unique_ptr<rd_kafka_t, CloseKafka>;
using Topic = std::unique_ptr<rd_kafka_topic_t, CloseKafka>;

struct Setting {
  const char* name;
  std::string value;
};

using OnConfirm = void (*)(rd_kafka_t*, const rd_kafka_message_t*, void* opaque);

/// A client of the broker at `port` on this machine. `on_confirm`, of a producer, is called with `opaque` by the producer's own
/// polls. Throws Failure with librdkafka's reason.
inline Kafka open_kafka(rd_kafka_type_t type, std::uint16_t port, const std::vector<Setting>& settings,
                        OnConfirm on_confirm = nullptr, void* opaque = nullptr) {
  char error[512];
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  const auto set = [&](const char* name, const std::string& value) {
    if (rd_kafka_conf_set(conf, name, value.c_str(), error, sizeof error) == RD_KAFKA_CONF_OK) return;
    rd_kafka_conf_destroy(conf);
    throw Failure(std::string("librdkafka: ") + error);
  };
  set("bootstrap.servers", "127.0.0.1:" + std::to_string(port));
  for (const Setting& setting : settings) set(setting.name, setting.value);
  rd_kafka_conf_set_opaque(conf, opaque);
  if (on_confirm) rd_kafka_conf_set_dr_msg_cb(conf, on_confirm);
  rd_kafka_t* kafka = rd_kafka_new(type, conf, error, sizeof error);
  if (kafka) return Kafka(kafka);
  rd_kafka_conf_destroy(conf);
  throw Failure(std::string("librdkafka: ") + error);
}

}  // namespace tandem::bench::peers
