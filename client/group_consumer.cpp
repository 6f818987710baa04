#include "tandem/group_consumer.h"

#include "client/membership.h"

namespace tandem {

using client::Membership;

GroupConsumer::GroupConsumer(std::shared_ptr<client::Driver> driver, std::shared_ptr<Membership> membership)
    : driver_(std::move(driver)), membership_(std::move(membership)) {}

Result<GroupConsumer> GroupConsumer::open(const Client& client, GroupOptions options) {
  if (options.group.empty()) return Error{ErrorCode::invalid_argument, "a group consumer needs a group"};
  if (options.topics.empty()) return Error{ErrorCode::invalid_argument, "a group consumer needs topics"};
  const auto driver = client.driver()->shared_from_this();
  const auto membership = std::make_shared<Membership>(driver, std::move(options));
  driver->post([membership] { membership->open(); });
  auto let_go = [](const std::shared_ptr<Membership>& gone) {
    gone->driver().post([gone] { gone->close([](const Result<>&) {}); });
  };
  return GroupConsumer(client.driver(), client::user_handle(membership, let_go));
}

void GroupConsumer::start_poll(const std::shared_ptr<Membership>& membership, std::size_t count_max,
                               Milliseconds timeout, client::Completion<std::vector<TopicRecord>> done) {
  membership->driver().post([membership, count_max, timeout, done = std::move(done)]() mutable {
    membership->poll(count_max, timeout, std::move(done));
  });
}

void GroupConsumer::start_commit(const std::shared_ptr<Membership>& membership,
                                 std::vector<Position> positions, client::Completion<Done> done) {
  membership->driver().post([membership, positions = std::move(positions), done = std::move(done)]() mutable {
    membership->commit(std::move(positions), std::move(done));
  });
}

void GroupConsumer::start_close(const std::shared_ptr<Membership>& membership,
                                client::Completion<Done> done) {
  membership->driver().post(
      [membership, done = std::move(done)]() mutable { membership->close(std::move(done)); });
}

std::vector<TopicPartition> GroupConsumer::assignment() const {
  return membership_->assignment();
}
std::vector<Position> GroupConsumer::positions() const {
  return membership_->positions();
}
std::string GroupConsumer::member() const {
  return membership_->member();
}
std::int32_t GroupConsumer::generation() const {
  return membership_->generation();
}

}  // namespace tandem
