// Memory of journal buffers: what is kept for the next one, and for how long.
#include "broker/storage/journal_buffer.h"

#include "doctest/doctest.h"

namespace tandem::storage {
namespace {

constexpr std::size_t usual = JournalBufferPool::usual_size_bytes;

TEST_CASE("buffers of the usual size are used again") {
  JournalBufferPool pool;
  AlignedBytes first = pool.take(usual);
  CHECK(first.size_bytes == usual);
  const std::byte* place = first.memory.get();
  pool.give_back(std::move(first));
  CHECK(pool.take(usual).memory.get() == place);
}

TEST_CASE("of larger buffers the largest is kept, and serves smaller ones") {
  JournalBufferPool pool;
  AlignedBytes large = pool.take(3 * usual), larger = pool.take(5 * usual);
  const std::byte* place = larger.memory.get();
  pool.give_back(std::move(large));
  pool.give_back(std::move(larger));
  const AlignedBytes again = pool.take(2 * usual);
  CHECK(again.memory.get() == place);
  CHECK(again.size_bytes == 5 * usual);
  CHECK(pool.take(2 * usual).size_bytes == 2 * usual);  // there is only one
}

TEST_CASE("a large buffer is let go when usual ones are all that is wanted for a while") {
  JournalBufferPool pool;
  pool.give_back(pool.take(3 * usual));
  const auto take_usual = [&pool](int count) {
    for (int i = 0; i < count; ++i) pool.give_back(pool.take(usual));
  };
  take_usual(JournalBufferPool::usual_between_large_max - 1);
  pool.give_back(pool.take(2 * usual));
  take_usual(JournalBufferPool::usual_between_large_max - 1);
  AlignedBytes kept = pool.take(2 * usual);
  CHECK(kept.size_bytes == 3 * usual);
  pool.give_back(std::move(kept));
  take_usual(JournalBufferPool::usual_between_large_max);
  CHECK(pool.take(2 * usual).size_bytes == 2 * usual);
}

TEST_CASE("one buffer is made ready for the next that has none to use again") {
  JournalBufferPool pool;
  CHECK(pool.is_empty());
  pool.make_ready();
  pool.make_ready();
  CHECK_FALSE(pool.is_empty());
  CHECK(pool.take(usual).size_bytes == usual);
  CHECK(pool.is_empty());
}

}  // namespace
}  // namespace tandem::storage
