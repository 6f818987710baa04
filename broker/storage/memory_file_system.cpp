#include "broker/storage/memory_file_system.h"

#include <unistd.h>

#include <algorithm>

#include "broker/base/check.h"

namespace tandem::storage {
namespace {

std::string directory_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : path.substr(0, slash);
}

Error missing(const std::string& path) {
  return {ErrorCode::not_found, "cannot open " + path + ": No such file or directory"};
}

}  // namespace

// --- files
// ----------------------------------------------------------------------------------------------------------

class MemoryFile : public File {
 public:
  MemoryFile(MemoryFileSystem& files, MemoryFileSystem::Inode inode, std::string path, Access access)
      : files_(files),
        inode_(std::move(inode)),
        path_(std::move(path)),
        access_(access),
        life_(files.life_) {}

  Result<> write(std::uint64_t position, std::span<const Bytes> parts) override {
    const std::lock_guard lock(files_.mutex_);
    if (access_ == Access::read_only)
      return Error{ErrorCode::access_refused, "cannot write " + path_ + ": it is open for reading only"};
    if (auto dead = refuse()) return *dead;
    const auto fault = files_.faults_.next(FileOperation::write);
    if (fault && fault != FaultKind::short_write) return fault_error(*fault, FileOperation::write, path_);
    std::size_t total = 0;
    for (const Bytes part : parts) total += part.size();
    std::size_t left = fault ? total / 2 : total;
    for (const Bytes part : parts) {
      const Bytes some = part.first(std::min(left, part.size()));
      inode_->write(position, some);
      position += some.size();
      left -= some.size();
    }
    if (fault) return fault_error(*fault, FileOperation::write, path_);
    return Done{};
  }

  Result<> read(std::uint64_t position, std::span<std::byte> into) override {
    auto count = read_some(position, into);
    if (!count) return count.error();
    if (*count == into.size()) return Done{};
    return Error{ErrorCode::out_of_range, path_ + " ends at byte " + std::to_string(position + *count) +
                                              ", inside of what should be read"};
  }

  Result<std::size_t> read_some(std::uint64_t position, std::span<std::byte> into) override {
    const std::lock_guard lock(files_.mutex_);
    if (auto error = begin(FileOperation::read)) return *error;
    return inode_->read(position, into);
  }

  Result<bool> try_read_cached(std::uint64_t position, std::span<std::byte> into) override {
    const std::lock_guard lock(files_.mutex_);
    if (auto dead = refuse()) return *dead;
    return !files_.cold_ && inode_->read(position, into) == into.size();
  }

  Result<> sync() override {
    const std::lock_guard lock(files_.mutex_);
    if (auto error = begin(FileOperation::sync)) {
      if (!files_.faults_.power_is_off()) inode_->fail_sync();
      return *error;
    }
    inode_->sync();
    return Done{};
  }

  Result<std::uint64_t> size() override {
    const std::lock_guard lock(files_.mutex_);
    if (auto error = begin(FileOperation::size)) return *error;
    return inode_->size();
  }

  Result<> truncate(std::uint64_t size) override {
    const std::lock_guard lock(files_.mutex_);
    if (auto error = begin(FileOperation::truncate)) return *error;
    inode_->resize(size);
    return Done{};
  }

  Result<> punch_hole(std::uint64_t position, std::uint64_t size) override {
    const std::lock_guard lock(files_.mutex_);
    if (auto error = begin(FileOperation::punch_hole)) return *error;
    if (position < inode_->size()) inode_->zero(position, std::min(size, inode_->size() - position));
    return Done{};
  }

  const std::string& path() const override { return path_; }

 private:
  std::optional<Error> refuse() const {
    if (life_ == files_.life_) return std::nullopt;
    return Error{ErrorCode::internal, path_ + " was open when the power went"};
  }
  std::optional<Error> begin(FileOperation operation) {
    if (auto dead = refuse()) return dead;
    return files_.fault(operation, path_);
  }

  MemoryFileSystem& files_;
  const MemoryFileSystem::Inode inode_;
  const std::string path_;
  const Access access_;
  const std::uint64_t life_;
};

class MemoryLock : public DirectoryLock {
 public:
  MemoryLock(MemoryFileSystem& files, std::string path)
      : files_(files), path_(std::move(path)), life_(files.life_) {}
  ~MemoryLock() override {
    const std::lock_guard lock(files_.mutex_);
    if (life_ == files_.life_) files_.locks_.erase(path_);
  }

