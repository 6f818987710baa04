// tandemd: the broker's program.
#include "broker/server/check.h"
#include "broker/server/out_of_memory.h"
#include "broker/server/run.h"

int main(int argc, char** argv) {
  tandem::server::stop_when_out_of_memory();
  const auto [options, exit_status] = tandem::server::parse_options(argc, argv);
  if (!options) return exit_status;
  if (!options->check_directory.empty()) return tandem::server::check_store(options->check_directory);
  return tandem::server::run(*options);
}
