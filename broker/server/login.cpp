#include "broker/server/login.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include <array>

#include "broker/base/check.h"

namespace tandem::server {
namespace {

constexpr std::size_t salt_size_bytes = 4;

std::string salted(std::string_view salt, std::string_view password, const EVP_MD* digest) {
  std::string input(salt);
  input += password;
  std::array<unsigned char, EVP_MAX_MD_SIZE> out;
  unsigned size = 0;
  // It fails only when there is no memory, or the library has no such digest.
  const int done = EVP_Digest(input.data(), input.size(), out.data(), &size, digest, nullptr);
  OPENSSL_cleanse(input.data(), input.size());
  CHECK(done == 1);
  return std::string(salt).append(reinterpret_cast<const char*>(out.data()), size);
}

bool matches(const core::UserDeclared& user, std::string_view password) {
  if (user.password_kind == core::PasswordKind::none || password.empty()) return false;
  const std::string_view salt = std::string_view(user.password_hash).substr(0, salt_size_bytes);
  const bool is_256 = user.password_kind == core::PasswordKind::sha256;
  const std::string given = salted(salt, password, is_256 ? EVP_sha256() : EVP_sha512());
  return given.size() == user.password_hash.size() &&
         CRYPTO_memcmp(given.data(), user.password_hash.data(), given.size()) == 0;
}

}  // namespace

wire::LoginVerdict judge_login(const core::Broker& broker, const wire::Login& login) {
  using wire::LoginVerdict;
  if (!broker.has_users()) return wire::judge_guest(login);
  const core::UserDeclared* user = broker.user(login.user);
  // A name that nobody has takes as long as one that somebody has.
  static const core::UserDeclared nobody{"", core::PasswordKind::sha256, std::string(salt_size_bytes + 32, '\0'), {}, true};
  const bool right = matches(user ? *user : nobody, login.password);
  if (!user || !right) return LoginVerdict::unknown;
  if (user->name == wire::guest_name && !login.loopback) return LoginVerdict::not_from_here;
  return user->permitted ? LoginVerdict::welcome : LoginVerdict::not_permitted;
}

std::string hash_password(std::string_view password, std::string_view salt) {
  CHECK(salt.size() == salt_size_bytes);
  return salted(salt, password, EVP_sha256());
}

std::string draw_salt() {
  std::array<unsigned char, salt_size_bytes> salt;
  CHECK(RAND_bytes(salt.data(), static_cast<int>(salt.size())) == 1);
  return {reinterpret_cast<const char*>(salt.data()), salt.size()};
}

}  // namespace tandem::server
