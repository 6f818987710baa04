// Holds what a compiler does not: who may include whom (docs/ARCHITECTURE.md, "Rooms"), how long a file may get, and
// what must never stand in this repository. A remark made twice in review becomes a case here.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace fs = std::filesystem;

namespace {

const fs::path root = TANDEM_SOURCE_DIR;

struct SourceFile {
  std::string path;  // relative to the root, with '/'
  std::vector<std::string> lines;
};

bool starts_with_any(std::string_view text, const std::vector<std::string>& prefixes) {
  return std::any_of(prefixes.begin(), prefixes.end(), [&](const std::string& p) { return text.starts_with(p); });
}

std::vector<SourceFile> sources(const std::vector<std::string>& folders, const std::vector<std::string>& endings) {
  std::vector<SourceFile> found;
  for (const auto& folder : folders) {
    if (!fs::exists(root / folder)) continue;
    for (const auto& entry : fs::recursive_directory_iterator(root / folder)) {
      const std::string ending = entry.path().extension().string();
      if (!entry.is_regular_file() || std::find(endings.begin(), endings.end(), ending) == endings.end()) continue;
      SourceFile file{fs::relative(entry.path(), root).generic_string(), {}};
      if (file.path.find("node_modules") != std::string::npos) continue;
      if (file.path.starts_with("examples/sample/")) continue;  // Debian's words, not ours
      std::ifstream in(entry.path());
      for (std::string line; std::getline(in, line);) file.lines.push_back(line);
      found.push_back(std::move(file));
    }
  }
  std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.path < b.path; });
  return found;
}

/// The header of an #include line, or "".
std::string included(const std::string& line) {
  if (!line.starts_with("#include ")) return "";
  const auto first = line.find_first_of("\"<", 9), last = line.find_last_of("\">");
  if (first == std::string::npos || last <= first) return "";
  return line.substr(first + 1, last - first - 1);
}

struct Room {
  std::string folder;
  std::vector<std::string> may_include;      // project headers, by prefix
  std::vector<std::string> must_not_include;  // libraries, by prefix
};

const std::vector<Room> rooms = {
    {"schemas/", {"schemas/"}, {"asio", "lmdb.h", "flatbuffers/", "fmt/", "spdlog/", "nlohmann/"}},
    {"broker/base/", {"broker/base/", "schemas/"}, {"asio", "lmdb.h", "flatbuffers/"}},
    {"broker/core/",
     {"broker/core/", "broker/base/", "schemas/"},
     {"asio", "lmdb.h", "flatbuffers/", "thread", "mutex", "chrono", "random", "fstream", "sys/", "unistd.h", "spdlog/"}},
    {"broker/storage/", {"broker/storage/", "broker/core/record.h", "broker/core/send.h", "broker/core/vocabulary.h", "broker/base/", "schemas/"}, {"asio", "flatbuffers/"}},
    {"broker/net/", {"broker/net/", "broker/base/", "schemas/"}, {"lmdb.h", "flatbuffers/"}},
    {"broker/wire/native/", {"broker/wire/", "broker/core/", "broker/base/", "schemas/"}, {"asio", "lmdb.h"}},
    {"broker/wire/amqp/", {"broker/wire/", "broker/core/", "broker/base/", "schemas/"}, {"asio", "lmdb.h", "flatbuffers/"}},
    {"broker/wire/metrics/", {"broker/wire/", "broker/core/", "broker/base/", "schemas/"}, {"asio", "lmdb.h", "flatbuffers/"}},
    {"broker/wire/kafka/", {"broker/wire/", "broker/core/", "broker/base/", "schemas/"}, {"asio", "lmdb.h", "flatbuffers/"}},
    {"client/", {"client/", "tandem/", "schemas/"}, {"lmdb.h"}},
};

bool is_project_header(const std::string& header) {
  return starts_with_any(header, {"broker/", "schemas/", "client/", "tests/", "tandem/", "bench/"});
}

}  // namespace

TEST_CASE("a room includes only the rooms below it") {
  for (const auto& room : rooms)
    for (const auto& file : sources({room.folder}, {".h", ".cpp"}))
      for (const auto& line : file.lines) {
        const std::string header = included(line);
        if (header.empty()) continue;
        INFO(file.path, " includes ", header);
        if (is_project_header(header)) CHECK(starts_with_any(header, room.may_include));
        CHECK_FALSE(starts_with_any(header, room.must_not_include));
      }
}

TEST_CASE("only one file knows LMDB, and only net, server and the client know Asio") {
  for (const auto& file : sources({"broker", "client", "schemas"}, {".h", ".cpp"}))
    for (const auto& line : file.lines) {
      const std::string header = included(line);
      INFO(file.path, " includes ", header);
      if (header == "lmdb.h") CHECK(file.path == "broker/storage/lmdb.cpp");
      if (header.starts_with("asio")) CHECK(starts_with_any(file.path, {"broker/net/", "broker/server/", "client/"}));
    }
}

TEST_CASE("a file can be read at a sitting") {
  constexpr std::size_t lines_max = 600;
  for (const auto& file : sources({"broker", "client", "schemas", "tests", "bench", "examples"}, {".h", ".cpp", ".py"})) {
    INFO(file.path, " has ", file.lines.size(), " lines");
    CHECK(file.lines.size() <= lines_max);
  }
}

TEST_CASE("every header is guarded by #pragma once and says what it is for") {
  for (const auto& file : sources({"broker", "client", "schemas"}, {".h"})) {
    INFO(file.path);
    CHECK(std::find(file.lines.begin(), file.lines.end(), "#pragma once") != file.lines.end());
    REQUIRE_FALSE(file.lines.empty());
    CHECK(file.lines.front().starts_with("//"));
  }
}

TEST_CASE("nothing unfinished is left behind") {
  // Split so that this file does not find itself.
  const std::vector<std::string> words = {std::string("TO") + "DO", std::string("FIX") + "ME", std::string("XX") + "X:",
                                          std::string("HA") + "CK"};
  for (const auto& file : sources({"broker", "client", "schemas", "tests", "bench", "examples", "docs", "scripts"},
                                  {".h", ".cpp", ".py", ".md", ".fbs", ""}))
    for (const auto& line : file.lines)
      for (const auto& word : words) {
        INFO(file.path, ": ", line);
        CHECK(line.find(word) == std::string::npos);
      }
}
