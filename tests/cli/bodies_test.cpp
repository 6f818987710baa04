// Lines of a descriptor, whatever their sizes and wherever they lie in what one read gives.
#include "client/cli/bodies.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <random>

namespace tandem::cli {
namespace {

/// A descriptor that gives these bytes.
class Input {
 public:
  explicit Input(const std::string& bytes) : descriptor_(::memfd_create("bodies", MFD_CLOEXEC)) {
    REQUIRE(::write(descriptor_, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()));
    REQUIRE(::lseek(descriptor_, 0, SEEK_SET) == 0);
  }
  ~Input() { ::close(descriptor_); }
  Input(const Input&) = delete;
  Input& operator=(const Input&) = delete;
  int descriptor() const { return descriptor_; }

 private:
  int descriptor_;
};

std::vector<std::string> lines_of(const std::string& bytes, char separator = '\n') {
  const Input input(bytes);
  LineReader reader(input.descriptor(), separator);
  std::vector<std::string> lines;
  while (true) {
    const auto line = reader.next();
    REQUIRE(line);
    if (!*line) return lines;
    lines.emplace_back(**line);
  }
}

using Lines = std::vector<std::string>;

}  // namespace

TEST_CASE("a line ends at its separator or at the end, and an empty one counts unless it is the last") {
  CHECK(lines_of("").empty());
  CHECK(lines_of("a") == Lines{"a"});
  CHECK(lines_of("a\n") == Lines{"a"});
  CHECK(lines_of("\n\na\n\n") == Lines{"", "", "a", ""});
  CHECK(lines_of(std::string("a\nb\0c", 5), '\0') == Lines{"a\nb", "c"});
}

TEST_CASE("lines of any size come whole and in order") {
  std::mt19937 random(7);
  Lines lines;
  std::string bytes;
  for (const std::size_t size : {1u, 262'143u, 262'144u, 262'145u, 1'000'000u, 0u, 3u}) {
    lines.push_back(std::string(size, static_cast<char>('a' + random() % 26)));
    bytes += lines.back() + "\n";
  }
  for (int i = 0; i < 5'000; ++i) {
    lines.push_back(std::string(random() % 400, static_cast<char>('a' + random() % 26)));
    bytes += lines.back() + "\n";
  }
  CHECK(lines_of(bytes) == lines);
}

TEST_CASE("a line over the limit is refused with its number, and one at the limit is not") {
  const Input input("short\n" + std::string(line_size_max_bytes, 'x') + "\n" +
                    std::string(line_size_max_bytes + 1, 'y') + "z");
  LineReader reader(input.descriptor(), '\n');
  REQUIRE(reader.next());
  const auto at_limit = reader.next();
  REQUIRE(at_limit);
  CHECK((*at_limit)->size() == line_size_max_bytes);
  const auto refused = reader.next();
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == ErrorCode::too_large);
  CHECK(refused.error().text.find("line 3") != std::string::npos);
}

TEST_CASE("what cannot be read is an error, not an end") {
  const int directory = ::open("/", 0);
  LineReader reader(directory, '\n');
  const auto line = reader.next();
  REQUIRE_FALSE(line);
  CHECK(line.error().text == "Is a directory");
  ::close(directory);
}

}  // namespace tandem::cli
