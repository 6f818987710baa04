// The store after a crash: whatever was going on, what was persisted is found, and found once.
#include <set>

#include "broker/storage/checkpoint_keys.h"
#include "broker/storage/lmdb.h"

#include "tests/storage/store_support.h"

namespace tandem::recover_test {
namespace {

const QueueId queue{1};
const PartitionId partition{TopicId(5), 0};

std::string body(QueueSeq seq) {
  return "message " + std::to_string(seq) + std::string(seq * 37 % 900, '-');
}

/// Plays a core with one queue and one partition, and knows what it was promised.
class Player {
 public:
  explicit Player(test::StoreRig& rig) : rig_(rig) {}

  void declare() {
    rig_.declare_queue(queue);
    rig_.create_topic(partition.topic, {{"segment.bytes", "3000"}});
  }
  void publish() {
    const QueueSeq seq = next_seq_++;
    in_journal_.push_back(rig_.publish(queue, seq, body(seq)));
    sent_at_[seq] = rig_.turn;
  }
  void append() {
    const int first = static_cast<int>(rig_.ends[partition]);
    rig_.append(partition, {value(first), value(first + 1)}, first);
    rig_.append_message(partition, value(first + 2), first);
    appended_at_.emplace_back(rig_.ends[partition], rig_.turn);
  }
  /// The oldest run's messages are all acked.
  void drain_a_run() {
    if (runs_.empty()) return;
    const core::RunHomed run = runs_.front();
    runs_.erase(runs_.begin());
    rig_.record(core::Removed{queue, run.seqs});
    removed_at_.emplace_back(run.seqs, rig_.turn);
    rig_.store->drop_run(queue, run.run);
  }
  void checkpoint() {
    auto state = rig_.state({{queue, 0, in_journal_}});
    core::QueueState of_queue;
    of_queue.queue = queue;
    of_queue.next_seq = next_seq_;
    for (const auto& [seqs, at] : removed_at_) of_queue.gone.push_back(seqs);
    state.states.push_back(of_queue);
    const std::size_t before = rig_.checkpoints;
    rig_.stored.clear();
    rig_.store->begin_checkpoint(std::move(state));
    rig_.settle();
    if (rig_.checkpoints == before) rig_.retry();
    if (rig_.checkpoints == before) return;
    in_journal_.clear();
    for (const auto& [run, moved] : rig_.stored) {
      core::RunHomed homed;
      homed.run = run.run;
      homed.seqs = {run.first, run.last};
      runs_.push_back(homed);
    }
  }

  /// After a reopen: compares with what was promised, and goes on from what was found.
  void verify(TurnNumber promised) {
    std::vector<core::SeqRange> gone;
    for (const auto& state : rig_.replayed_of<core::QueueState>()) gone = state.gone;
    for (const auto& removed : rig_.replayed_of<core::Removed>()) gone.push_back(removed.seqs);
    const auto is_gone = [&](QueueSeq seq) {
      return std::any_of(gone.begin(), gone.end(),
                         [seq](const auto& r) { return r.first <= seq && seq <= r.last; });
    };
    std::set<QueueSeq> found;
    runs_ = rig_.replayed_of<core::RunHomed>();
    for (const auto& run : runs_) {
      const auto entries = rig_.load_run(queue, run.run);
      REQUIRE_MESSAGE(entries.ok(), (entries.ok() ? "" : entries.error().text));
      for (const auto& entry : *entries) check_body(entry, found);
    }
    std::erase_if(runs_, [&](const auto& run) { return is_gone(run.seqs.first); });
    in_journal_.clear();
    for (const auto& enqueued : rig_.replayed_of<core::Enqueued>()) {
      check_body(enqueued.entry, found);
      in_journal_.push_back(enqueued.entry);
    }
    for (const auto& [seq, at] : sent_at_)
      if (at <= promised && !is_gone(seq)) CHECK_MESSAGE(found.contains(seq), "message ", seq, " is lost");
    for (const auto& [seqs, at] : removed_at_)
      if (at <= promised) CHECK_MESSAGE(is_gone(seqs.first), "messages from ", seqs.first, " are back");
    verify_topic(promised);
    removed_at_.clear();
    for (const auto& seqs : gone) removed_at_.emplace_back(seqs, 0);
    std::erase_if(sent_at_, [&](const auto& sent) { return !found.contains(sent.first); });
    for (const QueueSeq seq : found) next_seq_ = std::max(next_seq_, seq + 1);
  }

