// Tandem's main job on real input: every package of a Debian package index goes once, confirmed, to a topic
// exchange; pattern bindings fill queues that competing consumers drain; a topic keeps the whole history,
// which a group reads in two halves and a reader reads again. Every count and content is compared with what
// was sent.
//
//   package_index --broker 127.0.0.1:7171 [--input FILE …] [--limit N]
#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <string>

#include "examples/package_index/history.h"
#include "examples/package_index/package.h"
#include "examples/package_index/queues.h"

using namespace package_index;

namespace {

struct Options {
  std::string broker = "127.0.0.1:7171";
  std::vector<std::string> input;
  std::size_t limit = 0;
};

/// The lines of the table, and whether all of them are right.
class Report {
 public:
  Report() { std::printf("\n%-44s %10s %10s\n", "what", "expected", "got"); }
  void row(const std::string& what, const Tally& expected, const Tally& got, const std::string& note = "") {
    const bool right = expected == got;
    all_right_ = all_right_ && right;
    std::printf("%-44s %10llu %10llu  %s%s%s\n", what.c_str(),
                static_cast<unsigned long long>(expected.count), static_cast<unsigned long long>(got.count),
                right ? "ok" : "WRONG", note.empty() ? "" : ", ", note.c_str());
  }
  void row(const std::string& what, std::uint64_t expected, std::uint64_t got, const std::string& note = "") {
    row(what, Tally{expected, 0}, Tally{got, 0}, note);
  }
  bool all_right() const { return all_right_; }

 private:
  bool all_right_ = true;
};

int fail(const tandem::Error& error) {
  std::fprintf(stderr, "package_index: %s (%s)\n", error.text.c_str(), std::string(name(error.code)).c_str());
  return 1;
}

std::string shares(const std::vector<std::uint64_t>& per_consumer) {
  std::string text = "consumers took";
  for (std::size_t i = 0; i < per_consumer.size(); ++i)
    text += (i ? " + " : " ") + std::to_string(per_consumer[i]);
  return text;
}

int run(const Options& options, const std::vector<Package>& packages) {
  tandem::ClientOptions client_options;
  client_options.client_name = "package_index";
  const auto colon = options.broker.rfind(':');
  client_options.host = options.broker.substr(0, colon);
  client_options.port = static_cast<std::uint16_t>(std::stoi(options.broker.substr(colon + 1)));
  auto client = tandem::Client::connect(client_options);
  if (!client) return fail(client.error());

  if (auto r = declare_queues(*client); !r) return fail(r.error());
  if (auto r = declare_history(*client); !r) return fail(r.error());
  auto published = publish_all(*client, packages);
  if (!published) return fail(published.error());

  Report table;
  table.row(
      "packages published and confirmed", published->sent.count, published->confirmed,
      std::to_string(static_cast<long>(static_cast<double>(published->confirmed) / published->seconds)) +
          "/s");
  for (const auto& selection : selections()) {
    Tally expected;
    for (const auto& package : packages)
      if (selection.matches(package)) expected.add(package.stanza);
    auto drained = drain(*client, selection.queue, 2, expected.count);
    if (!drained) return fail(drained.error());
    table.row("queue bound to " + selection.pattern, expected, drained->received,
              shares(drained->per_consumer));
    auto left = client->ask(tandem::DeclareQueue{.name = selection.queue, .passive = true});
    if (!left) return fail(left.error());
    if (left->ready != 0) table.row("  left in it", 0, left->ready);
  }

  const std::uint64_t half = packages.size() / 2;
  auto first = read_with_group(*client, half);
  if (!first) return fail(first.error());
  table.row("topic, group's first member stops half way", half, first->records.count);
  auto second = read_with_group(*client, packages.size() - half);
  if (!second) return fail(second.error());
  Tally both = first->records;
  both.add(second->records);
  table.row("topic, the next member goes on to the end", published->sent, both);
  auto again = read_from_start(*client);
  if (!again) return fail(again.error());
  table.row("topic, read again from offset 0", published->sent, again->records);
  table.row("topic records out of order for their source", 0, again->out_of_order);

  (void)client->close();
  std::printf("\n%s\n", table.all_right() ? "Every count is right." : "Some counts are WRONG.");
  return table.all_right() ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app(
      "Sends a Debian package index through both modes of a Tandem broker and compares every count.");
  app.add_option("--broker", options.broker, "address of tandemd")
      ->capture_default_str()
      ->check([](const std::string& text) {
        const auto colon = text.rfind(':');
        const bool good = colon != std::string::npos && colon + 1 < text.size() && text.size() - colon <= 6 &&
                          text.find_first_not_of("0123456789", colon + 1) == std::string::npos;
        return good ? std::string() : "HOST:PORT is wanted, not '" + text + "'";
      });
  app.add_option("--input", options.input, "package indexes; default: those that apt keeps on this machine");
  app.add_option("--limit", options.limit, "packages at most, 0 = all");
  CLI11_PARSE(app, argc, argv);

  if (options.input.empty()) options.input = index_files_of_this_machine();
  if (options.input.empty()) {
    options.input = {TANDEM_SAMPLE_INDEX};
    std::fprintf(stderr, "package_index: apt keeps no package index here, using the sample %s\n",
                 TANDEM_SAMPLE_INDEX);
  }
  auto packages = read_packages(options.input, options.limit);
  if (!packages) return fail(packages.error());
  std::printf("%zu packages from %zu package indexes\n", packages->size(), options.input.size());
  return run(options, *packages);
}
