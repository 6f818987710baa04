// Which topics there are and who leads them; a topic that is asked for by name is created when the broker and
// the client want that.
#include <map>

#include "broker/core/topic_options.h"
#include "broker/wire/kafka/error.h"
#include "broker/wire/kafka/messages_cluster.h"
#include "broker/wire/kafka/operations.h"
#include "broker/wire/kafka/repeats.h"
#include "broker/wire/kafka/settings.h"
#include "broker/wire/kafka/tasks.h"

namespace tandem::wire::kafka {
namespace {

using MetadataTopic = MetadataResponse::Topic;

void show_topic(MetadataTopic& out, const core::TopicCreated& topic) {
  out.error = error::none;
  out.name = topic.name;
  out.id = {topic.uuid_high, topic.uuid_low};
  out.partitions.resize(static_cast<std::size_t>(topic.partitions));
  std::int32_t index = 0;
  for (MetadataResponse::Partition& partition : out.partitions) {
    partition.index = index++;
    partition.leader = node_id;
    partition.leader_epoch = leader_epoch;
    partition.replicas = partition.in_sync = {node_id};
  }
}

class Metadata final : public TaskOf<MetadataRequest, MetadataResponse> {
 public:
  using TaskOf::TaskOf;

  void begin(const Request& request) {
    creates_ = request.allow_auto_topic_creation && creates_topics(port());
    tells_operations_ = request.include_topic_operations;
    const Advertised here = advertised(conversation().context);
    response_.nodes.push_back({node_id, here.host, here.port, std::nullopt});
    response_.cluster_id = std::string(port().fact("cluster_id"));
    response_.controller = node_id;
    response_.cluster_operations =
        request.include_cluster_operations ? cluster_operations(conversation()) : operations_not_asked;
    // Before version 1 an empty list meant all, since there was no null.
    const bool all = !request.topics || (version() == 0 && request.topics->empty());
    if (all)
      submit(core::Describe{expect(all_topics), core::Subject::topics, ""});
    else
      ask_for(once_each(*request.topics));
  }

  void take(std::uint32_t part, const core::Send& send, Bodies) override {
    if (const auto* described = core::get_if<core::Described>(&send))
      part == all_topics ? take_all(*described) : take_one(part, *described);
    if (const auto* created = core::get_if<core::TopicOk>(&send)) show(response_.topics[part], created->topic);
    if (const auto* refused = core::get_if<core::Refused>(&send)) take_refusal(part, refused->refusal);
  }

 private:
  static constexpr std::uint32_t all_topics = (1u << part_bits) - 1;

  /// As Kafka, which makes a set of them.
  static std::vector<MetadataRequest::Topic> once_each(const std::vector<MetadataRequest::Topic>& topics) {
    Repeats<std::string_view> names;
    Repeats<Uuid> ids;
    std::vector<MetadataRequest::Topic> once;
    for (const auto& topic : topics)
      if (topic.name ? !names(*topic.name) : !ids(topic.id)) once.push_back(topic);
    return once;
  }

  void ask_for(const std::vector<MetadataRequest::Topic>& topics) {
    response_.topics.resize(topics.size());
    bool by_id = false;
    for (std::size_t i = 0; i < topics.size(); ++i) {
      response_.topics[i].operations = operations_of(topics[i].name);
      response_.topics[i].id = topics[i].id;
      if (topics[i].name) response_.topics[i].name = std::string(*topics[i].name);
      if (!topics[i].name) {
        response_.topics[i].error = error::unknown_topic_id;
        by_id = true;
      }
    }
    by_id_ = by_id;
    if (by_id) submit(core::Describe{expect(all_topics), core::Subject::topics, ""});
    for (std::uint32_t part = 0; part < topics.size(); ++part)
      if (topics[part].name) look_for(part);
  }

  void look_for(std::uint32_t part) {
    MetadataTopic& topic = response_.topics[part];
    topic.id = {};
    if (core::judge_topic_name(*topic.name)) {
      topic.error = error::invalid_topic;
      return;
    }
    submit(core::Describe{expect(part), core::Subject::topics, *topic.name});
  }

  std::int32_t operations_of(std::optional<std::string_view> topic) const {
    return tells_operations_ && topic ? topic_operations(conversation(), *topic) : operations_not_asked;
  }

  void show(MetadataTopic& out, const core::TopicCreated& topic) const {
    show_topic(out, topic);
    out.operations = operations_of(topic.name);
  }

  void take_all(const core::Described& described) {
    if (by_id_) return take_by_id(described);
    for (const core::TopicInfo& info : described.topics) show(response_.topics.emplace_back(), info.topic);
  }

  void take_by_id(const core::Described& described) {
    std::map<Uuid, MetadataTopic*> wanted;
    for (MetadataTopic& topic : response_.topics)
      if (!topic.name) wanted.emplace(topic.id, &topic);
    for (const core::TopicInfo& info : described.topics)
      if (const auto found = wanted.find({info.topic.uuid_high, info.topic.uuid_low}); found != wanted.end())
        show(*found->second, info.topic);
  }

  void take_one(std::uint32_t part, const core::Described& described) {
    MetadataTopic& topic = response_.topics[part];
    if (!described.topics.empty()) return show(topic, described.topics.front().topic);
    topic.error = error::unknown_topic_or_partition;
    if (creates_) submit(core::CreateTopic{expect(part), *topic.name, default_partitions(port()), {}, false});
  }

  void take_refusal(std::uint32_t part, const core::Refusal& refusal) {
    // Somebody else was faster.
    if (refusal.code == ErrorCode::already_exists) return look_for(part);
    response_.topics[part].error = topic_error_of(refusal);
  }

  bool creates_ = false;
  bool by_id_ = false;
  bool tells_operations_ = false;
};

}  // namespace

bool begin_metadata(Arrival& arrival) {
  return begin<Metadata>(arrival);
}

}  // namespace tandem::wire::kafka
