// A real file system that fills up under load, to its last byte, and is given space again: no restart in between.
#pragma once

#include <cstdint>
#include <string>

#include "tests/crash/load.h"
#include "tests/support/broker_process.h"

namespace tandem::crash {

/// Once: the load runs, free space goes below the broker's limit (publishers are held while there is space left), then to
/// zero (what was stored is still consumed, its acks confirmed), then comes back (publishes are confirmed again). Each
/// promise that does not hold is a violation in `histories.fan`. Counts up `life`: to the checker, clients whose connections
/// end and others that come are a life of the broker each. Gives a line that says how it went. Errors: internal, when the
/// disk cannot be filled.
Result<std::string> fill_and_free(Histories& histories, const support::BrokerProcess& broker, const Ports& ports,
                                  const std::string& mount_point, std::uint64_t seed, int& life);

}  // namespace tandem::crash
