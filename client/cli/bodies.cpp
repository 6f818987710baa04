#include "client/cli/bodies.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "client/cli/progress.h"

namespace tandem::cli {
namespace {

constexpr std::size_t block_size_bytes = 256u << 10;  // larger ones made it no faster

std::string mib(std::size_t bytes) {
  return std::to_string(bytes >> 20) + " MiB";
}

}  // namespace

LineReader::LineReader(int descriptor, char separator)
    : descriptor_(descriptor), separator_(separator), buffer_(block_size_bytes) {}

Result<std::optional<std::string_view>> LineReader::next() {
  while (true) {
    const char* from = buffer_.data() + begin_ + searched_;
    const std::size_t size = end_ - begin_ - searched_;
    if (const void* found = size == 0 ? nullptr : std::memchr(from, separator_, size)) {
      const std::string_view line(buffer_.data() + begin_, static_cast<const char*>(found));
      begin_ += line.size() + 1;
      searched_ = 0;
      ++lines_;
      return std::optional(line);
    }
    searched_ = end_ - begin_;
    if (at_end_) break;
    if (auto filled = fill(); !filled) return filled.error();
  }
  if (begin_ == end_) return std::optional<std::string_view>();
  const std::string_view rest(buffer_.data() + begin_, end_ - begin_);
  begin_ = end_;
  searched_ = 0;
  return std::optional(rest);
}

Result<> LineReader::fill() {
  const std::size_t kept = end_ - begin_;
  if (kept > line_size_max_bytes)
    return Error{ErrorCode::too_large, "line " + std::to_string(lines_ + 1) + " is longer than " +
                                           mib(line_size_max_bytes) + ", more than a message can have"};
  std::memmove(buffer_.data(), buffer_.data() + begin_, kept);
  begin_ = 0;
  end_ = kept;
  if (kept == buffer_.size()) buffer_.resize(2 * kept);
  ssize_t got = 0;
  do got = ::read(descriptor_, buffer_.data() + end_, buffer_.size() - end_);
  while (got < 0 && errno == EINTR);
  if (got < 0) return Error{ErrorCode::internal, std::strerror(errno)};
  at_end_ = got == 0;
  end_ += static_cast<std::size_t>(got);
  return Done{};
}

void add_bodies(CLI::App& verb, Bodies& bodies, const std::string& what) {
  verb.add_option("BODY", bodies.words, what + " (none: one per line of stdin)");
  verb.add_option("--file", bodies.file, "one per line of this file; - is stdin");
  verb.add_flag("--null", bodies.null_separated, "separated by NUL instead of line ends");
  verb.add_flag("--whole", bodies.whole, "the whole file is one");
}

namespace {

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() {
    if (number_ > STDIN_FILENO) ::close(number_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int number() const { return number_; }

 private:
  int number_;
};

[[noreturn]] void fail_reading(const std::string& file, const Error& why) {
  throw Failure{exit_failed, (file == "-" ? "cannot read stdin: " : "cannot read " + file + ": ") + why.text};
}

std::string read_whole(int descriptor, const std::string& file) {
  std::string all;
  while (true) {
    const std::size_t size = all.size();
    all.resize(size + block_size_bytes);
    const ssize_t got = ::read(descriptor, all.data() + size, block_size_bytes);
    if (got < 0 && errno != EINTR) fail_reading(file, {ErrorCode::internal, std::strerror(errno)});
    all.resize(size + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    if (got == 0) return all;
    if (all.size() > line_size_max_bytes)
      fail_reading(file, {ErrorCode::too_large, "it is larger than " + mib(line_size_max_bytes)});
  }
}

void read_bodies(const Bodies& bodies, const std::string& file,
                 const std::function<void(std::string_view)>& take) {
  const Descriptor descriptor(file == "-" ? STDIN_FILENO : ::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (descriptor.number() < 0) fail_reading(file, {ErrorCode::internal, std::strerror(errno)});
  if (bodies.whole) return take(read_whole(descriptor.number(), file));
  Progress progress("sent", Progress::Beside::input);
  LineReader lines(descriptor.number(), bodies.null_separated ? '\0' : '\n');
  while (true) {
    const auto line = lines.next();
    if (!line) fail_reading(file, line.error());
    if (!*line) return;
    take(**line);
    progress.add(1);
  }
}

}  // namespace

void for_each_body(const Bodies& bodies, const std::function<void(std::string_view)>& take) {
  for (const auto& word : bodies.words) take(word);
  if (!bodies.file.empty())
    read_bodies(bodies, bodies.file, take);
  else if (bodies.words.empty())
    read_bodies(bodies, "-", take);
}

std::optional<Stopped> send_each(const Bodies& bodies, const std::function<Result<>(std::string_view)>& send) {
  struct NotTaken {
    Error why;
  };
  try {
    for_each_body(bodies, [&](std::string_view body) {
      if (auto sent = send(body); !sent) throw NotTaken{sent.error()};
    });
  } catch (const NotTaken& stop) {
    return Stopped{failure_of(stop.why), false};
  } catch (const Failure& failure) {
    return Stopped{failure, true};
  }
  return std::nullopt;
}

void fail_stopped(const Stopped& stopped, std::uint64_t count, const std::string& done) {
  throw Failure{count > 0 && !stopped.unreadable ? exit_partly_done : stopped.why.status,
                stopped.why.text + " (" + std::to_string(count) + " before it " + done + ")"};
}

}  // namespace tandem::cli
