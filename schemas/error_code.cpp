#include "schemas/error_code.h"

namespace tandem {

std::string_view name(ErrorCode code) {
  switch (code) {
    case ErrorCode::none: return "none";
    case ErrorCode::not_found: return "not_found";
    case ErrorCode::already_exists: return "already_exists";
    case ErrorCode::inequivalent: return "inequivalent";
    case ErrorCode::access_refused: return "access_refused";
    case ErrorCode::locked: return "locked";
    case ErrorCode::in_use: return "in_use";
    case ErrorCode::not_empty: return "not_empty";
    case ErrorCode::invalid_argument: return "invalid_argument";
    case ErrorCode::unknown_delivery: return "unknown_delivery";
    case ErrorCode::out_of_range: return "out_of_range";
    case ErrorCode::version_conflict: return "version_conflict";
    case ErrorCode::limit_reached: return "limit_reached";
    case ErrorCode::unroutable: return "unroutable";
    case ErrorCode::rejected_by_queue: return "rejected_by_queue";
    case ErrorCode::wrong_state: return "wrong_state";
    case ErrorCode::fenced: return "fenced";
    case ErrorCode::unknown_member: return "unknown_member";
    case ErrorCode::rebalance_in_progress: return "rebalance_in_progress";
    case ErrorCode::illegal_generation: return "illegal_generation";
    case ErrorCode::inconsistent_protocol: return "inconsistent_protocol";
    case ErrorCode::out_of_order_sequence: return "out_of_order_sequence";
    case ErrorCode::duplicate_sequence: return "duplicate_sequence";
    case ErrorCode::corrupt: return "corrupt";
    case ErrorCode::too_large: return "too_large";
    case ErrorCode::resource_alarm: return "resource_alarm";
    case ErrorCode::not_supported: return "not_supported";
    case ErrorCode::not_authorized: return "not_authorized";
    case ErrorCode::unavailable: return "unavailable";
    case ErrorCode::timed_out: return "timed_out";
    case ErrorCode::member_id_required: return "member_id_required";
    case ErrorCode::concurrent_transactions: return "concurrent_transactions";
    case ErrorCode::unknown_producer: return "unknown_producer";
    case ErrorCode::invalid_transaction_state: return "invalid_transaction_state";
    case ErrorCode::internal: return "internal";
  }
  return "unknown";
}

}  // namespace tandem
