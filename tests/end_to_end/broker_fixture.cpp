#include "tests/end_to_end/broker_fixture.h"

#include <fstream>
#include <sstream>

namespace tandem::end_to_end {

std::string BrokerFixture::log_lines() const {
  std::ifstream in(data() + ".stderr");
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

}  // namespace tandem::end_to_end
