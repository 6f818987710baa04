#include "broker/net/socket.h"

#include <unistd.h>

namespace tandem::net {

Socket::~Socket() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

}  // namespace tandem::net
