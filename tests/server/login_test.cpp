// Logins against users: RabbitMQ's hashes, guest's two lives.
#include "broker/server/login.h"

#include "doctest/doctest.h"

namespace tandem::server {
namespace {

using core::PasswordKind;
using wire::LoginVerdict;

std::string from_hex(std::string_view hex) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
    bytes += static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
  return bytes;
}

void replay_user(core::Broker& broker, std::string name, std::string hash, PasswordKind kind = PasswordKind::sha256,
                 bool permitted = true) {
  broker.replay(core::UserDeclared{std::move(name), kind, std::move(hash), {"administrator"}, permitted}, 1);
}

TEST_CASE("a hash is the salt and the SHA-256 of salt and password") {
  // printf 'saltsecret' | sha256sum
  CHECK(hash_password("secret", "salt") ==
        "salt" + from_hex("bede90386d450cea8b77b822f8887065e4e5abf132c2f9dccfcc7fbd4cba5e35"));
  CHECK(hash_password("other", "salt") != hash_password("secret", "salt"));
  CHECK(draw_salt().size() == 4);
  CHECK(draw_salt() != draw_salt());
}

TEST_CASE("without users guest comes in from this machine, and nobody else") {
  const core::Broker broker;
  CHECK(judge_login(broker, {"guest", "guest", true}) == LoginVerdict::welcome);
  CHECK(judge_login(broker, {"guest", "guest", false}) == LoginVerdict::not_from_here);
  CHECK(judge_login(broker, {"guest", "wrong", true}) == LoginVerdict::unknown);
  CHECK(judge_login(broker, {"admin", "guest", true}) == LoginVerdict::unknown);
  CHECK(judge_login(broker, {"", "", true}) == LoginVerdict::unknown);
}

TEST_CASE("with users only they come in, each with the own password") {
  core::Broker broker;
  replay_user(broker, "a", hash_password("alpha", "salt"));
  replay_user(broker, "b", "salt" + from_hex("caf1a60290fa75f99bc1c09f2b061c7af9596de666bd5db0a119cf13fba501d8"
                                        "59081e1f4e27e9c6ca561484e820650fc9d3ad21aa4b0263fb6ee33216ccb4b8"), PasswordKind::sha512);
  replay_user(broker, "mute", "", PasswordKind::none);
  replay_user(broker, "barred", hash_password("x", "sal2"), PasswordKind::sha256, false);
  CHECK(judge_login(broker, {"a", "alpha", false}) == LoginVerdict::welcome);
  CHECK(judge_login(broker, {"b", "beta", true}) == LoginVerdict::welcome);
  CHECK(judge_login(broker, {"a", "beta", true}) == LoginVerdict::unknown);
  CHECK(judge_login(broker, {"a", "", true}) == LoginVerdict::unknown);
  CHECK(judge_login(broker, {"a", "alphaX", true}) == LoginVerdict::unknown);
  CHECK(judge_login(broker, {"nobody", "alpha", true}) == LoginVerdict::unknown);
  CHECK(judge_login(broker, {"mute", "", true}) == LoginVerdict::unknown);
  CHECK(judge_login(broker, {"barred", "x", true}) == LoginVerdict::not_permitted);
  CHECK(judge_login(broker, {"barred", "y", true}) == LoginVerdict::unknown);
  CHECK(judge_login(broker, {"guest", "guest", true}) == LoginVerdict::unknown);
}

TEST_CASE("guest among the users still comes from this machine only") {
  core::Broker broker;
  replay_user(broker, "guest", hash_password("g", "salt"));
  CHECK(judge_login(broker, {"guest", "g", true}) == LoginVerdict::welcome);
  CHECK(judge_login(broker, {"guest", "g", false}) == LoginVerdict::not_from_here);
  CHECK(judge_login(broker, {"guest", "guest", true}) == LoginVerdict::unknown);
}

}  // namespace
}  // namespace tandem::server
