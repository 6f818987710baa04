#include "broker/storage/faults.h"

#include <numeric>

namespace tandem::storage {

std::string_view name(FileOperation operation) {
  static constexpr std::array<std::string_view, file_operations> names{
      "open",  "create", "rename", "remove", "list",     "make directory", "sync directory",
      "write", "read",   "sync",   "size",   "truncate", "punch hole",     "lock"};
  return names[static_cast<std::size_t>(operation)];
}

void Faults::fail(std::uint64_t nth, FaultKind kind, std::optional<FileOperation> only) {
  countdown_ = nth;
  kind_ = kind;
  only_ = only;
}

void Faults::clear() {
  countdown_ = 0;
  power_is_off_ = false;
}

std::optional<FaultKind> Faults::next(FileOperation operation) {
  counts_[static_cast<std::size_t>(operation)] += 1;
  if (power_is_off_) return FaultKind::power_off;
  if (countdown_ == 0 || (only_ && *only_ != operation)) return std::nullopt;
  if (--countdown_ != 0) return std::nullopt;
  power_is_off_ = kind_ == FaultKind::power_off;
  return kind_;
}

std::uint64_t Faults::count() const {
  return std::accumulate(counts_.begin(), counts_.end(), std::uint64_t{0});
}

Error fault_error(FaultKind kind, FileOperation operation, const std::string& path) {
  const std::string what = "cannot " + std::string(name(operation)) + " " + path + ": ";
  switch (kind) {
    case FaultKind::io_error:
      return {ErrorCode::internal, what + "Input/output error"};
    case FaultKind::disk_full:
    case FaultKind::short_write:
      return {ErrorCode::resource_alarm, what + "No space left on device"};
    case FaultKind::power_off:
      break;
  }
  return {ErrorCode::internal, what + "the power is off"};
}

}  // namespace tandem::storage
