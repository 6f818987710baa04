#include "broker/wire/amqp/delivery_tags.h"

#include <algorithm>

namespace tandem::wire::amqp {

void DeliveryTags::begin(DeliveryTag last) {
  if (active_) return;
  active_ = true;
  before_ = last;
  first_ = last + 1;
}

DeliveryTag DeliveryTags::add(Given given) {
  given_.push_back(given);
  return first_ + given_.size() - 1;
}

DeliveryTag DeliveryTags::add_queued(DeliveryTag core_tag) { return add({core_tag, 0, false}); }

DeliveryTag DeliveryTags::add_streamed(std::uint64_t consumer) { return add({0, consumer, false}); }

std::optional<DeliveryTags::Settled> DeliveryTags::settle(DeliveryTag tag, bool multiple) {
  Settled settled;
  settled.multiple = multiple;
  if (tag != 0 && tag <= before_) {
    settled.core_tag = tag;
    return settled;
  }
  const DeliveryTag last = tag == 0 ? first_ + given_.size() - 1 : tag;
  const bool is_there = last >= first_ && last - first_ < given_.size() && !given_[last - first_].settled;
  if (!is_there && tag != 0) return std::nullopt;
  if (multiple) settled.core_tag = before_;
  for (DeliveryTag one = multiple ? first_ : last; one <= last && one - first_ < given_.size(); ++one) {
    Given& given = given_[one - first_];
    if (given.settled) continue;
    given.settled = true;
    if (given.core_tag == 0)
      settled.consumers.push_back(given.consumer);
    else
      settled.core_tag = std::max(settled.core_tag, given.core_tag);
  }
  drop_settled();
  return settled;
}

void DeliveryTags::forget_queued() {
  for (Given& given : given_) given.settled = given.settled || given.core_tag != 0;
  drop_settled();
}

void DeliveryTags::drop_settled() {
  while (!given_.empty() && given_.front().settled) {
    given_.pop_front();
    ++first_;
  }
}

}  // namespace tandem::wire::amqp