 private:
  MemoryFileSystem& files_;
  const std::string path_;
  const std::uint64_t life_;
};

// --- names
// ----------------------------------------------------------------------------------------------------------

std::optional<Error> MemoryFileSystem::fault(FileOperation operation, const std::string& path) {
  if (const auto kind = faults_.next(operation)) return fault_error(*kind, operation, path);
  return std::nullopt;
}

void MemoryFileSystem::change(std::string removed, std::string added, Inode inode) {
  Change change{directory_of(added.empty() ? removed : added), std::move(removed), std::move(added),
                std::move(inode)};
  apply(change, names_);
  changes_.push_back(std::move(change));
}

void MemoryFileSystem::apply(const Change& change, Names& names) {
  names.erase(change.removed);
  if (!change.added.empty()) names[change.added] = change.inode;
}

Result<std::unique_ptr<File>> MemoryFileSystem::open(const std::string& path, Access access) {
  const std::lock_guard lock(mutex_);
  if (auto error = fault(FileOperation::open, path)) return *error;
  const auto found = names_.find(path);
  if (found == names_.end()) return missing(path);
  return std::unique_ptr<File>(std::make_unique<MemoryFile>(*this, found->second, path, access));
}

Result<std::unique_ptr<File>> MemoryFileSystem::create(const std::string& path) {
  const std::lock_guard lock(mutex_);
  if (auto error = fault(FileOperation::create, path)) return *error;
  if (names_.contains(path))
    return Error{ErrorCode::already_exists, "cannot create " + path + ": File exists"};
  if (!directories_.contains(directory_of(path))) return missing(path);
  const auto inode = std::make_shared<MemoryInode>();
  change("", path, inode);
  return std::unique_ptr<File>(std::make_unique<MemoryFile>(*this, inode, path, Access::read_write));
}

Result<> MemoryFileSystem::rename(const std::string& from, const std::string& to) {
  const std::lock_guard lock(mutex_);
  if (auto error = fault(FileOperation::rename, from)) return *error;
  const auto found = names_.find(from);
  if (found == names_.end()) return missing(from);
  change(from, to, Inode(found->second));
  return Done{};
}

Result<> MemoryFileSystem::remove(const std::string& path) {
  const std::lock_guard lock(mutex_);
  if (auto error = fault(FileOperation::remove, path)) return *error;
  if (names_.contains(path)) {
    change(path, "", nullptr);
    return Done{};
  }
  const auto inside = names_.lower_bound(path + "/");
  if (inside != names_.end() && inside->first.starts_with(path + "/"))
    return Error{ErrorCode::not_empty, "cannot remove " + path + ": Directory not empty"};
  if (directories_.erase(path) == 0) return missing(path);
  return Done{};
}

Result<bool> MemoryFileSystem::exists(const std::string& path) {
  const std::lock_guard lock(mutex_);
  return names_.contains(path) || directories_.contains(path);
}

Result<std::vector<std::string>> MemoryFileSystem::list(const std::string& directory) {
  const std::lock_guard lock(mutex_);
  if (auto error = fault(FileOperation::list, directory)) return *error;
  if (!directories_.contains(directory)) return missing(directory);
  std::vector<std::string> names;
  const auto add = [&](const std::string& path) {
    if (path != directory && directory_of(path) == directory)
      names.push_back(path.substr(directory.size() + 1));
  };
  for (const auto& [path, inode] : names_) add(path);
  for (const std::string& path : directories_) add(path);
  std::sort(names.begin(), names.end());
  return names;
}

Result<> MemoryFileSystem::make_directory(const std::string& path) {
  const std::lock_guard lock(mutex_);
  if (auto error = fault(FileOperation::make_directory, path)) return *error;
  for (std::size_t end = path.find('/', 1); end != std::string::npos; end = path.find('/', end + 1))
    directories_.insert(path.substr(0, end));
  directories_.insert(path);
  return Done{};
}

Result<> MemoryFileSystem::sync_directory(const std::string& path) {
  const std::lock_guard lock(mutex_);
  if (auto error = fault(FileOperation::sync_directory, path)) return *error;
  for (const Change& change : changes_)
    if (change.directory == path) apply(change, synced_names_);
  std::erase_if(changes_, [&](const Change& change) { return change.directory == path; });
  return Done{};
}

Result<std::uint64_t> MemoryFileSystem::free_bytes(const std::string&) {
  const std::lock_guard lock(mutex_);
  std::uint64_t used = 0;
  for (const auto& [path, inode] : names_) used += inode->size();
  return capacity_bytes_ > used ? capacity_bytes_ - used : 0;
}

