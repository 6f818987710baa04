// A request that was taken and whose answer is being gathered. A task asks the core for one or several things
// (its parts), takes their answers in whatever order they come, and writes the response when all are there.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "broker/wire/batch_judge.h"
#include "broker/wire/face.h"
#include "broker/wire/kafka/codec.h"

namespace tandem::wire::kafka {

class Task;

/// What requests know and change of their connection.
struct Conversation {
  explicit Conversation(FaceContext of) : context(std::move(of)), judge(*context.port, context.connection) {}

  FaceContext context;
  std::string user;       // "" until somebody is
  std::string client_id;  // of the last request
  enum class Sasl : std::uint8_t { none, raw_token_next, token_next } sasl = Sasl::none;
  int fetches = 0;       // that are not answered
  BatchJudge judge;
  Task* unfinished = nullptr;  // the request of which `judge` has a batch: it is given again
  bool hang_up = false;  // the connection ends once what is answered is written

  BrokerPort& port() const { return *context.port; }
};

using Bodies = std::span<const Body>;

class Task {
 public:
  struct Seat {
    Conversation& conversation;
    std::uint64_t number = 0;  // counts the connection's requests
    std::int16_t version = 0;
  };

  explicit Task(const Seat& seat) : seat_(seat) {}
  virtual ~Task() = default;
  Task(const Task&) = delete;
  Task& operator=(const Task&) = delete;

  /// The core's answer to a part.
  virtual void take(std::uint32_t part, const core::Send& send, Bodies bodies) = 0;
  /// Once, when all is there.
  virtual void write(Writer& out) const = 0;
  /// False for the one request that has no response: produce with acks=0.
  virtual bool has_response() const { return true; }

  std::uint64_t number() const { return seat_.number; }
  bool done() const { return begun_ && expected_ == 0; }
  void set_begun() { begun_ = true; }
  void set_answered() { --expected_; }

  // Caller::request is the task's number and, below it, the part.
  static constexpr int part_bits = 20;
  static_assert(Reader::elements_max < (1u << part_bits));
  static std::uint64_t number_of(std::uint64_t request) { return request >> part_bits; }
  static std::uint32_t part_of(std::uint64_t request) { return request & ((1u << part_bits) - 1); }

 protected:
  /// Who asks for a part. One answer is waited for, so it must be submitted.
  core::Caller expect(std::uint32_t part = 0) {
    ++expected_;
    return caller(part);
  }
  /// Who asks without being answered.
  core::Caller caller(std::uint32_t part = 0) const {
    return {{seat_.conversation.context.connection, 0}, seat_.number << part_bits | part};
  }
  void submit(const core::Input& input) { port().submit(input); }
  Conversation& conversation() const { return seat_.conversation; }
  BrokerPort& port() const { return seat_.conversation.port(); }
  std::int16_t version() const { return seat_.version; }

 private:
  const Seat seat_;
  std::uint32_t expected_ = 0;
  bool begun_ = false;
};

/// A task of one kind of request. Derived classes have begin(const Request&): the request's views live as long
/// as that call.
template <class RequestType, class ResponseType>
class TaskOf : public Task {
 public:
  using Request = RequestType;
  using Task::Task;
  void take(std::uint32_t, const core::Send&, Bodies) override {}
  void write(Writer& out) const override { out.structure(response_); }

 protected:
  ResponseType response_;
};

}  // namespace tandem::wire::kafka
