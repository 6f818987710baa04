#include "tests/sim/rim.h"

#include <algorithm>
#include <limits>

#include "broker/server/dead_letter.h"
#include "broker/server/markers.h"
#include "broker/server/topic_fetch.h"

namespace tandem::sim {

namespace {

constexpr DurationMs retention_apart_ms = 10'000;
constexpr std::size_t stored_entries_per_turn = 8;
// A broker that comes to no rest is a fault of its own, not a reason to hang.
constexpr int settle_rounds_max = 200'000;
constexpr int background_rounds = 1'000;

bool refers_to_bytes(const core::Record& record) {
  return std::holds_alternative<core::Enqueued>(record) || std::holds_alternative<core::Appended>(record);
}

}  // namespace

Rim::~Rim() {
  store_.reset();
}

Result<> Rim::open(const storage::StoreOptions& options, storage::FileSystem& files, TimestampMs at) {
  now_ = at;
  const auto replay = [this](const core::Record& record, TurnNumber turn) {
    broker_.replay(record, turn);
    written_turn_ = std::max(written_turn_, turn);
  };
  auto opened = storage::Store::open(
      options, files, *this, [this](std::function<void()> task) { (reader_works_ ? read_ : posted_).push_back(std::move(task)); }, replay,
      report_);
  if (!opened) return opened.error();
  store_ = std::move(*opened);
  persisted_turn_ = written_turn_;
  broker_.replayed(now_, report_.clean);
  return Done{};
}

// --- inputs ----------------------------------------------------------------------------------------------

BodyHandle Rim::stage(Bytes bytes) {
  ++staged_count_;
  return store_->stage({bytes});
}

BodyHandle Rim::stage_batch(std::string_view topic, Bytes batch) {
  ++staged_count_;
  return store_->stage_batch({broker_.topic_id(topic), 0}, batch);
}

void Rim::stage_large(Bytes bytes, std::function<void(BodyHandle)> staged) {
  const std::size_t head_size = bytes.size() / 3;
  store_->stage_large({bytes.first(head_size)}, bytes.subspan(head_size), std::move(staged));
}

void Rim::submit(const core::Input& input) {
  core::Outputs& outputs = *gathering_;
  outputs.records.clear();
  outputs.turn = 0;
  broker_.handle(now_, input, outputs);
  keep(input, outputs);
  // A checkpoint's state at once: what other sends lead to would be written before its cut, and be missing in it.
  if (auto* state = outputs.sends.empty() ? nullptr : core::get_if<core::CheckpointState>(&outputs.sends.back())) {
    core::CheckpointState taken = std::move(*state);
    outputs.sends.pop_back();
    take_checkpoint_state(taken);
  }
  if (!routing_) route_all();
}

void Rim::keep(const core::Input& input, core::Outputs& outputs) {
  if (staged_count_ > 0 && staged_bytes_are_unused(input, outputs)) store_->unstage();
  staged_count_ = 0;
  if (outputs.records.empty()) return;
  for (const core::Record& record : outputs.records)
    if (const auto* enqueued = std::get_if<core::Enqueued>(&record)) clients_.enqueued(*enqueued);
  store_->write(outputs.records, outputs.turn);
  written_turn_ = std::max(written_turn_, outputs.turn);
}

bool Rim::staged_bytes_are_unused(const core::Input& input, const core::Outputs& outputs) const {
  if (std::any_of(outputs.records.begin(), outputs.records.end(), refers_to_bytes)) return false;
  if (const auto* publish = std::get_if<core::Publish>(&input)) return staged_count_ == 1 && !publish->mandatory;
  if (const auto* publish = std::get_if<core::PublishMany>(&input))
    return staged_count_ == publish->messages.size() &&
           std::none_of(publish->messages.begin(), publish->messages.end(), [](const auto& one) { return one.mandatory; });
  if (std::holds_alternative<core::Append>(input) || std::holds_alternative<core::DeadLetterReady>(input))
    return staged_count_ == 1;
  return false;
}

// --- sends -----------------------------------------------------------------------------------------------

struct Rim::Router {
  Rim& rim;
  core::Send& send;

