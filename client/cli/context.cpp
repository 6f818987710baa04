#include "client/cli/context.h"

#include <termios.h>
#include <unistd.h>

#include <charconv>
#include <cstdio>
#include <cstdlib>
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
  options.user = user;
  if (const char* password = std::getenv("TANDEM_PASSWORD"); password != nullptr && !user.empty())
    options.password = password;
  options.reconnect.enabled = false;
  options.on_event = [](const ClientEvent& event) {
    if (event.kind == ClientEvent::Kind::publishers_held)
      std::fprintf(stderr, "tandem: the broker holds publishers back and goes on by itself: %s\n",
                   printable(event.error.text).c_str());
  };
  auto connected = Client::connect(std::move(options));
  if (!connected && connected.error().code == ErrorCode::not_authorized)
    throw Failure{exit_refused, connected.error().text + " (--user and TANDEM_PASSWORD say who asks)"};
  if (!connected)
    throw Failure{
        exit_cannot_connect,
        connected.error().text + " (is tandemd running there, and is this its native port, 7171 or the one that it "
                                 "printed? --broker or TANDEM_BROKER says where)"};
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
  std::cerr << printable(what) << "? [y/N] " << std::flush;
  std::string answer;
  std::getline(std::cin, answer);
  if (answer != "y" && answer != "Y" && answer != "yes") throw Failure{exit_failed, "not done"};
}

void Context::say(const std::string& text) const {
  std::cerr << "tandem: " << printable(text) << "\n";
}

namespace {

/// What is typed is not shown, until the end of the scope.
class HiddenInput {
 public:
  HiddenInput() {
    if (tcgetattr(STDIN_FILENO, &shown_) != 0) return;
    termios hidden = shown_;
    hidden.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    is_hidden_ = tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden) == 0;
  }
  ~HiddenInput() {
    if (is_hidden_) tcsetattr(STDIN_FILENO, TCSAFLUSH, &shown_);
  }
  HiddenInput(const HiddenInput&) = delete;
  HiddenInput& operator=(const HiddenInput&) = delete;

 private:
  termios shown_{};
  bool is_hidden_ = false;
};

}  // namespace

std::string read_password(const std::string& prompt) {
  const bool by_hand = isatty(STDIN_FILENO) != 0;
  if (by_hand) std::cerr << prompt << std::flush;
  std::string password;
  {
    const HiddenInput hidden;
    std::getline(std::cin, password);
  }
  if (by_hand) std::cerr << "\n";
  if (password.ends_with('\r')) password.pop_back();
  if (password.empty()) throw Failure{exit_failed, "there is no password on stdin"};
  return password;
}

CLI::Validator not_negative() {
  return {[](const std::string& text) { return text.starts_with('-') ? "must not be negative, as " + text + " is" : ""; },
          std::string()};
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
  refuse_repeats(pairs);
  return pairs;
}

std::string count_of(std::uint64_t count, const std::string& thing) {
  return std::to_string(count) + " " + thing + (count == 1 ? "" : "s");
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
