// tandemd --check-store: judges a data directory that no broker runs on.
#pragma once

#include <string>

namespace tandem::server {

/// Verifies every checksum and reference. What is there goes to stdout, one fact per line; what is wrong to
/// stderr, one problem per line. Exit status: 0 when all is well, 1 when there are problems or the directory
/// cannot be read.
int check_store(const std::string& directory);

}  // namespace tandem::server
