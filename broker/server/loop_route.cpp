// What becomes of a send: said to a connection, or a request to the rim that is answered with another input.
#include <limits>
#include <utility>

#include "broker/server/dead_letter.h"
#include "broker/server/delayed.h"
#include "broker/server/log_line.h"
#include "broker/server/loop.h"
#include "broker/server/markers.h"
#include "broker/server/topic_fetch.h"

namespace tandem::server {

namespace {

// After a burst the vectors do not keep its memory: 1.4 MiB of sends; of records as much as a publish to some thousands of queues
// gives (3.3 MiB), as long as there are such, and as few as of sends otherwise.
constexpr std::size_t sends_kept_max = 4'096, records_kept_max = 16'384, records_at_rest_max = 4'096;

void reuse(core::Outputs& outputs) {
  outputs.clear();
  if (outputs.sends.capacity() > sends_kept_max) std::vector<core::Send>().swap(outputs.sends);
  if (outputs.records.capacity() > records_kept_max) std::vector<core::Record>().swap(outputs.records);
}

}  // namespace

void Loop::tidy_outputs() {
  const bool had_many = std::exchange(most_records_, 0) > records_at_rest_max;
  for (core::Outputs& outputs : outputs_)
    if (!had_many && outputs.records.empty() && outputs.records.capacity() > records_at_rest_max)
      std::vector<core::Record>().swap(outputs.records);
}

struct Loop::Router {
  Loop& loop;
  core::Send& send;

