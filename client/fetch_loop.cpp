#include "client/fetch_loop.h"

#include <algorithm>
#include <utility>

namespace tandem::client {

FetchLoop::FetchLoop(std::shared_ptr<Driver> driver, ReaderOptions options)
    : driver_(std::move(driver)), options_(options) {}

// --- fetching
// ----------------------------------------------------------------------------------------------------------------

void FetchLoop::gathered() {
  std::vector<Asked> asked;
  std::uint64_t fetch = 0;
  {
    std::lock_guard lock(mutex_);
    woken_ = false;
    if (fetching_ || stalled_ || ended_ || !driver_->session().ready()) return;
    if (buffered_bytes_ >= options_.buffered_max_bytes) return;
    asked = cursors_to_fetch();
    if (asked.empty()) return;
    fetching_ = true;
    fetch = ++fetch_;
  }
  send_fetch(fetch, asked);
}

std::vector<FetchLoop::Asked> FetchLoop::cursors_to_fetch() {
  std::vector<Asked> asked;
  for (const auto& cursor : cursors_)
    if (!cursor->failed) asked.push_back({cursor, cursor->version});
  return asked;
}

void FetchLoop::send_fetch(std::uint64_t fetch, const std::vector<Asked>& asked) {
  Call call;
  call.correlation = driver_->next_correlation();
  call.repeatable = true;
  call.frame = make_frame({call.correlation, 0}, [&](flatbuffers::FlatBufferBuilder& builder) {
    std::vector<flatbuffers::Offset<fb::FetchPartition>> partitions;
    std::lock_guard lock(mutex_);
    for (const auto& [cursor, version] : asked) {
      const auto topic = builder.CreateSharedString(*cursor->topic);
      partitions.push_back(fb::CreateFetchPartition(builder, topic, cursor->partition, cursor->fetch_at,
                                                    options_.partition_size_max_bytes));
    }
    return fb::CreateFetch(builder, builder.CreateVector(partitions), options_.size_min_bytes,
                           options_.fetch_size_max_bytes,
                           static_cast<std::uint32_t>(options_.wait_max.count()), options_.read_committed);
  });
  call.handler = on_answer([self = shared_from_this(), fetch, asked](Result<const Answer*> answer) {
    self->take_fetched(fetch, asked, answer);
  });
  const auto patience = driver_->options().request_timeout;
  driver_->ask(std::move(call), patience.count() > 0 ? patience + options_.wait_max : patience);
}

void FetchLoop::take_fetched(std::uint64_t fetch, const std::vector<Asked>& asked,
                             const Result<const Answer*>& answer) {
  {
    std::lock_guard lock(mutex_);
    if (fetch != fetch_) return;  // a seek has asked anew
    fetching_ = false;
    const auto* fetched = answer ? (*answer)->envelope.message_as_Fetched() : nullptr;
    if (!answer && answer.error().code != ErrorCode::timed_out) {
      errors_.push_back(answer.error());
      stalled_ = true;
    }
    Bytes rest = answer ? (*answer)->payload : Bytes();
    const auto count = fetched && fetched->partitions() ? fetched->partitions()->size() : 0;
    for (flatbuffers::uoffset_t i = 0; i < std::min<std::size_t>(count, asked.size()); ++i) {
      const auto& partition = *fetched->partitions()->Get(i);
      const auto batches = rest.first(std::min<std::size_t>(partition.size(), rest.size()));
      rest = rest.subspan(batches.size());
      take_partition(asked[i], partition, batches, (*answer)->owner);
    }
  }
  arrived_.notify_all();
  serve_takers();
  gathered();
}

/// With the mutex held. The broker answers partitions in the order they were asked for.
void FetchLoop::take_partition(const Asked& asked, const fb::FetchedPartition& partition, Bytes batches,
                               const Owner& owner) {
  auto& cursor = *asked.cursor;
  if (cursor.version != asked.version) return;
  if (partition.code() != 0) return take_refusal(cursor, partition);
  if (batches.empty()) return;
  const auto end = end_of_batches(batches, cursor.fetch_at);
  if (end == cursor.fetch_at && whole_batch_size_bytes(batches) == 0)
    return fail(cursor, {ErrorCode::corrupt, "what was fetched of topic '" + *cursor.topic + "' partition " +
                                                 std::to_string(cursor.partition) + " is no record batch"});
  cursor.fetch_at = end;
  Chunk chunk{asked.cursor, asked.version, batches, owner, {}};
  for (const fb::AbortedTransaction aborted : wire::structs_of(partition.aborted()))
    chunk.aborted.push_back({aborted.producer_id(), aborted.first_offset()});
  buffered_bytes_ += batches.size();
  chunks_.push_back(std::move(chunk));
}

void FetchLoop::take_refusal(Cursor& cursor, const fb::FetchedPartition& partition) {
  const auto code = static_cast<ErrorCode>(partition.code());
  if (code == ErrorCode::out_of_range && options_.out_of_range != OutOfRange::fail) {
    const bool to_start = options_.out_of_range == OutOfRange::to_earliest;
    cursor.fetch_at = cursor.position = to_start ? partition.start() : partition.visible_end();
    return;
  }
  std::string text = "topic '" + *cursor.topic + "' partition " + std::to_string(cursor.partition) + ": " +
                     std::string(name(code));
  if (code == ErrorCode::corrupt)
    text = "topic '" + *cursor.topic + "' partition " + std::to_string(cursor.partition) + ": what is stored from offset " +
           std::to_string(cursor.fetch_at) + " on is damaged; the broker's log line says where";
  if (code == ErrorCode::out_of_range)
    text += ", offset " + std::to_string(cursor.fetch_at) + " is not in " +
            std::to_string(partition.start()) + " to " + std::to_string(partition.visible_end());
  fail(cursor, {code, std::move(text)});
}

void FetchLoop::fail(Cursor& cursor, Error error) {
  cursor.failed = true;
  errors_.push_back(std::move(error));
}

void FetchLoop::wake() {
  if (!std::exchange(woken_, true)) driver_->wake(shared_from_this());
}

// --- polling
// -----------------------------------------------------------------------------------------------------------------

bool FetchLoop::has_something() const {
  return !chunks_.empty() || !errors_.empty() || ended_;
}

Result<std::size_t> FetchLoop::poll(std::vector<TopicRecord>& out, std::size_t count_max,
                                    Milliseconds timeout) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  for (;;) {
    auto taken = take(out, count_max);
    if (!taken || *taken > 0 || count_max == 0) return taken;
    if (timeout.count() > 0 && driver_->must_not_block()) return would_block_itself();
    std::unique_lock lock(mutex_);
    if (!arrived_.wait_until(lock, deadline, [this] { return has_something(); })) return std::size_t{0};
  }
}

