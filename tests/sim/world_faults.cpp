// Worlds in which one chosen thing goes wrong.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

#include "tests/sim/world.h"

namespace tandem::sim {

namespace {

constexpr std::uint64_t page_bytes = 4096;

/// Damage of one of three kinds to a real file (LMDB's).
void damage_real_file(const std::string& path, std::uint64_t kind, std::uint64_t position) {
  const int file = ::open(path.c_str(), O_RDWR);
  if (file < 0) return;
  std::vector<char> bytes(kind == 0 ? 1 : page_bytes);
  const auto count = ::pread(file, bytes.data(), bytes.size(), static_cast<off_t>(position));
  bool failed = count < 0;
  if (kind == 0 && count == 1) {
    bytes[0] = static_cast<char>(bytes[0] ^ (1 << position % 8));
    failed |= ::pwrite(file, bytes.data(), 1, static_cast<off_t>(position)) != 1;
  } else if (kind == 1 && count > 0) {
    std::fill(bytes.begin(), bytes.end(), '\0');
    failed |= ::pwrite(file, bytes.data(), static_cast<std::size_t>(count), static_cast<off_t>(position)) != count;
  } else if (kind == 2) {
    failed |= ::ftruncate(file, static_cast<off_t>(position)) != 0;
  }
  ::close(file);
  if (failed) std::abort();  // a damage that was not done would judge nothing
}

bool serves_other_bytes(const std::string& violation) {
  for (const char* text : {"other bytes than", "no message of this world", "a fetch gives"})
    if (violation.find(text) != std::string::npos) return true;
  return false;
}

}  // namespace

void World::sound_life() {
  if (!open_once()) return;
  declare();
  judge_start();
  live();
  rim_->settle();
  stop_in_order();
  promises_.restarted(true);
}

Report World::run_fault() {
  sound_life();
  if (!promises_.violations().empty()) return finish();
  const Fault fault = *options_.fault;
  faults_now_ = true;
  disk_.files.fail(fault.nth, fault.kind);
  const bool opened = open_once();
  if (opened) {
    declare();
    judge_start();
    live();
    // It went on, or stopped with a reason: a broker that only falls silent helps nobody.
    rim_->settle();
    if (rim_->restless()) promises_.violation(rim_->failure());
  }
  report_.fault_happened = disk_.files.fault_is_over();
  // A write or sync that failed has stopped the broker, or it failed in something that may fail.
  rim_.reset();
  disk_.files.crash(chance_, fault.keeps);
  promises_.restarted(false);
  faults_now_ = false;
  check_disk();
  if (!open_once()) return finish();
  declare();
  judge_start();
  drain();
  stop_in_order();
  check_disk();
  return finish();
}

/// Gives what was done, for people.
std::string World::damage_something(std::uint64_t which, bool killed) {
  std::mt19937_64 random(which);
  std::vector<storage::MemoryFileSystem::FileSize> files = disk_.files.all_files();
  const std::string lmdb = disk_.lmdb_directory() + "/checkpoint.mdb";
  struct stat status{};
  if (::stat(lmdb.c_str(), &status) == 0) files.push_back({lmdb, static_cast<std::uint64_t>(status.st_size)});
  std::erase_if(files, [](const auto& file) { return file.size_bytes == 0; });
  const auto& file = files[which % files.size()];
  std::uint64_t kind = which / files.size() % 3;
  // Where a killed broker's journal ends cannot be known from what is left when its end is cut off.
  const auto newest_segment = std::find_if(files.rbegin(), files.rend(), [](const auto& each) {
    return each.path.starts_with("/store/journal/") && each.path.find("spare") == std::string::npos;
  });
  if (kind == 2 && killed && newest_segment != files.rend() && file.path == newest_segment->path) kind = 0;
  // At the front, somewhere, at the end: headers and last frames are small.
  std::uint64_t position = random() % file.size_bytes;
  if (random() % 3 == 0) position = std::min(file.size_bytes - 1, random() % 512);
  if (random() % 3 == 0) position = file.size_bytes - 1 - std::min(file.size_bytes - 1, random() % 512);
  if (kind == 1) position -= position % page_bytes;
  if (file.path == lmdb)
    damage_real_file(file.path, kind, position);
  else if (kind == 0)
    disk_.files.flip_bit(file.path, position, static_cast<unsigned>(position % 8));
  else if (kind == 1)
    disk_.files.zero(file.path, position, std::min(page_bytes, file.size_bytes - position));
  else
    disk_.files.cut(file.path, position);
  const char* const kinds[] = {"a bit flipped", "a page zeroed", "cut"};
  return file.path + ": " + kinds[kind] + " at byte " + std::to_string(position);
}

/// Everything is on the disk, and behind it one frame that proves so: without that one, damage to the last frame looks
/// like a write that a crash has torn, and what was torn was never confirmed.
void World::sound_life_and_kill() {
  if (!open_once()) return;
  declare();
  judge_start();
  live();
  rim_->settle();
  rim_->submit(core::DeclareExchange{
      .who = {{new_connection(), 1}, 0}, .name = "the last", .kind = core::ExchangeKind::fanout});
  rim_->settle();
  rim_.reset();
  disk_.files.crash(chance_, storage::CrashKeeps::nothing);
  promises_.restarted(false);
}

Report World::run_damage() {
  const bool killed = *options_.damage / 3 % 2 != 0;
  if (killed)
    sound_life_and_kill();
  else
    sound_life();
  if (!promises_.violations().empty()) return finish();
  const std::string damage = damage_something(*options_.damage, killed);
  promises_.tell(damage);
  report_.damage_reported = !disk_.problems().empty();
  faults_now_ = true;
  if (!open_once()) {
    report_.damage_reported = true;
    return finish();
  }
  declare();
  judge_start();
  drain();
  // What was reported may be missing; other bytes are never served, and nothing is missing without a word.
  std::vector<std::string> left;
  for (const std::string& violation : promises_.violations())
    if (!report_.damage_reported || serves_other_bytes(violation)) left.push_back(violation + " (" + damage + ")");
  rim_.reset();
  disk_.files.kill();
  Report report = finish();
  report.violations = std::move(left);
  return report;
}

}  // namespace tandem::sim
