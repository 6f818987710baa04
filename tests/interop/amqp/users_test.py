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

    def test_a_password_in_plain_words_is_imported_too_and_again(self):
        definitions = {"users": [{"name": "admin", "password_hash": hashed("alpha"), "tags": "administrator"},
                                 {"name": "app", "password": "beta", "tags": []}],
                       "permissions": [everything("admin"), everything("app")]}
        self.import_definitions(definitions)
        self.connect("app", "beta").close()
        self.refused("app", "")
        self.tandem("definitions", "import", "-", user="admin", password="alpha", stdin=json.dumps(definitions))
        self.tandem("user", "declare", "no", "--no-permissions", "--read", ".*", user="admin", password="alpha", status=2)

    def test_what_cannot_be_enforced_is_refused_aloud(self):
        perls = dict(everything("reader"), read="^(?!secret)")
        self.import_definitions({
            "users": [{"name": "admin", "password_hash": hashed("a"), "tags": ["administrator"]},
                      {"name": "reader", "password_hash": hashed("r"), "tags": []},
                      {"name": "keys", "password_hash": hashed("k"), "tags": []},
                      {"name": "limited", "password_hash": hashed("l"), "tags": [], "limits": {"max-connections": 1}},
                      {"name": "old", "password_hash": base64.b64encode(b"x" * 20).decode(), "tags": [],
                       "hashing_algorithm": "rabbit_password_hashing_md5"}],
            "permissions": [everything("admin"), perls, everything("keys"), everything("limited"),
                            everything("old")],
            "topic_permissions": [{"user": "keys", "vhost": "/", "exchange": "amq.topic", "write": "^a", "read": ".*"}],
        }, status=3)
        for what in ("user 'reader': read: not a regular expression that can be matched in linear time: invalid perl operator: (?!", "user 'keys': its topic_permissions restrict it",
                     "user 'limited': its limits", "user 'old': its hashing_algorithm is rabbit_password_hashing_md5"):
            self.assertIn(what, self.said)
        listed = json.loads(self.tandem("--output", "json", "user", "list", user="admin", password="a"))
        self.assertEqual(listed, [{"name": "admin", "tags": ["administrator"], "configure": ".*", "write": ".*",
                                   "read": ".*", "permitted": True, "password": True}])

    def restrict(self, user, configure, write, read):
        """A user whose password is its name."""
        self.import_definitions({
            "users": [{"name": name, "password_hash": hashed(name), "tags": tags}
                      for name, tags in (("admin", ["administrator"]), (user, []))],
            "permissions": [everything("admin"),
                            {"user": user, "vhost": "/", "configure": configure, "write": write, "read": read}]})
        return {"user": "admin", "password": "admin"}

    def test_permissions_are_enforced_with_rabbitmqs_words_and_change_at_once(self):
        as_admin = self.restrict("app", "^app[.]", "^(app[.].*|amq[.]default|orders)$", "^(app[.].*|orders)$")
        self.tandem("exchange", "declare", "orders", "--kind", "fanout", **as_admin)
        self.tandem("exchange", "declare", "secret", **as_admin)
        self.tandem("queue", "declare", "secret-queue", **as_admin)
        connection = self.connect("app", "app")

        def refused(what, ask):
            channel = connection.channel()
            channel.confirm_delivery()
            with self.assertRaises(pika.exceptions.ChannelClosedByBroker) as raised:
                ask(channel)
            self.assertEqual((raised.exception.reply_code, raised.exception.reply_text),
                             (403, f"ACCESS_REFUSED - access to {what} in vhost '/' refused for user 'app'"))

        channel = connection.channel()
        channel.confirm_delivery()
        channel.queue_declare("app.q", durable=True)
        channel.queue_bind("app.q", "orders")
        channel.basic_publish("orders", "", b"1", mandatory=True)
        channel.basic_publish("", "app.q", b"2", mandatory=True)
        self.assertEqual([channel.basic_get("app.q", auto_ack=True)[2] for _ in range(2)], [b"1", b"2"])
        channel.queue_declare("secret-queue", passive=True)
        refused("queue 'other'", lambda c: c.queue_declare("other"))
        refused("queue 'secret-queue'", lambda c: c.queue_declare("secret-queue"))
        refused("queue 'secret-queue'", lambda c: c.basic_get("secret-queue"))
        refused("queue 'secret-queue'", lambda c: c.basic_consume("secret-queue", print))
        refused("queue 'secret-queue'", lambda c: c.queue_purge("secret-queue"))
        refused("queue 'secret-queue'", lambda c: c.queue_delete("secret-queue"))
        refused("queue 'secret-queue'", lambda c: c.queue_bind("secret-queue", "orders"))
        refused("exchange 'secret'", lambda c: c.queue_bind("app.q", "secret"))
        refused("exchange 'secret'", lambda c: c.queue_unbind("app.q", "secret"))
        refused("exchange 'secret'", lambda c: c.basic_publish("secret", "", b"x"))
        with_transaction = connection.channel()
        with_transaction.tx_select()
        with_transaction.basic_publish("secret", "", b"x")
        with self.assertRaises(pika.exceptions.ChannelClosedByBroker) as raised:  # at the publish, not at a commit
            connection.process_data_events(time_limit=10)
            with_transaction.basic_qos(prefetch_count=1)
        self.assertEqual((raised.exception.reply_code, raised.exception.reply_text),
                         (403, "ACCESS_REFUSED - access to exchange 'secret' in vhost '/' refused for user 'app'"))
        refused("exchange 'orders'", lambda c: c.exchange_delete("orders"))
        refused("exchange 'secret'", lambda c: c.exchange_declare("app.x", arguments={"alternate-exchange": "secret"}))
        refused("exchange 'secret'", lambda c: c.queue_declare("app.d", arguments={"x-dead-letter-exchange": "secret"}))
        replies = connection.channel()
        replies.basic_consume("amq.rabbitmq.reply-to", print, auto_ack=True)

        self.tandem("user", "declare", "app", "--configure", "^app[.]", "--write", "^orders$", "--read", "", stdin="app\n",
                    **as_admin)
        refused("queue 'app.q'", lambda c: c.basic_get("app.q"))
        self.tandem("user", "alter", "app", "--password", stdin="another\n", **as_admin)
        self.tandem("user", "alter", "app", status=2, **as_admin)
        self.tandem("user", "alter", "nobody", "--read", ".*", status=4, **as_admin)
        with self.assertRaises(pika.exceptions.AMQPConnectionError):
            self.connect("app", "app")
        self.connect("app", "another").close()
        refused("exchange 'amq.default'", lambda c: c.basic_publish("", "app.q", b"x"))
        listed = json.loads(self.tandem("--output", "json", "user", "list", **as_admin))
        self.assertEqual([listed[1][word] for word in ("configure", "write", "read")], ["^app[.]", "^orders$", ""])
        exported = json.loads(self.tandem("definitions", "export", **as_admin))
        self.assertIn({"user": "app", "vhost": "/", "configure": "^app[.]", "write": "^orders$", "read": ""},
                      exported["permissions"])

    def test_natively_they_are_refused_with_their_names(self):
        as_admin = self.restrict("app", "", "", "^t$")
        self.tandem("topic", "create", "t", **as_admin)
        as_app = {"user": "app", "password": "app"}
        self.tandem("queue", "declare", "q", status=5, **as_app)
        self.assertIn("queue 'q': configure: refused for user 'app'", self.said)
        self.tandem("topic", "create", "t2", status=5, **as_app)
        self.assertIn("topic 't2': configure: refused for user 'app'", self.said)

    def test_kafkas_clients_are_refused_topics_groups_and_transactional_ids(self):
        needs("confluent_kafka")
        from confluent_kafka import Consumer, KafkaError, KafkaException, Producer
        from confluent_kafka.admin import AdminClient, NewTopic
        as_admin = self.restrict("app", "", "^(mine|tx)$", "^(mine|my-group)$")
        for topic in ("mine", "other"):
            self.tandem("topic", "create", topic, **as_admin)
        login = {"bootstrap.servers": self.broker.kafka, "log_level": 0, "security.protocol": "SASL_PLAINTEXT",
                 "sasl.mechanism": "PLAIN", "sasl.username": "app", "sasl.password": "app"}

        def produce(topic):
            told = []
            producer = Producer({**login, "message.timeout.ms": 10000})
            producer.produce(topic, b"x", on_delivery=lambda error, _: told.append(error.code() if error else None))
            producer.flush(15)
            return told

        self.assertEqual(produce("mine"), [None])
        self.assertEqual(produce("other"), [KafkaError.TOPIC_AUTHORIZATION_FAILED])
        admin = AdminClient(login)
        with self.assertRaises(KafkaException) as raised:
            admin.create_topics([NewTopic("new", 1)])["new"].result(10)
        self.assertEqual(raised.exception.args[0].code(), KafkaError.TOPIC_AUTHORIZATION_FAILED)

        def consume(group, topic):
            consumer = Consumer({**login, "group.id": group, "auto.offset.reset": "earliest"})
            consumer.subscribe([topic])
            message = consumer.poll(15)
            consumer.close()
            return message.error().code() if message.error() else message.value()

        self.assertEqual(consume("my-group", "mine"), b"x")
        self.assertEqual(consume("my-group", "other"), KafkaError.TOPIC_AUTHORIZATION_FAILED)
        self.assertEqual(consume("group", "mine"), KafkaError.GROUP_AUTHORIZATION_FAILED)
        Producer({**login, "transactional.id": "tx"}).init_transactions(10)
        with self.assertRaises(KafkaException) as raised:
            Producer({**login, "transactional.id": "other"}).init_transactions(10)
        self.assertEqual(raised.exception.args[0].code(), KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED)

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
                         ['admin\t["administrator"]\t.*\t.*\t.*\ttrue\ttrue', "app\t[]\t.*\t.*\t.*\ttrue\ttrue"])
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
