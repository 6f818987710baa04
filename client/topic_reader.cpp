#include "tandem/topic_reader.h"

#include "client/fetch_loop.h"

namespace tandem {

using client::FetchLoop;

TopicReader::TopicReader(std::shared_ptr<client::Driver> driver, std::shared_ptr<FetchLoop> loop)
    : driver_(std::move(driver)), loop_(std::move(loop)) {}

Result<TopicReader> TopicReader::open(const Client& client, std::vector<Position> from,
                                      ReaderOptions options) {
  for (const auto& position : from)
    if (position.offset < 0)
      return Error{ErrorCode::invalid_argument, "offset " + std::to_string(position.offset) + " of topic '" +
                                                    position.topic + "': a position begins at 0"};
  const auto driver = client.driver()->shared_from_this();
  const auto loop = std::make_shared<FetchLoop>(driver, options);
  loop->assign(from);
  driver->post([driver, loop] {
    if (auto attached = driver->session().attach(loop); !attached) loop->end(attached.error());
  });
  auto let_go = [](const std::shared_ptr<FetchLoop>& gone) {
    gone->driver().post([gone] { gone->close(); });
  };
  return TopicReader(client.driver(), client::user_handle(loop, let_go));
}

Result<std::size_t> TopicReader::poll(std::vector<TopicRecord>& out, std::size_t count_max,
                                      Milliseconds timeout) {
  return loop_->poll(out, count_max, timeout);
}

void TopicReader::start_poll(const std::shared_ptr<FetchLoop>& loop, std::size_t count_max,
                             Milliseconds timeout, client::Completion<std::vector<TopicRecord>> done) {
  loop->driver().post([loop, count_max, timeout, done = std::move(done)]() mutable {
    loop->poll_async(count_max, timeout, std::move(done));
  });
}

std::vector<Position> TopicReader::positions() const {
  return loop_->positions();
}
void TopicReader::seek(const Position& to) {
  loop_->seek(to);
}
void TopicReader::assign(std::vector<Position> positions) {
  loop_->assign(positions);
}

void TopicReader::close() {
  if (loop_) loop_->driver().post([loop = loop_] { loop->close(); });
}

}  // namespace tandem
