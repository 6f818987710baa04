"""Delayed messages, streams, consumer timeouts, policies and definitions, with pika and the tandem program."""
import json
import os
import subprocess
import tempfile
import time
import unittest

from broker import Broker, BrokerTest, needs

needs("pika")
import pika  # noqa: E402
from pika.exceptions import ChannelClosedByBroker, ConnectionClosedByBroker  # noqa: E402

PERSISTENT = pika.BasicProperties(delivery_mode=2)


class FeatureTest(BrokerTest):
    def setUp(self):
        self.connection = self.connect()
        self.channel = self.connection.channel()
        self.name = self.id().rsplit(".", 1)[1]

    def tearDown(self):
        if self.connection.is_open:
            self.connection.close()

    def connect(self):
        return pika.BlockingConnection(pika.ConnectionParameters(
            "127.0.0.1", self.broker.port, connection_attempts=20, retry_delay=0.2))

    def reconnect(self):
        self.connection = self.connect()
        self.channel = self.connection.channel()

    def tandem(self, *words, stdin=None):
        """Runs the tandem program; its stdout."""
        program = os.path.join(os.path.dirname(os.environ["TANDEMD"]), "tandem")
        done = subprocess.run([program, "--broker", f"127.0.0.1:{self.broker.native_port}", "--yes", *words],
                              input=stdin, capture_output=True, text=True, timeout=30, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def collect(self, queue, count, seconds=10.0, **arguments):
        """(method, properties, body, when) of the first `count` deliveries, each acked."""
        got = []
        for method, properties, body in self.channel.consume(queue, inactivity_timeout=seconds, **arguments):
            if method is None:
                break
            got.append((method, properties, body, time.time()))
            self.channel.basic_ack(method.delivery_tag)
            if len(got) == count:
                break
        self.channel.cancel()
        return got


class DelayedTest(FeatureTest):
    def setUp(self):
        super().setUp()
        self.exchange = self.name + ".later"
        self.channel.exchange_declare(self.exchange, "x-delayed-message", durable=True,
                                      arguments={"x-delayed-type": "direct"})
        self.channel.queue_declare(self.name, durable=True)
        self.channel.queue_bind(self.name, self.exchange, "k")
        self.channel.confirm_delivery()

    def publish(self, body, delay_ms):
        self.channel.basic_publish(self.exchange, "k", body,
                                   pika.BasicProperties(delivery_mode=2, headers={"x-delay": delay_ms}))

    def test_messages_come_when_their_delay_is_over_and_not_before(self):
        due = {}
        for delay in (600, 200, 400, 0):
            self.publish(str(delay), delay)
            due[str(delay)] = time.time() + delay / 1000
        got = self.collect(self.name, 4)
        self.assertEqual([body for _, _, body, _ in got], [b"0", b"200", b"400", b"600"])
        for _, properties, body, when in got:
            self.assertGreaterEqual(when, due[body.decode()] - 0.05)
            if body != b"0":
                self.assertEqual(properties.headers["x-delay"], -int(body))

    def test_a_delay_survives_kill_9(self):
        self.publish("late", 1500)
        due = time.time() + 1.5
        self.broker.kill()
        self.broker.start()
        self.reconnect()
        got = self.collect(self.name, 1)
        self.assertEqual(got[0][2], b"late")
        self.assertGreaterEqual(got[0][3], due - 0.05)

    def test_a_delayed_message_is_cancelled(self):
        self.publish("never", 800)
        self.publish("kept", 900)
        waiting = json.loads(self.tandem("--output", "json", "queue", "peek", "amq.delayed." + self.exchange,
                                         "--count", "10"))
        self.assertEqual([entry["body"] for entry in waiting], ["never", "kept"])
        self.tandem("exchange", "cancel", self.exchange, str(waiting[0]["seq"]))
        self.assertEqual([body for _, _, body, _ in self.collect(self.name, 2, seconds=2)], [b"kept"])


class StreamTest(FeatureTest):
    def setUp(self):
        super().setUp()
        self.channel.queue_declare(self.name, durable=True, arguments={"x-queue-type": "stream"})
        self.channel.confirm_delivery()
        self.channel.basic_qos(prefetch_count=10)

    def fill(self, count, first=0):
        for number in range(first, first + count):
            self.channel.basic_publish("", self.name, str(number),
                                       pika.BasicProperties(delivery_mode=2, message_id=f"m{number}"))

    def read(self, count, offset, seconds=3.0):
        return self.collect(self.name, count, seconds, arguments={"x-stream-offset": offset})

    def bodies(self, *arguments, **options):
        return [int(body) for _, _, body, _ in self.read(*arguments, **options)]

    def test_a_stream_is_read_again_and_again_from_where_it_is_asked_for(self):
        self.fill(50)
        for _ in range(2):
            got = self.read(50, "first")
            self.assertEqual([int(body) for _, _, body, _ in got], list(range(50)))
            self.assertEqual([p.headers["x-stream-offset"] for _, p, _, _ in got], list(range(50)))
            self.assertEqual(got[7][1].message_id, "m7")
        self.assertEqual(self.bodies(8, 42), list(range(42, 50)))
        self.assertEqual(self.bodies(1, "last"), [49])
        self.assertEqual(self.bodies(1, 10_000, seconds=0.5), [])

    def test_next_gives_what_comes_from_now_on(self):
        self.fill(5)
        reader = self.connect()
        channel = reader.channel()
        channel.basic_qos(prefetch_count=5)
        got = []
        channel.basic_consume(self.name, lambda c, m, p, b: (got.append(b), c.basic_ack(m.delivery_tag)),
                              arguments={"x-stream-offset": "next"})
        self.fill(3, first=100)
        deadline = time.monotonic() + 5
        while len(got) < 3 and time.monotonic() < deadline:
            reader.process_data_events(0.1)
        self.assertEqual(got, [b"100", b"101", b"102"])
        reader.close()

    def test_a_timestamp_and_an_age_say_where_to_begin(self):
        self.fill(3)
        time.sleep(2.1)
        self.fill(3, first=10)
        import datetime
        moment = datetime.datetime.fromtimestamp(int(time.time()) - 1, datetime.timezone.utc).replace(tzinfo=None)
        self.assertEqual(self.bodies(3, moment), [10, 11, 12])
        self.assertEqual(self.bodies(3, "1s"), [10, 11, 12])

    def test_acks_are_credit(self):
        self.fill(30)
        held = []
        for method, _, body in self.channel.consume(self.name, inactivity_timeout=0.7,
                                                    arguments={"x-stream-offset": "first"}):
            if method is None:
                break
            held.append(method.delivery_tag)
        self.assertEqual(len(held), 10)
        self.channel.basic_ack(held[3], multiple=True)
        more = []
        for method, _, body in self.channel.consume(self.name, inactivity_timeout=0.7):
            if method is None:
                break
            more.append(int(body))
        self.assertEqual(more, [10, 11, 12, 13])

    def test_a_queue_and_a_stream_share_a_channel(self):
        other = self.name + ".queue"
        self.channel.queue_declare(other, durable=True)
        self.fill(4)
        for number in range(4):
            self.channel.basic_publish("", other, f"q{number}", PERSISTENT)
        got = {}
        self.channel.basic_consume(other, lambda c, m, p, b: got.__setitem__(m.delivery_tag, b))
        self.channel.basic_consume(self.name, lambda c, m, p, b: got.__setitem__(m.delivery_tag, b),
                                   arguments={"x-stream-offset": "first"})
        deadline = time.monotonic() + 5
        while len(got) < 8 and time.monotonic() < deadline:
            self.connection.process_data_events(0.1)
        self.assertEqual(sorted(got.values()), sorted([b"0", b"1", b"2", b"3", b"q0", b"q1", b"q2", b"q3"]))
        self.assertEqual(sorted(got), list(range(min(got), min(got) + 8)))
        for tag in [tag for tag, body in got.items() if body.startswith(b"q")]:
            self.channel.basic_ack(tag)
        self.connection.process_data_events(0.2)
        self.assertEqual(self.channel.queue_declare(other, passive=True).method.message_count, 0)
        self.channel.basic_ack(max(tag for tag, body in got.items() if not body.startswith(b"q")), multiple=True)
        self.connection.process_data_events(0.2)
        self.assertTrue(self.channel.is_open)

    def test_a_stream_survives_kill_9(self):
        self.fill(20)
        self.broker.kill()
        self.broker.start()
        self.reconnect()
        self.channel.basic_qos(prefetch_count=10)
        self.assertEqual(self.bodies(20, "first"), list(range(20)))

    def test_what_a_stream_cannot_do_is_refused(self):
        for code, ask in ((540, lambda: self.channel.basic_get(self.name)),
                          (540, lambda: self.channel.queue_purge(self.name)),
                          (540, lambda: self.channel.basic_consume(self.name, print, auto_ack=True))):
            with self.assertRaises(ConnectionClosedByBroker) as caught:
                ask()
            self.assertEqual(caught.exception.reply_code, code)
            self.reconnect()
        with self.assertRaises(ChannelClosedByBroker) as caught:
            self.channel.basic_consume(self.name, print)
        self.assertEqual(caught.exception.reply_code, 406)
        self.assertIn("prefetch count is not set", caught.exception.reply_text)

    def test_deleting_a_stream_cancels_its_consumer(self):
        cancelled = []
        self.channel.add_on_cancel_callback(cancelled.append)
        self.channel.basic_consume(self.name, print, arguments={"x-stream-offset": "first"})
        admin = self.connect()
        admin.channel().queue_delete(self.name)
        deadline = time.monotonic() + 5
        while not cancelled and time.monotonic() < deadline:
            self.connection.process_data_events(0.1)
        self.assertEqual(len(cancelled), 1)
        admin.close()

    def test_what_amqp_publishes_the_native_reader_reads_and_the_other_way_round(self):
        self.channel.exchange_declare(self.name + ".e", "topic", durable=True)
        self.channel.queue_bind(self.name, self.name + ".e", "a.*")
        self.channel.basic_publish(self.name + ".e", "a.b", "from amqp", pika.BasicProperties(
            delivery_mode=2, message_id="m1", headers={"colour": "red"}), mandatory=True)
        self.tandem("append", self.name, "from native", "--key", "native-key", "--header", "colour=blue")
        records = json.loads("[" + ",".join(
            self.tandem("--output", "jsonl", "read", self.name).splitlines()) + "]")
        self.assertEqual([record["value"] for record in records], ["from amqp", "from native"])
        self.assertEqual(records[0]["key"], "a.b")
        headers = records[0]["headers"]
        self.assertEqual((headers["colour"], headers["x-amqp-message-id"]), ("red", "m1"))
        got = self.read(2, "first")
        self.assertEqual([body for _, _, body, _ in got], [b"from amqp", b"from native"])
        self.assertEqual((got[0][0].exchange, got[0][0].routing_key), (self.name + ".e", "a.b"))
        self.assertEqual(got[0][1].message_id, "m1")
        self.assertEqual(got[0][1].headers["colour"], "red")
        self.assertEqual((got[1][0].exchange, got[1][0].routing_key), ("", "native-key"))
        self.assertEqual(got[1][1].headers["colour"], "blue")

    def test_a_large_stream_is_read_whole(self):
        body = os.urandom(20_000)
        for number in range(300):
            self.channel.basic_publish("", self.name, number.to_bytes(4, "big") + body, PERSISTENT)
        self.channel.basic_qos(prefetch_count=1000)
        got = self.read(300, "first")
        self.assertEqual([int.from_bytes(b[:4], "big") for _, _, b, _ in got], list(range(300)))
        self.assertTrue(all(b[4:] == body for _, _, b, _ in got))


class ConsumerTimeoutTest(FeatureTest):
    def test_a_message_that_hangs_goes_to_another_consumer_and_the_channel_lives(self):
        self.channel.queue_declare(self.name, durable=True, arguments={"x-consumer-timeout": 300})
        self.channel.basic_qos(prefetch_count=1)
        held = []
        self.channel.basic_consume(self.name, lambda c, m, p, b: held.append(m.delivery_tag))
        self.channel.basic_publish("", self.name, "work", PERSISTENT)
        deadline = time.monotonic() + 5
        while not held and time.monotonic() < deadline:
            self.connection.process_data_events(0.05)
        other = self.connect()
        channel = other.channel()
        method, _, body = next(channel.consume(self.name, inactivity_timeout=5))
        self.assertEqual((body, method.redelivered), (b"work", True))
        channel.basic_ack(method.delivery_tag)
        other.close()
        self.channel.basic_ack(held[0])  # too late, and no harm
        self.connection.process_data_events(0.2)
        self.assertTrue(self.channel.is_open)
        self.assertEqual(self.channel.queue_declare(self.name, passive=True).method.message_count, 0)

    def test_a_quorum_queue_counts_deliveries_and_gives_up(self):
        self.channel.queue_declare(self.name, durable=True,
                                   arguments={"x-queue-type": "quorum", "x-delivery-limit": 2,
                                              "x-dead-letter-exchange": "", "x-dead-letter-routing-key": self.name + ".dead"})
        self.channel.queue_declare(self.name + ".dead", durable=True)
        self.channel.basic_publish("", self.name, "poison", PERSISTENT)
        counts = []
        while True:
            method, properties, _ = self.channel.basic_get(self.name)
            if method is None:
                break
            counts.append((properties.headers or {}).get("x-delivery-count"))
            self.channel.basic_nack(method.delivery_tag, requeue=True)
        self.assertEqual(counts, [None, 1, 2])
        got = self.collect(self.name + ".dead", 1)
        self.assertEqual(got[0][1].headers["x-death"][0]["reason"], "delivery_limit")


class DefaultTypeTest(unittest.TestCase):
    def test_queues_that_can_be_are_of_the_default_type_and_keep_all_messages_over_kill_9(self):
        broker = Broker("--amqp-default-queue-type", "quorum")
        self.addCleanup(broker.close)
        connect = lambda: pika.BlockingConnection(pika.ConnectionParameters("127.0.0.1", broker.port))  # noqa: E731
        channel = connect().channel()
        channel.confirm_delivery()
        for name, options in {"q": {}, "own": {"auto_delete": True}, "classic": {"arguments": {"x-queue-type": "classic"}}}.items():
            channel.queue_declare(name, durable=True, **options)
            channel.basic_publish("", name, "x")  # not persistent
        channel.queue_declare("q", durable=True, arguments={"x-queue-type": "quorum"})
        broker.kill()
        broker.start()
        channel = connect().channel()
        counts = {name: channel.queue_declare(name, passive=True).method.message_count for name in ("q", "own", "classic")}
        self.assertEqual(counts, {"q": 1, "own": 0, "classic": 0})
        channel.queue_declare("q", durable=True)


class ListingTest(FeatureTest):
    def test_consumers_are_listed_with_their_tags(self):
        self.channel.queue_declare(self.name, exclusive=True)
        self.channel.basic_consume(self.name, print, consumer_tag="biller")
        listed = json.loads(self.tandem("--output", "json", "consumers"))
        self.assertEqual([one["tag"] for one in listed if one["queue"] == self.name], ["biller"])


class PolicyTest(FeatureTest):
    def test_a_policy_holds_at_once_and_is_deleted(self):
        self.channel.queue_declare(self.name, durable=True)
        for number in range(5):
            self.channel.basic_publish("", self.name, str(number), PERSISTENT)
        self.tandem("policy", "set", self.name, "^" + self.name, "max-length=2", "--apply-to", "queues")
        self.assertEqual(self.channel.queue_declare(self.name, durable=True).method.message_count, 2)
        listed = json.loads(self.tandem("--output", "json", "policy", "list"))
        self.assertIn({"name": self.name, "pattern": "^" + self.name, "apply_to": "queues", "priority": 0,
                       "definition": {"max-length": 2}}, listed)
        self.tandem("policy", "delete", self.name)
        for number in range(3):
            self.channel.basic_publish("", self.name, str(number), PERSISTENT)
        self.assertEqual(self.channel.queue_declare(self.name, durable=True).method.message_count, 5)


class DefinitionsTest(FeatureTest):
    RABBITMQ = {
        "rabbit_version": "3.10.8", "users": [],
        "vhosts": [{"name": "/"}, {"name": "other"}],
        "permissions": [],
        "policies": [{"vhost": "/", "name": "imported", "pattern": "^imp\\.", "apply-to": "queues", "priority": 1,
                      "definition": {"message-ttl": 60000, "ha-mode": "all"}}],
        "exchanges": [{"name": "imp.e", "vhost": "/", "type": "topic", "durable": True, "auto_delete": False,
                       "internal": False, "arguments": {}},
                      {"name": "elsewhere", "vhost": "other", "type": "topic", "durable": True, "arguments": {}}],
        "queues": [{"name": "imp.q", "vhost": "/", "durable": True, "auto_delete": False,
                    "arguments": {"x-queue-type": "classic", "x-max-length": 10}},
                   {"name": "imp.s", "vhost": "/", "durable": True, "auto_delete": False,
                    "arguments": {"x-queue-type": "stream", "x-max-age": "7D"}}],
        "bindings": [{"source": "imp.e", "vhost": "/", "destination": "imp.q", "destination_type": "queue",
                      "routing_key": "a.*", "arguments": {}},
                     {"source": "imp.e", "vhost": "/", "destination": "imp.s", "destination_type": "queue",
                      "routing_key": "#", "arguments": {}}],
    }

    def test_rabbitmqs_definitions_are_imported_and_exported_again(self):
        self.tandem("definitions", "import", "-", stdin=json.dumps(self.RABBITMQ))
        self.tandem("definitions", "import", "-", stdin=json.dumps(self.RABBITMQ))  # again: nothing changes
        self.channel.confirm_delivery()
        self.channel.basic_publish("imp.e", "a.b", "x", PERSISTENT, mandatory=True)
        self.assertEqual(self.channel.queue_declare("imp.q", passive=True).method.message_count, 1)
        self.assertEqual(self.channel.queue_declare("imp.s", passive=True).method.message_count, 1)
        with tempfile.TemporaryDirectory() as directory:
            file = os.path.join(directory, "definitions.json")
            self.tandem("definitions", "export", file)
            with open(file, encoding="utf-8") as text:
                exported = json.load(text)
        of_ours = lambda rows, key="name": [row for row in rows if row[key].startswith("imp")]  # noqa: E731
        self.assertEqual(of_ours(exported["exchanges"]), self.RABBITMQ["exchanges"][:1])
        self.assertEqual([q["name"] for q in of_ours(exported["queues"])], ["imp.q", "imp.s"])
        self.assertEqual(of_ours(exported["queues"])[1]["arguments"], {"x-queue-type": "stream", "x-max-age": "604800s"})
        self.assertEqual(of_ours(exported["bindings"], "source"), self.RABBITMQ["bindings"])
        self.assertEqual(of_ours(exported["policies"]), self.RABBITMQ["policies"])


if __name__ == "__main__":
    unittest.main()
