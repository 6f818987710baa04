// The native protocol (docs/wire_protocol.md) of one connection: frames, handshake, heartbeats. Requests are
// requests.h's, answers answers.h's.
#pragma once

#include "broker/base/limits.h"
#include "broker/wire/face.h"
#include "broker/wire/native/answers.h"
#include "broker/wire/native/liveness.h"
#include "broker/wire/native/requests.h"

namespace tandem::wire::native {

class NativeFace final : public Face {
 public:
  /// A client that does not read its answers gets no more of them, whatever it has asked for. Above what deliveries may
  /// fill, so that acks are read while they wait.
  static constexpr std::size_t unread_max_bytes = 32u << 20;

  explicit NativeFace(FaceContext context);

  std::size_t receive(Bytes input) override;
  bool reading() const override { return !waits() && !requests_.lists_enough() && (!waits_for_room_ || has_room()); }
  bool wants_room() const override { return (waits_for_room_ && has_room()) || may_list(); }
  std::size_t input_size_wanted_bytes() const override { return input_size_wanted_bytes_; }
  void send(const core::Send& send, std::span<const Body> bodies) override;
  void flush() override;
  void tick(TimestampMs now) override;
  TimestampMs next_due() const override;
  void excuse_silence(TimestampMs now) override { liveness_.heard(now); }
  void publishers_held(bool held, std::string_view reason) override;
  void shut_down(std::string_view reason) override;
  bool closing() const override { return stage_ == Stage::closing; }
  std::size_t kept_bytes() const override { return requests_.kept_bytes(); }

 private:
  enum class Stage { greeting, open, closing };

  bool waits() const { return requests_.judges() || requests_.stages(); }
  void go_on();
  bool may_list() const { return !closing() && requests_.has_listing_due() && outbox_.size_bytes() < limits::outbox_low_bytes; }
  bool has_room() const { return outbox_.size_bytes() < unread_max_bytes; }
  void receive_frame(Bytes envelope, Bytes payload);
  void greet(const fb::Envelope& envelope);
  void receive_message(const fb::Envelope& envelope, Bytes payload);
  void say_publishers_held();
  void end(ErrorCode code, std::string_view text);

  FaceContext context_;
  Speaker speaker_;
  Unanswered unanswered_;
  Requests requests_;
  Answers answers_;
  Liveness liveness_;
  Stage stage_ = Stage::greeting;
  TimestampMs greeting_due_at_ = 0;
  std::size_t input_size_wanted_bytes_ = 0;
  /// Of which a large message is being staged. It lies in the input.
  struct {
    Bytes envelope, payload;
    std::size_t size_bytes = 0;
  } staged_frame_;
  std::size_t handled_bytes_ = 0;  // of the input's front, since it was offered last
  bool waits_for_room_ = false;  // the next frame is there and may not begin yet
  bool held_ = false;
  std::string held_reason_;
};

}  // namespace tandem::wire::native
