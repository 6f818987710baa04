// Topics come, grow and go.
#include <algorithm>
#include <map>
#include <set>

#include "broker/base/limits.h"
#include "broker/core/topic_options.h"
#include "broker/wire/kafka/config_source.h"
#include "broker/wire/kafka/error.h"
#include "broker/wire/kafka/messages_admin.h"
#include "broker/wire/kafka/repeats.h"
#include "broker/wire/kafka/settings.h"
#include "broker/wire/kafka/tasks.h"

namespace tandem::wire::kafka {
namespace {

bool is_this_node_alone(const std::vector<std::int32_t>& nodes) {
  return nodes.size() == 1 && nodes.front() == node_id;
}

/// Partitions 0..n-1, each once, all on this node.
bool is_possible(const std::vector<CreateTopicsRequest::Assignment>& assignments) {
  std::set<std::int32_t> indexes;
  for (const auto& each : assignments)
    if (!is_this_node_alone(each.nodes) || !indexes.insert(each.partition).second) return false;
  return *indexes.begin() == 0 && *indexes.rbegin() == static_cast<std::int32_t>(indexes.size()) - 1;
}

class CreateTopics final : public TaskOf<CreateTopicsRequest, CreateTopicsResponse> {
 public:
  using TaskOf::TaskOf;

  void begin(const Request& request) {
    response_.topics.resize(request.topics.size());
    Repeats<std::string_view> repeats;
    for (std::uint32_t part = 0; part < request.topics.size(); ++part) {
      response_.topics[part].name = request.topics[part].name;
      if (repeats(request.topics[part].name))
        refuse(part, error::invalid_request, named_before);
      else if (part >= limits::topics_max)
        refuse(part, error::policy_violation, "a broker has at most " + std::to_string(limits::topics_max) + " topics");
      else
        create(part, request.topics[part], request.validate_only);
    }
  }

  void take(std::uint32_t part, const core::Send& send, Bodies) override {
    if (const auto* created = core::get_if<core::TopicOk>(&send)) show(part, created->topic);
    if (const auto* refused = core::get_if<core::Refused>(&send))
      refuse(part, topic_error_of(refused->refusal), core::to_text(refused->refusal));
  }

 private:
  void create(std::uint32_t part, const CreateTopicsRequest::Topic& topic, bool validate_only) {
    const std::int32_t replication_max = kafka::replication_max(port());
    if (topic.replication != -1 && (topic.replication < 1 || topic.replication > replication_max))
      return refuse(part, error::invalid_replication_factor,
                    "the replication factor must be from 1 to " + std::to_string(replication_max));
    std::int32_t partitions = topic.partitions == -1 ? default_partitions(port()) : topic.partitions;
    if (!topic.assignments.empty()) {
      if (!is_possible(topic.assignments))
        return refuse(part, error::invalid_replica_assignment, "every replica is on node 1, the only one");
      partitions = static_cast<std::int32_t>(topic.assignments.size());
    }
    std::vector<core::TopicConfigEntry> config;
    for (const auto& each : topic.configs)
      if (each.value) config.push_back({each.name, *each.value});
    submit(core::CreateTopic{expect(part), topic.name, partitions, config, validate_only});
  }

  void show(std::uint32_t part, const core::TopicCreated& topic) {
    auto& out = response_.topics[part];
    out.id = {topic.uuid_high, topic.uuid_low};
    out.partitions = topic.partitions;
    out.replication = 1;
    out.configs.emplace();
    for (const core::TopicConfigKey& key : core::topic_config_keys()) {
      const ConfigValue value = config_value(topic, key);
      out.configs->push_back({std::string(key.name), value.text, false, value.source, false});
    }
  }

  void refuse(std::uint32_t part, std::int16_t error, std::string text) {
    response_.topics[part].error = error;
    response_.topics[part].error_message = std::move(text);
  }
};

class DeleteTopics final : public TaskOf<DeleteTopicsRequest, DeleteTopicsResponse> {
 public:
  using TaskOf::TaskOf;

  void begin(const Request& request) {
    for (const std::string_view name : request.names)
      response_.topics.emplace_back().name = std::string(name);
    for (const auto& topic : request.topics) {
      auto& out = response_.topics.emplace_back();
      if (topic.name) out.name = std::string(*topic.name);
      out.id = topic.id;
    }
    const bool by_id = std::any_of(response_.topics.begin(), response_.topics.end(),
                                   [](const auto& topic) { return !topic.name; });
    if (by_id) return submit(core::Describe{expect(), core::Subject::topics, ""});
    delete_all();
  }

  void take(std::uint32_t part, const core::Send& send, Bodies) override {
    if (const auto* described = core::get_if<core::Described>(&send)) {
      find_names(*described);
      delete_all();
    }
    if (const auto* refused = core::get_if<core::Refused>(&send)) {
      response_.topics[part].error = topic_error_of(refused->refusal);
      response_.topics[part].error_message = core::to_text(refused->refusal);
    }
  }

 private:
  void find_names(const core::Described& described) {
    std::map<Uuid, std::string_view> names;
    for (const core::TopicInfo& info : described.topics)
      names.emplace(Uuid{info.topic.uuid_high, info.topic.uuid_low}, info.topic.name);
    for (auto& topic : response_.topics) {
      if (topic.name) continue;
      if (const auto found = names.find(topic.id); found != names.end())
        topic.name = std::string(found->second);
      else
        topic.error = error::unknown_topic_id;
    }
  }

  void delete_all() {
    for (std::uint32_t part = 0; part < response_.topics.size(); ++part)
      if (response_.topics[part].name) submit(core::DeleteTopic{expect(part), *response_.topics[part].name});
  }
};

class CreatePartitions final : public TaskOf<CreatePartitionsRequest, CreatePartitionsResponse> {
 public:
  using TaskOf::TaskOf;

  void begin(const Request& request) {
    response_.topics.resize(request.topics.size());
    for (std::uint32_t part = 0; part < request.topics.size(); ++part) {
      const auto& topic = request.topics[part];
      response_.topics[part].name = topic.name;
      if (topic.count < 1)
        refuse(part, error::invalid_partitions, "a topic has at least one partition");
      else if (topic.assignments && !std::all_of(topic.assignments->begin(), topic.assignments->end(),
                                                 [](const auto& each) { return is_this_node_alone(each.nodes); }))
        refuse(part, error::invalid_replica_assignment, "every replica is on node 1, the only one");
      else
        submit(core::AlterTopic{expect(part), topic.name, topic.count, {}, {}, request.validate_only});
    }
  }

  void take(std::uint32_t part, const core::Send& send, Bodies) override {
    if (const auto* refused = core::get_if<core::Refused>(&send))
      refuse(part, topic_error_of(refused->refusal), core::to_text(refused->refusal));
  }

 private:
  void refuse(std::uint32_t part, std::int16_t error, std::string text) {
    response_.topics[part].error = error;
    response_.topics[part].error_message = std::move(text);
  }
};

}  // namespace

bool begin_create_topics(Arrival& arrival) {
  return begin<CreateTopics>(arrival);
}
bool begin_delete_topics(Arrival& arrival) {
  return begin<DeleteTopics>(arrival);
}
bool begin_create_partitions(Arrival& arrival) {
  return begin<CreatePartitions>(arrival);
}

}  // namespace tandem::wire::kafka