 private:
  static std::string value(int i) { return "value " + std::to_string(i) + std::string(i * 31 % 400, '+'); }

  void check_body(const core::QueueEntry& entry, std::set<QueueSeq>& found) {
    CHECK_MESSAGE(found.insert(entry.seq).second, "message ", entry.seq, " is there twice");
    CHECK(rig_.read(entry.body, entry.size_bytes) == body(entry.seq));
  }

  void verify_topic(TurnNumber promised) {
    Offset end = 0;
    for (const auto& state : rig_.replayed_of<core::PartitionState>()) end = state.end;
    for (const auto& appended : rig_.replayed_of<core::Appended>()) {
      CHECK(appended.base_offset == end);
      end = appended.base_offset + appended.record_count;
    }
    for (const auto& [appended_end, at] : appended_at_)
      if (at <= promised) CHECK_MESSAGE(end >= appended_end, "records up to ", appended_end, " are lost");
    rig_.ends[partition] = end;
    if (end == 0) rig_.ends.clear();
    const auto values = end == 0 ? std::vector<std::string>{} : rig_.values(partition);
    for (std::size_t i = 0; i < values.size(); ++i) CHECK(values[i] == value(static_cast<int>(i)));
    std::erase_if(appended_at_, [end](const auto& appended) { return appended.first > end; });
  }

