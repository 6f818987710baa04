// Permissions: what each request needs, and that it needs nothing else.
#include <functional>
#include <set>

#include "doctest/doctest.h"
#include "tests/support/core_fixture.h"

namespace tandem::core::access_test {
namespace {

const std::string hash(36, 'h');
const std::vector<std::string_view> administrator{"administrator"};

struct Need {
  Permission permission;
  std::string name;
  ObjectKind object;
};

struct Case {
  const char* what;
  std::function<void(CoreFixture&, Caller)> ask;
  std::vector<Need> needs;
};

Table with(std::string key, std::string value) { return {{std::move(key), Value(std::move(value))}}; }

void fetch(CoreFixture& f, Caller who, std::string_view topic) {
  const FetchPartition partition{topic, 0, 0};
  f.give(Fetch{who, {&partition, 1}});
}

void append(CoreFixture& f, Caller who, std::string_view topic) {
  BatchView batch;
  batch.size_bytes = 100;
  batch.record_count = 1;
  batch.max_timestamp = f.now;
  f.give(Append{who, topic, 0, batch});
}

void in_transaction(CoreFixture& f, Caller who, const TransactionOp& op) { f.give(Transaction{who, {&op, 1}}); }

/// Every request that needs something. What they use exists (set_up), unless it is the request that makes it.
std::vector<Case> cases() {
  using enum Permission;
  using enum ObjectKind;
  static const Table alternate = with("alternate-exchange", "x2"), dead_letters = with("x-dead-letter-exchange", "x2"),
                     to_default = with("x-dead-letter-exchange", "");
  return {
      {"declare exchange", [](auto& f, Caller who) { f.give(DeclareExchange{who, "new"}); }, {{configure, "new", exchange}}},
      {"declare exchange that is there", [](auto& f, Caller who) { f.give(DeclareExchange{who, "x"}); },
       {{configure, "x", exchange}}},
      {"with alternate exchange",
       [](auto& f, Caller who) { f.give(DeclareExchange{.who = who, .name = "new", .arguments = &alternate}); },
       {{configure, "new", exchange}, {read, "new", exchange}, {write, "x2", exchange}}},
      {"delete exchange", [](auto& f, Caller who) { f.give(DeleteExchange{who, "x"}); }, {{configure, "x", exchange}}},
      {"declare queue", [](auto& f, Caller who) { f.give(DeclareQueue{who, "new"}); }, {{configure, "new", queue}}},
      {"declare queue with the server's name",
       [](auto& f, Caller who) { f.give(DeclareQueue{who, "", "amq.gen-1"}); }, {{configure, "amq.gen-1", queue}}},
      {"with dead letters",
       [](auto& f, Caller who) { f.give(DeclareQueue{.who = who, .name = "new", .arguments = &dead_letters}); },
       {{configure, "new", queue}, {read, "new", queue}, {write, "x2", exchange}}},
      {"with dead letters to the default exchange",
       [](auto& f, Caller who) { f.give(DeclareQueue{.who = who, .name = "new", .arguments = &to_default}); },
       {{configure, "new", queue}, {read, "new", queue}, {write, "amq.default", exchange}}},
      {"delete queue", [](auto& f, Caller who) { f.give(DeleteQueue{who, "q"}); }, {{configure, "q", queue}}},
      {"purge", [](auto& f, Caller who) { f.give(PurgeQueue{who, "q"}); }, {{read, "q", queue}}},
      {"bind a queue", [](auto& f, Caller who) { f.give(Bind{who, "x", DestinationKind::queue, "q", "k"}); },
       {{write, "q", queue}, {read, "x", exchange}}},
      {"bind an exchange", [](auto& f, Caller who) { f.give(Bind{who, "x", DestinationKind::exchange, "x2", "k"}); },
       {{write, "x2", exchange}, {read, "x", exchange}}},
      {"bind a topic", [](auto& f, Caller who) { f.give(Bind{who, "x", DestinationKind::topic, "t", "k"}); },
       {{write, "t", topic}, {read, "x", exchange}}},
      {"unbind", [](auto& f, Caller who) { f.give(Unbind{who, "x", DestinationKind::queue, "q", "k"}); },
       {{write, "q", queue}, {read, "x", exchange}}},
      {"publish", [](auto& f, Caller who) { f.publish({"x", "k"}, false, who); }, {{write, "x", exchange}}},
      {"publish to the default exchange", [](auto& f, Caller who) { f.publish({"", "q"}, false, who); },
       {{write, "amq.default", exchange}}},
      {"asking whether a publish would be taken", [](auto& f, Caller who) { f.give(CheckPublish{who, "x"}); },
       {{write, "x", exchange}}},
      {"publish in a transaction",
       [](auto& f, Caller who) { in_transaction(f, who, PublishOp{false, f.view_of({"x", "k"})}); },
       {{write, "x", exchange}}},
      {"consume", [](auto& f, Caller who) { f.give(Subscribe{who, 9, "q"}); }, {{read, "q", queue}}},
      {"get", [](auto& f, Caller who) { f.give(Get{who, "q"}); }, {{read, "q", queue}}},
      {"peek", [](auto& f, Caller who) { f.give(Peek{who, "q"}); }, {{read, "q", queue}}},
      {"cancel delayed", [](auto& f, Caller who) { f.give(CancelDelayed{who, "later", 1}); }, {{read, "later", exchange}}},
      {"create topic", [](auto& f, Caller who) { f.give(CreateTopic{who, "new"}); }, {{configure, "new", topic}}},
      {"alter topic", [](auto& f, Caller who) { f.give(AlterTopic{who, "t", 2}); }, {{configure, "t", topic}}},
      {"delete topic", [](auto& f, Caller who) { f.give(DeleteTopic{who, "t"}); }, {{configure, "t", topic}}},
      {"trim topic", [](auto& f, Caller who) { f.give(TrimTopic{who, "t", 0, 0}); }, {{configure, "t", topic}}},
      {"append", [](auto& f, Caller who) { append(f, who, "t"); }, {{write, "t", topic}}},
      {"append in a transaction",
       [](auto& f, Caller who) {
         BatchView batch;
         batch.record_count = 1;
         batch.max_timestamp = f.now;
         in_transaction(f, who, AppendOp{"t", 0, batch});
       },
       {{write, "t", topic}}},
      {"fetch", [](auto& f, Caller who) { fetch(f, who, "t"); }, {{read, "t", topic}}},
      {"join",
       [](auto& f, Caller who) {
         const GroupProtocol protocol{"range", {}};
         f.give(JoinGroup{.who = who, .group = "g", .protocol_type = "consumer", .chosen_member = "m", .protocols = {&protocol, 1}});
       },
       {{read, "g", group}}},
      {"sync", [](auto& f, Caller who) { f.give(SyncGroup{.who = who, .group = "g", .member = "m"}); }, {{read, "g", group}}},
      {"heartbeat", [](auto& f, Caller who) { f.give(HeartbeatGroup{.who = who, .group = "g", .member = "m"}); },
       {{read, "g", group}}},
      {"leave",
       [](auto& f, Caller who) {
         const GroupLeaver leaver{"m", ""};
         f.give(LeaveGroup{who, "g", {&leaver, 1}});
       },
       {{read, "g", group}}},
      {"commit offset",
       [](auto& f, Caller who) {
         const OffsetCommitEntry entry{"t", 0, 0};
         f.give(CommitOffsets{.who = who, .group = "g", .entries = {&entry, 1}});
       },
       {{read, "g", group}}},
      {"commit offset in a transaction", [](auto& f, Caller who) { in_transaction(f, who, CommitOffsetOp{"g", "t", 0, 0}); },
       {{read, "g", group}}},
      {"delete offsets",
       [](auto& f, Caller who) {
         const FetchOffsetEntry entry{"t", 0};
         f.give(DeleteOffsets{who, "g", {&entry, 1}});
       },
       {{configure, "g", group}}},
      {"delete group", [](auto& f, Caller who) { f.give(DeleteGroup{who, "g"}); }, {{configure, "g", group}}},
      {"transactional id", [](auto& f, Caller who) { f.give(InitProducer{who, "tx"}); }, {{write, "tx", transaction}}},
      {"add partition", [](auto& f, Caller who) { f.give(AddPartitionsToTransaction{who, "tx", 1, 0, "t", 0}); },
       {{write, "tx", transaction}, {write, "t", topic}}},
      {"add offsets", [](auto& f, Caller who) { f.give(AddOffsetsToTransaction{who, "tx", 1, 0, "g"}); },
       {{write, "tx", transaction}, {read, "g", group}}},
      {"end transaction", [](auto& f, Caller who) { f.give(EndTransaction{who, "tx", 1, 0, true}); },
       {{write, "tx", transaction}}},
  };
}

/// Makes what the cases use, while everybody may do everything; then only `admin` may.
void set_up(CoreFixture& f) {
  const Caller guest = CoreFixture::caller();
  f.give(ConnectionOpened{guest.channel.connection, "guest", "test", "native"});
  f.declare_exchange("x", ExchangeKind::direct);
  f.declare_exchange("x2", ExchangeKind::direct);
  f.declare_exchange("later", ExchangeKind::delayed, with("x-delayed-type", "direct"));
  f.declare_queue("q");
  f.give(CreateTopic{guest, "t"});
  f.give(InitProducer{guest, "tx"});
  f.give(DeclareUser{.who = guest, .name = "admin", .password_kind = PasswordKind::sha256, .password_hash = hash,
                     .tags = administrator});
  f.sends.clear();
}

void declare(CoreFixture& f, const Permissions& permissions, std::string_view name = "app") {
  f.give(DeclareUser{.who = CoreFixture::caller(), .name = name, .configure = permissions.configure,
                     .write = permissions.write, .read = permissions.read});
  REQUIRE(f.take_refusal() == ErrorCode::none);
}

Caller log_in(CoreFixture& f, std::string_view user = "app", std::uint64_t connection = 7) {
  f.give(ConnectionOpened{ConnectionId(connection), user, "test", "native"});
  return CoreFixture::caller(connection);
}

/// Exactly the names of these needs.
Permissions just(const std::vector<Need>& needs) {
  const auto pattern = [&needs](Permission permission) {
    std::string names;
    for (const Need& need : needs)
      if (need.permission == permission) names += (names.empty() ? "" : "|") + need.name;
    return names.empty() ? names : "^(" + names + ")$";
  };
  return {pattern(Permission::configure), pattern(Permission::write), pattern(Permission::read)};
}

struct Told {
  ErrorCode code = ErrorCode::none;
  std::optional<Refusal> refusal;
};

Told told(CoreFixture& f) {
  Told told;
  for (const Send& send : f.sends) {
    if (const auto* refused = core::get_if<Refused>(&send)) told = {refused->refusal.code, refused->refusal};
    if (const auto* joined = core::get_if<Joined>(&send)) told.code = joined->error;
    if (const auto* synced = core::get_if<Synced>(&send)) told.code = synced->error;
    if (const auto* heartbeat = std::get_if<GroupHeartbeatOk>(&send)) told.code = heartbeat->error;
    if (const auto* left = std::get_if<GroupLeft>(&send)) told.code = left->error;
    if (const auto* committed = std::get_if<OffsetsCommittedOk>(&send)) told.code = committed->errors.at(0);
    if (const auto* deleted = std::get_if<OffsetsDeletedOk>(&send)) told.code = deleted->errors.at(0);
    if (const auto* fetched = std::get_if<Fetched>(&send)) told.code = fetched->partitions.at(0).error;
  }
  f.sends.clear();
  return told;
}

TEST_CASE("a request is refused without each single permission that it needs, and not with just these") {
  for (const Case& one : cases()) {
    CAPTURE(one.what);
    for (std::size_t left_out = 0; left_out <= one.needs.size(); ++left_out) {
      CAPTURE(left_out);
      CoreFixture f;
      set_up(f);
      std::vector<Need> needs = one.needs;
      if (left_out < needs.size()) needs.erase(needs.begin() + static_cast<std::ptrdiff_t>(left_out));
      declare(f, just(needs));
      const Caller who = log_in(f);
      f.sends.clear();
      f.records.clear();
      one.ask(f, who);
      const Told what = told(f);
      CHECK((what.code == ErrorCode::not_authorized) == (left_out < one.needs.size()));
      if (left_out == one.needs.size()) continue;
      CHECK(f.records.empty());
      if (!what.refusal) continue;
      CHECK(what.refusal->object == one.needs[left_out].object);
      CHECK(what.refusal->name == one.needs[left_out].name);
      CHECK(what.refusal->argument == name(one.needs[left_out].permission));
      CHECK(what.refusal->received == "app");
    }
  }
}

TEST_CASE("everybody may do everything as long as there are no users, and who logged in before there were still may") {
  for (const bool with_users : {false, true})
    for (const Case& one : cases()) {
      CAPTURE(one.what);
      CoreFixture f;
      const Caller guest = log_in(f, "guest", 3);
      set_up(f);
      if (!with_users) f.give(DeleteUser{CoreFixture::caller(), "admin"});
      f.sends.clear();
      one.ask(f, guest);
      CHECK(told(f).code != ErrorCode::not_authorized);
    }
}

TEST_CASE("looking at things needs no permission") {
  CoreFixture f;
  set_up(f);
  declare(f, {"", "", ""});
  const Caller who = log_in(f);
  f.give(Describe{who, Subject::queues, ""});
  f.give(Describe{who, Subject::groups, ""});
  f.give(DeclareQueue{.who = who, .name = "q", .passive = true});
  f.give(DeclareExchange{.who = who, .name = "x", .passive = true});
  f.give(ListOffset{who, "t"});
  f.give(FetchOffsets{.who = who, .group = "g", .all = true});
  CHECK(told(f).code == ErrorCode::none);
}

TEST_CASE("what a face does by its own means needs no permission") {
  CoreFixture f;
  set_up(f);
  declare(f, {"", "", ""});
  const Caller who = log_in(f);
  f.give(DeclareQueue{.who = who, .chosen_name = "replies", .durable = false, .is_faces = true});
  f.give(Subscribe{.who = who, .consumer = 1, .queue = "replies", .no_ack = true, .is_faces = true});
  CHECK(told(f).code == ErrorCode::none);
  f.give(Subscribe{who, 2, "replies"});
  CHECK(told(f).code == ErrorCode::not_authorized);
}

TEST_CASE("what is refused for another reason too is refused for the permission first") {
  CoreFixture f;
  set_up(f);
  declare(f, {"", "", ""});
  const Caller who = log_in(f);
  f.give(Subscribe{who, 1, "nothing"});
  CHECK(told(f).code == ErrorCode::not_authorized);
  f.publish({"nothing", "k"}, false, who);
  CHECK(told(f).code == ErrorCode::not_authorized);
}

TEST_CASE("of a fetch only the topics that may not be read are refused") {
  CoreFixture f;
  set_up(f);
  f.give(CreateTopic{CoreFixture::caller(), "t2"});
  append(f, CoreFixture::caller(), "t");
  declare(f, {"", "", "^t$"});
  const Caller who = log_in(f);
  f.sends.clear();
  const FetchPartition partitions[] = {{"t2", 0, 0}, {"t", 0, 0}};
  f.give(Fetch{.who = who, .partitions = partitions, .wait_max = 1'000});
  const auto fetched = f.take_one<Fetched>();
  REQUIRE(fetched);
  CHECK(fetched->partitions[0].error == ErrorCode::not_authorized);
  CHECK(fetched->partitions[0].topic == "t2");
  CHECK(fetched->partitions[0].high_watermark == 0);
  CHECK(fetched->partitions[1].error == ErrorCode::none);
  CHECK(fetched->partitions[1].visible_end == 1);
}

TEST_CASE("of several publishes in one input those to an exchange that may not be written to are refused") {
  CoreFixture f;
  set_up(f);
  f.bind("x", "q", "k");
  declare(f, {"", "^x$", ""});
  const Caller who = log_in(f);
  f.sends.clear();
  const MessageView to_x = f.view_of({"x", "k"});
  MessageView to_x2 = to_x;
  to_x2.exchange = "x2";
  const PublishMany::One many[] = {{1, 1, false, to_x}, {2, 2, false, to_x2}, {3, 3, false, to_x}};
  f.give(PublishMany{who, many});
  const auto refused = f.take_one<Refused>();
  REQUIRE(refused);
  CHECK(refused->who.request == 2);
  const auto confirmed = f.take<Confirmed>();
  REQUIRE(confirmed.size() == 2);
  CHECK(confirmed[0].last == 1);
  CHECK(confirmed[1].first == 3);
  CHECK(f.queue("q").ready == 2);
  f.sends.clear();
  f.give(PublishMany{who, many, true});
  CHECK(f.take<Refused>().size() == 1);
  CHECK(f.take<Confirmed>().size() == 1);  // nothing behind the refused one was looked at
  CHECK(f.queue("q").ready == 3);
}

TEST_CASE("a change of permissions counts from the next request on, also for who is logged in, and after a restart") {
  CoreFixture f;
  set_up(f);
  declare(f, {"", "", "^q$"});
  Caller who = log_in(f);
  const auto may_get = [&] {
    f.sends.clear();
    f.give(Get{who, "q", true});
    return told(f).code == ErrorCode::none;
  };
  CHECK(may_get());
  declare(f, {".*", ".*", "^other$"});
  CHECK_FALSE(may_get());
  declare(f, {});
  CHECK(may_get());
  declare(f, {"", "", "q"});
  for (const bool checkpointed : {false, true}) {
    if (checkpointed) f.checkpoint();
    f.restart(false);
    who = log_in(f);
    CHECK(may_get());
    f.publish({"", "q"}, false, who);
    CHECK(told(f).code == ErrorCode::not_authorized);
  }
}

TEST_CASE("more names than are remembered are judged as well, and again as before") {
  CoreFixture f;
  set_up(f);
  declare(f, {"", "7$", ""});
  const Caller who = log_in(f);
  f.sends.clear();
  for (int round = 0; round < 2; ++round)
    for (int i = 0; i < 200; ++i) {
      f.publish({"e" + std::to_string(i), "k"}, false, who);
      CHECK((told(f).code == ErrorCode::not_authorized) == (i % 10 != 7));
    }
}

TEST_CASE("a user of whom nothing is left, or that is permitted nothing, may do nothing") {
  CoreFixture f;
  set_up(f);
  declare(f, {});
  const Caller who = log_in(f);
  f.sends.clear();
  SUBCASE("it is deleted") { f.give(DeleteUser{CoreFixture::caller(), "app"}); }
  SUBCASE("it has no permissions any more") {
    f.give(DeclareUser{.who = CoreFixture::caller(), .name = "app", .permitted = false});
  }
  f.sends.clear();
  f.give(Get{who, "q", true});
  CHECK(told(f).code == ErrorCode::not_authorized);
}

TEST_CASE("what a user may do is told ahead as a request would find it, and changes as the user does") {
  CoreFixture f;
  const ConnectionId before_users = log_in(f, "guest", 3).channel.connection;
  CHECK(f.broker().allowed(before_users, "q") == Allowed());
  CHECK(f.broker().allowed(ConnectionId(99), "q") == Allowed());
  set_up(f);
  declare(f, {"^q$", ".*", ""});
  const ConnectionId app = log_in(f).channel.connection;
  CHECK(f.broker().allowed(app, "q") == Allowed{true, true, false});
  CHECK(f.broker().allowed(app, "q2") == Allowed{false, true, false});
  CHECK(f.broker().allowed(app, std::nullopt) == Allowed{false, true, false});
  CHECK(f.broker().allowed(before_users, std::nullopt) == Allowed());
  CHECK(f.broker().allowed(ConnectionId(99), "q") == Allowed{false, false, false});

  declare(f, {"", "", "^q"});
  CHECK(f.broker().allowed(app, "q2") == Allowed{false, false, true});
  CHECK(f.broker().allowed(app, std::nullopt) == Allowed{false, false, false});
  f.give(DeleteUser{CoreFixture::caller(), "app"});
  CHECK(f.broker().allowed(app, "q2") == Allowed{false, false, false});
  CHECK(f.broker().allowed(app, std::nullopt) == Allowed{false, false, false});
}

TEST_CASE("a pattern that is none is refused when it is set, and says which one") {
  CoreFixture f;
  set_up(f);
  const auto refused = [&f](const Permissions& all) {
    f.give(DeclareUser{.who = CoreFixture::caller(), .name = "app", .configure = all.configure, .write = all.write,
                       .read = all.read});
    const auto told = f.take_one<Refused>();
    REQUIRE(told);
    CHECK(told->refusal.code == ErrorCode::invalid_argument);
    return told->refusal.argument;
  };
  CHECK(refused({"(", ".*", ".*"}) == "configure");
  CHECK(refused({".*", "(?!a)", ".*"}) == "write");
  CHECK(refused({".*", ".*", std::string(2'000, 'a')}) == "read");
  CHECK_FALSE(f.broker().user("app"));
}

}  // namespace
}  // namespace tandem::core::access_test
