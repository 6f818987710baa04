// Described: what there is. A listing may be of 200,000 queues, so it is cut into frames.
#include <charconv>

#include "broker/wire/native/answers.h"
#include "broker/wire/native/fields.h"
#include "broker/wire/native/members.h"

namespace tandem::wire::native {
namespace {

// A frame of a listing is ended when it has grown to this. The largest single row stays far below a frame's
// limit.
constexpr std::size_t listing_frame_wanted_bytes = 512 * 1024;

template <class T>
using Fields = flatbuffers::Offset<flatbuffers::Vector<flatbuffers::Offset<T>>>;

flatbuffers::Offset<flatbuffers::Vector<std::uint8_t>> arguments_field(const Table& arguments) {
  if (arguments.empty()) return 0;
  std::vector<std::byte> encoded;
  append_table(encoded, arguments);
  return bytes_field(tandem::text_of(Bytes(encoded)));
}

// --- one row of each kind
// ---------------------------------------------------------------------------------------------

flatbuffers::Offset<fb::ExchangeInfo> row(Builder& b, const core::ExchangeInfo& info) {
  const core::ExchangeDeclared& e = info.exchange;
  const auto name = text_field(e.name);
  const auto kind = text_field(exchange_kind_name(e.kind));
  const auto arguments = arguments_field(e.arguments);
  const auto policy = text_field(info.policy);
  return fb::CreateExchangeInfo(b, name, kind, e.durable, e.auto_delete, e.internal, arguments, info.published,
                                policy);
}

flatbuffers::Offset<fb::QueueInfo> row(Builder& b, const core::QueueInfo& info) {
  const auto name = text_field(info.queue.name);
  const auto arguments = arguments_field(info.queue.arguments);
  const auto policy = text_field(info.policy);
  fb::QueueInfoBuilder q(b);
  q.add_name(name);
  q.add_durable(info.queue.durable);
  q.add_exclusive(info.queue.exclusive);
  q.add_auto_delete(info.queue.auto_delete);
  q.add_arguments(arguments);
  q.add_ready(info.ready);
  q.add_unsettled(info.unsettled);
  q.add_size_bytes(info.size_bytes);
  q.add_consumers(info.consumers);
  q.add_accepted(info.accepted);
  q.add_acked(info.acked);
  q.add_expired(info.expired);
  q.add_dropped(info.dropped);
  q.add_dead_lettered(info.dead_lettered);
  q.add_purged(info.purged);
  q.add_redelivered(info.redelivered);
  q.add_resident(info.resident);
  q.add_policy(policy);
  return q.Finish();
}

flatbuffers::Offset<fb::PolicyInfo> row(Builder& b, const core::PolicySet& policy) {
  const auto name = text_field(policy.name);
  const auto pattern = text_field(policy.pattern);
  const auto definition = arguments_field(policy.definition);
  return fb::CreatePolicyInfo(b, name, pattern, static_cast<fb::PolicyTarget>(policy.target), policy.priority,
                              definition);
}

flatbuffers::Offset<fb::UserInfo> row(Builder& b, const core::UserDeclared& user) {
  const auto name = text_field(user.name);
  const auto hash = bytes_field(user.password_hash);
  const auto tags = b.CreateVectorOfStrings(user.tags);
  const core::Permissions& permissions = user.permissions;
  const auto configure = b.CreateString(permissions.configure), write = b.CreateString(permissions.write),
             read = b.CreateString(permissions.read);
  return fb::CreateUserInfo(b, name, static_cast<fb::PasswordKind>(user.password_kind), hash, tags, user.permitted,
                            configure, write, read);
}

flatbuffers::Offset<fb::BindingInfo> row(Builder& b, const core::BindingInfo& info) {
  const auto source = text_field(info.source);
  const auto destination = text_field(info.destination);
  const auto routing_key = text_field(info.routing_key);
  const auto arguments = arguments_field(info.arguments);
  return fb::CreateBindingInfo(b, source, destination_field(info.destination_kind), destination, routing_key,
                               arguments, info.durable);
}

Fields<fb::ConfigEntry> config_field(Builder& b,
                                     const std::vector<std::pair<std::string, std::string>>& config) {
  std::vector<flatbuffers::Offset<fb::ConfigEntry>> entries;
  for (const auto& [key, value] : config) {
    const auto key_offset = text_field(key);
    const auto value_offset = text_field(value);
    entries.push_back(fb::CreateConfigEntry(b, key_offset, value_offset));
  }
  return b.CreateVector(entries);
}

flatbuffers::Offset<fb::TopicInfo> row(Builder& b, const core::TopicInfo& info) {
  std::vector<flatbuffers::Offset<fb::PartitionInfo>> partitions;
  for (const core::PartitionInfo& p : info.partitions)
    partitions.push_back(
        fb::CreatePartitionInfo(b, p.index, p.start, p.end, p.visible_end, p.last_stable, p.size_bytes));
  const auto name = text_field(info.topic.name);
  const auto config = config_field(b, info.topic.config);
  const auto partitions_offset = b.CreateVector(partitions);
  return fb::CreateTopicInfo(b, name, info.topic.uuid_high, info.topic.uuid_low, config,
                             info.topic.created_at, partitions_offset);
}

Fields<fb::GroupOffsetInfo> group_offsets_field(Builder& b,
                                                const std::vector<core::GroupOffsetInfo>& offsets) {
  std::vector<flatbuffers::Offset<fb::GroupOffsetInfo>> fields;
  for (const core::GroupOffsetInfo& o : offsets) {
    const auto topic = text_field(o.topic);
    const auto metadata = text_field(o.metadata);
    fields.push_back(
        fb::CreateGroupOffsetInfo(b, topic, o.partition, o.committed, o.end, metadata, o.committed_at));
  }
  return b.CreateVector(fields);
}

flatbuffers::Offset<fb::GroupInfo> row(Builder& b, const core::GroupInfo& info) {
  const auto name = text_field(info.name);
  const auto state = text_field(info.state);
  const auto protocol_type = text_field(info.protocol_type);
  const auto protocol_name = text_field(info.protocol_name);
  const auto leader = text_field(info.leader);
  const auto members = members_field(info.members);
  const auto offsets = group_offsets_field(b, info.offsets);
  return fb::CreateGroupInfo(b, name, state, protocol_type, protocol_name, leader, info.generation, members,
                             offsets);
}

flatbuffers::Offset<fb::ConnectionInfo> row(Builder& b, const core::ConnectionInfo& info) {
  const auto name = text_field(info.name);
  const auto user = text_field(info.user);
  const auto face = text_field(info.face);
  return fb::CreateConnectionInfo(b, info.connection.value, name, user, face, info.channels, info.consumers,
                                  info.unsettled, info.writable);
}

flatbuffers::Offset<fb::ConsumerInfo> row(Builder& b, const core::ConsumerInfo& info) {
  const auto queue = text_field(info.queue);
  const auto tag = text_field(info.tag);
  return fb::CreateConsumerInfo(b, info.channel.connection.value, info.channel.number, info.consumer, queue,
                                info.prefetch, info.unsettled, info.no_ack, info.exclusive, info.active,
                                info.priority, tag);
}

// --- the listing
// ------------------------------------------------------------------------------------------------------

class ListingFrames {
 public:
  ListingFrames(Speaker& speaker, const core::Caller& who) : speaker_(speaker), who_(who) {}

