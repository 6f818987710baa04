#include "broker/server/check.h"

#include <iostream>

#include "broker/storage/file.h"
#include "broker/storage/store.h"

namespace tandem::server {

int check_store(const std::string& directory) {
  const auto files = storage::make_posix_file_system();
  const auto report = storage::check_store(directory, *files);
  if (!report.ok()) {
    std::cerr << report.error().text << '\n';
    return 1;
  }
  for (const auto& fact : report->facts) std::cout << fact << '\n';
  for (const auto& problem : report->problems) std::cerr << problem << '\n';
  if (report->problems.empty()) std::cout << directory << ": no problems\n";
  return report->problems.empty() ? 0 : 1;
}

}  // namespace tandem::server
