// Configuration of topics and of the broker, shown.
#include <algorithm>
#include <limits>

#include "broker/base/limits.h"
#include "broker/wire/kafka/config_source.h"
#include "broker/wire/kafka/error.h"
#include "broker/wire/kafka/kafka_face.h"
#include "broker/wire/kafka/messages_admin.h"
#include "broker/wire/kafka/repeats.h"
#include "broker/wire/kafka/resource.h"
#include "broker/wire/kafka/settings.h"
#include "broker/wire/kafka/tasks.h"

namespace tandem::wire::kafka {
namespace {

/// Kafka's numbers of types (DescribeConfigs, ConfigType).
enum class WireType : std::int8_t { boolean = 1, string = 2, int32 = 3, int64 = 5, real = 6, list = 7 };

/// Kafka has an INT where it takes no larger number.
WireType wire_type(const core::TopicConfigKey& key) {
  switch (key.type) {
    case core::ConfigType::boolean:
      return WireType::boolean;
    case core::ConfigType::text:
      return WireType::string;
    case core::ConfigType::number:
      return key.max <= std::numeric_limits<std::int32_t>::max() ? WireType::int32 : WireType::int64;
    case core::ConfigType::real:
      return WireType::real;
    case core::ConfigType::list:
      return WireType::list;
  }
  return WireType::string;
}

struct BrokerConfig {
  std::string name, value;
  WireType type;
};

/// What tools look at in a broker's configuration. Kafka's names, and what holds here.
std::vector<BrokerConfig> broker_configs(const FaceContext& context) {
  using enum WireType;
  const BrokerPort& port = *context.port;
  const Advertised here = advertised(context);
  const std::string listener = "PLAINTEXT://" + here.host + ":" + std::to_string(here.port);
  return {
      {"advertised.listeners", listener, list},
      {"auto.create.topics.enable", creates_topics(port) ? "true" : "false", boolean},
      {"broker.id", std::to_string(node_id), int32},
      {"compression.type", "producer", string},
      {"connections.max.idle.ms", std::to_string(KafkaFace::idle_max_ms), int64},
      {"default.replication.factor", "1", int32},
      {"delete.topic.enable", "true", boolean},
      {"group.initial.rebalance.delay.ms", "0", int32},
      {"group.max.session.timeout.ms", "1800000", int32},
      {"group.max.size", std::to_string(limits::group_members_max), int32},
      {"log.cleanup.policy", "delete", list},
      {"log.dirs", std::string(port.fact("data_directory")), string},
      {"log.retention.bytes", "-1", int64},
      {"log.retention.ms", "604800000", int64},
      {"log.segment.bytes", "1073741824", int32},
      {"message.max.bytes", "1048588", int32},
      {"min.insync.replicas", "1", int32},
      {"num.partitions", std::to_string(default_partitions(port)), int32},
      {"offset.metadata.max.bytes", "4096", int32},
      {"offsets.retention.minutes", "10080", int32},
      {"socket.request.max.bytes", std::to_string(KafkaFace::request_size_max_bytes), int32},
      {"transaction.max.timeout.ms", "900000", int32},
      {"transactional.id.expiration.ms", "604800000", int32},
  };
}

class DescribeConfigs final : public TaskOf<DescribeConfigsRequest, DescribeConfigsResponse> {
 public:
  using TaskOf::TaskOf;

  void begin(const Request& request) {
    synonyms_ = request.include_synonyms;
    documentation_ = request.include_documentation;
    response_.resources.resize(request.resources.size());
    wanted_.resize(request.resources.size());
    Repeats<std::pair<std::int8_t, std::string_view>> repeats;
    for (std::uint32_t part = 0; part < request.resources.size(); ++part) {
      const DescribeConfigsRequest::Resource& resource = request.resources[part];
      response_.resources[part].type = resource.type;
      response_.resources[part].name = resource.name;
      if (repeats({resource.type, resource.name}))
        refuse(part, error::invalid_request, named_before);
      else
        describe_resource(part, resource);
    }
  }

  void take(std::uint32_t part, const core::Send& send, Bodies) override {
    const auto* described = core::get_if<core::Described>(&send);
    if (!described) return;
    if (described->topics.empty())
      return refuse(part, error::unknown_topic_or_partition, "there is no such topic");
    for (const core::TopicConfigKey& key : core::topic_config_keys())
      if (is_wanted(part, key.name)) show(part, described->topics.front().topic, key);
  }

 private:
  using Config = DescribeConfigsResponse::Config;

  void describe_resource(std::uint32_t part, const DescribeConfigsRequest::Resource& resource) {
    if (resource.keys) wanted_[part].emplace(resource.keys->begin(), resource.keys->end());
    if (resource.type == resource::topic) {
      if (core::judge_topic_name(resource.name))
        return refuse(part, error::invalid_topic, "that is no topic's name");
      return submit(core::Describe{expect(part), core::Subject::topics, resource.name});
    }
    if (resource.type != resource::broker)
      return refuse(part, error::invalid_request, "topics (2) and brokers (4) have a configuration");
    if (!resource.name.empty() && resource.name != std::to_string(node_id))
      return refuse(part, error::invalid_request, "node 1 is the only broker");
    for (BrokerConfig& config : broker_configs(conversation().context))
      if (is_wanted(part, config.name)) show(part, std::move(config));
  }

  bool is_wanted(std::uint32_t part, std::string_view name) const {
    const auto& names = wanted_[part];
    return !names || std::find(names->begin(), names->end(), name) != names->end();
  }

  void show(std::uint32_t part, const core::TopicCreated& topic, const core::TopicConfigKey& key) {
    const ConfigValue value = config_value(topic, key);
    Config& config = response_.resources[part].configs.emplace_back();
    config.name = key.name;
    config.value = value.text;
    config.source = value.source;
    config.type = static_cast<std::int8_t>(wire_type(key));
    if (documentation_) config.documentation = std::string(key.explanation);
    if (!synonyms_) return;
    const std::string built_in(key.default_value);
    if (value.source == config_source::topic) config.synonyms.push_back({config.name, value.text, value.source});
    config.synonyms.push_back({config.name, built_in, config_source::built_in});
  }

  void show(std::uint32_t part, BrokerConfig broker) {
    Config& config = response_.resources[part].configs.emplace_back();
    config.name = std::move(broker.name);
    config.value = std::move(broker.value);
    config.read_only = true;
    config.source = config_source::broker_start;
    config.type = static_cast<std::int8_t>(broker.type);
  }

  void refuse(std::uint32_t part, std::int16_t error, std::string text) {
    response_.resources[part].error = error;
    response_.resources[part].error_message = std::move(text);
  }

  bool synonyms_ = false, documentation_ = false;
  std::vector<std::optional<std::vector<std::string>>> wanted_;  // keys, by part
};

}  // namespace

bool begin_describe_configs(Arrival& arrival) {
  return begin<DescribeConfigs>(arrival);
}

}  // namespace tandem::wire::kafka