  /// `add` is the field of Described that the rows belong to.
  template <class Info, class Row>
  void say_rows(const std::vector<Info>& infos, void (fb::DescribedBuilder::*add)(Fields<Row>), bool more = false) {
    Builder& b = Speaker::builder();
    std::vector<flatbuffers::Offset<Row>> rows;
    for (const Info& info : infos) {
      if (b.GetSize() >= listing_frame_wanted_bytes) say_frame(rows, add, true);
      rows.push_back(row(b, info));
    }
    say_frame(rows, add, more);
  }

 private:
  template <class Row>
  void say_frame(std::vector<flatbuffers::Offset<Row>>& rows, void (fb::DescribedBuilder::*add)(Fields<Row>),
                 bool more) {
    Builder& b = Speaker::builder();
    const Fields<Row> rows_offset = b.CreateVector(rows);
    fb::DescribedBuilder described(b);
    (described.*add)(rows_offset);
    described.add_more(more);
    speaker_.say(number_of(who_.request), who_.channel.number, described.Finish());
    rows.clear();
  }

  Speaker& speaker_;
  const core::Caller& who_;
};

/// A fact of the process that the server keeps as decimal text; 0 when it has none.
std::uint64_t number_fact(const BrokerPort& port, std::string_view name) {
  const std::string_view text = port.fact(name);
  std::uint64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

void add_counts(fb::BrokerInfoBuilder& b, const core::BrokerInfo& info) {
  b.add_exchanges(info.exchanges);
  b.add_queues(info.queues);
  b.add_bindings(info.bindings);
  b.add_topics(info.topics);
  b.add_partitions(info.partitions);
  b.add_groups(info.groups);
  b.add_connections(info.connections);
  b.add_consumers(info.consumers);
  b.add_ready(info.ready);
  b.add_unsettled(info.unsettled);
  b.add_published(info.published);
  b.add_delivered(info.delivered);
  b.add_acked(info.acked);
  b.add_appended_batches(info.appended_batches);
  b.add_appended_records(info.appended_records);
  b.add_turn(info.turn);
  b.add_persisted(info.persisted);
  b.add_disk_alarm(info.disk_alarm);
  b.add_memory_alarm(info.memory_alarm);
}

void add_process_facts(fb::BrokerInfoBuilder& b, const BrokerPort& port) {
  b.add_pid(static_cast<std::uint32_t>(number_fact(port, "pid")));
  b.add_uptime_ms(number_fact(port, "uptime_ms"));
  b.add_rss_bytes(number_fact(port, "rss_bytes"));
  b.add_journal_bytes(number_fact(port, "journal_bytes"));
  b.add_backlog_bytes(number_fact(port, "backlog_bytes"));
  b.add_topic_bytes(number_fact(port, "topic_bytes"));
  b.add_disk_free_bytes(number_fact(port, "disk_free_bytes"));
}

void say_broker(Speaker& speaker, const BrokerPort& port, const core::Described& described) {
  const auto version = text_field(port.fact("version"));
  fb::BrokerInfoBuilder info(Speaker::builder());
  add_counts(info, described.broker);
  add_process_facts(info, port);
  info.add_version(version);
  const auto info_offset = info.Finish();
  fb::DescribedBuilder answer(Speaker::builder());
  answer.add_broker(info_offset);
  speaker.say(number_of(described.who.request), described.who.channel.number, answer.Finish());
}

}  // namespace

void say_listing(Speaker& speaker, const BrokerPort& port, const core::Described& described) {
  ListingFrames listing(speaker, described.who);
  const bool more = described.next_after != 0;
  using fb::DescribedBuilder;
  switch (described.subject) {
    case core::Subject::exchanges:
      return listing.say_rows(described.exchanges, &DescribedBuilder::add_exchanges);
    case core::Subject::queues:
      return listing.say_rows(described.queues, &DescribedBuilder::add_queues, more);
    case core::Subject::bindings:
      return listing.say_rows(described.bindings, &DescribedBuilder::add_bindings, more);
    case core::Subject::topics:
      return listing.say_rows(described.topics, &DescribedBuilder::add_topics);
    case core::Subject::groups:
      return listing.say_rows(described.groups, &DescribedBuilder::add_groups);
    case core::Subject::connections:
      return listing.say_rows(described.connections, &DescribedBuilder::add_connections);
    case core::Subject::consumers:
      return listing.say_rows(described.consumers, &DescribedBuilder::add_consumers);
    case core::Subject::policies:
      return listing.say_rows(described.policies, &DescribedBuilder::add_policies);
    case core::Subject::users:
      return listing.say_rows(described.users, &DescribedBuilder::add_users);
    case core::Subject::producers:
    case core::Subject::transactions:
      break;  // no request of this protocol asks for them
    case core::Subject::broker:
      return say_broker(speaker, port, described);
  }
}

}  // namespace tandem::wire::native