void FetchLoop::poll_async(std::size_t count_max, Milliseconds timeout,
                           Completion<std::vector<TopicRecord>> done) {
  takers_.push_back({count_max, std::move(done), {}});
  const auto taker = std::prev(takers_.end());
  taker->timeout = driver_->after(timeout, [self = shared_from_this(), taker] {
    auto late = std::move(taker->done);
    self->takers_.erase(taker);
    late(std::vector<TopicRecord>());
  });
  serve_takers();
}

void FetchLoop::serve_takers() {
  while (!takers_.empty()) {
    std::vector<TopicRecord> records;
    auto taken = take(records, takers_.front().count_max);
    if (taken && *taken == 0 && takers_.front().count_max != 0) return;
    auto taker = std::move(takers_.front());
    takers_.pop_front();
    driver_->cancel(taker.timeout);
    if (!taken)
      taker.done(taken.error());
    else
      taker.done(std::move(records));
  }
}

/// What is there: some records, or the error that is next, or 0.
Result<std::size_t> FetchLoop::take(std::vector<TopicRecord>& out, std::size_t count_max) {
  std::lock_guard taking(taking_);
  if (auto ended = ended_error()) return std::move(*ended);
  const auto before = out.size();
  while (out.size() - before < count_max) {
    if (batch_.empty()) {
      auto more = refill();
      if (!more && out.size() == before) return more.error();
      if (!more || !*more) break;
      continue;
    }
    give(out, count_max - (out.size() - before));
  }
  return out.size() - before;
}

/// Decodes the next batch; false: there is none.
Result<bool> FetchLoop::refill() {
  if (!chunk_ || chunk_->batches.empty()) {
    if (auto error = take_error()) return std::move(*error);
    chunk_ = next_chunk();
    if (!chunk_) return false;
    aborted_.start(std::move(chunk_->aborted));
  }
  BatchPlace place;
  {
    std::lock_guard lock(mutex_);
    if (chunk_->version != chunk_->cursor->version) {
      chunk_.reset();  // a seek
      return true;
    }
    place = {chunk_->cursor->topic, chunk_->cursor->partition, chunk_->cursor->position};
  }
  const auto size = whole_batch_size_bytes(chunk_->batches);
  if (size == 0) {  // cut off by the fetch's size: the next fetch begins with it
    chunk_.reset();
    return true;
  }
  auto decoded = decode_batch(chunk_->batches.first(size), chunk_->owner, place, aborted_, batch_);
  if (!decoded) {
    std::lock_guard lock(mutex_);
    auto& cursor = *chunk_->cursor;
    ++cursor.version;  // what lies behind is fetched again
    cursor.fetch_at = cursor.position;
    fetching_ = false;  // as for a seek: one that waits for new records may wait long
    ++fetch_;
    chunk_.reset();
    wake();
    return decoded.error();
  }
  chunk_->batches = chunk_->batches.subspan(size);
  if (batch_.empty()) {  // nothing for the user in it: it is passed at once
    std::lock_guard lock(mutex_);
    if (chunk_->version == chunk_->cursor->version) chunk_->cursor->position = batch_.end_offset;
  }
  return true;
}

