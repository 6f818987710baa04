// The journal with the threads it has in the broker.
#include <doctest/doctest.h>

#include <condition_variable>
#include <deque>
#include <mutex>

#include "broker/storage/journal.h"
#include "broker/storage/memory_file_system.h"
#include "tests/storage/journal_support.h"

using namespace tandem;
using namespace tandem::storage;
using test::body_text;

TEST_CASE("with real threads everything is persisted in order") {
  MemoryFileSystem files;
  std::mutex mutex;
  std::condition_variable changed;
  std::deque<std::function<void()>> posted;
  const auto post = [&](std::function<void()> task) {
    const std::lock_guard lock(mutex);
    posted.push_back(std::move(task));
    changed.notify_one();
  };
  struct Events : JournalEvents {
    void persisted(TurnNumber turn) override {
      ascending = ascending && turn > last;
      last = turn;
    }
    void failed(const Error&) override { ascending = false; }
    void stalled(const Error&) override { ascending = false; }
    TurnNumber last = 0;
    bool ascending = true;
  } events;
  auto segments = JournalSegments::open(files, "/journal", 256u << 10);
  REQUIRE(segments.ok());
  ThreadWorker writer("journal"), background("background"), large("large"), reader("reader");
  BodyCache cache(**segments, reader, post, 64u << 10);
  {
    auto journal = Journal::open({}, {files, **segments, cache, writer, background, large, post, events}, {});
    REQUIRE(journal.ok());
    std::vector<BodyHandle> bodies;
    std::size_t read_well = 0, large_read_well = 0;
    const std::string large_text = body_text(0, 3'000'000);
    std::vector<BodyHandle> large_bodies;
    TurnNumber turns = 0;
    const auto name = [&](BodyHandle body, std::size_t size) {
      const core::Record record = test::enqueued(++turns, body, size);
      (*journal)->write({&record, 1}, turns);
    };
    for (TurnNumber turn = 1; turn <= 3000; ++turn) {
      const std::string text = body_text(turn, 700);
      bodies.push_back((*journal)->stage({bytes_of(text)}));
      name(bodies.back(), text.size());
      if (turn % 200 == 0 && !(*journal)->has_stretch())
        (*journal)->begin_stretch({{}, bytes_of(large_text), [&](BodyHandle body) {
                                     large_bodies.push_back(body);
                                     name(body, large_text.size());
                                   }});
      (*journal)->flush();
      std::unique_lock lock(mutex);
      while (!posted.empty()) {
        auto task = std::move(posted.front());
        posted.pop_front();
        lock.unlock();
        task();
        lock.lock();
      }
    }
    REQUIRE((*journal)->drain().ok());
    for (TurnNumber turn = 1; turn <= 3000; ++turn)
      cache.read(bodies[turn - 1], 700, [&read_well, turn](Result<StoredBytes> bytes) {
        read_well += bytes.ok() && text_of(bytes->bytes) == body_text(turn, 700);
      });
    for (const BodyHandle body : large_bodies)
      cache.read(body, static_cast<std::uint32_t>(large_text.size()), [&](Result<StoredBytes> bytes) {
        large_read_well += bytes.ok() && text_of(bytes->bytes) == large_text;
      });
    background.wait_until_idle();
    reader.wait_until_idle();
    while (!posted.empty()) {
      posted.front()();
      posted.pop_front();
    }
    CHECK(read_well == 3000);
    CHECK(large_read_well == large_bodies.size());
    CHECK(events.last == turns);
  }
  CHECK(events.ascending);
}
