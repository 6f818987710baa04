#include "client/driver.h"

#include <algorithm>

#include <asio/bind_executor.hpp>
#include <asio/post.hpp>

namespace tandem::client {
namespace {

using std::chrono::steady_clock;

/// What a closing client waits for its last frame to be written, and close() for a busy I/O thread.
constexpr Milliseconds goodbye_max{500};

asio::any_io_executor choose_executor(const ClientOptions& options,
                                      const std::shared_ptr<asio::io_context>& own) {
  return own ? asio::any_io_executor(own->get_executor()) : options.executor;
}

Error unconfirmed_at_close() {
  return {ErrorCode::timed_out, "closed with something still unconfirmed"};
}

std::uint64_t seed_of(const void* object) {
  return static_cast<std::uint64_t>(steady_clock::now().time_since_epoch().count()) ^
         reinterpret_cast<std::uintptr_t>(object);
}

Identity identity_of(const ClientOptions& options) {
  return {options.client_name, options.user, options.password,
          static_cast<std::uint32_t>(options.heartbeat.count())};
}

}  // namespace

Driver::Driver(ClientOptions options)
    : options_(std::move(options)),
      own_io_(options_.executor ? nullptr : std::make_shared<asio::io_context>(1)),
      strand_(choose_executor(options_, own_io_)),
      session_(identity_of(options_), [this](const ClientEvent& event) { tell(event.kind, event.error); }),
      timer_(strand_),
      backoff_(options_.reconnect.delay_min, options_.reconnect.delay_max, seed_of(this)) {
  if (!own_io_) return;
  own_work_.emplace(asio::make_work_guard(*own_io_));
  thread_ = std::thread([io = own_io_] { io->run(); });
}

std::shared_ptr<Driver> Driver::make(ClientOptions options) {
  std::shared_ptr<Driver> driver(new Driver(std::move(options)));
  return {driver.get(), [driver](Driver* ended) { ended->end_thread(); }};
}

Driver::~Driver() {
  if (thread_.joinable()) thread_.detach();  // only when its last owner was on that thread
}

// --- any thread
// ---------------------------------------------------------------------------------------------------------

bool Driver::on_io_thread() const {
  return strand_.running_in_this_thread();
}

bool Driver::must_not_block() const {
  if (on_io_thread()) return true;
  const auto* caller = options_.executor.target<asio::io_context::executor_type>();
  return caller && caller->running_in_this_thread();
}

void Driver::start(Completion<Done> done) {
  auto begin = [self = shared_from_this(), done = std::move(done)]() mutable {
    self->start_done_ = std::move(done);
    self->connect();
  };
  post(std::move(begin));
}

void Driver::post(MoveFunction<void()> act) {
  {
    std::lock_guard lock(inbox_mutex_);
    if (stopped_) return;
    inbox_.push_back(std::move(act));
    if (std::exchange(inbox_scheduled_, true)) return;
  }
  asio::post(strand_, [self = shared_from_this()] { self->run_inbox(); });
}

void Driver::wake(std::shared_ptr<Part> part) {
  {
    std::lock_guard lock(inbox_mutex_);
    if (stopped_) return;
    woken_.push_back(std::move(part));
    if (std::exchange(inbox_scheduled_, true)) return;
  }
  asio::post(strand_, [self = shared_from_this()] { self->run_inbox(); });
}

Result<> Driver::close(Milliseconds deadline) {
  post([self = shared_from_this(), deadline] { self->begin_close(deadline); });
  if (must_not_block()) return Done{};
  std::unique_lock lock(status_mutex_);
  const bool in_time = ended_.wait_for(lock, deadline + 2 * goodbye_max, [this] { return has_ended_; });
  if (in_time && drained_in_time_) return Done{};
  return unconfirmed_at_close();
}

void Driver::close(Milliseconds deadline, Completion<Done> done) {
  post([self = shared_from_this(), deadline, done = std::move(done)]() mutable {
    self->close_done_.push_back(std::move(done));
    if (self->session_.closed()) return self->complete_close();
    self->begin_close(deadline);
  });
}

bool Driver::connected() const {
  std::lock_guard lock(status_mutex_);
  return connected_;
}

Welcome Driver::welcome() const {
  std::lock_guard lock(status_mutex_);
  return welcome_;
}

void Driver::end_thread() {
  post([self = shared_from_this()] { self->begin_close(Milliseconds(0)); });
  if (!own_io_) return;
  own_work_.reset();
  if (std::this_thread::get_id() == thread_.get_id()) return thread_.detach();
  {
    std::unique_lock lock(status_mutex_);
    ended_.wait_for(lock, 2 * goodbye_max, [this] { return has_ended_; });
  }
  own_io_->stop();
  thread_.join();
  {
    std::lock_guard lock(inbox_mutex_);
    stopped_ = true;
  }
  // What was posted last is done here, so that nothing in it keeps this driver alive.
  own_io_->restart();
  own_io_->poll();
}

// --- the I/O thread
// --------------------------------------------------------------------------------------------------------

void Driver::run_inbox() {
  std::vector<MoveFunction<void()>> acts;
  std::vector<std::shared_ptr<Part>> woken;
  {
    std::lock_guard lock(inbox_mutex_);
    acts.swap(inbox_);
    woken.swap(woken_);
    inbox_scheduled_ = false;
  }
  for (auto& act : acts) act();
  for (auto& part : woken) dirty_.push_back(std::move(part));
  pump();
}

void Driver::pump() {
  if (session_.closed()) return dirty_.clear();  // a part and its driver would keep each other
  if (writing_) return;
  // Asked only now that the socket is free: what came meanwhile goes in one frame.
  if (session_.ready())
    for (const auto& part : std::exchange(dirty_, {})) part->gathered();
  dirty_.clear();  // a new connection asks every part by itself
  if (!session_.has_output() || !connection_) return;
  writing_ = wrote_ = true;
  connection_->write(session_.take_output());
}

void Driver::ask(Call call, Milliseconds timeout) {
  if (timeout.count() <= 0 || session_.closed()) return session_.ask(std::move(call));
  class Timed final : public AnswerHandler {
   public:
    Timed(Driver& driver, Timers::Key key, std::unique_ptr<AnswerHandler> handler)
        : driver_(driver), key_(key), handler_(std::move(handler)) {}
    bool answer(const Answer& answer) override {
      const bool whole = handler_->answer(answer);
      if (whole) driver_.cancel(key_);
      return whole;
    }
    void fail(Error error) override {
      driver_.cancel(key_);
      handler_->fail(std::move(error));
    }
    void restart() override { handler_->restart(); }

   private:
    Driver& driver_;
    Timers::Key key_;
    std::unique_ptr<AnswerHandler> handler_;
  };
  const auto correlation = call.correlation;
  const auto key = after(timeout, [this, correlation, timeout] {
    session_.give_up(correlation,
                     {ErrorCode::timed_out, "no answer within " + std::to_string(timeout.count()) +
                                                " ms; whether the request happened is not known"});
  });
  call.handler = std::make_unique<Timed>(*this, key, std::move(call.handler));
  session_.ask(std::move(call));
}

Timers::Key Driver::after(Milliseconds delay, MoveFunction<void()> act) {
  // end() has cancelled what waited for its time; a later wait would keep this driver alive, with its thread.
  if (session_.closed()) return {};
  const auto key = timers_.add(steady_clock::now() + delay, std::move(act));
  arm_timer();
  return key;
}

void Driver::arm_timer() {
  const auto next = timers_.next();
  if (!next || (timer_at_ && *timer_at_ <= *next)) return;
  timer_at_ = next;
  timer_.expires_at(*next);
  timer_.async_wait(asio::bind_executor(strand_, [self = shared_from_this()](asio::error_code error) {
    if (!error) self->run_due();
  }));
}

void Driver::run_due() {
  timer_at_.reset();
  timers_.run_due(steady_clock::now());
  arm_timer();
  pump();
}

void Driver::hold_reading(bool held) {
  reading_holds_ += held ? 1 : -1;
  if (connection_) connection_->hold_reading(reading_holds_ > 0);
}

// --- the connection
// --------------------------------------------------------------------------------------------------------

void Driver::connect() {
  if (session_.closed()) return complete_start(Error{ErrorCode::unavailable, "the client is closed"});
  connection_ =
      std::make_shared<Connection>(strand_, std::shared_ptr<ConnectionEvents>(shared_from_this(), this));
  const auto where = options_.host + ":" + std::to_string(options_.port);
  connect_timer_ = after(options_.connect_timeout, [this, where] {
    if (connection_) connection_->lose({ErrorCode::timed_out, "no handshake with " + where + " in time"});
  });
  connection_->open(options_.host, options_.port);
}

void Driver::connection_opened() {
  session_.connection_opened();
  pump();
}

Result<std::size_t> Driver::received(Bytes input, const Owner& owner) {
  heard_at_ = steady_clock::now();
  auto consumed = session_.receive(input, owner);
  if (session_.ready() && !std::exchange(was_ready_, true)) now_ready();
  pump();
  return consumed;
}

void Driver::written() {
  writing_ = false;
  pump();
  if (drained_ && !writing_) end({ErrorCode::unavailable, "the client is closed"});
}

void Driver::now_ready() {
  cancel(connect_timer_);
  backoff_.reset();
  {
    std::lock_guard lock(status_mutex_);
    connected_ = true;
    welcome_ = session_.welcome();
  }
  if (reading_holds_ > 0) connection_->hold_reading(true);
  beat();
  complete_start(Done{});
}

/// Twice per heartbeat: says something if nothing was said, and gives up a broker that is silent for two
/// heartbeats.
void Driver::beat() {
  const Milliseconds interval(session_.welcome().heartbeat_ms);
  if (interval.count() == 0 || !was_ready_ || !connection_) return;
  if (reading_holds_ > 0) heard_at_ = steady_clock::now();  // it is this side that does not listen
  if (steady_clock::now() - heard_at_ >= 2 * interval)
    return connection_->lose({ErrorCode::timed_out, "the broker was silent for two heartbeats"});
  if (!std::exchange(wrote_, false) && !writing_) session_.say_heartbeat();
  // Sooner than half an interval when the two heartbeats are over before: silence is seen when they are, not later.
  const auto left = std::chrono::ceil<Milliseconds>(heard_at_ + 2 * interval - steady_clock::now());
  beat_timer_ = after(std::clamp(left, Milliseconds(1), std::max(interval / 2, Milliseconds(1))), [this] { beat(); });
}

void Driver::connection_lost(const Error& why) {
  connection_.reset();
  writing_ = was_ready_ = false;
  cancel(connect_timer_);
  cancel(beat_timer_);
  {
    std::lock_guard lock(status_mutex_);
    connected_ = false;
  }
  session_.connection_lost(why);
  if (start_done_ || session_.refused_for_good() || !options_.reconnect.enabled || drained_) return end(why);
  tell(ClientEvent::Kind::disconnected, why);
  after(backoff_.next(), [this] {
    if (!session_.closed()) connect();
  });
}

void Driver::tell(ClientEvent::Kind kind, Error error) {
  if (options_.on_event) options_.on_event({kind, std::move(error)});
}

void Driver::complete_start(Result<> result) {
  if (start_done_) start_done_(std::move(result));
}

// --- the end
// ---------------------------------------------------------------------------------------------------------------

void Driver::begin_close(Milliseconds deadline) {
  if (session_.closed() || (closing_ && deadline.count() > 0)) return;
  closing_ = true;
  if (deadline.count() <= 0) return finish_close();
  after(deadline, [this] {
    if (drained_ || session_.closed()) return;
    {
      std::lock_guard lock(status_mutex_);
      drained_in_time_ = false;
    }
    finish_close();
  });
  drain_parts();
}

void Driver::drain_parts() {
  draining_ = 1;
  auto drained_one = [this](const Result<>&) {
    if (--draining_ == 0 && !drained_) finish_close();
  };
  for (const auto& part : session_.parts()) {
    ++draining_;
    part->drain(drained_one);
  }
  drained_one(Done{});
}

void Driver::finish_close() {
  if (std::exchange(drained_, true)) return;
  const Error why{ErrorCode::unavailable, "the client is closed"};
  if (!session_.ready()) return end(why);
  session_.say_goodbye();
  after(goodbye_max, [this, why] { end(why); });
  pump();
}

void Driver::end(const Error& why) {
  if (session_.closed()) return;
  if (const auto connection = std::exchange(connection_, nullptr)) connection->close();
  session_.close(why);
  complete_start(why);
  timers_.clear();
  timer_.cancel();
  dirty_.clear();
  {
    std::lock_guard lock(status_mutex_);
    has_ended_ = true;
    connected_ = false;
    ended_.notify_all();
  }
  complete_close();
}

void Driver::complete_close() {
  const Result<> result = drained_in_time_ ? Result<>() : Result<>(unconfirmed_at_close());
  for (auto& done : std::exchange(close_done_, {})) done(result);
}

// --- for templates in public headers
// ------------------------------------------------------------------------------------------

asio::any_io_executor executor_of(const Driver& driver) {
  return driver.executor();
}
bool on_io_thread(const Driver& driver) {
  return driver.must_not_block();
}
Error would_block_itself() {
  return {ErrorCode::wrong_state,
          "a blocking call on the thread that would have to complete it; use another form"};
}

}  // namespace tandem::client
