// tandem definitions export | import: what a broker has (users, policies, exchanges, queues, bindings), in the form of
// RabbitMQ's definitions.json, so that either broker reads the other's.
#include <sys/stat.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <iterator>

#include "client/cli/context.h"
#include "client/cli/definition_users.h"
#include "client/cli/policy_words.h"
#include "client/cli/queue_name.h"

namespace tandem::cli {
namespace {

constexpr std::string_view virtual_host = "/";
constexpr std::string_view waiting_room_prefix = "amq.delayed.";

// --- export ---------------------------------------------------------------------------------------------------

bool is_predeclared(const std::string& exchange) { return exchange.empty() || exchange.starts_with("amq."); }

Row exchanges_of(Context& context) {
  Row rows = Row::array();
  for (const auto& info : need(context.client().ask(DescribeExchanges{})))
    if (!is_predeclared(info.name))
      rows.push_back({{"name", info.name},
                      {"vhost", virtual_host},
                      {"type", info.kind},
                      {"durable", info.durable},
                      {"auto_delete", info.auto_delete},
                      {"internal", info.internal},
                      {"arguments", to_json(info.arguments)}});
  return rows;
}

/// Exclusive queues are their connection's; a waiting room comes and goes with its exchange.
Row queues_of(Context& context) {
  Row rows = Row::array();
  for (const auto& info : need(context.client().ask(DescribeQueues{})))
    if (!info.exclusive && !info.name.starts_with(waiting_room_prefix))
      rows.push_back({{"name", info.name},
                      {"vhost", virtual_host},
                      {"durable", info.durable},
                      {"auto_delete", info.auto_delete},
                      {"arguments", to_json(info.arguments)}});
  return rows;
}

std::string value_in(const Config& config, std::string_view key) {
  const auto found = std::find_if(config.begin(), config.end(), [&](const auto& entry) { return entry.first == key; });
  return found == config.end() ? std::string() : found->second;
}

Row stream_arguments(const Config& config) {
  Row arguments = {{"x-queue-type", "stream"}};
  const std::string age_ms = value_in(config, "retention.ms"), size = value_in(config, "retention.bytes");
  const std::string segment = value_in(config, "segment.bytes");
  if (!age_ms.empty() && age_ms != "-1") arguments["x-max-age"] = std::to_string(std::stoll(age_ms) / 1000) + "s";
  if (!size.empty() && size != "-1") arguments["x-max-length-bytes"] = std::stoll(size);
  if (!segment.empty()) arguments["x-stream-max-segment-size-bytes"] = std::stoll(segment);
  return arguments;
}

void add_streams(Context& context, Row& queues) {
  for (const auto& info : need(context.client().ask(DescribeTopics{})))
    if (is_stream(info))
      queues.push_back({{"name", info.name},
                        {"vhost", virtual_host},
                        {"durable", true},
                        {"auto_delete", false},
                        {"arguments", stream_arguments(info.config)}});
}

bool is_among(const Row& queues, const std::string& name) {
  return std::any_of(queues.begin(), queues.end(), [&](const Row& queue) { return queue.at("name") == name; });
}

/// RabbitMQ's bindings lead to queues and exchanges; a topic is a stream there, which it calls a queue.
Row bindings_of(Context& context, const Row& queues) {
  Row rows = Row::array();
  for (const auto& info : need(context.client().ask(DescribeBindings{}))) {
    const bool to_exchange = info.destination_kind == Destination::exchange;
    if (!to_exchange && !is_among(queues, info.destination)) continue;
    rows.push_back({{"source", info.source},
                    {"vhost", virtual_host},
                    {"destination", info.destination},
                    {"destination_type", to_exchange ? "exchange" : "queue"},
                    {"routing_key", info.routing_key},
                    {"arguments", to_json(info.arguments)}});
  }
  return rows;
}

Row policies_of(Context& context) {
  Row rows = Row::array();
  for (const auto& policy : need(context.client().ask(DescribePolicies{})))
    rows.push_back({{"vhost", virtual_host},
                    {"name", policy.name},
                    {"pattern", policy.pattern},
                    {"apply-to", target_word(policy.target)},
                    {"priority", policy.priority},
                    {"definition", to_json(policy.definition)}});
  return rows;
}

/// What RabbitMQ's form has no word for is left out, and said so.
std::string left_out(Context& context, const Row& queues) {
  std::size_t topics = 0, bindings = 0;
  for (const auto& info : need(context.client().ask(DescribeTopics{}))) topics += is_among(queues, info.name) ? 0 : 1;
  for (const auto& info : need(context.client().ask(DescribeBindings{})))
    bindings += info.destination_kind == Destination::topic && !is_among(queues, info.destination) ? 1 : 0;
  if (topics == 0) return {};
  return "left out, since RabbitMQ has no such thing: " + count_of(topics, "topic") + ", " + count_of(bindings, "binding") +
         " to them (`tandem topic list`, `tandem binding list`)";
}

void export_to(Context& context, const std::string& file) {
  Row all = {{"product_name", "Tandem"},
             {"vhosts", Row::array({{{"name", virtual_host}}})},
             {"users", Row::array()},
             {"permissions", Row::array()},
             {"policies", policies_of(context)},
             {"exchanges", exchanges_of(context)},
             {"queues", queues_of(context)}};
  add_users(context, all);
  add_streams(context, all["queues"]);
  all["bindings"] = bindings_of(context, all["queues"]);
  const std::string text = all.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
  if (file.empty() || file == "-") {
    std::fputs(text.c_str(), stdout);
    flush_stdout();
  } else {
    const ::mode_t mask = ::umask(077);  // it holds hashes of passwords
    std::ofstream out(file, std::ios::binary);
    ::umask(mask);
    out << text;
    if (!out.flush()) throw Failure{exit_failed, "cannot write " + file};
  }
  if (const std::string missing = left_out(context, all["queues"]); !missing.empty())
    throw Failure{exit_partly_done, missing};
}

// --- import ---------------------------------------------------------------------------------------------------

Table table_of(const Row& object);

Value value_of(const Row& json) {
  if (json.is_boolean()) return Value(json.get<bool>());
  if (json.is_number_integer()) return Value(json.get<std::int64_t>());
  if (json.is_number()) return Value(json.get<double>());
  if (json.is_string()) return Value(json.get<std::string>());
  if (json.is_object()) return Value(table_of(json));
  if (!json.is_array()) return Value();
  Array items;
  for (const auto& item : json) items.push_back(value_of(item));
  return Value(std::move(items));
}

Table table_of(const Row& object) {
  Table table;
  if (object.is_object())
    for (const auto& [key, value] : object.items()) table.emplace_back(key, value_of(value));
  return table;
}

/// One thing of the file; what it lacks has the default.
class Entry {
 public:
  explicit Entry(const Row& row) : row_(row) {
    if (!row.is_object()) throw Failure{exit_failed, "not an object: " + row.dump()};
  }
  std::string text(const char* key) const {
    const auto found = row_.find(key);
    return found != row_.end() && found->is_string() ? found->get<std::string>() : std::string();
  }
  bool flag(const char* key, bool otherwise) const {
    const auto found = row_.find(key);
    return found != row_.end() && found->is_boolean() ? found->get<bool>() : otherwise;
  }
  Table table(const char* key) const {
    const auto found = row_.find(key);
    return found != row_.end() ? table_of(*found) : Table{};
  }
  std::int64_t number(const char* key) const {
    const auto found = row_.find(key);
    return found != row_.end() && found->is_number_integer() ? found->get<std::int64_t>() : 0;
  }
  /// A permission is a user's, a binding has two ends.
  std::string label() const {
    if (row_.contains("user")) return "of user '" + text("user") + "'";
    if (row_.contains("source")) return "of '" + text("source") + "' to '" + text("destination") + "'";
    return "'" + text("name") + "'";
  }
  bool of_another_host() const {
    const std::string host = text("vhost");
    return !host.empty() && host != virtual_host;
  }