  test::StoreRig& rig_;
  QueueSeq next_seq_ = 1;
  std::vector<core::QueueEntry> in_journal_;
  std::vector<core::RunHomed> runs_;
  std::map<QueueSeq, TurnNumber> sent_at_;
  std::vector<std::pair<Offset, TurnNumber>> appended_at_;
  std::vector<std::pair<core::SeqRange, TurnNumber>> removed_at_;
};

/// Some of everything; stops when the disk has failed.
void play(test::StoreRig& rig, Player& player, std::mt19937_64& random, int steps) {
  for (int i = 0; i < steps && rig.failures.empty(); ++i) {
    const auto dice = random() % 100;
    if (dice < 50)
      player.publish();
    else if (dice < 75)
      player.append();
    else if (dice < 85) {
      rig.persist();
      rig.retry();
    }
    else if (dice < 92)
      player.drain_a_run();
    else
      player.checkpoint();
  }
}

/// One story: a fault of this kind at the nth operation, then power loss or kill, and the next start.
void fail_and_recover(storage::FaultKind kind, std::uint64_t nth, std::uint64_t seed) {
  INFO("fault ", static_cast<int>(kind), " at operation ", nth, ", seed ", seed);
  test::StoreRig rig;
  rig.options.journal_segment_size_bytes = 64u << 10;
  std::mt19937_64 random(seed);
  rig.must_open();
  Player player(rig);
  player.declare();
  rig.persist();
  for (int round = 0; round < 3; ++round) {
    rig.files.fail(nth, kind);
    play(rig, player, random, 120);
    const TurnNumber promised = rig.persisted_through;
    if (seed % 2 == 0)
      rig.crash(random);
    else
      rig.kill();
    rig.failures.clear();
    rig.must_open();
    player.verify(std::max(promised, TurnNumber{2}));
  }
  rig.kill();
  CHECK(rig.problems().empty());
}

}  // namespace

TEST_CASE("a power loss at any operation loses nothing that was promised") {
  for (std::uint64_t nth = 1; nth < 160; nth += 3) fail_and_recover(storage::FaultKind::power_off, nth, nth);
}

TEST_CASE("an operation that fails stops the store, and the next start finds all that was promised") {
  for (std::uint64_t nth = 2; nth < 120; nth += 7) {
    fail_and_recover(storage::FaultKind::io_error, nth, nth);
    fail_and_recover(storage::FaultKind::short_write, nth, nth + 1);
  }
}

TEST_CASE("a full disk at any operation stops nothing for good: with room again all goes on, without a restart") {
  int stalled = 0;
  for (std::uint64_t nth = 1; nth < 250; nth += 3) {
    INFO("disk full at operation ", nth);
    test::StoreRig rig;
    rig.options.journal_segment_size_bytes = 64u << 10;
    std::mt19937_64 random(nth);
    rig.must_open();
    Player player(rig);
    player.declare();
    rig.persist();
    rig.files.fail(nth, nth % 2 == 0 ? storage::FaultKind::disk_full : storage::FaultKind::short_write,
                   nth % 5 == 0 ? std::optional<storage::FileOperation>() : storage::FileOperation::write);
    play(rig, player, random, 120);
    if (!rig.failures.empty()) {  // a sync: what it left on the disk cannot be known
      CHECK(nth % 5 == 0);
      continue;
    }
    rig.retry();
    rig.persist();
    stalled += rig.troubles.empty() ? 0 : 1;
    CHECK_FALSE(rig.disk_is_short);
    CHECK(rig.persisted_through == rig.turn);
    player.checkpoint();
    rig.kill();
    rig.must_open();
    player.verify(rig.turn);
    rig.kill();
    CHECK(rig.problems().empty());
  }
  CHECK(stalled > 10);
}

TEST_CASE("a start that fails says why, and the next one works") {
  int failed = 0;
  for (std::uint64_t nth = 1; nth < 60; ++nth) {
    test::StoreRig rig;
    std::mt19937_64 random(nth);
    rig.must_open();
    Player player(rig);
    player.declare();
    play(rig, player, random, 60);
    rig.persist();
    const TurnNumber promised = rig.persisted_through;
    rig.kill();
    rig.files.fail(nth, storage::FaultKind::io_error);
    const auto opened = rig.open();
    if (!opened) {
      ++failed;
      CHECK_FALSE(opened.error().text.empty());
    }
    rig.kill();
    rig.must_open();
    player.verify(promised);
  }
  CHECK(failed > 10);
}

TEST_CASE("a checkpoint that a newer version wrote is refused by name") {
  test::StoreRig rig;
  rig.must_open();
  rig.close(rig.state());
  {
    const auto lmdb = storage::Lmdb::open(rig.options.lmdb_directory).value();
    auto mark = *lmdb->get(storage::keys::mark).value();
    mark[0] = 99;
    REQUIRE(lmdb->commit({{}, {{std::string(storage::keys::mark), mark}}}).ok());
  }
  const auto opened = rig.open();
  REQUIRE_FALSE(opened.ok());
  CHECK(opened.error().code == ErrorCode::not_supported);
  CHECK(opened.error().text.find("newer version") != std::string::npos);
  CHECK(opened.error().text.find("99") != std::string::npos);
}

TEST_CASE("leftovers of a crash are removed by the next start") {
  test::StoreRig rig;
  rig.must_open();
  rig.create_topic(partition.topic);
  rig.append(partition, {"a"});
  rig.checkpoint();
  const std::string leftover = "/store/topics/5/0/00000000000000000077.segment";
  REQUIRE(rig.files.create(leftover).ok());
  rig.kill();
  rig.must_open();
  rig.settle();
  CHECK_FALSE(rig.files.exists(leftover).value());
  CHECK(rig.values(partition) == std::vector<std::string>{"a"});
}

}  // namespace tandem::recover_test
