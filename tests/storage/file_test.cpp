// What both file systems promise (broker/storage/file.h).
#include "broker/storage/file.h"

#include <doctest/doctest.h>

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>

#include "broker/storage/memory_file_system.h"
#include "tests/storage/file_support.h"

using namespace tandem;
using namespace tandem::storage;
using test::read_text;

namespace {

/// Both kinds, each with an empty directory.
struct AnyFileSystem {
  explicit AnyFileSystem(bool real) {
    if (real)
      files = make_posix_file_system();
    else
      files = std::make_unique<MemoryFileSystem>();
    directory = real ? temporary.path() + "/store" : "/store";
    REQUIRE(files->make_directory(directory).ok());
  }
  test::TemporaryDirectory temporary;
  std::unique_ptr<FileSystem> files;
  std::string directory;
};

}  // namespace

TEST_CASE("what is written in parts reads back joined") {
  for (const bool real : {true, false}) {
    AnyFileSystem any(real);
    auto file = any.files->create(any.directory + "/a");
    REQUIRE(file.ok());
    const std::vector<Bytes> parts{bytes_of("one "), bytes_of(""), bytes_of("two "), bytes_of("three")};
    REQUIRE((*file)->write(4090, parts).ok());
    CHECK(read_text(**file, 4090, 13) == "one two three");
    CHECK(*(*file)->size() == 4103);
    CHECK(read_text(**file, 0, 3) == std::string(3, '\0'));
    CHECK((*file)->sync().ok());
  }
}

TEST_CASE("a write of more parts than one system call takes is whole") {
  for (const bool real : {true, false}) {
    AnyFileSystem any(real);
    auto file = any.files->create(any.directory + "/a");
    REQUIRE(file.ok());
    std::string expected;
    for (int i = 0; i < 3000; ++i) expected += static_cast<char>('a' + i % 26);
    std::vector<Bytes> parts;
    for (const char& letter : expected) parts.push_back(bytes_of({&letter, 1}));
    REQUIRE((*file)->write(0, parts).ok());
    CHECK(read_text(**file, 0, expected.size()) == expected);
  }
}

TEST_CASE("reading past the end is an error with file and position, or a short count") {
  for (const bool real : {true, false}) {
    AnyFileSystem any(real);
    auto file = any.files->create(any.directory + "/a");
    REQUIRE((*file)->write(0, bytes_of("12345")).ok());
    std::array<std::byte, 10> into;
    const auto read = (*file)->read(2, into);
    REQUIRE(!read.ok());
    CHECK(read.error().code == ErrorCode::out_of_range);
    CHECK(read.error().text.find(any.directory + "/a") != std::string::npos);
    CHECK(read.error().text.find("byte 5") != std::string::npos);
    CHECK(*(*file)->read_some(2, into) == 3);
    CHECK(*(*file)->read_some(100, into) == 0);
    CHECK(*(*file)->try_read_cached(2, into) == false);
  }
}

TEST_CASE("bytes that were just written are read without waiting, when the file system can") {
  AnyFileSystem any(false);
  auto file = any.files->create(any.directory + "/a");
  REQUIRE((*file)->write(0, bytes_of("12345")).ok());
  std::array<std::byte, 5> into;
  CHECK(*(*file)->try_read_cached(0, into));
  CHECK(text_of(into) == "12345");
  static_cast<MemoryFileSystem&>(*any.files).set_cold(true);
  CHECK(*(*file)->try_read_cached(0, into) == false);
  CHECK((*file)->read(0, into).ok());
}

TEST_CASE("hints about reads change nothing that is read") {
  for (const bool real : {true, false}) {
    AnyFileSystem any(real);
    auto file = any.files->create(any.directory + "/a");
    REQUIRE((*file)->write(0, bytes_of("12345")).ok());
    REQUIRE((*file)->sync().ok());
    std::array<std::byte, 5> into;
    (*file)->expect_reads(0, 1u << 20);  // also behind the end
    (*file)->read_no_further();
    CHECK((*file)->read(0, into).ok());
    (*file)->forget_reads(0, 1u << 20);
    CHECK((*file)->read(0, into).ok());
    CHECK(text_of(into) == "12345");
  }
}

TEST_CASE("create refuses an existing file and open a missing one") {
  for (const bool real : {true, false}) {
    AnyFileSystem any(real);
    REQUIRE(any.files->create(any.directory + "/a").ok());
    CHECK(any.files->create(any.directory + "/a").error().code == ErrorCode::already_exists);
    CHECK(any.files->open(any.directory + "/b").error().code == ErrorCode::not_found);
    CHECK(any.files->create(any.directory + "/none/b").error().code == ErrorCode::not_found);
    CHECK(any.files->remove(any.directory + "/b").error().code == ErrorCode::not_found);
    CHECK(any.files->rename(any.directory + "/b", any.directory + "/c").error().code == ErrorCode::not_found);
  }
}

TEST_CASE("a file that is open for reading only takes no writes") {
  for (const bool real : {true, false}) {
    AnyFileSystem any(real);
    REQUIRE((*any.files->create(any.directory + "/a"))->write(0, bytes_of("x")).ok());
    auto file = any.files->open(any.directory + "/a", Access::read_only);
    REQUIRE(file.ok());
    CHECK(!(*file)->write(0, bytes_of("y")).ok());
    CHECK(read_text(**file, 0, 1) == "x");
  }
}