 private:
  const Row& row_;
};

class Import {
 public:
  Import(Context& context, const Row& definitions) : context_(context), definitions_(definitions) {}

  void run() {
    // RabbitMQ's order: what a later one refers to is there.
    each("vhosts", [this](const Entry& entry) { host(entry); });
    each("permissions", [this](const Entry& entry) { permission("permissions", entry); });
    each("topic_permissions", [this](const Entry& entry) { permission("topic_permissions", entry); }, ": this broker has none");
    users();
    each("policies", [this](const Entry& entry) { policy(entry); });
    each("exchanges", [this](const Entry& entry) { exchange(entry); });
    each("queues", [this](const Entry& entry) { queue(entry); });
    each("bindings", [this](const Entry& entry) { binding(entry); });
    for (const char* ignored : {"parameters", "global_parameters"})
      if (const auto found = definitions_.find(ignored); found != definitions_.end() && !found->empty())
        skip(std::to_string(found->size()) + " " + ignored + ": this broker has none");
    context_.say(std::to_string(done_) + " declared" +
                 (skipped_ ? ", " + std::to_string(skipped_) + " skipped, see above" : ""));
    if (failed_ > 0)
      throw Failure{exit_partly_done, std::to_string(failed_) + " could not be declared, see above"};
  }

 private:
  template <class Each>
  void each(const char* list, Each take, const std::string& why_skipped = "") {
    const auto found = definitions_.find(list);
    if (found == definitions_.end()) return;
    for (const auto& row : *found) {
      const Entry entry(row);
      if (entry.of_another_host())
        skip(std::string(list) + " " + entry.label() + " in virtual host '" + entry.text("vhost") + "'" + why_skipped);
      else
        take(entry);
    }
  }
  void skip(const std::string& what) {
    ++skipped_;
    context_.say("skipped " + what);
  }
  template <class Request>
  void ask(const std::string& what, const Request& request) {
    const auto answer = context_.client().ask(request);
    if (answer) {
      ++done_;
      return;
    }
    const std::string& why = answer.error().text;  // it mostly begins with what it is about
    fail_one(why.starts_with(what) ? why : what + ": " + why);
  }

