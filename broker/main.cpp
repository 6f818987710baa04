// tandemd: the broker's program.
#include "broker/server/run.h"

int main(int argc, char** argv) {
  const auto parsed = tandem::server::parse_options(argc, argv);
  return parsed.options ? tandem::server::run(*parsed.options) : parsed.exit_status;
}
