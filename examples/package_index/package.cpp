#include "examples/package_index/package.h"

#include <lz4frame.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <sstream>
#include <string_view>

namespace package_index {
namespace {

/// The value of "Field: value", or nullptr when the line is of another field.
const char* value_of(const std::string& line, std::string_view field) {
  if (!line.starts_with(field) || line.size() < field.size() + 2 || line[field.size()] != ':') return nullptr;
  return line.c_str() + field.size() + 2;
}

void take_field(Package& package, const std::string& line) {
  if (const char* v = value_of(line, "Package")) package.name = v;
  if (const char* v = value_of(line, "Source"))
    package.source = std::string(v).substr(0, std::string_view(v).find(' '));
  if (const char* v = value_of(line, "Section")) package.section = v;
  if (const char* v = value_of(line, "Priority")) package.priority = v;
  if (const char* v = value_of(line, "Architecture")) package.architecture = v;
}

void complete(Package& package) {
  if (package.source.empty()) package.source = package.name;  // as Debian policy 5.6.1 defines it
  for (std::string* part : {&package.section, &package.priority, &package.architecture})
    if (part->empty()) *part = "unknown";
}

/// apt keeps its indexes as LZ4 frames where it is set up to; nullopt when `packed` is not one.
std::optional<std::string> unpack_lz4(const std::string& packed) {
  LZ4F_dctx* raw = nullptr;
  if (LZ4F_isError(LZ4F_createDecompressionContext(&raw, LZ4F_VERSION))) return std::nullopt;
  const std::unique_ptr<LZ4F_dctx, decltype(&LZ4F_freeDecompressionContext)> context(
      raw, LZ4F_freeDecompressionContext);
  std::string plain;
  std::string block(256 * 1024, '\0');
  std::size_t hint = 1;
  for (std::size_t at = 0; at < packed.size();) {
    std::size_t taken = packed.size() - at, given = block.size();
    hint = LZ4F_decompress(context.get(), block.data(), &given, packed.data() + at, &taken, nullptr);
    if (LZ4F_isError(hint)) return std::nullopt;
    plain.append(block.data(), given);
    at += taken;
  }
  return hint == 0 ? std::optional(std::move(plain)) : std::nullopt;  // 0: the frame was whole
}

tandem::Result<std::string> read_index(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) return tandem::Error{tandem::ErrorCode::not_found, file + " cannot be read"};
  std::string content(std::istreambuf_iterator<char>(in), {});
  if (!file.ends_with(".lz4")) return content;
  auto plain = unpack_lz4(content);
  if (!plain) return tandem::Error{tandem::ErrorCode::corrupt, file + " is not a whole LZ4 frame"};
  return std::move(*plain);
}

}  // namespace

std::vector<std::string> index_files_of_this_machine() {
  std::vector<std::string> files;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/var/lib/apt/lists", error))
    if (const std::string name = entry.path().filename().string();
        name.ends_with("_Packages") || name.ends_with("_Packages.lz4"))
      files.push_back(entry.path().string());
  std::sort(files.begin(), files.end());
  return files;
}

tandem::Result<std::vector<Package>> read_packages(const std::vector<std::string>& files, std::size_t limit) {
  std::vector<Package> packages;
  for (const auto& file : files) {
    auto content = read_index(file);
    if (!content) return content.error();
    std::istringstream in(std::move(*content));
    const std::size_t before = packages.size();
    Package package;
    const auto finish = [&] {
      if (package.name.empty()) return;
      complete(package);
      packages.push_back(std::move(package));
      package = {};
    };
    for (std::string line; std::getline(in, line);) {
      if (limit != 0 && packages.size() == limit) return packages;
      if (line.empty()) {
        finish();
        continue;
      }
      take_field(package, line);
      package.stanza += line;
      package.stanza += '\n';
    }
    finish();
    if (packages.size() == before)
      return tandem::Error{tandem::ErrorCode::corrupt, file + " holds no package stanza"};
  }
  if (limit != 0 && packages.size() > limit) packages.resize(limit);
  return packages;
}

}  // namespace package_index
