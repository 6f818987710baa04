// Producers' transactions whose markers were asked of the rim (send.h, WriteMarkers), and who waits to hear that the
// transaction ended. Session state: after a restart the markers are asked for again.
#pragma once

#include <cstdint>
#include <map>
#include <optional>

#include "broker/core/vocabulary.h"

namespace tandem::core {

struct EndingTransactions {
  std::map<std::int64_t, std::optional<Caller>> asked;  // by producer id
  void drop_connection(ConnectionId connection) {
    for (auto& [producer, who] : asked)
      if (who && who->channel.connection == connection) who.reset();
  }
};

}  // namespace tandem::core
