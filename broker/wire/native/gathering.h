// Deliveries and confirms that come in bursts travel together: one envelope for many. Nothing is allocated
// per message once the buffers have grown.
#pragma once

#include <vector>

#include "broker/core/send.h"
#include "broker/wire/face.h"
#include "broker/wire/native/speaker.h"

namespace tandem::wire::native {

/// Deliveries of one channel that become one Deliver frame.
class DeliverGathering {
 public:
  explicit DeliverGathering(Speaker& speaker) : speaker_(speaker) {}
  void add(const core::Deliver& deliver, const Body& body);
  void flush();

 private:
  struct Piece {
    Bytes bytes;
    std::uint32_t owner = 0;  // index in owners_
  };
  std::uint32_t keep(const Owner& owner);

  Speaker& speaker_;
  std::uint16_t channel_ = 0;
  std::size_t payload_size_ = 0;
  std::vector<fb::DeliverItem> items_;
  std::vector<Piece> pieces_;
  std::vector<Owner> owners_;  // messages that came together mostly share one
};

/// Confirms of one channel that become one Confirmed frame of ranges.
class ConfirmGathering {
 public:
  explicit ConfirmGathering(Speaker& speaker) : speaker_(speaker) {}
  /// `nack_code`: why, for those that were not taken; none = taken.
  void add(std::uint16_t channel, std::uint64_t first, std::uint64_t last, ErrorCode nack_code);
  void flush();

 private:
  Speaker& speaker_;
  std::uint16_t channel_ = 0;
  ErrorCode nack_code_ = ErrorCode::none;
  std::vector<fb::Range> ranges_;
};

/// A nack of one publish with its reason.
void say_nack(Speaker& speaker, std::uint16_t channel, std::uint64_t seq, ErrorCode code,
              std::string_view text);

}  // namespace tandem::wire::native
