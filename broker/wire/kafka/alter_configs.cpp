// Configuration of topics, changed: AlterConfigs replaces all of it, IncrementalAlterConfigs single keys. Both
// look at the topic first, since the core knows only setting and removing.
#include <algorithm>
#include <set>

#include "broker/core/topic_options.h"
#include "broker/wire/kafka/error.h"
#include "broker/wire/kafka/messages_admin.h"
#include "broker/wire/kafka/repeats.h"
#include "broker/wire/kafka/resource.h"
#include "broker/wire/kafka/tasks.h"

namespace tandem::wire::kafka {
namespace {

enum class ConfigOperation : std::int8_t { set = 0, remove = 1, append = 2, subtract = 3 };

struct ConfigChange {
  std::string name;
  std::int8_t operation = 0;
  std::optional<std::string> value;
};

std::vector<std::string> split_list(std::string_view list) {
  std::vector<std::string> items;
  while (!list.empty()) {
    const std::size_t comma = std::min(list.find(','), list.size());
    if (comma > 0) items.emplace_back(list.substr(0, comma));
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return items;
}

std::string join_list(const std::vector<std::string>& items) {
  std::string list;
  for (const std::string& item : items) list += (list.empty() ? "" : ",") + item;
  return list;
}

/// The list after items were added to it or taken from it.
std::string changed_list(std::string_view current, const ConfigChange& change) {
  std::vector<std::string> items = split_list(current);
  for (const std::string& item : split_list(change.value.value_or(""))) {
    std::erase(items, item);
    if (change.operation == static_cast<std::int8_t>(ConfigOperation::append)) items.push_back(item);
  }
  return join_list(items);
}

std::string_view current_value(const core::TopicCreated& topic, const core::TopicConfigKey& key) {
  for (const auto& [name, value] : topic.config)
    if (name == key.name) return value;
  return key.default_value;
}

/// What is wrong with a change whatever the topic is; "" when nothing is.
std::string judge_change(const ConfigChange& change) {
  if (change.operation < 0 || change.operation > 3) return change.name + ": unknown operation";
  const bool is_removal = change.operation == static_cast<std::int8_t>(ConfigOperation::remove);
  if (!is_removal && !change.value) return change.name + ": a value is needed";
  const core::TopicConfigKey* key = core::find_topic_config_key(change.name);
  const bool of_list = change.operation >= static_cast<std::int8_t>(ConfigOperation::append);
  if (of_list && key && key->type != core::ConfigType::list) return change.name + " is not a list";
  return "";
}

/// Shared by both requests.
template <class RequestType>
class AlterTask : public TaskOf<RequestType, AlterConfigsResponse> {
 public:
  using TaskOf<RequestType, AlterConfigsResponse>::TaskOf;

  void take(std::uint32_t part, const core::Send& send, Bodies) override {
    if (const auto* described = core::get_if<core::Described>(&send)) {
      if (described->topics.empty())
        return refuse(part, error::unknown_topic_or_partition, "there is no such topic");
      alter(part, described->topics.front().topic);
    }
    if (const auto* refused = core::get_if<core::Refused>(&send))
      refuse(part, topic_error_of(refused->refusal), core::to_text(refused->refusal));
  }

 protected:
  void begin_all(const RequestType& request, bool replaces) {
    replaces_ = replaces;
    validate_only_ = request.validate_only;
    this->response_.resources.resize(request.resources.size());
    changes_.resize(request.resources.size());
    Repeats<std::pair<std::int8_t, std::string_view>> repeats;
    for (std::uint32_t part = 0; part < request.resources.size(); ++part) {
      const auto& resource = request.resources[part];
      this->response_.resources[part].type = resource.type;
      this->response_.resources[part].name = resource.name;
      if (repeats({resource.type, resource.name}))
        refuse(part, error::invalid_request, named_before);
      else
        begin_one(part, resource);
    }
  }
  std::vector<std::vector<ConfigChange>> changes_;  // by part

 private:
  virtual void read_changes(std::uint32_t part, const typename decltype(RequestType::resources)::value_type&) = 0;

  template <class Resource>
  void begin_one(std::uint32_t part, const Resource& resource) {
    if (resource.type != resource::topic)
      return refuse(part, error::invalid_request,
                    resource.type == resource::broker ? "a broker's options are given at its start"
                                                      : "topics (2) can be configured");
    if (core::judge_topic_name(resource.name))
      return refuse(part, error::invalid_topic, "that is no topic's name");
    read_changes(part, resource);
    std::set<std::string_view> names;
    for (const ConfigChange& change : changes_[part]) {
      if (!names.insert(change.name).second)
        return refuse(part, error::invalid_request, change.name + " is there twice");
      if (const std::string fault = judge_change(change); !fault.empty())
        return refuse(part, error::invalid_config, fault);
    }
    this->submit(core::Describe{this->expect(part), core::Subject::topics, resource.name});
  }

  void alter(std::uint32_t part, const core::TopicCreated& topic) {
    std::vector<std::pair<std::string, std::string>> values;
    std::vector<std::string_view> remove;
    for (const ConfigChange& change : changes_[part]) {
      const core::TopicConfigKey* key = core::find_topic_config_key(change.name);
      const bool of_list = change.operation >= static_cast<std::int8_t>(ConfigOperation::append);
      if (change.operation == static_cast<std::int8_t>(ConfigOperation::remove))
        remove.push_back(change.name);
      else
        values.emplace_back(change.name,
                            of_list && key ? changed_list(current_value(topic, *key), change) : *change.value);
    }
    if (replaces_)
      for (const auto& current : topic.config)
        if (std::none_of(values.begin(), values.end(),
                         [&](const auto& each) { return each.first == current.first; }))
          remove.push_back(current.first);
    std::vector<core::TopicConfigEntry> set;
    for (const auto& [name, value] : values) set.push_back({name, value});
    this->submit(core::AlterTopic{this->expect(part), this->response_.resources[part].name, 0, set, remove,
                                  validate_only_});
  }

  void refuse(std::uint32_t part, std::int16_t error, std::string text) {
    this->response_.resources[part].error = error;
    this->response_.resources[part].error_message = std::move(text);
  }

  bool replaces_ = false, validate_only_ = false;
};

class AlterConfigs final : public AlterTask<AlterConfigsRequest> {
 public:
  using AlterTask::AlterTask;
  void begin(const AlterConfigsRequest& request) { begin_all(request, true); }

 private:
  void read_changes(std::uint32_t part, const AlterConfigsRequest::Resource& resource) override {
    for (const auto& config : resource.configs)
      changes_[part].push_back({std::string(config.name), 0, std::string(config.value.value_or(""))});
  }
};

class IncrementalAlterConfigs final : public AlterTask<IncrementalAlterConfigsRequest> {
 public:
  using AlterTask::AlterTask;
  void begin(const IncrementalAlterConfigsRequest& request) { begin_all(request, false); }

 private:
  void read_changes(std::uint32_t part, const IncrementalAlterConfigsRequest::Resource& resource) override {
    for (const auto& config : resource.configs) {
      ConfigChange change{std::string(config.name), config.operation, std::nullopt};
      if (config.value) change.value = std::string(*config.value);
      changes_[part].push_back(std::move(change));
    }
  }
};

}  // namespace

bool begin_alter_configs(Arrival& arrival) {
  return begin<AlterConfigs>(arrival);
}
bool begin_incremental_alter_configs(Arrival& arrival) {
  return begin<IncrementalAlterConfigs>(arrival);
}

}  // namespace tandem::wire::kafka
