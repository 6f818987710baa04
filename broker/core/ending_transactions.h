// Producers' transactions whose markers were asked of the rim (send.h, WriteMarkers), and who waits to hear
// that the transaction ended. Session state: after a restart the markers are asked for again.
#pragma once

#include <cstdint>
#include <map>
#include <optional>

#include "broker/core/vocabulary.h"

namespace tandem::core {

struct EndingTransactions {
  std::map<std::int64_t, std::optional<Caller>> asked;  // by producer id
  TimestampMs next_idle_at = 0;  // when transactional ids are looked at for ones that nobody uses any more

  /// Nobody waits on the channels from `first` to `last` any more.
  void forget_waiting(ChannelId first, ChannelId last) {
    for (auto& [producer, who] : asked)
      if (who && first <= who->channel && who->channel <= last) who.reset();
  }
};

}  // namespace tandem::core
