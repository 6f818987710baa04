#include "broker/core/group_name.h"

#include "broker/base/limits.h"
#include "schemas/utf8.h"

namespace tandem::core {

bool is_group_name(std::string_view name) {
  return !name.empty() && name.size() <= limits::name_size_max_bytes && is_utf8(name);
}

}  // namespace tandem::core
