// tandem user list | declare | alter | delete
#include "client/cli/context.h"

namespace tandem::cli {
namespace {

void list_users(Context& context) {
  std::vector<Row> rows;
  for (const auto& user : need(context.client().ask(DescribeUsers{})))
    rows.push_back({{"name", user.name},
                    {"tags", user.tags},
                    {"configure", user.configure},
                    {"write", user.write},
                    {"read", user.read},
                    {"permitted", user.permitted},
                    {"password", user.password_kind != PasswordKind::none}});
  print_rows(rows, {"name", "tags", "configure", "write", "read", "permitted", "password"}, context.format());
}

struct DeclareUserOptions {
  UserInfo user;
  bool without_permissions = false, without_password = false;
};

void add_declare_user(CLI::App& noun, Context& context) {
  auto options = make_options<DeclareUserOptions>();
  auto* verb = noun.add_subcommand(
      "declare",
      "Let somebody log in, or give a user another password, other tags and permissions: all of them are what is said here\n"
      "(alter keeps what is not said).\n"
      "The password is a line of stdin. The first user must be an administrator; from then on guest is nobody, unless it\n"
      "is declared.\n"
      "  tandem user declare admin --tag administrator < password-file\n"
      "  tandem user declare billing --configure '' --write '^orders$' --read '^billing[.]' < password-file");
  verb->add_option("NAME", options->user.name)->required();
  verb->add_option("--tag", options->user.tags,
                   "administrator: may change users and policies; policymaker: policies; others are kept");
  auto* none = verb->add_flag("--no-permissions", options->without_permissions, "nothing may be used: no login");
  verb->add_option("--configure", options->user.configure,
                   "what it may declare, change and delete: a pattern (RE2) to be found in the name; .* unless told")
      ->type_name("RE")
      ->excludes(none);
  verb->add_option("--write", options->user.write, "what it may publish, append and bind to")->type_name("RE")->excludes(none);
  verb->add_option("--read", options->user.read, "what it may consume, get, purge, fetch and bind from; whose member it may be")
      ->type_name("RE")
      ->excludes(none);
  verb->add_flag("--no-password", options->without_password, "no password is right: no login");
  verb->callback([options, &context] {
    options->user.permitted = !options->without_permissions;
    DeclareUser request{.user = options->user, .password = {}};
    if (!options->without_password) request.password = read_password("Password of '" + options->user.name + "': ");
    need(context.client().ask(request));
  });
}

struct AlterUserOptions {
  AlterUser request;
  std::vector<std::string> tags;
  std::string configure, write, read;
  bool with_password = false, without_password = false, without_tags = false, without_permissions = false;
};

void add_alter_user(CLI::App& noun, Context& context) {
  auto options = make_options<AlterUserOptions>();
  auto* verb = noun.add_subcommand("alter",
                                   "Change what is said of a user and keep the rest. Permissions count at once, a password from the\n"
                                   "next login on.\n"
                                   "  tandem user alter billing --password < password-file\n"
                                   "  tandem user alter billing --read '^(billing|refunds)[.]'");
  verb->add_option("NAME", options->request.name)->required();
  auto* password = verb->add_flag("--password", options->with_password, "another password, a line of stdin");
  verb->add_flag("--no-password", options->without_password, "no password is right: no login")->excludes(password);
  auto* tag = verb->add_option("--tag", options->tags, "all of its tags from now on");
  verb->add_flag("--no-tags", options->without_tags, "no tags")->excludes(tag);
  auto* none = verb->add_flag("--no-permissions", options->without_permissions, "nothing may be used: no login");
  std::vector<CLI::Option*> patterns;
  for (const auto& [name, pattern, what] :
       {std::tuple("--configure", &options->configure, "what it may declare, change and delete: a pattern (RE2)"),
        std::tuple("--write", &options->write, "what it may publish, append and bind to"),
        std::tuple("--read", &options->read, "what it may consume, get, purge, fetch and bind from; whose member it may be")})
    patterns.push_back(verb->add_option(name, *pattern, what)->type_name("RE")->excludes(none));
  verb->callback([options, tag, patterns, &context] {
    AlterUser& request = options->request;
    if (options->without_password) request.password = "";
    if (options->with_password) request.password = read_password("New password of '" + request.name + "': ");
    if (tag->count() > 0 || options->without_tags) request.tags = options->tags;
    std::size_t at = 0;
    for (auto [said, pattern] : {std::pair(&request.configure, &options->configure), std::pair(&request.write, &options->write),
                                 std::pair(&request.read, &options->read)}) {
      if (patterns[at++]->count() == 0) continue;
      *said = *pattern;
      request.permitted = true;
    }
    if (options->without_permissions) request.permitted = false;
    if (!request.password && !request.tags && !request.permitted) throw CLI::RequiredError("something to change");
    need(context.client().ask(request));
  });
}

}  // namespace

void add_user(CLI::App& app, Context& context) {
  auto* noun = app.add_subcommand("user", "Users: who may log in, whatever the protocol");
  noun->require_subcommand(1);
  noun->add_subcommand("list", "All users")->callback([&context] { list_users(context); });
  add_declare_user(*noun, context);
  add_alter_user(*noun, context);
  auto request = make_options<DeleteUser>();
  auto* remove = noun->add_subcommand("delete", "Delete a user and end its connections.");
  remove->add_option("NAME", request->name)->required();
  remove->callback([request, &context] {
    context.confirm("Delete user '" + request->name + "'");
    need(context.client().ask(*request));
  });
}

}  // namespace tandem::cli
