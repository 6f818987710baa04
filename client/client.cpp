#include "tandem/client.h"

#include "client/driver.h"

namespace tandem {

std::shared_ptr<client::Driver> Client::make_driver(ClientOptions options) {
  return client::Driver::make(std::move(options));
}

void Client::start(const std::shared_ptr<client::Driver>& driver, client::Completion<Client> done) {
  driver->start([driver, done = std::move(done)](Result<> started) mutable {
    if (!started) return done(started.error());
    done(Client(driver));
  });
}

Result<Client> Client::connect(ClientOptions options) {
  const auto driver = make_driver(std::move(options));
  return client::block<Client>(
      *driver, [&driver](client::Completion<Client> done) { start(driver, std::move(done)); });
}

void Client::start_close(const std::shared_ptr<client::Driver>& driver, Milliseconds deadline,
                         client::Completion<Done> done) {
  driver->close(deadline, std::move(done));
}

Result<> Client::close(Milliseconds deadline) {
  return driver_->close(deadline);
}
bool Client::connected() const {
  return driver_->connected();
}
std::string Client::broker_version() const {
  return driver_->welcome().broker_version;
}
std::string Client::cluster_id() const {
  return driver_->welcome().cluster_id;
}

}  // namespace tandem