Result<std::unique_ptr<DirectoryLock>> MemoryFileSystem::lock_directory(const std::string& path) {
  const std::lock_guard lock(mutex_);
  if (auto error = fault(FileOperation::lock, path)) return *error;
  if (!locks_.insert(path).second)
    return Error{ErrorCode::locked, path + " is in use by process " + std::to_string(::getpid())};
  return std::unique_ptr<DirectoryLock>(std::make_unique<MemoryLock>(*this, path));
}

// --- what tests do to it
// ----------------------------------------------------------------------------------------------

void MemoryFileSystem::crash(std::mt19937_64& random, CrashKeeps keeps) {
  const std::lock_guard lock(mutex_);
  const bool keeps_names = keeps == CrashKeeps::everything || keeps == CrashKeeps::all_but_one;
  std::map<std::string, std::size_t> kept;  // per directory, how many of its changes
  for (const Change& change : changes_) kept[change.directory] += 1;
  for (auto& [directory, count] : kept)
    if (!keeps_names) count = keeps == CrashKeeps::nothing ? 0 : random() % (count + 1);
  for (const Change& change : changes_)
    if (kept[change.directory] > 0) {
      apply(change, synced_names_);
      kept[change.directory] -= 1;
    }
  changes_.clear();
  names_ = synced_names_;
  std::set<MemoryInode*> seen;  // a rename across directories can leave two names
  std::vector<MemoryInode*> inodes;
  std::uint64_t unsynced = 0;
  for (auto& [path, inode] : names_)
    if (seen.insert(inode.get()).second) {
      inodes.push_back(inode.get());
      unsynced += inode->unsynced_pages();
    }
  std::uint64_t lost = unsynced == 0 ? 0 : random() % unsynced;
  for (MemoryInode* inode : inodes) inode->crash(random, keeps, lost);
  start_again();
}

void MemoryFileSystem::kill() {
  const std::lock_guard lock(mutex_);
  start_again();
}

void MemoryFileSystem::start_again() {
  life_ += 1;
  locks_.clear();
  faults_.clear();
}

void MemoryFileSystem::fail(std::uint64_t nth, FaultKind kind, std::optional<FileOperation> only) {
  const std::lock_guard lock(mutex_);
  faults_.fail(nth, kind, only);
}

void MemoryFileSystem::clear_faults() {
  const std::lock_guard lock(mutex_);
  faults_.clear();
}

std::uint64_t MemoryFileSystem::count(FileOperation operation) const {
  const std::lock_guard lock(mutex_);
  return faults_.count(operation);
}

std::uint64_t MemoryFileSystem::count() const {
  const std::lock_guard lock(mutex_);
  return faults_.count();
}

void MemoryFileSystem::set_cold(bool cold) {
  const std::lock_guard lock(mutex_);
  cold_ = cold;
}

void MemoryFileSystem::set_capacity_bytes(std::uint64_t capacity) {
  const std::lock_guard lock(mutex_);
  capacity_bytes_ = capacity;
}

void MemoryFileSystem::flip_bit(const std::string& path, std::uint64_t position, unsigned bit) {
  const std::lock_guard lock(mutex_);
  const auto found = names_.find(path);
  CHECK(found != names_.end());
  std::byte byte{};
  CHECK(found->second->read(position, {&byte, 1}) == 1);
  byte ^= std::byte{1} << bit;
  found->second->write(position, {&byte, 1});
}

void MemoryFileSystem::zero(const std::string& path, std::uint64_t position, std::uint64_t size) {
  const std::lock_guard lock(mutex_);
  const auto found = names_.find(path);
  CHECK(found != names_.end());
  found->second->zero(position, size);
}

void MemoryFileSystem::cut(const std::string& path, std::uint64_t size) {
  const std::lock_guard lock(mutex_);
  const auto found = names_.find(path);
  CHECK(found != names_.end());
  found->second->resize(size);
}

std::vector<MemoryFileSystem::FileSize> MemoryFileSystem::all_files() const {
  const std::lock_guard lock(mutex_);
  std::vector<FileSize> all;
  for (const auto& [path, inode] : names_) all.push_back({path, inode->size()});
  return all;
}

bool MemoryFileSystem::fault_is_over() const {
  const std::lock_guard lock(mutex_);
  return !faults_.is_waiting();
}

}  // namespace tandem::storage
