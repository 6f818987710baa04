#include "client/cli/context.h"

#include <unistd.h>

#include <charconv>
#include <iostream>

namespace tandem::cli {

Client& Context::client() {
  if (client_) return *client_;
  const auto address = parse_address(broker);
  if (!address) fail_usage("--broker wants HOST:PORT, not '" + broker + "'");
  ClientOptions options;
  options.host = address->host;
  options.port = address->port;
  options.client_name = "tandem";
  options.reconnect.enabled = false;
  auto connected = Client::connect(std::move(options));
  if (!connected)
    throw Failure{
        exit_cannot_connect,
        connected.error().text + " (is tandemd running there? --broker or TANDEM_BROKER says where)"};
  client_ = std::move(connected).value();
  return *client_;
}

Format Context::format() const {
  if (output == "json") return Format::json;
  if (output == "jsonl") return Format::jsonl;
  if (output == "tsv") return Format::tsv;
  if (output == "table") return Format::table;
  return stdout_is_terminal() ? Format::table : Format::tsv;
}

void Context::confirm(const std::string& what) const {
  if (yes || isatty(STDIN_FILENO) == 0) return;
  std::cerr << what << "? [y/N] " << std::flush;
  std::string answer;
  std::getline(std::cin, answer);
  if (answer != "y" && answer != "Y" && answer != "yes") throw Failure{exit_failed, "not done"};
}

void Context::say(const std::string& text) const {
  std::cerr << "tandem: " << text << "\n";
}

Table arguments_of(const std::vector<std::string>& words) {
  Table table;
  for (auto& [key, text] : pairs_of(words)) {
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error == std::errc() && end == text.data() + text.size())
      table.emplace_back(key, Value(number));
    else if (text == "true" || text == "false")
      table.emplace_back(key, Value(text == "true"));
    else
      table.emplace_back(key, Value(text));
  }
  return table;
}

std::vector<std::pair<std::string, std::string>> pairs_of(const std::vector<std::string>& words) {
  std::vector<std::pair<std::string, std::string>> pairs;
  for (const auto& word : words) {
    auto pair = parse_assignment(word);
    if (!pair) fail_usage("KEY=VALUE is wanted, not '" + word + "'");
    pairs.push_back(std::move(*pair));
  }
  return pairs;
}

std::int64_t duration_option(const std::string& option, const std::string& text) {
  const auto ms = parse_duration_ms(text);
  if (!ms) fail_usage(option + " wants a duration like 250ms, 30s or 2h, not '" + text + "'");
  return *ms;
}

std::uint64_t size_option(const std::string& option, const std::string& text) {
  const auto bytes = parse_size_bytes(text);
  if (!bytes) fail_usage(option + " wants a size like 512, 64KiB or 1GB, not '" + text + "'");
  return *bytes;
}

}  // namespace tandem::cli
