// The head of an HTTP/1.x request (RFC 9112), as far as one needs it who gives out pages: who asks with a body is refused.
#pragma once

#include <cstddef>
#include <string_view>

#include "schemas/message.h"

namespace tandem::wire::metrics {

/// What one who has not logged in may make the broker hold.
inline constexpr std::size_t http_head_max_bytes = 4096;

struct HttpRequest {
  std::string_view method, path;  // views of the input; the path without its query
  bool keeps_alive = true;        // the connection goes on after the answer
};

struct HttpHead {
  std::size_t size_bytes = 0;  // 0: it has not come whole
  int status = 0;              // not 0: this is its answer, and the connection cannot go on
  HttpRequest request;
};

HttpHead read_http_head(Bytes input);

}  // namespace tandem::wire::metrics
