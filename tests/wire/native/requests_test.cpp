#include "tests/wire/native/harness.h"

#include "schemas/batch.h"

using namespace tandem;
using namespace tandem::wire::native::test;
namespace fb = tandem::wire::fb;

namespace {

std::vector<std::uint8_t> encoded(const Table& table) {
  std::vector<std::byte> bytes;
  append_table(bytes, table);
  const auto* data = reinterpret_cast<const std::uint8_t*>(bytes.data());
  return {data, data + bytes.size()};
}

/// Sends the request that `make` builds; `look` must see the input it becomes.
template <class Input, class Make>
void check_becomes(Make make, std::function<void(const Input&)> look, std::string_view payload = {}) {
  Conversation c;
  c.open();
  int seen = 0;
  c.expect<Input>([&](const Input& input) {
    ++seen;
    CHECK(input.who.request == 11);
    CHECK(input.who.channel == ChannelId{Conversation::connection, 4});
    look(input);
  });
  c.request(make, 11, 4, payload);
  CHECK(seen == 1);
  CHECK(c.said().empty());
}

template <class Make>
void check_refused(Make make, ErrorCode code, std::uint16_t channel = 0, std::string_view payload = {}) {
  Conversation c;
  c.open();
  c.request(make, 11, channel, payload);
  const Said said = c.only_said();
  CHECK(said.correlation() == 11);
  CHECK(said.as<fb::Refused>().code() == static_cast<std::uint16_t>(code));
  CHECK(said.as<fb::Refused>().text()->size() > 0);
  CHECK(c.port.inputs.empty());
  CHECK_FALSE(c.face->closing());
}

}  // namespace

TEST_CASE("declare exchange carries its kind, flags and arguments") {
  const auto arguments = encoded({{"alternate-exchange", Value("other")}});
  check_becomes<core::DeclareExchange>(
      [&](auto& b) {
        return fb::CreateDeclareExchangeDirect(b, "ex", "topic", true, false, true, true, &arguments);
      },
      [](const auto& i) {
        CHECK(i.name == "ex");
        CHECK(i.kind == core::ExchangeKind::pattern);
        CHECK(i.passive);
        CHECK_FALSE(i.durable);
        CHECK(i.auto_delete);
        CHECK(i.internal);
        CHECK(*i.arguments == Table{{"alternate-exchange", Value("other")}});
      });
}

TEST_CASE("every kind of exchange is known by its name and no other") {
  const std::pair<const char*, core::ExchangeKind> kinds[] = {
      {"direct", core::ExchangeKind::direct},
      {"fanout", core::ExchangeKind::fanout},
      {"topic", core::ExchangeKind::pattern},
      {"headers", core::ExchangeKind::headers},
      {"x-consistent-hash", core::ExchangeKind::consistent_hash},
      {"x-delayed-message", core::ExchangeKind::delayed}};
  for (const auto& [kind_name, kind] : kinds)
    check_becomes<core::DeclareExchange>(
        [&](auto& b) { return fb::CreateDeclareExchangeDirect(b, "ex", kind_name); },
        [&](const auto& i) { CHECK(i.kind == kind); });
  check_refused([](auto& b) { return fb::CreateDeclareExchangeDirect(b, "ex", "pattern"); },
                ErrorCode::invalid_argument);
}

TEST_CASE("declare queue without a name brings one to choose") {
  check_becomes<core::DeclareQueue>(
      [](auto& b) { return fb::CreateDeclareQueueDirect(b, "", false, false, true, true); },
      [](const auto& i) {
        CHECK(i.name.empty());
        CHECK(i.chosen_name == "tandem.gen-" + std::string(22, 'r'));
        CHECK_FALSE(i.durable);
        CHECK(i.exclusive);
        CHECK(i.auto_delete);
        CHECK(i.arguments->empty());
      });
}

