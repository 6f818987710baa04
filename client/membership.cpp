#include "client/membership.h"

#include <algorithm>

namespace tandem::client {
namespace {

ReaderOptions reader_options(const GroupOptions& options) {
  auto reader = options.reader;
  if (reader.out_of_range == OutOfRange::fail)
    reader.out_of_range =
        options.start_at == StartAt::the_end ? OutOfRange::to_latest : OutOfRange::to_earliest;
  return reader;
}

constexpr Milliseconds retry_delay{200};

}  // namespace

Membership::Membership(std::shared_ptr<Driver> driver, GroupOptions options)
    : driver_(driver),
      options_(std::move(options)),
      loop_(std::make_shared<FetchLoop>(driver, reader_options(options_))) {}

std::vector<TopicPartition> Membership::assignment() const {
  std::lock_guard lock(mutex_);
  return assignment_;
}
std::string Membership::member() const {
  std::lock_guard lock(mutex_);
  return member_;
}
std::int32_t Membership::generation() const {
  std::lock_guard lock(mutex_);
  return generation_;
}

void Membership::open() {
  const auto self = shared_from_this();
  auto attached = driver_->session().attach(loop_);
  if (attached) attached = driver_->session().attach(self);
  if (!attached) return loop_->end(attached.error());
}

// --- polling
// -----------------------------------------------------------------------------------------------------------------

void Membership::poll(std::size_t count_max, Milliseconds timeout,
                      Completion<std::vector<TopicRecord>> done) {
  if (polling_)
    return done(Error{ErrorCode::wrong_state, "another poll of this group consumer is under way"});
  polling_ = true;
  polled_at_ = std::chrono::steady_clock::now();
  if (state_ == State::stable && !rejoin_) auto_commit();
  if (state_ == State::out || (state_ == State::stable && rejoin_)) begin_join();
  loop_->poll_async(
      count_max, timeout,
      [self = shared_from_this(), done = std::move(done)](Result<std::vector<TopicRecord>> records) mutable {
        self->polling_ = false;
        self->polled_at_ = std::chrono::steady_clock::now();
        done(std::move(records));
      });
}

/// A member that is not polled does not work: its partitions go to those that do.
void Membership::leave_unpolled() {
  LeaveGroup leave{options_.group, member(), options_.instance};
  ask(*driver_, leave, [](const Result<ErrorCode>&) {});
  loop_->assign({});
  forget_membership();
  state_ = State::out;
}

// --- keeping alive
// -----------------------------------------------------------------------------------------------------------

void Membership::beat() {
  if (state_ != State::stable) return;
  if (!polling_ && std::chrono::steady_clock::now() - polled_at_ > options_.rebalance_timeout)
    return leave_unpolled();
  const HeartbeatGroup beat{options_.group, member(), options_.instance, generation()};
  ask(*driver_, beat, [self = shared_from_this(), generation = generation()](Result<ErrorCode> answer) {
    if (self->state_ == State::stable && self->generation() == generation) self->take_beat(std::move(answer));
  });
}

void Membership::take_beat(Result<ErrorCode> answer) {
  const auto code = answer ? *answer : answer.error().code;
  if (code == ErrorCode::fenced) {
    state_ = State::out;
    forget_membership();
    loop_->assign({});
    return loop_->report(
        {code, "another member has taken over the instance name '" + options_.instance + "'"});
  }
  if (must_join_again(code)) {
    rejoin_ = true;
    if (polling_) begin_join();
    // Still heard of until the next poll joins.
    if (!polling_ && code != ErrorCode::rebalance_in_progress) return;
  }
  if (state_ == State::stable)
    driver_->after(options_.heartbeat_interval, [self = shared_from_this()] { self->beat(); });
}

bool Membership::must_join_again(ErrorCode code) {
  if (code == ErrorCode::unknown_member) forget_membership();
  return code == ErrorCode::unknown_member || code == ErrorCode::illegal_generation ||
         code == ErrorCode::rebalance_in_progress;
}

void Membership::forget_membership() {
  std::lock_guard lock(mutex_);
  member_.clear();
  generation_ = -1;
  assignment_.clear();
}

// --- committing
// --------------------------------------------------------------------------------------------------------------

std::vector<Position> Membership::uncommitted(const std::vector<Position>& positions) const {
  std::vector<Position> moved;
  for (const auto& position : positions) {
    const auto known = committed_.find({position.topic, position.partition});
    if (known == committed_.end() || known->second != position.offset) moved.push_back(position);
  }
  return moved;
}

void Membership::auto_commit() {
  const auto now = std::chrono::steady_clock::now();
  if (!options_.auto_commit || now - committed_at_ < options_.auto_commit_interval) return;
  committed_at_ = now;
  // What is refused here is committed by the next one, or read again by whoever has the partition then.
  commit({}, [](const Result<>&) {});
}

void Membership::commit(std::vector<Position> positions, Completion<Done> done) {
  if (state_ != State::stable)
    return done(
        Error{ErrorCode::rebalance_in_progress, "not a member of group '" + options_.group + "' right now"});
  const bool explicit_positions = !positions.empty();
  const auto moved = explicit_positions ? std::move(positions) : uncommitted(loop_->positions());
  if (moved.empty()) return done(Done{});
  CommitOffsets request{options_.group, member(), generation(), {}};
  for (const auto& position : moved)
    request.offsets.push_back({position.topic, position.partition, position.offset, {}, {}});
  ask(*driver_, request,
      [self = shared_from_this(), moved,
       done = std::move(done)](Result<std::vector<ErrorCode>> codes) mutable {
        if (!codes) return done(codes.error());
        for (std::size_t i = 0; i < moved.size(); ++i) {
          const auto code = i < codes->size() ? (*codes)[i] : ErrorCode::corrupt;
          if (code != ErrorCode::none) {
            if (self->must_join_again(code)) self->rejoin_ = true;
            return done(Error{code, "offset of topic '" + moved[i].topic + "' partition " +
                                        std::to_string(moved[i].partition) +
                                        " was not committed: " + std::string(name(code))});
          }
          self->committed_[{moved[i].topic, moved[i].partition}] = moved[i].offset;
        }
        done(Done{});
      });
}

// --- joining
// -----------------------------------------------------------------------------------------------------------------

void Membership::joined(Result<std::vector<Position>> result) {
  if (state_ == State::closed) return;
  rejoin_ = false;
  if (!result) {
    state_ = State::out;
    forget_membership();
    const auto code = result.error().code;
    const bool connection_gone = code == ErrorCode::unavailable || code == ErrorCode::timed_out;
    if (!connection_gone) return loop_->report(result.error());
    driver_->after(retry_delay, [self = shared_from_this()] {
      if (self->polling_ && self->state_ == State::out) self->begin_join();
    });
    return;
  }
  state_ = State::stable;
  committed_at_ = std::chrono::steady_clock::now();
  loop_->assign(*result);
  if (options_.on_assigned) options_.on_assigned(*result);
  driver_->after(options_.heartbeat_interval, [self = shared_from_this()] { self->beat(); });
}

// --- the end
// -----------------------------------------------------------------------------------------------------------------

void Membership::end(const Error& why) {
  state_ = State::closed;
  loop_->end(why);
}

}  // namespace tandem::client
