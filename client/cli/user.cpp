// tandem user list | declare | delete
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
      "Let somebody log in, or give him another password, other tags and permissions: all of them are what is said here.\n"
      "The password is a line of stdin. The first user must be an administrator; from then on guest is nobody, unless it\n"
      "is declared.\n"
      "  tandem user declare admin --tag administrator < password-file\n"
      "  tandem user declare billing --configure '' --write '^orders$' --read '^billing[.]' < password-file");
  verb->add_option("NAME", options->user.name)->required();
  verb->add_option("--tag", options->user.tags,
                   "administrator: may change users and policies; policymaker: policies; others are kept");
  verb->add_option("--configure", options->user.configure,
                   "what it may declare, change and delete: a pattern (RE2) to be found in the name; .* unless told")
      ->type_name("RE");
  verb->add_option("--write", options->user.write, "what it may publish, append and bind to")->type_name("RE");
  verb->add_option("--read", options->user.read, "what it may consume, get, purge, fetch and bind from; whose member it may be")
      ->type_name("RE");
  verb->add_flag("--no-permissions", options->without_permissions, "nothing may be used: no login");
  verb->add_flag("--no-password", options->without_password, "no password is right: no login");
  verb->callback([options, &context] {
    options->user.permitted = !options->without_permissions;
    DeclareUser request{.user = options->user, .password = {}};
    if (!options->without_password) request.password = read_password("Password of '" + options->user.name + "': ");
    need(context.client().ask(request));
  });
}

}  // namespace

void add_user(CLI::App& app, Context& context) {
  auto* noun = app.add_subcommand("user", "Users: who may log in, to all faces");
  noun->require_subcommand(1);
  noun->add_subcommand("list", "All users")->callback([&context] { list_users(context); });
  add_declare_user(*noun, context);
  auto request = make_options<DeleteUser>();
  auto* remove = noun->add_subcommand("delete", "Delete a user and end its connections.");
  remove->add_option("NAME", request->name)->required();
  remove->callback([request, &context] {
    context.confirm("Delete user '" + request->name + "'");
    need(context.client().ask(*request));
  });
}

}  // namespace tandem::cli
