#include "broker/wire/amqp/confirm_ledger.h"

namespace tandem::wire::amqp {

void ConfirmLedger::confirm(std::uint64_t first, std::uint64_t last) {
  if (first != next_) {
    early_[first] = last;
    news_.push_back(first);
    return;
  }
  next_ = last + 1;
  for (auto range = early_.begin(); range != early_.end() && range->first == next_; range = early_.erase(range))
    next_ = range->second + 1;
}

void ConfirmLedger::confirm_said(std::uint64_t first, std::uint64_t last) {
  confirm(first, last);
  said_through_ = next_ - 1;
  news_.clear();
}

void ConfirmLedger::take(std::vector<ConfirmToSay>& say) {
  if (next_ > said_through_ + 1) say.push_back({next_ - 1, next_ - 1 > said_through_ + 1});
  said_through_ = next_ - 1;
  for (const std::uint64_t first : news_) {
    const auto range = early_.find(first);
    if (range == early_.end()) continue;  // joined the rest since
    for (std::uint64_t tag = range->first; tag <= range->second; ++tag) say.push_back({tag, false});
  }
  news_.clear();
}

}  // namespace tandem::wire::amqp
