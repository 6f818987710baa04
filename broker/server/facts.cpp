#include "broker/server/facts.h"

#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <vector>

#include "broker/base/check.h"

namespace tandem::server {

std::string_view version() {
  return TANDEM_VERSION;
}

std::string random_text(std::size_t size) {
  static constexpr std::string_view alphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::string text(size, '\0');
  for (std::size_t done = 0; done < size;) {
    const ssize_t got = ::getrandom(text.data() + done, size - done, 0);
    CHECK(got > 0 || errno == EINTR);
    if (got > 0) done += static_cast<std::size_t>(got);
  }
  for (char& c : text) c = alphabet[static_cast<unsigned char>(c) % alphabet.size()];
  return text;
}

namespace {

constexpr std::size_t cluster_id_size = 22;  // what Kafka's clients are used to: a UUID in base64

Result<> write_whole(const std::filesystem::path& path, const std::string& text) {
  const std::filesystem::path temporary = path.string() + ".new";
  const ::mode_t mask = ::umask(077);  // its owner's alone, like all files here
  std::ofstream out(temporary, std::ios::trunc);
  ::umask(mask);
  out << text << '\n' << std::flush;
  if (!out)
    return Error{ErrorCode::unavailable, "cannot write " + temporary.string() + ": " + std::strerror(errno)};
  out.close();
  std::error_code error;
  std::filesystem::rename(temporary, path, error);
  if (error) return Error{ErrorCode::unavailable, "cannot write " + path.string() + ": " + error.message()};
  return Done{};
}

std::uint64_t resident_set_bytes() {
  std::ifstream in("/proc/self/statm");
  std::uint64_t total_pages = 0, resident_pages = 0;
  in >> total_pages >> resident_pages;
  return resident_pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

}  // namespace

Result<std::string> cluster_id_of(const std::string& directory) {
  const auto path = std::filesystem::path(directory) / "cluster_id";
  std::string id;
  if (std::ifstream in(path); std::getline(in, id) && !id.empty()) return id;
  id = random_text(cluster_id_size);
  if (auto written = write_whole(path, id); !written) return written.error();
  return id;
}

Facts::Facts(const Clock& clock) : clock_(clock) {
  set("version", std::string(version()));
  set("pid", std::to_string(::getpid()));
}

std::string_view Facts::figure(std::uint64_t value) const {
  return figure_ = std::to_string(value);
}

std::string_view Facts::get(std::string_view name) const {
  if (const auto found = fixed_.find(name); found != fixed_.end()) return found->second;
  if (name == "uptime_ms") return figure(static_cast<std::uint64_t>(clock_.uptime()));
  if (name == "rss_bytes") return figure(resident_set_bytes());
  if (store_ == nullptr) return {};
  const storage::Store::Usage usage = store_->usage();
  if (name == "journal_bytes") return figure(usage.journal_bytes);
  if (name == "backlog_bytes") return figure(usage.backlog_bytes);
  if (name == "topic_bytes") return figure(usage.topic_bytes);
  if (name == "checkpoint_bytes") return figure(usage.checkpoint_bytes);
  if (name == "cache_bytes") return figure(usage.cache_bytes);
  if (name == "disk_free_bytes") return figure(usage.disk_free_bytes);
  return {};
}

}  // namespace tandem::server