std::optional<Error> FetchLoop::ended_error() const {
  std::lock_guard lock(mutex_);
  return ended_;
}

std::optional<Error> FetchLoop::take_error() {
  std::lock_guard lock(mutex_);
  if (errors_.empty()) return std::nullopt;
  auto error = std::move(errors_.front());
  errors_.pop_front();
  stalled_ = false;
  for (const auto& cursor : cursors_) cursor->failed = false;
  wake();
  return error;
}

std::optional<FetchLoop::Chunk> FetchLoop::next_chunk() {
  std::lock_guard lock(mutex_);
  if (chunks_.empty()) return std::nullopt;
  auto chunk = std::move(chunks_.front());
  chunks_.pop_front();
  buffered_bytes_ -= chunk.batches.size();
  if (!fetching_) wake();
  return chunk;
}

/// Moves records of batch_ to the user; the position follows.
void FetchLoop::give(std::vector<TopicRecord>& out, std::size_t count_max) {
  const auto count = std::min(count_max, batch_.records.size() - batch_.next);
  const auto begin = batch_.records.begin() + static_cast<std::ptrdiff_t>(batch_.next);
  std::lock_guard lock(mutex_);
  if (!chunk_ || chunk_->version != chunk_->cursor->version) {
    batch_.next = batch_.records.size();
    return;
  }
  out.insert(out.end(), std::make_move_iterator(begin),
             std::make_move_iterator(begin + static_cast<std::ptrdiff_t>(count)));
  batch_.next += count;
  chunk_->cursor->position = batch_.empty() ? batch_.end_offset : out.back().offset + 1;
}

// --- positions
// ----------------------------------------------------------------------------------------------------------------

std::vector<Position> FetchLoop::positions() const {
  std::vector<Position> positions;
  std::lock_guard lock(mutex_);
  for (const auto& cursor : cursors_)
    positions.push_back({*cursor->topic, cursor->partition, cursor->position});
  return positions;
}

void FetchLoop::seek(const Position& to) {
  std::lock_guard lock(mutex_);
  const auto found = std::find_if(cursors_.begin(), cursors_.end(), [&](const auto& cursor) {
    return *cursor->topic == to.topic && cursor->partition == to.partition;
  });
  auto cursor = found == cursors_.end() ? std::make_shared<Cursor>() : *found;
  if (found == cursors_.end()) {
    cursor->topic = std::make_shared<const std::string>(to.topic);
    cursor->partition = to.partition;
    cursors_.push_back(cursor);
  }
  cursor->position = cursor->fetch_at = to.offset;
  cursor->failed = false;
  ++cursor->version;
  fetching_ = false;  // the fetch under way would not bring it, and its answer is not heard any more
  ++fetch_;
  wake();
}

void FetchLoop::assign(const std::vector<Position>& positions) {
  std::lock_guard lock(mutex_);
  for (const auto& cursor : cursors_) ++cursor->version;
  cursors_.clear();
  chunks_.clear();
  buffered_bytes_ = 0;
  std::shared_ptr<const std::string> topic;
  for (const auto& position : positions) {
    if (!topic || *topic != position.topic) topic = std::make_shared<const std::string>(position.topic);
    auto cursor = std::make_shared<Cursor>();
    cursor->topic = topic;
    cursor->partition = position.partition;
    cursor->position = cursor->fetch_at = position.offset;
    cursors_.push_back(std::move(cursor));
  }
  fetching_ = false;
  ++fetch_;
  wake();
}

void FetchLoop::report(Error error) {
  {
    std::lock_guard lock(mutex_);
    errors_.push_back(std::move(error));
  }
  arrived_.notify_all();
  driver_->post([self = shared_from_this()] { self->serve_takers(); });
}

void FetchLoop::close() {
  driver_->session().detach(shared_from_this());
  end({ErrorCode::unavailable, "the reader is closed"});
}

void FetchLoop::end(const Error& why) {
  {
    std::lock_guard lock(mutex_);
    if (ended_) return;
    ended_ = why;
    chunks_.clear();
    buffered_bytes_ = 0;
    ++fetch_;
  }
  arrived_.notify_all();
  serve_takers();
}

}  // namespace tandem::client