TEST_CASE("policies carry all their parts") {
  const auto definition = encoded({{"max-length", Value(5)}});
  check_becomes<core::SetPolicy>(
      [&](auto& b) {
        return fb::CreateSetPolicyDirect(b, "p", "^a", fb::PolicyTarget::exchanges, -2, &definition);
      },
      [](const auto& i) {
        CHECK(i.name == "p");
        CHECK(i.pattern == "^a");
        CHECK(i.target == core::PolicyTarget::exchanges);
        CHECK(i.priority == -2);
        CHECK(*i.definition == Table{{"max-length", Value(5)}});
      });
  check_becomes<core::DeletePolicy>([](auto& b) { return fb::CreateDeletePolicyDirect(b, "p"); },
                                    [](const auto& i) { CHECK(i.name == "p"); });
  check_refused(
      [](auto& b) { return fb::CreateSetPolicyDirect(b, "p", "q", static_cast<fb::PolicyTarget>(9)); },
      ErrorCode::invalid_argument);
  const std::vector<std::uint8_t> garbage{1, 2, 3};
  check_refused([&](auto& b) { return fb::CreateSetPolicyDirect(b, "p", "q", fb::PolicyTarget::all, 0, &garbage); },
                ErrorCode::invalid_argument);
}

TEST_CASE("users carry a hash: their own, or that of the password, which goes no further") {
  const std::vector<std::uint8_t> hash{1, 2, 3};
  const std::vector<std::string> tags{"administrator", "x"};
  check_becomes<core::DeclareUser>(
      [&](auto& b) {
        return fb::CreateDeclareUser(b, b.CreateString("u"), 0, fb::PasswordKind::sha512, b.CreateVector(hash),
                                     b.CreateVectorOfStrings(tags), false, b.CreateString("^c"), b.CreateString(""),
                                     b.CreateString("^r"));
      },
      [](const auto& i) {
        CHECK(i.name == "u");
        CHECK(i.password_kind == core::PasswordKind::sha512);
        CHECK(i.password_hash == "\x01\x02\x03");
        REQUIRE(i.tags.size() == 2);
        CHECK(i.tags[0] == "administrator");
        CHECK_FALSE(i.permitted);
        CHECK(i.configure == "^c");
        CHECK(i.write.empty());
        CHECK(i.read == "^r");
      });
  check_becomes<core::DeclareUser>(
      [&](auto& b) { return fb::CreateDeclareUserDirect(b, "u", "secret", fb::PasswordKind::none, &hash); },
      [](const auto& i) {
        CHECK(i.password_kind == core::PasswordKind::sha256);
        CHECK(i.password_hash == "hash of secret");
        CHECK(i.permitted);
        for (const auto pattern : {i.configure, i.write, i.read}) CHECK(pattern == ".*");
      });
  check_becomes<core::AlterUser>(
      [](auto& b) {
        return fb::CreateAlterUser(b, b.CreateString("u"), b.CreateString("secret"), 0, false, 0, b.CreateString(""));
      },
      [](const auto& i) {
        CHECK(i.name == "u");
        REQUIRE(i.password);
        CHECK(i.password->kind == core::PasswordKind::sha256);
        CHECK(i.password->hash == "hash of secret");
        CHECK_FALSE(i.tags);
        CHECK(i.permitted == false);
        CHECK_FALSE(i.configure);
        CHECK(i.write == "");
        CHECK_FALSE(i.read);
      });
  check_becomes<core::AlterUser>(
      [&](auto& b) {
        return fb::CreateAlterUser(b, b.CreateString("u"), b.CreateString(""), b.CreateVectorOfStrings(tags));
      },
      [](const auto& i) {
        REQUIRE(i.password);
        CHECK(i.password->kind == core::PasswordKind::none);
        REQUIRE(i.tags);
        CHECK(i.tags->size() == 2);
        CHECK_FALSE(i.permitted);
      });
  check_becomes<core::DeleteUser>([](auto& b) { return fb::CreateDeleteUserDirect(b, "u"); },
                                  [](const auto& i) { CHECK(i.name == "u"); });
  check_refused([](auto& b) { return fb::CreateDeclareUserDirect(b, "u", nullptr, static_cast<fb::PasswordKind>(9)); },
                ErrorCode::invalid_argument);
}

TEST_CASE("a connection is closed by its id") {
  check_becomes<core::CloseConnection>([](auto& b) { return fb::CreateCloseConnectionDirect(b, 77, "why"); },
                                       [](const auto& i) {
                                         CHECK(i.connection == ConnectionId(77));
                                         CHECK(i.reason == "why");
                                       });
  const std::string long_reason(256, 'x');
  check_refused([&](auto& b) { return fb::CreateCloseConnectionDirect(b, 77, long_reason.c_str()); },
                ErrorCode::invalid_argument);
}