  void operator()(core::LoadRun& request) { rim.load_run(request); }
  void operator()(core::DropRun& request) { rim.store_->drop_run(request.queue, request.run); }
  void operator()(core::RewriteDeadLetter& request) { rim.rewrite(request); }
  void operator()(core::WriteMarkers& request) { rim.write_markers(request); }
  void operator()(core::DropTopic& request) { rim.store_->drop_topic(request.topic); }
  void operator()(core::HoldPublishers& request) { rim.held_back_ = request.hold; }
  void operator()(core::LogOut&) {}  // nobody of the simulation's logs in
  void operator()(core::CheckpointState& state) { rim.take_checkpoint_state(state); }
  void operator()(core::Fetched& fetched) {
    server::TopicFetch::start(*rim.store_, std::move(fetched),
                              [rim = &rim](core::Send done, std::vector<wire::Body> bodies) {
                                rim->clients_.fetched(std::get<core::Fetched>(done), bodies);
                              });
  }
  template <class Answer>
  void operator()(Answer&) {
    rim.clients_.said(send);
  }
};

void Rim::take_checkpoint_state(core::CheckpointState& state) {
  if (closing_) {
    last_state_ = std::move(state);
    return;
  }
  checkpoint_running_ = true;
  store_->begin_checkpoint(std::move(state));
}

void Rim::route_all() {
  routing_ = true;
  while (!gathering_->sends.empty()) {
    core::Outputs& routed = *gathering_;
    gathering_ = gathering_ == &outputs_[0] ? &outputs_[1] : &outputs_[0];
    for (core::Send& send : routed.sends)
      if (failure_.empty()) core::visit(Router{*this, send}, send);
    routed.clear();
  }
  routing_ = false;
}

void Rim::load_run(const core::LoadRun& request) {
  store_->load_run(request.queue, request.run, [this, request](Result<std::vector<core::QueueEntry>> entries) {
    if (entries.ok()) return submit(core::RunLoaded{request.queue, request.run, *entries});
    clients_.unreadable("a run of queue " + std::to_string(request.queue.value) + ": " + entries.error().text);
    submit(core::RunUnreadable{request.queue, request.run, entries.error().text});
  });
}

void Rim::rewrite(const core::RewriteDeadLetter& request) {
  store_->read(request.body, request.size_bytes, [this, request](Result<storage::StoredBytes> bytes) {
    if (bytes.ok()) return rewritten(request, bytes->bytes);
    clients_.unreadable("a dead letter: " + bytes.error().text);
  });
}

void Rim::rewritten(const core::RewriteDeadLetter& request, Bytes stored) {
  const auto letter = server::rewrite_dead_letter(request, stored);
  const auto parts = letter ? parse_message(*letter) : std::nullopt;
  const auto glance = parts ? glance_properties(parts->properties) : std::nullopt;
  if (!glance) return submit(core::DeadLetterReady{request.queue.value, request.seq, {}, {}});
  const core::MessageView view{.body = stage(*letter),
                               .size_bytes = static_cast<std::uint32_t>(letter->size()),
                               .body_size_bytes = static_cast<std::uint32_t>(parts->body.size()),
                               .exchange = parts->exchange,
                               .routing_key = parts->routing_key,
                               .properties = *glance};
  clients_.staged(view.body, *letter);
  submit(core::DeadLetterReady{request.queue.value, request.seq, parts->exchange, view});
}

void Rim::write_markers(const core::WriteMarkers& request) {
  const auto batches = server::make_markers(request, [this](Bytes batch) { return stage(batch); });
  submit(core::MarkersReady{request.producer_id, request.epoch, request.commit, batches});
}

// --- the loop --------------------------------------------------------------------------------------------

void Rim::begin_checkpoint() {
  if (!checkpoint_running_ && failure_.empty()) submit(core::CheckpointBegun{});
}

void Rim::end_turn() {
  if (broker_.next_due() <= now_) submit(core::Tick{});
  if (retention_due_ <= now_) {
    retention_due_ = now_ + retention_apart_ms;
    for (const auto& due : store_->retention_due(now_)) submit(due);
    store_->background(now_);
  }
  if (!stored_runs_.empty()) tell_of_stored_runs();
  if (store_->checkpoint_wanted() || broker_.wants_checkpoint()) begin_checkpoint();
  store_->flush();
}

bool Rim::background(std::mt19937_64& chance) {
  using enum storage::Store::Background;
  const auto first = chance() % 6;
  for (std::uint64_t i = 0; i < 6; ++i) {
    const auto which = (first + i) % 6;
    const bool worked = which == 0   ? store_->pump_one(journal)
                        : which == 1 ? store_->pump_one(checkpoint)
                        : which == 2 ? pump_reader()
                        : which == 3 ? run_first(posted_)
                        : which == 4 ? store_->pump_one(large)
                                     : run_first(read_);
    if (worked) return true;
  }
  return false;
}

bool Rim::run_first(std::deque<std::function<void()>>& tasks) {
  if (tasks.empty()) return false;
  const auto task = std::move(tasks.front());
  tasks.pop_front();
  task();
  return true;
}

bool Rim::pump_reader() {
  reader_works_ = true;
  const bool worked = store_->pump_one(storage::Store::Background::reader);
  reader_works_ = false;
  return worked;
}

// Only that: what else was posted may not happen between two sends of one call, as it does not in the loop either.
void Rim::read_through() {
  while (pump_reader()) {
  }
  for (std::size_t left = read_.size(); left > 0; --left) run_first(read_);
}

void Rim::settle() {
  int rounds = 0;
  store_->background(now_);  // a disk that was full is tried again
  for (int idle = 0; idle < 2 && failure_.empty();) {
    if (++rounds > settle_rounds_max) {
      failure_ = "the broker comes to no rest: something is never persisted, or always due";
      restless_ = true;
    }
    if (rounds % background_rounds == 0) store_->background(now_);  // it may have become full only now
    const bool had_work = store_->pump() || !stored_runs_.empty() || !posted_.empty() || !read_.empty() || broker_.next_due() <= now_ || !all_persisted();
    while (run_first(posted_) || run_first(read_)) {
    }
    if (failure_.empty()) end_turn();
    idle = had_work ? 0 : idle + 1;
    if (idle == 1) store_->background(now_);  // what found no room meanwhile
  }
  if (failure_.empty() && store_->behind() && !held_back_) {
    failure_ = "the broker is at rest and reads nobody";
    restless_ = true;
  }
}

Result<> Rim::close() {
  settle();
  closing_ = true;
  submit(core::CheckpointBegun{.is_last = true});
  if (!failure_.empty()) return Error{ErrorCode::unavailable, failure_};
  return store_->close(std::move(*last_state_));
}

// --- what the store reports ------------------------------------------------------------------------------

void Rim::persisted(TurnNumber turn) {
  if (!failure_.empty()) return;
  persisted_turn_ = std::max(persisted_turn_, turn);
  submit(core::Persisted{turn});
}

void Rim::failed(const Error& error) {
  if (failure_.empty()) failure_ = error.text;
}

void Rim::checkpoint_done(storage::StoredRuns runs) {
  stored_runs_ = std::move(runs);
  tell_of_stored_runs();
}

void Rim::tell_of_stored_runs() {
  const auto runs = stored_runs_.take(stored_entries_per_turn);
  submit(core::CheckpointDone{runs, stored_runs_.empty()});
  if (!stored_runs_.empty()) return;
  stored_runs_ = {};
  checkpoint_running_ = false;
}

void Rim::disk_short(bool is_short, std::uint64_t) {
  submit(core::ResourceAlarm{core::Resource::disk, is_short});
}

}  // namespace tandem::sim
