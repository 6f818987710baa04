#include "broker/storage/backlog.h"

#include <algorithm>

#include "broker/storage/journal_frame.h"

namespace tandem::storage {
namespace {

constexpr const char* file_name = "backlog.dat";
/// Shorter runs are those of many queues that drain side by side: there are more of them than windows in RAM, and the page
/// cache is what their messages are found in. Of few queues, most is read long after or never.
constexpr std::size_t direct_from_bytes = 512u << 10;
/// What the disk has of a long one at a time.
constexpr std::size_t direct_piece_bytes = 1u << 20;
/// With so much more that is retired, a step frees as much again.
constexpr std::uint64_t retired_per_step_bytes = 64u << 20;
/// Of small extents, for each step size: a hole is work for the file system's journal, whatever its size.
constexpr std::uint64_t extents_per_step_max = 4;

Result<std::unique_ptr<File>> open_or_create(FileSystem& files, const std::string& directory) {
  const std::string path = directory + "/" + file_name;
  const auto exists = files.exists(path);
  if (!exists) return exists.error();
  if (*exists) return files.open(path);
  auto file = files.create(path);
  if (!file) return file;
  if (auto synced = files.sync_directory(directory); !synced) return synced.error();
  return file;
}

}  // namespace

// --- BacklogFile
// -------------------------------------------------------------------------------------------------------

BacklogFile::BacklogFile(std::unique_ptr<File> file, BacklogExtents extents, std::uint64_t removal_step_bytes)
    : file_(std::move(file)), extents_(std::move(extents)), removal_step_bytes_(removal_step_bytes) {
  note_size();
}

Result<std::unique_ptr<BacklogFile>> BacklogFile::open(FileSystem& files, const std::string& directory,
                                                       std::vector<Extent> live, std::uint64_t removal_step_bytes) {
  auto file = open_or_create(files, directory);
  if (!file) return file.error();
  auto extents = BacklogExtents::from_live(std::move(live));
  if (!extents) return Error{extents.error().code, (*file)->path() + ": " + extents.error().text};
  const auto size = (*file)->size();
  if (!size) return size.error();
  if (*size < extents->end())
    return Error{ErrorCode::corrupt, (*file)->path() + " has " + std::to_string(*size) +
                                         " bytes, but its last run ends at byte " +
                                         std::to_string(extents->end())};
  if (auto cut = (*file)->truncate(extents->end()); !cut) return cut.error();
  for (const Extent& free : extents->free())
    if (auto punched = (*file)->punch_hole(free.position, free.size_bytes); !punched) return punched.error();
  return std::unique_ptr<BacklogFile>(new BacklogFile(std::move(*file), std::move(*extents), removal_step_bytes));
}

Extent BacklogFile::take(std::uint64_t size_bytes) {
  const Extent extent = extents_.take(size_bytes);
  note_size();
  return extent;
}

/// As few holes as can be: 10,000 queues that drain give back 10,000 neighbours of a few KiB.
void BacklogFile::retire(const std::vector<Extent>& extents) {
  const std::vector<Extent> whole = joined(extents);
  retired_.insert(retired_.end(), whole.rbegin(), whole.rend());
  for (const Extent& extent : whole) retired_size_bytes_ += extent.size_bytes;
}

Result<> BacklogFile::free_some() {
  std::uint64_t left_bytes = removal_step_bytes_ * (1 + retired_size_bytes_ / retired_per_step_bytes);
  while (!retired_.empty() && left_bytes > 0) {
    Extent& extent = retired_.front();
    const std::uint64_t wanted = hurries_ ? extent.size_bytes : round_up_to_block(left_bytes);
    const std::uint64_t size = std::min(wanted, extent.size_bytes);
    left_bytes -= std::min(left_bytes, std::max(size, removal_step_bytes_ / extents_per_step_max));
    extent.size_bytes -= size;
    retired_size_bytes_ -= size;
    const Extent end{extent.end(), size};
    if (extent.size_bytes == 0) retired_.pop_front();
    if (auto freed = free(end); !freed) return freed;
  }
  return Done{};
}

Result<> BacklogFile::free(Extent extent) {
  const std::uint64_t end_before = extents_.end();
  extents_.give_back(extent);
  note_size();
  return extents_.end() < end_before ? file_->truncate(extents_.end()) : file_->punch_hole(extent.position, extent.size_bytes);
}

bool BacklogFile::is_long(std::uint64_t extent_size_bytes) {
  return extent_size_bytes >= direct_from_bytes;
}

Result<> BacklogFile::write(std::uint64_t position, Bytes bytes, bool long_extent) {
  dirty_ = true;
  if (!long_extent) return file_->write(position, bytes);
  for (std::size_t at = 0; at < bytes.size(); at += direct_piece_bytes) {
    const Bytes piece = bytes.subspan(at, std::min(direct_piece_bytes, bytes.size() - at));
    if (auto written = file_->write_direct(position + at, std::span(&piece, 1)); !written) return written;
  }
  return Done{};
}

Result<> BacklogFile::sync() {
  if (!dirty_) return Done{};
  dirty_ = false;
  return file_->sync();
}

// --- BacklogReader
// -----------------------------------------------------------------------------------------------------

BacklogReader::BacklogReader(File& file, Worker& worker, Post post, std::uint64_t size_max_bytes)
    : file_(file),
      worker_(worker),
      post_(std::move(post)),
      size_max_bytes_(size_max_bytes),
      alive_(std::make_shared<BacklogReader*>(this)) {}

Error BacklogReader::damaged(BodyHandle body) const {
  return {ErrorCode::corrupt, file_.path() + ": checksum of the message at byte " +
                                  std::to_string(backlog_position(body)) + " is wrong"};
}

StoredBytes BacklogReader::take(const Window& window, BodyHandle body, std::uint32_t size_bytes) const {
  const std::uint64_t from = backlog_position(body) - backlog_item_header_size_bytes;
  const std::uint64_t size = size_bytes + std::uint64_t{backlog_item_header_size_bytes};
  if (from < window->position || from - window->position > window->bytes.size() ||
      size > window->bytes.size() - (from - window->position))
    return {};
  const Bytes item = Bytes(window->bytes).subspan(from - window->position, size);
  if (!body_is_whole(item)) return {};
  return {item.subspan(backlog_item_header_size_bytes), window};
}

StoredBytes BacklogReader::resident(BodyHandle body, std::uint32_t size_bytes) {
  const auto behind = windows_.upper_bound(backlog_position(body));
  if (behind == windows_.begin()) return {};
  Kept& kept = std::prev(behind)->second;
  auto found = take(kept.window, body, size_bytes);
  if (found.owner != nullptr) ++kept.taken;
  return found;
}

void BacklogReader::forget_run(Extent extent) {
  runs_.forget(extent);
  reading_.erase(reading_.lower_bound(extent.position), reading_.lower_bound(extent.end()));
  for (auto window = windows_.lower_bound(extent.position);
       window != windows_.end() && window->first < extent.end();)
    drop(window++);
}

void BacklogReader::read(BodyHandle body, std::uint32_t size_bytes, ReadDone done) {
  if (auto found = resident(body, size_bytes); found.owner != nullptr) return done(std::move(found));
  const std::uint64_t from = backlog_position(body) - backlog_item_header_size_bytes;
  const auto end = runs_.end_of(from);
  if (!end) return done(damaged(body));
  const std::size_t wanted = std::max(window_size_bytes_, size_bytes + backlog_item_header_size_bytes);
  const Extent stretch{from, std::min<std::uint64_t>(wanted, *end - from)};
  fetch(stretch, 1, [this, body, size_bytes, done = std::move(done)](Result<Window> window) {
    if (!window) return done(window.error());
    auto found = take(*window, body, size_bytes);
    if (found.owner == nullptr) return done(damaged(body));
    done(std::move(found));
  });
}

void BacklogReader::load_run(QueueId queue, const BacklogRun& run, RunDone done) {
  if (!runs_.contains(run.extent))
    return done(Error{ErrorCode::not_found, "no run at byte " + std::to_string(run.extent.position)});
  fetch(run.extent, 0, [this, queue, run, done = std::move(done)](Result<Window> window) {
    if (!window) return done(window.error());
    RunHead head;
    auto entries = read_run((*window)->bytes, run.extent.position, &head);
    if (!entries) return done(Error{entries.error().code, file_.path() + ": " + entries.error().text});
    if (head.queue != queue || head.run != run.id)
      return done(Error{ErrorCode::corrupt,
                        file_.path() + ": another run is at byte " + std::to_string(run.extent.position)});
    done(std::move(entries));
  });
}

void BacklogReader::fetch(Extent stretch, std::uint32_t taken, std::function<void(Result<Window>)> done) {
  auto window = std::make_shared<BacklogWindow>();
  window->position = stretch.position;
  window->bytes.resize(stretch.size_bytes);
  const auto cached = file_.try_read_cached(stretch.position, window->bytes);
  if (cached && *cached) {
    keep(window, taken);
    return done(Window(std::move(window)));
  }
  window->bytes = {};  // thousands of runs may be asked for at once: memory only for the one that is being read
  reading_.emplace(stretch.position, window);
  ++reads_begun_;
  worker_.run([this, &file = file_, post = post_, window, stretch, alive = std::weak_ptr(alive_), taken,
               done = std::move(done)] {
    window->bytes.resize(stretch.size_bytes);
    auto read = file.read(stretch.position, window->bytes);
    post([this, read = std::move(read), window, alive, taken, done] {
      if (alive.expired()) return;
      ++reads_done_;
      const bool is_known = forget_reading(window);
      if (!read) return done(read.error());
      if (is_known) keep(window, taken);
      done(Window(window));
    });
  });
}

/// False when its run was forgotten meanwhile.
bool BacklogReader::forget_reading(const Window& window) {
  const auto [first, last] = reading_.equal_range(window->position);
  const auto found = std::find_if(first, last, [&window](const auto& one) { return one.second == window; });
  if (found == last) return false;
  reading_.erase(found);
  return true;
}

void BacklogReader::keep(Window window, std::uint32_t taken) {
  if (taken == 0 && !keeps_runs()) return;
  if (ages_.size() > 2 * windows_.size() + 1'000) std::erase_if(ages_, [&](std::uint64_t at) { return !windows_.contains(at); });
  if (const auto old = windows_.find(window->position); old != windows_.end()) drop(old);
  ages_.push_back(window->position);
  size_bytes_ += window->bytes.size();
  windows_.emplace(window->position, Kept{window, taken});
  while (size_bytes_ > size_max_bytes_ && !ages_.empty()) {
    const auto oldest = windows_.find(ages_.front());
    ages_.pop_front();
    if (oldest == windows_.end()) continue;
    learn_from(oldest->second);
    drop(oldest);
  }
}

void BacklogReader::learn_from(const Kept& evicted) {
  const std::size_t size = evicted.taken > 1 ? window_size_bytes_ * 2 : window_size_bytes_ / 2;
  window_size_bytes_ = std::clamp(size, backlog_window_size_min_bytes, backlog_window_size_bytes);
}

void BacklogReader::drop(std::map<std::uint64_t, Kept>::iterator kept) {
  size_bytes_ -= kept->second.window->bytes.size();
  windows_.erase(kept);
}

}  // namespace tandem::storage
