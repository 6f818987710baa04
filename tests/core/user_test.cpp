// Users: who may be declared and deleted, by whom, and what is kept of them.
#include "doctest/doctest.h"
#include "tests/support/core_fixture.h"

namespace tandem::core {
namespace {

const std::string sha256(36, 'h'), sha512(68, 'h');
using Tags = std::vector<std::string_view>;
const Tags administrator{"administrator"};

void declare(CoreFixture& f, std::string_view name, const Tags& tags = {}, Caller who = CoreFixture::caller(),
             bool permitted = true) {
  f.give(DeclareUser{who, name, PasswordKind::sha256, sha256, tags, permitted});
}

/// A connection that logged in as `user` says so first.
Caller log_in(CoreFixture& f, std::string_view user, std::uint64_t connection) {
  f.give(ConnectionOpened{ConnectionId(connection), user, "test", "native"});
  return CoreFixture::caller(connection);
}

std::vector<UserDeclared> users(CoreFixture& f, Caller who = CoreFixture::caller()) {
  f.sends.clear();
  f.give(Describe{who, Subject::users, ""});
  const auto described = f.take_one<Described>();
  return described ? described->users : std::vector<UserDeclared>{};
}

TEST_CASE("users are kept with hash, tags and permissions, and the newest one of a name counts") {
  CoreFixture f;
  declare(f, "admin", administrator);
  const Caller admin = log_in(f, "admin", 7);
  declare(f, "app", {"a", "b"}, admin, false);
  f.give(DeclareUser{admin, "app", PasswordKind::sha512, sha512, Tags{"c"}, true});
  for (const bool checkpointed : {false, true}) {
    if (checkpointed) f.checkpoint();
    f.restart(false);
    const auto all = users(f, log_in(f, "admin", 7));
    REQUIRE(all.size() == 2);
    CHECK(all[0] == UserDeclared{"admin", PasswordKind::sha256, sha256, {"administrator"}, true});
    CHECK(all[1] == UserDeclared{"app", PasswordKind::sha512, sha512, {"c"}, true});
  }
  CHECK(f.broker().has_users());
  REQUIRE(f.broker().user("app"));
  CHECK(f.broker().user("app")->password_hash == sha512);
  CHECK_FALSE(f.broker().user("nobody"));
}

TEST_CASE("what is not said of a user that is altered stays as it is") {
  CoreFixture f;
  declare(f, "admin", administrator);
  const Caller admin = log_in(f, "admin", 7);
  f.give(DeclareUser{.who = admin, .name = "app", .password_kind = PasswordKind::sha256, .password_hash = sha256,
                     .tags = Tags{"a"}, .permitted = false, .configure = "^c", .write = "^w", .read = "^r"});
  UserDeclared expected{"app", PasswordKind::sha256, sha256, {"a"}, false, {"^c", "^w", "^r"}};
  const auto alter = [&](AlterUser change) {
    change.who = admin;
    change.name = "app";
    f.give(change);
    CHECK(f.take_refusal() == ErrorCode::none);
  };
  alter({.password = AlterUser::Password{PasswordKind::sha512, sha512}});
  expected.password_kind = PasswordKind::sha512;
  expected.password_hash = sha512;
  CHECK(users(f, admin)[1] == expected);
  alter({.permitted = true, .write = ""});
  expected.permitted = true;
  expected.permissions.write = "";
  CHECK(users(f, admin)[1] == expected);
  const Tags none;
  alter({.tags = none, .configure = "^c2", .read = "^r2"});
  expected.tags.clear();
  expected.permissions = {"^c2", "", "^r2"};
  f.restart(false);
  CHECK(users(f, log_in(f, "admin", 7))[1] == expected);
}

TEST_CASE("only an administrator alters users, who are there, with what a user may have, and one stays administrator") {
  CoreFixture f;
  declare(f, "admin", administrator);
  const Caller admin = log_in(f, "admin", 7);
  declare(f, "app", {}, admin);
  const Tags none;
  f.give(AlterUser{.who = log_in(f, "app", 8), .name = "app", .tags = administrator});
  CHECK(f.take_refusal() == ErrorCode::not_authorized);
  f.give(AlterUser{.who = admin, .name = "other", .permitted = true});
  CHECK(f.take_refusal() == ErrorCode::not_found);
  f.give(AlterUser{.who = admin, .name = "admin", .tags = none});
  CHECK(f.take_refusal() == ErrorCode::wrong_state);
  f.give(AlterUser{.who = admin, .name = "app", .read = "("});
  CHECK(f.take_refusal() == ErrorCode::invalid_argument);
  CHECK(users(f, admin)[1] == UserDeclared{"app", PasswordKind::sha256, sha256, {}, true});
}

TEST_CASE("the first user must be an administrator, and the last one goes only as the last user") {
  CoreFixture f;
  const Caller guest = log_in(f, "guest", 1);
  declare(f, "app", {}, guest);
  CHECK(f.take_refusal() == ErrorCode::wrong_state);
  CHECK_FALSE(f.broker().has_users());
  declare(f, "admin", administrator, guest);
  declare(f, "app", {}, guest);
  CHECK(f.take_refusal() == ErrorCode::none);
  f.give(DeleteUser{guest, "admin"});
  CHECK(f.take_refusal() == ErrorCode::wrong_state);
  declare(f, "admin", {"management"}, guest);
  CHECK(f.take_refusal() == ErrorCode::wrong_state);
  f.give(DeleteUser{guest, "app"});
  f.give(DeleteUser{guest, "admin"});
  CHECK(f.take_refusal() == ErrorCode::none);
  CHECK_FALSE(f.broker().has_users());
  f.give(DeleteUser{guest, "admin"});
  CHECK(f.take_refusal() == ErrorCode::not_found);
}

TEST_CASE("once there are users, only administrators change them, and policymakers policies") {
  CoreFixture f;
  const Caller before = log_in(f, "guest", 1);
  declare(f, "admin", administrator, before);
  declare(f, "maker", {"policymaker"}, before);
  declare(f, "app", {"management"}, before);
  const Caller admin = log_in(f, "admin", 2), maker = log_in(f, "maker", 3), app = log_in(f, "app", 4);
  const Table definition{{"max-length", 1}};
  f.sends.clear();
  for (const Caller& who : {maker, app}) {
    declare(f, "x", {}, who);
    CHECK(f.take_refusal() == ErrorCode::not_authorized);
    f.give(DeleteUser{who, "app"});
    CHECK(f.take_refusal() == ErrorCode::not_authorized);
    f.give(Describe{who, Subject::users, ""});
    CHECK(f.take_refusal() == ErrorCode::not_authorized);
  }
  f.give(SetPolicy{app, "p", ".*", PolicyTarget::all, 0, &definition});
  CHECK(f.take_refusal() == ErrorCode::not_authorized);
  f.give(SetPolicy{maker, "p", ".*", PolicyTarget::all, 0, &definition});
  f.give(DeletePolicy{app, "p"});
  CHECK(f.take_refusal() == ErrorCode::not_authorized);
  f.give(DeletePolicy{maker, "p"});
  declare(f, "x", {}, admin);
  declare(f, "y", {}, before);  // who was there first keeps what he had
  CHECK(f.take_refusal() == ErrorCode::none);
  CHECK(users(f, admin).size() == 5);
}

TEST_CASE("a user that is deleted is logged out, once the deletion is on disk") {
  CoreFixture f;
  declare(f, "admin", administrator);
  const Caller admin = log_in(f, "admin", 2);
  declare(f, "app", {}, admin);
  log_in(f, "app", 3);
  log_in(f, "app", 4);
  f.persists = false;
  f.give(DeleteUser{admin, "app"});
  CHECK(f.take<LogOut>().empty());
  f.persist();
  const auto out = f.take<LogOut>();
  REQUIRE(out.size() == 2);
  CHECK(out[0].connection == ConnectionId(3));
  CHECK(out[1].connection == ConnectionId(4));
  CHECK(out[0].reason == "user 'app' was deleted");
  f.persists = true;
}

TEST_CASE("a connection is closed by its id, by whoever may") {
  CoreFixture f;
  const Caller guest = log_in(f, "guest", 1);
  log_in(f, "guest", 2);
  f.give(CloseConnection{guest, ConnectionId(2), "enough"});
  const auto out = f.take_one<LogOut>();
  REQUIRE(out);
  CHECK(out->connection == ConnectionId(2));
  CHECK(out->reason == "enough");
  f.give(CloseConnection{guest, ConnectionId(9), ""});
  CHECK(f.take_refusal() == ErrorCode::not_found);
  declare(f, "admin", administrator, guest);
  declare(f, "app", {}, guest);
  f.give(CloseConnection{log_in(f, "app", 3), ConnectionId(1), ""});
  CHECK(f.take_refusal() == ErrorCode::not_authorized);
  CHECK(f.take<LogOut>().empty());
}

TEST_CASE("only an impersonator publishes in the name of others") {
  CoreFixture f;
  f.declare_queue("q");
  declare(f, "admin", administrator);
  const Caller admin = log_in(f, "admin", 2);
  declare(f, "mask", {"impersonator"}, admin);
  const Caller mask = log_in(f, "mask", 3);
  TestMessage message{"", "q"};
  message.user_id = "somebody";
  f.publish(message, false, admin);
  CHECK(f.take_refusal() == ErrorCode::invalid_argument);
  CHECK(f.queue("q").ready == 0);
  f.publish(message, false, mask);
  CHECK(f.queue("q").ready == 1);
}

TEST_CASE("a user that cannot be is refused") {
  CoreFixture f;
  const auto refused = [&](const DeclareUser& user) {
    f.give(user);
    return f.take_refusal();
  };
  const Caller who = CoreFixture::caller();
  const Tags too_many(17, "administrator");
  const std::string long_name(256, 'n');
  CHECK(refused({who, "", PasswordKind::sha256, sha256, administrator}) == ErrorCode::invalid_argument);
  CHECK(refused({who, long_name, PasswordKind::sha256, sha256, administrator}) == ErrorCode::invalid_argument);
  CHECK(refused({who, "\xff", PasswordKind::sha256, sha256, administrator}) == ErrorCode::invalid_argument);
  CHECK(refused({who, "u", PasswordKind::sha256, "short", administrator}) == ErrorCode::invalid_argument);
  CHECK(refused({who, "u", PasswordKind::sha512, sha256, administrator}) == ErrorCode::invalid_argument);
  CHECK(refused({who, "u", PasswordKind::none, sha256, administrator}) == ErrorCode::invalid_argument);
  CHECK(refused({who, "u", PasswordKind::sha256, sha256, too_many}) == ErrorCode::invalid_argument);
  CHECK(refused({who, "u", PasswordKind::none, "", Tags{"administrator", ""}}) == ErrorCode::invalid_argument);
  CHECK_FALSE(f.broker().has_users());
}

TEST_CASE("there is a limit of users") {
  CoreFixture f;
  declare(f, "u", administrator);
  const Caller who = log_in(f, "u", 2);
  for (int i = 1; i < 10'000; ++i) {
    declare(f, "u" + std::to_string(i), {}, who);
    REQUIRE(f.take_refusal() == ErrorCode::none);
    f.sends.clear();
  }
  declare(f, "one more", {}, who);
  CHECK(f.take_refusal() == ErrorCode::limit_reached);
  declare(f, "u7", {"tag"}, who);
  CHECK(f.take_refusal() == ErrorCode::none);
}

}  // namespace
}  // namespace tandem::core
