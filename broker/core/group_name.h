// What a group may be called.
#pragma once

#include <string_view>

namespace tandem::core {

/// 1 to limits::name_size_max_bytes bytes of UTF-8. Faces judge it too, where their protocol has an error of its own.
bool is_group_name(std::string_view name);

}  // namespace tandem::core