  void operator()(core::LoadRun& request) { loop.load_run(request); }
  void operator()(core::DropRun& request) { loop.store_->drop_run(request.queue, request.run); }
  void operator()(core::RewriteDeadLetter& request) { loop.rewrite(request); }
  void operator()(core::ReadDelayed& request) { loop.read_delayed(request); }
  void operator()(core::WriteMarkers& request) { loop.write_markers(request); }
  void operator()(core::DropTopic& request) { loop.store_->drop_topic(request.topic); }
  void operator()(core::HoldPublishers& request) { loop.hold_publishers(request); }
  void operator()(core::LogOut& request) { loop.log_out(request); }
  void operator()(core::CheckpointState& state) { loop.take_checkpoint_state(state); }
  void operator()(core::Fetched& fetched) { loop.fetch(fetched); }
  void operator()(core::OffsetListed& listed) { loop.list_offset(listed); }
  void operator()(core::Deliver& deliver) { loop.route_to_peer(deliver.channel.connection, send); }
  template <class Answer>
  void operator()(Answer&) {
    loop.route_to_peer(core::recipient(send), send);
  }
};

void Loop::route_all() {
  routing_ = true;
  while (!gathering_->sends.empty()) {
    core::Outputs& routed = *gathering_;
    gathering_ = gathering_ == &outputs_[0] ? &outputs_[1] : &outputs_[0];
    for (core::Send& send : routed.sends) core::visit(Router{*this, send}, send);
    reuse(routed);
  }
  routing_ = false;
}

void Loop::route_to_peer(ConnectionId id, core::Send& send) {
  if (Peer* peer = peers_.find(id)) peer->say(send);
}

// --- topics ----------------------------------------------------------------------------------------------

void Loop::fetch(core::Fetched& fetched) {
  const ConnectionId id = fetched.who.channel.connection;
  TopicFetch::start(*store_, std::move(fetched), [this, id](core::Send send, std::vector<wire::Body> bodies) {
    if (Peer* peer = peers_.find(id)) peer->say_now(send, bodies);
  });
}

void Loop::list_offset(core::OffsetListed& listed) {
  const ConnectionId id = listed.who.channel.connection;
  if (listed.lookup < 0 && !listed.want_max_timestamp) {
    core::Send send(listed);
    return route_to_peer(id, send);
  }
  const TimestampMs at = listed.want_max_timestamp ? std::numeric_limits<TimestampMs>::max() : listed.lookup;
  const auto answer = [this, id, listed](Result<storage::Store::TimestampFound> found) mutable {
    core::Send send;
    if (found.ok()) {
      listed.offset = found->offset;
      listed.timestamp = found->timestamp;
      listed.lookup = -1;
      listed.want_max_timestamp = false;
      send = listed;
    } else {
      core::Refusal refusal;
      refusal.code = found.error().code;
      refusal.object = core::ObjectKind::partition;
      refusal.detail = found.error().text;
      send = core::Refused{listed.who, std::move(refusal)};
    }
    route_to_peer(id, send);
  };
  store_->find_timestamp(listed.partition, at, listed.start, listed.end, answer);
}

// --- queues ----------------------------------------------------------------------------------------------

void Loop::load_run(const core::LoadRun& request) {
  store_->load_run(request.queue, request.run,
                   [this, request](Result<std::vector<core::QueueEntry>> entries) {
                     if (entries.ok()) return submit(core::RunLoaded{request.queue, request.run, *entries});
                     log_line(LogLevel::error, "messages of queue '" + request.queue_name +
                                                   "' cannot be read and wait for a restart: " + entries.error().text);
                     submit(core::RunUnreadable{request.queue, request.run, entries.error().text});
                   });
}

void Loop::rewrite(core::RewriteDeadLetter& request) {
  const storage::StoredBytes resident = store_->resident(request.body, request.size_bytes);
  if (resident.owner) return rewritten(request, resident.bytes);
  store_->read(request.body, request.size_bytes,
               [this, request = std::move(request)](Result<storage::StoredBytes> bytes) {
                 if (bytes.ok()) return rewritten(request, bytes->bytes);
                 // It is not lost: it stays unsettled in its queue, and a restart tries again.
                 log_line(LogLevel::error, "a dead letter of queue '" + request.queue_name +
                                               "' cannot be read and stays: " + bytes.error().text);
               });
}

void Loop::rewritten(const core::RewriteDeadLetter& request, Bytes stored) {
  if (const auto letter = rewrite_dead_letter(request, stored)) return publish_dead_letter(request, *letter);
  // It cannot be rewritten: a copy that no queue takes still removes the original.
  log_line(LogLevel::error,
           "a dead letter of queue '" + request.queue_name + "' cannot be rewritten and is dropped");
  submit(core::DeadLetterReady{request.queue.value, request.seq, {}, {}});
}

void Loop::publish_dead_letter(const core::RewriteDeadLetter& request, Bytes message) {
  const auto parts = parse_message(message);
  const auto glance = parts ? glance_properties(parts->properties) : std::nullopt;
  if (!glance) return rewritten(request, {});
  const core::MessageView view{.body = stage({message}),
                               .size_bytes = static_cast<std::uint32_t>(message.size()),
                               .body_size_bytes = static_cast<std::uint32_t>(parts->body.size()),
                               .exchange = parts->exchange,
                               .routing_key = parts->routing_key,
                               .properties = *glance};
  submit(core::DeadLetterReady{request.queue.value, request.seq, parts->exchange, view});
}

void Loop::read_delayed(const core::ReadDelayed& request) {
  const storage::StoredBytes resident = store_->resident(request.body, request.size_bytes);
  if (resident.owner) return let_go(request, resident.bytes);
  store_->read(request.body, request.size_bytes, [this, request](Result<storage::StoredBytes> bytes) {
    if (!bytes.ok()) log_line(LogLevel::error, "a delayed message cannot be read: " + bytes.error().text);
    let_go(request, bytes.ok() ? bytes->bytes : Bytes{});
  });
}

void Loop::let_go(const core::ReadDelayed& request, Bytes stored) {
  const auto message = end_delay(stored);
  const auto parts = message ? parse_message(*message) : std::nullopt;
  const auto glance = parts ? glance_properties(parts->properties) : std::nullopt;
  if (!glance) {
    log_line(LogLevel::error, "a delayed message is damaged and is dropped");
    return submit(core::DelayedReady{request.queue.value, request.seq, {}});
  }
  const core::MessageView view{.body = stage({*message}),
                               .size_bytes = static_cast<std::uint32_t>(message->size()),
                               .body_size_bytes = static_cast<std::uint32_t>(parts->body.size()),
                               .exchange = parts->exchange,
                               .routing_key = parts->routing_key,
                               .properties = *glance};
  submit(core::DelayedReady{request.queue.value, request.seq, view});
}

// --- producers' transactions -----------------------------------------------------------------------------

void Loop::write_markers(const core::WriteMarkers& request) {
  const auto batches = make_markers(request, [this](Bytes batch) { return stage({batch}); });
  submit(core::MarkersReady{request.producer_id, request.epoch, request.commit, batches});
}

// --- the broker as a whole -------------------------------------------------------------------------------

void Loop::hold_publishers(const core::HoldPublishers& request) {
  const std::string_view reason =
      request.resource == core::Resource::disk ? "disk space is short" : "memory is short";
  held_reason_ = request.hold ? reason : "";
  peers_.for_each([&](Peer& peer) {
    if (!peer.open()) return;
    peer.face().publishers_held(request.hold, reason);
    if (!request.hold) peer.hold_back(false);
    touched(peer);
  });
}

void Loop::take_checkpoint_state(core::CheckpointState& state) {
  if (stop_ == StopStep::checkpoint) {
    last_state_ = std::move(state);
    return;
  }
  checkpoint_running_ = true;
  store_->begin_checkpoint(std::move(state));
}

}  // namespace tandem::server
