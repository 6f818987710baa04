#include <cstdio>

#include "tandem/tandem.h"

int main() {
  tandem::ClientOptions options;
  options.port = 1;  // nobody is there: it is enough that it links and says so
  const auto client = tandem::Client::connect(options);
  if (!client) std::printf("%s\n", client.error().text.c_str());
  return client ? 1 : 0;
}