TEST_CASE("a delayed message is cancelled by its seq") {
  check_becomes<core::CancelDelayed>([](auto& b) { return fb::CreateCancelDelayedDirect(b, "later", 77); },
                                     [](const auto& i) {
                                       CHECK(i.exchange == "later");
                                       CHECK(i.seq == 77);
                                     });
}

TEST_CASE("delete and purge carry their names and conditions") {
  check_becomes<core::DeleteExchange>([](auto& b) { return fb::CreateDeleteExchangeDirect(b, "ex", true); },
                                      [](const auto& i) {
                                        CHECK(i.name == "ex");
                                        CHECK(i.if_unused);
                                      });
  check_becomes<core::DeleteQueue>([](auto& b) { return fb::CreateDeleteQueueDirect(b, "q", false, true); },
                                   [](const auto& i) {
                                     CHECK(i.name == "q");
                                     CHECK_FALSE(i.if_unused);
                                     CHECK(i.if_empty);
                                   });
  check_becomes<core::PurgeQueue>([](auto& b) { return fb::CreatePurgeQueueDirect(b, "q"); },
                                  [](const auto& i) { CHECK(i.name == "q"); });
}

TEST_CASE("bind and unbind carry both ends") {
  const auto arguments = encoded({{"x-match", Value("all")}});
  const auto check = [](const auto& i) {
    CHECK(i.source == "ex");
    CHECK(i.destination_kind == core::DestinationKind::topic);
    CHECK(i.destination == "events");
    CHECK(i.routing_key == "a.#");
    CHECK(i.arguments->size() == 1);
  };
  check_becomes<core::Bind>(
      [&](auto& b) {
        return fb::CreateBindDirect(b, "ex", fb::Destination::topic, "events", "a.#", &arguments);
      },
      check);
  check_becomes<core::Unbind>(
      [&](auto& b) {
        return fb::CreateUnbindDirect(b, "ex", fb::Destination::topic, "events", "a.#", &arguments);
      },
      check);
}

TEST_CASE("subscribe and what changes a subscription carry the client's numbers") {
  check_becomes<core::Subscribe>(
      [](auto& b) { return fb::CreateSubscribeDirect(b, 12, "q", true, true, 50, -3); },
      [](const auto& i) {
        CHECK(i.consumer == 12);
        CHECK(i.queue == "q");
        CHECK(i.no_ack);
        CHECK(i.exclusive);
        CHECK(i.prefetch == 50);
        CHECK(i.priority == -3);
      });
  check_becomes<core::Unsubscribe>([](auto& b) { return fb::CreateUnsubscribe(b, 12); },
                                   [](const auto& i) { CHECK(i.consumer == 12); });
  check_becomes<core::SetConsumerPrefetch>([](auto& b) { return fb::CreateSetPrefetch(b, 12, 7); },
                                           [](const auto& i) {
                                             CHECK(i.consumer == 12);
                                             CHECK(i.prefetch == 7);
                                           });
  check_becomes<core::SetChannelPrefetch>([](auto& b) { return fb::CreateSetPrefetch(b, 0, 7, true); },
                                          [](const auto& i) { CHECK(i.prefetch == 7); });
  check_becomes<core::ChannelClosed>([](auto& b) { return fb::CreateCloseChannel(b); }, [](const auto&) {});
}

