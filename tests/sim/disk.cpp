#include "tests/sim/disk.h"

#include <cstdlib>
#include <filesystem>
#include <stdexcept>

namespace tandem::sim {

Disk::Disk() {
  const std::filesystem::path memory = "/dev/shm";
  const auto parent = std::filesystem::exists(memory) ? memory : std::filesystem::temp_directory_path();
  std::string pattern = (parent / "tandem-sim-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("cannot make a directory in " + parent.string());
  lmdb_directory_ = pattern;
}

Disk::~Disk() {
  std::error_code ignored;
  std::filesystem::remove_all(lmdb_directory_, ignored);
}

storage::StoreOptions Disk::store_options() const {
  storage::StoreOptions options;
  options.directory = "/store";
  options.lmdb_directory = lmdb_directory_;
  options.inline_threads = true;
  return options;
}

std::vector<std::string> Disk::problems() {
  const auto checked = storage::check_store("/store", files, lmdb_directory_);
  if (!checked) return {checked.error().text};
  return checked->problems;
}

}  // namespace tandem::sim