  /// There is one, "/", and it has no properties.
  void host(const Entry& entry) {
    const std::string name = entry.text("name");
    if (name != virtual_host) return skip("virtual host '" + name + "': there is only '/'");
    const Table metadata = entry.table("metadata");
    const Value* said_there = find(metadata, "default_queue_type");
    const std::string type = said_there && said_there->text() ? *said_there->text() : entry.text("default_queue_type");
    if (!type.empty() && type != "classic" && type != "undefined")
      skip("the default queue type '" + type + "' of virtual host '/': start tandemd with --amqp-default-queue-type for it");
  }

  /// Those of the file's users are read with them (definition_users.h).
  void permission(const std::string& list, const Entry& entry) {
    const auto all = definitions_.find("users");
    const auto is_its = [&](const Row& user) { return Entry(user).text("name") == entry.text("user"); };
    if (all == definitions_.end() || std::none_of(all->begin(), all->end(), is_its))
      skip(list + " " + entry.label() + ": the file has no such user");
  }
  // Administrators first: the first user must be one.
  void users() {
    const auto found = definitions_.find("users");
    if (found == definitions_.end() || found->empty()) return;
    there_ = need(context_.client().ask(DescribeUsers{}));
    for (const bool administrators : {true, false})
      for (const auto& row : *found)
        if (has_administrators_tag(row) == administrators) user(row);
  }
  void user(const Row& row) {
    if (Entry(row).text("name").empty()) return fail_one("a user has no name");
    const std::string what = "user '" + Entry(row).text("name") + "'";
    const auto read = read_user(row, definitions_);
    if (!read) return fail_one(what + ": " + read.error().text);
    const UserInfo& wanted = read->user;
    const auto same_name = [&](const UserInfo& one) { return one.name == wanted.name; };
    const auto known = std::find_if(there_.begin(), there_.end(), same_name);
    if (known == there_.end()) return ask(what, *read);
    // Whether a password in plain words is the one that it has cannot be seen from here.
    const bool same_password = !read->password.empty() || known->password_hash == wanted.password_hash;
    const bool is_same = same_password && known->tags == wanted.tags && known->permitted == wanted.permitted &&
                         known->configure == wanted.configure && known->write == wanted.write && known->read == wanted.read;
    if (!is_same) fail_one(what + " is there with another password, other tags or permissions, and stays as it is");
  }
  void fail_one(const std::string& why) {
    ++failed_;
    context_.say(why);
  }