TEST_CASE("a directory lists its names in order, files and directories") {
  for (const bool real : {true, false}) {
    AnyFileSystem any(real);
    for (const char* name : {"c", "a"}) REQUIRE(any.files->create(any.directory + "/" + name).ok());
    REQUIRE(any.files->make_directory(any.directory + "/b/deep").ok());
    CHECK(*any.files->list(any.directory) == std::vector<std::string>{"a", "b", "c"});
    CHECK(*any.files->list(any.directory + "/b") == std::vector<std::string>{"deep"});
    CHECK(*any.files->exists(any.directory + "/b/deep"));
    CHECK(!*any.files->exists(any.directory + "/b/a"));
    CHECK(any.files->list(any.directory + "/none").error().code == ErrorCode::not_found);
  }
}

TEST_CASE("rename replaces, and open files stay open") {
  for (const bool real : {true, false}) {
    AnyFileSystem any(real);
    auto old_file = any.files->create(any.directory + "/old");
    auto new_file = any.files->create(any.directory + "/new");
    REQUIRE((*old_file)->write(0, bytes_of("old")).ok());
    REQUIRE((*new_file)->write(0, bytes_of("new")).ok());
    REQUIRE(any.files->rename(any.directory + "/new", any.directory + "/old").ok());
    REQUIRE(any.files->sync_directory(any.directory).ok());
    CHECK(read_text(**any.files->open(any.directory + "/old"), 0, 3) == "new");
    CHECK(read_text(**old_file, 0, 3) == "old");
    CHECK(*any.files->list(any.directory) == std::vector<std::string>{"old"});
  }
}

TEST_CASE("a punched hole and a shortened file read as zeros") {
  for (const bool real : {true, false}) {
    AnyFileSystem any(real);
    auto file = any.files->create(any.directory + "/a");
    REQUIRE((*file)->write(0, Bytes(std::vector<std::byte>(16384, std::byte{7}))).ok());
    REQUIRE((*file)->punch_hole(4096, 8192).ok());
    CHECK(*(*file)->size() == 16384);
    CHECK(read_text(**file, 4095, 3) == std::string("\7\0\0", 3));
    CHECK(read_text(**file, 12287, 2) == std::string("\0\7", 2));
    REQUIRE((*file)->truncate(12290).ok());
    REQUIRE((*file)->truncate(16384).ok());
    CHECK(read_text(**file, 12288, 4) == std::string("\7\7\0\0", 4));
  }
}

TEST_CASE("prewrite leaves zeros over the whole range") {
  for (const bool real : {true, false}) {
    AnyFileSystem any(real);
    auto file = any.files->create(any.directory + "/a");
    REQUIRE((*file)->prewrite(4096, (2u << 20) + 512).ok());
    CHECK(*(*file)->size() == 4096 + (2u << 20) + 512);
    CHECK(read_text(**file, 2u << 20, 2) == std::string(2, '\0'));
  }
}

TEST_CASE("a directory is locked once, and the refusal names the process that holds it") {
  for (const bool real : {true, false}) {
    AnyFileSystem any(real);
    auto lock = any.files->lock_directory(any.directory);
    REQUIRE(lock.ok());
    const auto second = any.files->lock_directory(any.directory);
    REQUIRE(!second.ok());
    CHECK(second.error().code == ErrorCode::locked);
    CHECK(second.error().text.find(std::to_string(::getpid())) != std::string::npos);
    lock = Error{};
    CHECK(any.files->lock_directory(any.directory).ok());
  }
}

TEST_CASE("free space is known") {
  for (const bool real : {true, false}) {
    AnyFileSystem any(real);
    CHECK(*any.files->free_bytes(any.directory) > 0);
  }
  MemoryFileSystem files;
  REQUIRE(files.make_directory("/d").ok());
  files.set_capacity_bytes(1000);
  REQUIRE((*files.create("/d/a"))->write(0, Bytes(std::vector<std::byte>(600))).ok());
  CHECK(*files.free_bytes("/d") == 400);
}

TEST_CASE("signals in the middle of calls change nothing") {
  struct sigaction interrupting {}, before {};
  interrupting.sa_handler = [](int) {};  // without SA_RESTART: calls end with EINTR
  REQUIRE(::sigaction(SIGUSR1, &interrupting, &before) == 0);
  AnyFileSystem any(true);
  auto file = any.files->create(any.directory + "/a");
  const std::vector<std::byte> megabyte(1u << 20, std::byte{7});
  std::atomic<bool> ending{false};
  std::thread interrupter([&, target = ::pthread_self()] {
    while (!ending) ::pthread_kill(target, SIGUSR1);
  });
  bool all_well = true;
  for (int round = 0; round < 20; ++round) {
    const std::uint64_t at = static_cast<std::uint64_t>(round) << 20;
    std::vector<std::byte> back(megabyte.size());
    all_well = all_well && (*file)->write(at, Bytes(megabyte)).ok() && (*file)->read(at, back).ok() && back == megabyte;
    (*file)->reserve(at + (4u << 20));
    all_well = all_well && (*file)->punch_hole(at, 1u << 19).ok() && (*file)->truncate(at + (1u << 20)).ok();
  }
  ending = true;
  interrupter.join();
  ::sigaction(SIGUSR1, &before, nullptr);
  CHECK(all_well);
}
