// Requests that look at what there is. A long answer comes in several frames.
#include <algorithm>

#include "client/asking.h"

namespace tandem::client {
static Frame describe(Address address, fb::Subject subject, std::string_view name = {}) {
  return make_frame(address, [&](auto& b) { return fb::CreateDescribe(b, subject, put_text(b, name)); });
}

static Frame encode(Address address, const DescribeExchanges& r) {
  return describe(address, fb::Subject::exchanges, r.name);
}
static Frame encode(Address address, const DescribeQueues& r) {
  return describe(address, fb::Subject::queues, r.name);
}
static Frame encode(Address address, const DescribeBindings& r) {
  return describe(address, fb::Subject::bindings, r.name);
}
static Frame encode(Address address, const DescribeTopics& r) {
  return describe(address, fb::Subject::topics, r.name);
}
static Frame encode(Address address, const DescribeGroups& r) {
  return describe(address, fb::Subject::groups, r.name);
}
static Frame encode(Address address, const DescribePolicies& r) {
  return describe(address, fb::Subject::policies, r.name);
}
static Frame encode(Address address, const DescribeUsers& r) {
  return describe(address, fb::Subject::users, r.name);
}
static Frame encode(Address address, const DescribeConnections&) {
  return describe(address, fb::Subject::connections);
}
static Frame encode(Address address, const DescribeConsumers&) {
  return describe(address, fb::Subject::consumers);
}
static Frame encode(Address address, const DescribeBroker&) {
  return describe(address, fb::Subject::broker);
}

static ExchangeInfo info_of(const fb::ExchangeInfo& i) {
  return {owned(i.name()), owned(i.kind()),         i.durable(),  i.auto_delete(),
          i.internal(),    table_of(i.arguments()), i.published(), owned(i.policy())};
}
static QueueInfo info_of(const fb::QueueInfo& i) {
  QueueInfo info;
  info.name = owned(i.name());
  info.durable = i.durable();
  info.exclusive = i.exclusive();
  info.auto_delete = i.auto_delete();
  info.arguments = table_of(i.arguments());
  info.ready = i.ready();
  info.unsettled = i.unsettled();
  info.size_bytes = i.size_bytes();
  info.consumers = i.consumers();
  info.accepted = i.accepted();
  info.acked = i.acked();
  info.expired = i.expired();
  info.dropped = i.dropped();
  info.dead_lettered = i.dead_lettered();
  info.purged = i.purged();
  info.redelivered = i.redelivered();
  info.resident = i.resident();
  info.policy = owned(i.policy());
  return info;
}
static BindingInfo info_of(const fb::BindingInfo& i) {
  return {owned(i.source()),       static_cast<Destination>(i.destination_kind()),
          owned(i.destination()),  owned(i.routing_key()),
          table_of(i.arguments()), i.durable()};
}
static SetPolicy info_of(const fb::PolicyInfo& i) {
  return {owned(i.name()), owned(i.pattern()), static_cast<PolicyTarget>(i.target()), i.priority(),
          table_of(i.definition())};
}
static UserInfo info_of(const fb::UserInfo& i) {
  UserInfo info{owned(i.name()), static_cast<PasswordKind>(i.password_kind()),
                std::string(tandem::text_of(bytes_of(i.password_hash()))), {}, i.permitted()};
  if (i.configure()) info.configure = owned(i.configure());
  if (i.write()) info.write = owned(i.write());
  if (i.read()) info.read = owned(i.read());
  if (i.tags())
    for (const auto* tag : *i.tags()) info.tags.push_back(owned(tag));
  return info;
}
static PartitionInfo info_of(const fb::PartitionInfo& i) {
  return {i.partition(), i.start(), i.end(), i.visible_end(), i.last_stable(), i.size_bytes()};
}

template <class Info, class Table_>
static void read_list(const flatbuffers::Vector<flatbuffers::Offset<Table_>>* field, std::vector<Info>& out);

static TopicInfo info_of(const fb::TopicInfo& i) {
  TopicInfo info{owned(i.name()), i.uuid_high(), i.uuid_low(), {}, i.created_at(), {}};
  if (i.config())
    for (const auto* entry : *i.config())
      info.config.emplace_back(owned(entry->key()), owned(entry->value()));
  read_list(i.partitions(), info.partitions);
  return info;
}
static GroupMemberInfo info_of(const fb::GroupMember& i) {
  return {owned(i.member()),
          owned(i.instance()),
          owned(i.client_id()),
          owned(i.client_host()),
          std::string(tandem::text_of(bytes_of(i.metadata()))),
          std::string(tandem::text_of(bytes_of(i.assignment())))};
}
static GroupOffsetInfo info_of(const fb::GroupOffsetInfo& i) {
  return {owned(i.topic()), i.partition(), i.committed(), i.end(), owned(i.metadata()), i.committed_at()};
}
static GroupInfo info_of(const fb::GroupInfo& i) {
  GroupInfo info;
  info.name = owned(i.name());
  info.state = owned(i.state());
  info.protocol_type = owned(i.protocol_type());
  info.protocol_name = owned(i.protocol_name());
  info.leader = owned(i.leader());
  info.generation = i.generation();
  read_list(i.members(), info.members);
  read_list(i.offsets(), info.offsets);
  return info;
}
static ConnectionInfo info_of(const fb::ConnectionInfo& i) {
  return {i.id(),       owned(i.name()), owned(i.user()), owned(i.face()),
          i.channels(), i.consumers(),   i.unsettled(),   i.writable()};
}
static ConsumerInfo info_of(const fb::ConsumerInfo& i) {
  return {i.connection(), i.channel(),   i.consumer(), owned(i.queue()), i.prefetch(),  i.unsettled(),
          i.no_ack(),     i.exclusive(), i.active(),   i.priority(),     owned(i.tag())};
}
static BrokerInfo info_of(const fb::BrokerInfo& i) {
  BrokerInfo info;
  info.exchanges = i.exchanges();
  info.queues = i.queues();
  info.bindings = i.bindings();
  info.topics = i.topics();
  info.partitions = i.partitions();
  info.groups = i.groups();
  info.connections = i.connections();
  info.consumers = i.consumers();
  info.ready = i.ready();
  info.unsettled = i.unsettled();
  info.published = i.published();
  info.delivered = i.delivered();
  info.acked = i.acked();
  info.appended_batches = i.appended_batches();
  info.appended_records = i.appended_records();
  info.turn = i.turn();
  info.persisted = i.persisted();
  info.disk_alarm = i.disk_alarm();
  info.memory_alarm = i.memory_alarm();
  info.version = owned(i.version());
  info.pid = i.pid();
  info.uptime_ms = i.uptime_ms();
  info.rss_bytes = i.rss_bytes();
  info.journal_bytes = i.journal_bytes();
  info.backlog_bytes = i.backlog_bytes();
  info.topic_bytes = i.topic_bytes();
  info.disk_free_bytes = i.disk_free_bytes();
  return info;
}

template <class Info, class Table_>
static void read_list(const flatbuffers::Vector<flatbuffers::Offset<Table_>>* field, std::vector<Info>& out) {
  if (!field) return;
  for (const auto* item : *field) out.push_back(info_of(*item));
}

static const auto* list_for(const fb::Described& d, const std::vector<ExchangeInfo>&) {
  return d.exchanges();
}
static const auto* list_for(const fb::Described& d, const std::vector<QueueInfo>&) {
  return d.queues();
}
static const auto* list_for(const fb::Described& d, const std::vector<BindingInfo>&) {
  return d.bindings();
}
static const auto* list_for(const fb::Described& d, const std::vector<TopicInfo>&) {
  return d.topics();
}
static const auto* list_for(const fb::Described& d, const std::vector<GroupInfo>&) {
  return d.groups();
}
static const auto* list_for(const fb::Described& d, const std::vector<ConnectionInfo>&) {
  return d.connections();
}
static const auto* list_for(const fb::Described& d, const std::vector<SetPolicy>&) {
  return d.policies();
}
static const auto* list_for(const fb::Described& d, const std::vector<UserInfo>&) {
  return d.users();
}
static const auto* list_for(const fb::Described& d, const std::vector<ConsumerInfo>&) {
  return d.consumers();
}

// The broker gives queues in the order they were declared, piece by piece.
static void put_in_order(std::vector<QueueInfo>& queues) {
  std::sort(queues.begin(), queues.end(), [](const QueueInfo& a, const QueueInfo& b) { return a.name < b.name; });
}
template <class Info>
static void put_in_order(std::vector<Info>&) {}

template <class Request, class Info>
static Result<bool> read(const Request&, const Answer& answer, std::vector<Info>& out) {
  const auto* described = answer.envelope.message_as_Described();
  if (!described) return unexpected_answer(answer);
  read_list(list_for(*described, out), out);
  if (described->more()) return false;
  put_in_order(out);
  return true;
}
static Result<bool> read(const DescribeBroker&, const Answer& answer, BrokerInfo& out) {
  const auto* described = answer.envelope.message_as_Described();
  if (!described) return unexpected_answer(answer);
  if (described->broker()) out = info_of(*described->broker());
  return !described->more();
}

template void ask(Driver&, const DescribeExchanges&, Completion<std::vector<ExchangeInfo>>);
template void ask(Driver&, const DescribeQueues&, Completion<std::vector<QueueInfo>>);
template void ask(Driver&, const DescribeBindings&, Completion<std::vector<BindingInfo>>);
template void ask(Driver&, const DescribeTopics&, Completion<std::vector<TopicInfo>>);
template void ask(Driver&, const DescribeGroups&, Completion<std::vector<GroupInfo>>);
template void ask(Driver&, const DescribeConnections&, Completion<std::vector<ConnectionInfo>>);
template void ask(Driver&, const DescribeConsumers&, Completion<std::vector<ConsumerInfo>>);
template void ask(Driver&, const DescribePolicies&, Completion<std::vector<SetPolicy>>);
template void ask(Driver&, const DescribeUsers&, Completion<std::vector<UserInfo>>);
template void ask(Driver&, const DescribeBroker&, Completion<BrokerInfo>);

}  // namespace tandem::client
