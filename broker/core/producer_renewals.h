// What transactional producers named when they were given their newest epoch. One that names the same again has not heard the
// answer, and is told it once more instead of being fenced (KIP-360). Session state: who asks again behind a restart is fenced.
#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace tandem::core {

struct ProducerRenewals {
  struct Named {
    std::int64_t producer_id = -1;
    std::int16_t epoch = -1;
    bool operator==(const Named&) const = default;
  };
  /// By transactional id, at most one for each that is known. None for a producer that came without an epoch: whoever had the id
  /// before it is fenced.
  std::map<std::string, Named, std::less<>> named;
};

}  // namespace tandem::core
