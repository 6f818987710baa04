// The walk over an encoded field table that allocates nothing; decode_table and append_table are in
// message.h.
#pragma once

#include "schemas/byte_order.h"
#include "schemas/message.h"

namespace tandem {

/// Tables and arrays may nest this deep, the outermost counted. Deeper ones are malformed: a peer must not
/// choose how much stack a walk needs.
inline constexpr int field_nesting_max = 32;

/// Steps over the table (its u32 length included) at the reader's place; `table` gets its bytes. False when
/// malformed.
bool skip_table(ByteReader& reader, Bytes& table);

}  // namespace tandem
