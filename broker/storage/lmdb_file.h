// Judges the pages of an LMDB file before LMDB maps it: LMDB trusts its pages, and a damaged one would end
// the process or lose keys without a word. Knows the layout of LMDB's data version 1; checks what this store
// uses of it (one database, no duplicates, no sub-databases).
#pragma once

#include <string>

#include "schemas/result.h"

namespace tandem::storage {

/// Everything that the newest commit reaches: both meta pages, every page of the tree and of the free list. A
/// file that does not exist, or is empty, is good. Errors: corrupt, with path and byte position;
/// not_supported (another data version or page layout).
Result<> judge_lmdb_file(const std::string& path);

}  // namespace tandem::storage
