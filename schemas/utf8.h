// UTF-8 (RFC 3629), which names must be: they are shown to people and travel in JSON. Depends on std only.
#pragma once

#include <string>
#include <string_view>

namespace tandem {

/// Whether `text` is well formed: no byte that is none of a character, no overlong form, no surrogate, nothing
/// above U+10FFFF, no character cut off.
bool is_utf8(std::string_view text);

/// `text` for people: each byte above 0x7F as \xNN, for text that is not UTF-8.
std::string escaped(std::string_view text);

}  // namespace tandem