TEST_CASE("get and peek name their queue") {
  check_becomes<core::Get>([](auto& b) { return fb::CreateGetDirect(b, "q", true); },
                           [](const auto& i) {
                             CHECK(i.queue == "q");
                             CHECK(i.no_ack);
                           });
  check_becomes<core::Peek>([](auto& b) { return fb::CreatePeekDirect(b, "q", 5, 4'000'000'000u); },
                            [](const auto& i) {
                              CHECK(i.queue == "q");
                              CHECK(i.skip == 5);
                              CHECK(i.count == 1000);
                            });
}

TEST_CASE("topics are created, altered and deleted with their config") {
  check_becomes<core::CreateTopic>(
      [](auto& b) {
        std::vector config{fb::CreateConfigEntryDirect(b, "retention.ms", "1000")};
        return fb::CreateCreateTopicDirect(b, "t", 6, &config, true);
      },
      [](const auto& i) {
        CHECK(i.name == "t");
        CHECK(i.partitions == 6);
        REQUIRE(i.config.size() == 1);
        CHECK(i.config[0].key == "retention.ms");
        CHECK(i.config[0].value == "1000");
        CHECK(i.validate_only);
      });
  check_becomes<core::AlterTopic>(
      [](auto& b) {
        std::vector set{fb::CreateConfigEntryDirect(b, "a", "b")};
        std::vector remove{b.CreateString("c")};
        return fb::CreateAlterTopicDirect(b, "t", 9, &set, &remove);
      },
      [](const auto& i) {
        CHECK(i.partitions == 9);
        CHECK(i.set[0].value == "b");
        CHECK(i.remove[0] == "c");
        CHECK_FALSE(i.validate_only);
      });
  check_becomes<core::DeleteTopic>([](auto& b) { return fb::CreateDeleteTopicDirect(b, "t"); },
                                   [](const auto& i) { CHECK(i.name == "t"); });
}

TEST_CASE("an append carries the facts of its batch") {
  BatchBuilder builder;
  builder.add(1000, std::nullopt, bytes_of("value"));
  const auto batch = builder.finish(Codec::none, {77, 2, 40, true});
  check_becomes<core::Append>([](auto& b) { return fb::CreateAppendDirect(b, "t", 2, 30); },
                              [&](const auto& i) {
                                CHECK(i.topic == "t");
                                CHECK(i.partition == 2);
                                CHECK(i.expected_end == 30);
                                CHECK(i.wants_reply);
                                CHECK(i.batch.size_bytes == batch->size());
                                CHECK(i.batch.record_count == 1);
                                CHECK(i.batch.producer_id == 77);
                                CHECK(i.batch.producer_epoch == 2);
                                CHECK(i.batch.base_sequence == 40);
                                CHECK(i.batch.transactional);
                              },
                              text_of(Bytes(*batch)));
}

TEST_CASE("a batch with a wrong checksum and a control batch are refused") {
  BatchBuilder builder;
  builder.add(1000, std::nullopt, bytes_of("value"));
  auto batch = *builder.finish();
  batch.back() ^= std::byte{1};
  const auto append = [](auto& b) { return fb::CreateAppendDirect(b, "t", 2); };
  check_refused(append, ErrorCode::corrupt, 0, text_of(Bytes(batch)));
  check_refused(append, ErrorCode::access_refused, 0, text_of(Bytes(make_marker_batch(1, 0, true, 5))));
}

TEST_CASE("a client whose batch is judged apart is not read meanwhile, and is not taken for silent") {
  Conversation c;
  c.open(1'000);
  c.port.rules.needs_keys = true;
  c.port.apart.wait = true;
  BatchBuilder builder;
  builder.add(1000, bytes_of("key"), bytes_of(std::string(5'000'000, 'v')));
  const std::string bomb(text_of(Bytes(*builder.finish(Codec::gzip))));
  FlatBufferBuilder b;
  const std::string frame = frame_of(b, fb::CreateAppendDirect(b, "t", 2), 5, 0, bomb);
  int appended = 0;
  c.port.on_submit = [&](const core::Input&) { ++appended; };
  CHECK(c.receive(frame) == 0);
  CHECK_FALSE(c.face->reading());
  for (int i = 0; i < 10; ++i) {
    c.port.now_ms += 1'000;
    c.face->tick(c.port.now_ms);
  }
  CHECK_FALSE(c.face->closing());
  CHECK(appended == 0);
  c.port.apart.do_first();
  CHECK(c.receive(frame) == frame.size());
  CHECK(appended == 1);
}

TEST_CASE("a fetch names partitions and its bounds") {
  check_becomes<core::Fetch>(
      [](auto& b) {
        std::vector partitions{fb::CreateFetchPartitionDirect(b, "t", 1, 500, 999)};
        return fb::CreateFetchDirect(b, &partitions, 10, 4'000'000'000u, 250, true);
      },
      [](const auto& i) {
        REQUIRE(i.partitions.size() == 1);
        CHECK(i.partitions[0].topic == "t");
        CHECK(i.partitions[0].partition == 1);
        CHECK(i.partitions[0].offset == 500);
        CHECK(i.partitions[0].size_max_bytes == 999);
        CHECK(i.size_min_bytes == 10);
        CHECK(i.size_max_bytes <= frame::frame_size_max_bytes / 2);
        CHECK(i.wait_max == 250);
        CHECK(i.isolation == core::Isolation::read_committed);
      });
}

TEST_CASE("who does not read its answers gets no more of them, however many fetches it sends at once") {
  Conversation c;
  c.open();
  const auto bytes = std::make_shared<std::string>(12u << 20, 'b');
  int asked = 0;
  c.expect<core::Fetch>([&](const core::Fetch& input) {
    ++asked;
    core::Fetched fetched{input.who, 0, {}};
    fetched.partitions.push_back({.topic = "t"});
    c.send(fetched, {Body{bytes_of(*bytes), bytes, ErrorCode::none}});
  });
  flatbuffers::FlatBufferBuilder b;
  std::vector partitions{fb::CreateFetchPartitionDirect(b, "t", 0, 0, 1u << 20)};
  const std::string fetch = frame_of(b, fb::CreateFetchDirect(b, &partitions, 1, 1u << 20, 0), 1);
  std::string requests;
  for (int i = 0; i < 6; ++i) requests += fetch;
  const std::size_t consumed = c.receive(requests);
  CHECK(asked == 3);  // 36 MiB wait
  CHECK(consumed == 3 * fetch.size());
  CHECK_FALSE(c.face->reading());
  CHECK_FALSE(c.face->wants_room());
  take_bytes(c.face->outbox());
  CHECK(c.face->wants_room());
  CHECK(c.face->reading());
  CHECK(c.receive(requests.substr(consumed)) == 3 * fetch.size());
  CHECK(asked == 6);
}

TEST_CASE("offsets are listed and topics trimmed by partition") {
  check_becomes<core::ListOffset>([](auto& b) { return fb::CreateListOffsetDirect(b, "t", 3, -2); },
                                  [](const auto& i) {
                                    CHECK(i.topic == "t");
                                    CHECK(i.partition == 3);
                                    CHECK(i.at == -2);
                                  });
  check_becomes<core::TrimTopic>([](auto& b) { return fb::CreateTrimTopicDirect(b, "t", 3, 70); },
                                 [](const auto& i) { CHECK(i.offset == 70); });
}

TEST_CASE("a producer id is asked for without a transactional id") {
  check_becomes<core::InitProducer>([](auto& b) { return fb::CreateInitProducer(b); }, [](const auto& i) {
    CHECK(i.transactional_id.empty());
    CHECK(i.producer_id == -1);
  });
}

TEST_CASE("offsets of a group are committed, fetched and deleted by entry") {
  check_becomes<core::CommitOffsets>(
      [](auto& b) {
        std::vector entries{fb::CreateOffsetEntryDirect(b, "t", 1, 20, "note")};
        return fb::CreateCommitOffsetsDirect(b, "g", "m", 5, &entries);
      },
      [](const auto& i) {
        CHECK(i.group == "g");
        CHECK(i.member == "m");
        CHECK(i.generation == 5);
        REQUIRE(i.entries.size() == 1);
        CHECK(i.entries[0].offset == 20);
        CHECK(i.entries[0].metadata == "note");
      });
  check_becomes<core::FetchOffsets>([](auto& b) { return fb::CreateFetchOffsetsDirect(b, "g", true); },
                                    [](const auto& i) {
                                      CHECK(i.all);
                                      CHECK(i.entries.empty());
                                    });
  check_becomes<core::DeleteOffsets>(
      [](auto& b) {
        std::vector entries{fb::CreateOffsetEntryDirect(b, "t", 1)};
        return fb::CreateDeleteOffsetsDirect(b, "g", &entries);
      },
      [](const auto& i) { CHECK(i.entries[0].partition == 1); });
}

TEST_CASE("offset metadata over its limit is refused") {
  check_refused(
      [](auto& b) {
        std::vector entries{fb::CreateOffsetEntryDirect(b, "t", 1, 20, std::string(4097, 'x').c_str())};
        return fb::CreateCommitOffsetsDirect(b, "g", "", -1, &entries);
      },
      ErrorCode::too_large);
}

TEST_CASE("joining a group says who the client is and offers a member id") {
  check_becomes<core::JoinGroup>(
      [](auto& b) {
        const std::vector<std::uint8_t> metadata{1, 2, 3};
        std::vector protocols{fb::CreateGroupProtocolDirect(b, "range", &metadata)};
        return fb::CreateJoinGroupDirect(b, "g", "", "i", "consumer", 6000, 7000, &protocols);
      },
      [](const auto& i) {
        CHECK(i.group == "g");
        CHECK(i.instance == "i");
        CHECK(i.client_id == "tester");
        CHECK(i.client_host == "127.0.0.1:5555");
        CHECK(i.chosen_member == "tester-" + std::string(22, 'r'));
        CHECK(i.session_timeout == 6000);
        CHECK(i.rebalance_timeout == 7000);
        REQUIRE(i.protocols.size() == 1);
        CHECK(i.protocols[0].metadata.size() == 3);
        CHECK_FALSE(i.require_member_id);
      });
}

TEST_CASE("a member syncs, beats and leaves under its own name") {
  check_becomes<core::SyncGroup>(
      [](auto& b) {
        const std::vector<std::uint8_t> assignment{9};
        std::vector assignments{fb::CreateGroupAssignmentDirect(b, "m2", &assignment)};
        return fb::CreateSyncGroupDirect(b, "g", "m", "", 3, &assignments);
      },
      [](const auto& i) {
        CHECK(i.member == "m");
        CHECK(i.generation == 3);
        CHECK(i.assignments[0].member == "m2");
      });
  check_becomes<core::HeartbeatGroup>(
      [](auto& b) { return fb::CreateHeartbeatGroupDirect(b, "g", "m", "i", 3); },
      [](const auto& i) { CHECK(i.generation == 3); });
  check_becomes<core::LeaveGroup>([](auto& b) { return fb::CreateLeaveGroupDirect(b, "g", "m", "i"); },
                                  [](const auto& i) {
                                    REQUIRE(i.leavers.size() == 1);
                                    CHECK(i.leavers[0].member == "m");
                                    CHECK(i.leavers[0].instance == "i");
                                  });
  check_becomes<core::DeleteGroup>([](auto& b) { return fb::CreateDeleteGroupDirect(b, "g"); },
                                   [](const auto& i) { CHECK(i.group == "g"); });
}

TEST_CASE("describe names its subject") {
  check_becomes<core::Describe>([](auto& b) { return fb::CreateDescribeDirect(b, fb::Subject::groups, "g"); },
                                [](const auto& i) {
                                  CHECK(i.subject == core::Subject::groups);
                                  CHECK(i.name == "g");
                                });
  check_refused([](auto& b) { return fb::CreateDescribeDirect(b, static_cast<fb::Subject>(77)); },
                ErrorCode::invalid_argument);
}

TEST_CASE("arguments that are not a field table are refused") {
  const std::vector<std::uint8_t> broken{0, 0, 0, 9, 1};
  auto trailing = encoded({});
  trailing.push_back(0);
  for (const auto* bytes : {&broken, &std::as_const(trailing)})
    check_refused(
        [&](auto& b) { return fb::CreateDeclareQueueDirect(b, "q", false, true, false, false, bytes); },
        ErrorCode::invalid_argument);
}

TEST_CASE("a name of 256 bytes is refused") {
  const std::string name(256, 'n');
  check_refused([&](auto& b) { return fb::CreateDeclareQueueDirect(b, name.c_str()); },
                ErrorCode::invalid_argument);
  check_refused([&](auto& b) { return fb::CreateGetDirect(b, name.c_str()); }, ErrorCode::invalid_argument);
}

TEST_CASE("a channel number over the limit is refused") {
  check_refused([](auto& b) { return fb::CreateGetDirect(b, "q"); }, ErrorCode::limit_reached, 2048);
}

TEST_CASE("what only a broker says is refused") {
  check_refused([](auto& b) { return fb::CreateOk(b); }, ErrorCode::not_supported);
}

TEST_CASE("a correlation that leaves no room is refused") {
  Conversation c;
  c.open();
  const std::uint64_t correlation = std::uint64_t{1} << 60;
  c.request([](auto& b) { return fb::CreateGetDirect(b, "q"); }, correlation);
  const Said said = c.only_said();
  CHECK(said.correlation() == correlation);
  CHECK(said.as<fb::Refused>().code() == static_cast<std::uint16_t>(ErrorCode::invalid_argument));
}