  void policy(const Entry& entry) {
    if (entry.text("name").empty()) return fail_one("a policy has no name");
    const auto target = target_of(entry.text("apply-to").empty() ? "all" : entry.text("apply-to"));
    if (!target) return skip("policy '" + entry.text("name") + "' for " + entry.text("apply-to"));
    ask("policy '" + entry.text("name") + "'",
        SetPolicy{entry.text("name"), entry.text("pattern"), *target,
                  static_cast<std::int32_t>(entry.number("priority")), entry.table("definition")});
  }
  void exchange(const Entry& entry) {
    if (is_predeclared(entry.text("name"))) return;
    ask("exchange '" + entry.text("name") + "'",
        DeclareExchange{.name = entry.text("name"),
                        .kind = entry.text("type"),
                        .durable = entry.flag("durable", true),
                        .auto_delete = entry.flag("auto_delete", false),
                        .internal = entry.flag("internal", false),
                        .arguments = entry.table("arguments")});
  }
  void queue(const Entry& entry) {
    if (entry.text("name").empty()) return fail_one("a queue has no name");  // the broker would choose one
    ask("queue '" + entry.text("name") + "'", DeclareQueue{.name = entry.text("name"),
                                                            .durable = entry.flag("durable", true),
                                                            .auto_delete = entry.flag("auto_delete", false),
                                                            .arguments = entry.table("arguments")});
  }
  void binding(const Entry& entry) {
    if (entry.text("source").empty()) return;  // every queue has its binding to the default exchange
    const bool to_exchange = entry.text("destination_type") == "exchange";
    ask("binding of '" + entry.text("source") + "' to '" + entry.text("destination") + "'",
        Bind{.source = entry.text("source"),
             .destination_kind = to_exchange ? Destination::exchange : Destination::queue,
             .destination = entry.text("destination"),
             .routing_key = entry.text("routing_key"),
             .arguments = entry.table("arguments")});
  }

  Context& context_;
  const Row& definitions_;
  std::vector<UserInfo> there_;
  std::size_t done_ = 0, skipped_ = 0, failed_ = 0;
};

Row read_json(const std::string& file) {
  std::ifstream in;
  if (file != "-") {
    in.open(file, std::ios::binary);
    if (!in) throw Failure{exit_failed, "cannot read " + file};
  }
  std::istream& from = file == "-" ? std::cin : in;
  const std::string text(std::istreambuf_iterator<char>(from), {});
  Row json = Row::parse(text, nullptr, false);
  if (!json.is_object()) throw Failure{exit_failed, file + " is not a JSON object"};
  return json;
}

}  // namespace

void add_definitions(CLI::App& app, Context& context) {
  auto* noun = app.add_subcommand("definitions", "Users, policies, exchanges, queues and bindings as RabbitMQ's definitions.json");
  noun->require_subcommand(1);
  auto to = make_options<std::string>();
  auto* export_verb = noun->add_subcommand("export", "Write them; messages and exclusive queues are left out.");
  export_verb->add_option("FILE", *to, "none or -: stdout");
  export_verb->callback([to, &context] { export_to(context, *to); });
  auto from = make_options<std::string>();
  auto* import_verb = noun->add_subcommand(
      "import", "Declare what a file has and is not there yet; other virtual hosts are left out, aloud.");
  import_verb->add_option("FILE", *from, "-: stdin")->required();
  import_verb->callback([from, &context] {
    const Row definitions = read_json(*from);
    Import(context, definitions).run();
  });
}

}  // namespace tandem::cli
