"""Users: RabbitMQ's definitions bring them along, the command line changes them, all three faces ask for them."""
import base64
import hashlib
import json
import os
import subprocess
import unittest

from broker import Broker, needs

needs("pika")
import pika  # noqa: E402


def hashed(password, salt=b"\x90\x8d\xc6\x0a", digest="sha256"):
    """As RabbitMQ keeps a password."""
    return base64.b64encode(salt + hashlib.new(digest, salt + password.encode()).digest()).decode()


def everything(user):
    return {"user": user, "vhost": "/", "configure": ".*", "write": ".*", "read": ".*"}


class UsersTest(unittest.TestCase):
    def setUp(self):
        self.broker = Broker()
        self.addCleanup(self.broker.close)

    def tandem(self, *words, user=None, password="", stdin="", status=0):
        environment = dict(os.environ, TANDEM_PASSWORD=password)
        program = os.path.join(os.path.dirname(os.environ["TANDEMD"]), "tandem")
        of_user = ["--user", user] if user else []
        ran = subprocess.run([program, "--broker", f"127.0.0.1:{self.broker.native_port}", "--yes", *of_user, *words],
                             input=stdin, capture_output=True, text=True, timeout=30, env=environment, check=False)
        self.assertEqual(ran.returncode, status, ran.stderr)
        self.said = ran.stderr
        return ran.stdout

    def connect(self, user, password):
        return pika.BlockingConnection(pika.ConnectionParameters(
            "127.0.0.1", self.broker.port, credentials=pika.PlainCredentials(user, password)))

    def refused(self, user, password):
        with self.assertRaises((pika.exceptions.ProbableAuthenticationError,
                                pika.exceptions.ProbableAccessDeniedError)) as raised:
            self.connect(user, password)
        return str(raised.exception)

    def import_definitions(self, definitions, status=0):
        self.tandem("definitions", "import", "-", stdin=json.dumps(definitions), status=status)

    DEFINITIONS = {
        "users": [
            {"name": "app", "password_hash": hashed("beta", digest="sha512"),
             "hashing_algorithm": "rabbit_password_hashing_sha512", "tags": "", "limits": {}},
            {"name": "admin", "password_hash": hashed("alpha"), "hashing_algorithm": "rabbit_password_hashing_sha256",
             "tags": ["administrator"], "limits": {}},
            {"name": "elsewhere", "password_hash": hashed("x"), "hashing_algorithm": "rabbit_password_hashing_sha256",
             "tags": [], "limits": {}},
        ],
        "permissions": [everything("app"), everything("admin"), dict(everything("elsewhere"), vhost="other")],
        "topic_permissions": [],
    }

    def test_imported_users_log_in_and_guest_no_longer(self):
        self.connect("guest", "guest").close()
        self.import_definitions(self.DEFINITIONS)
        for user, password in (("admin", "alpha"), ("app", "beta")):
            connection = self.connect(user, password)
            channel = connection.channel()
            channel.queue_declare("q", durable=True)
            channel.confirm_delivery()
            channel.basic_publish("", "q", b"x", pika.BasicProperties(user_id=user))
            with self.assertRaises(pika.exceptions.ChannelClosedByBroker) as raised:
                channel.basic_publish("", "q", b"x", pika.BasicProperties(user_id="guest"))
            self.assertEqual(raised.exception.reply_text, "PRECONDITION_FAILED - user_id property set to 'guest' but "
                             f"authenticated user was '{user}'")
            connection.close()
        self.refused("guest", "guest")
        self.refused("app", "alpha")
        self.refused("nobody", "x")
        self.assertIn("access to vhost '/' refused for user 'elsewhere'", self.refused("elsewhere", "x"))

    def test_an_impersonator_may_set_any_user_id(self):
        self.tandem("user", "declare", "admin", "--tag", "administrator", "--tag", "impersonator", stdin="a\n")
        channel = self.connect("admin", "a").channel()
        channel.queue_declare("q")
        channel.confirm_delivery()
        channel.basic_publish("", "q", b"x", pika.BasicProperties(user_id="somebody"))
        self.assertEqual(channel.basic_get("q", auto_ack=True)[1].user_id, "somebody")

    def test_kafkas_clients_log_in_too(self):
        needs("confluent_kafka")
        from confluent_kafka import KafkaException
        from confluent_kafka.admin import AdminClient
        self.import_definitions(self.DEFINITIONS)
        quiet = {"bootstrap.servers": self.broker.kafka, "log_level": 0, "socket.timeout.ms": 3000}
        for user, password, works in (("app", "beta", True), ("app", "alpha", False), ("guest", "guest", False),
                                      ("elsewhere", "x", False), (None, None, False)):
            login = {"security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": "PLAIN", "sasl.username": user,
                     "sasl.password": password} if user else {}
            admin = AdminClient({**quiet, **login})
            if works:
                self.assertEqual(len(admin.list_topics(timeout=10).brokers), 1)
            else:
                with self.assertRaises(KafkaException):
                    admin.list_topics(timeout=2)

    def test_they_survive_kill_and_checkpoint_and_are_exported_as_they_came(self):
        self.import_definitions(self.DEFINITIONS)
        self.broker.kill()
        self.broker.start()
        self.connect("app", "beta").close()
        self.broker.stop()
        self.broker.start()
        self.connect("admin", "alpha").close()
        exported = json.loads(self.tandem("definitions", "export", user="admin", password="alpha"))
        self.assertEqual([dict(user, tags=user["tags"] or "") for user in exported["users"]],
                         sorted((dict(user, tags=user["tags"] or "") for user in self.DEFINITIONS["users"]),
                                key=lambda user: user["name"]))
        self.assertEqual(exported["permissions"], [everything("admin"), everything("app")])
        self.tandem("definitions", "import", "-", user="admin", password="alpha", stdin=json.dumps(exported))

    def test_what_cannot_be_enforced_is_refused_aloud(self):
        restricted = dict(everything("reader"), write="^$", configure="")
        self.import_definitions({
            "users": [{"name": "admin", "password_hash": hashed("a"), "tags": ["administrator"]},
                      {"name": "reader", "password_hash": hashed("r"), "tags": []},
                      {"name": "keys", "password_hash": hashed("k"), "tags": []},
                      {"name": "limited", "password_hash": hashed("l"), "tags": [], "limits": {"max-connections": 1}},
                      {"name": "old", "password_hash": base64.b64encode(b"x" * 20).decode(), "tags": [],
                       "hashing_algorithm": "rabbit_password_hashing_md5"}],
            "permissions": [everything("admin"), restricted, everything("keys"), everything("limited"),
                            everything("old")],
            "topic_permissions": [{"user": "keys", "vhost": "/", "exchange": "amq.topic", "write": "^a", "read": ".*"}],
        }, status=3)
        for what in ("user 'reader': its permissions restrict it", "user 'keys': its topic_permissions restrict it",
                     "user 'limited': its limits", "user 'old': its hashing_algorithm is rabbit_password_hashing_md5"):
            self.assertIn(what, self.said)
        listed = json.loads(self.tandem("--output", "json", "user", "list", user="admin", password="a"))
        self.assertEqual(listed, [{"name": "admin", "tags": ["administrator"], "permitted": True, "password": True}])

    def test_the_command_line_declares_lists_and_deletes(self):
        self.tandem("user", "declare", "app", stdin="first\n", status=5)  # it would be the only one
        self.assertIn("no user with the tag administrator", self.said)
        self.tandem("user", "declare", "admin", "--tag", "administrator", stdin="alpha\n")
        self.tandem("user", "list", status=5)
        as_admin = {"user": "admin", "password": "alpha"}
        self.tandem("user", "declare", "app", stdin="beta\n", **as_admin)
        self.tandem("user", "declare", "app2", stdin="", status=1, **as_admin)
        self.assertIn("no password", self.said)
        self.assertEqual(self.tandem("user", "list", **as_admin).split("\n")[:2],
                         ['admin\t["administrator"]\ttrue\ttrue', "app\t[]\ttrue\ttrue"])
        as_app = {"user": "app", "password": "beta"}
        self.tandem("queue", "declare", "q", **as_app)
        self.tandem("user", "list", status=5, **as_app)
        self.tandem("user", "delete", "admin", status=5, **as_app)
        self.tandem("queue", "list", user="app", password="wrong", status=5)
        self.tandem("user", "declare", "app", stdin="gamma\n", **as_admin)
        self.refused("app", "beta")
        connection = self.connect("app", "gamma")
        self.tandem("user", "delete", "app", **as_admin)
        with self.assertRaises(pika.exceptions.ConnectionClosedByBroker) as raised:
            connection.channel()
        self.assertIn("user 'app' was deleted", raised.exception.reply_text)
        self.tandem("user", "delete", "app", status=4, **as_admin)
        self.tandem("user", "delete", "admin", **as_admin)
        self.connect("guest", "guest").close()


if __name__ == "__main__":
    unittest.main()
