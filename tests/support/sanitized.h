// Whether this build looks at itself with a sanitizer: its memory is then mostly the sanitizer's, and an address space that
// ends stops the sanitizer before it stops the broker. Timings mean little in it, too.
#pragma once

namespace tandem::support {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool is_sanitized = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
inline constexpr bool is_sanitized = true;
#else
inline constexpr bool is_sanitized = false;
#endif
#else
inline constexpr bool is_sanitized = false;
#endif

}  // namespace tandem::support
