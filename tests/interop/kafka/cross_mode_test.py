"""One store, two modes: what one kind of client wrote, another reads."""
import json
import os
import shutil
import subprocess
import unittest

from broker import BrokerTest, needs

needs("pika")
import pika  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))


@unittest.skipUnless(shutil.which("kcat"), "kcat is not installed")
class CrossModeTest(BrokerTest):
    def tandem(self, *words):
        address = f"127.0.0.1:{self.broker.native_port}"
        done = subprocess.run([os.environ["TANDEM"], "--broker", address, *words], capture_output=True, text=True,
                              timeout=20)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def kcat(self, *arguments, send=None):
        done = subprocess.run(["kcat", "-b", self.broker.kafka, *arguments], input=send, capture_output=True, text=True,
                              timeout=30)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def amqp_channel(self):
        connection = pika.BlockingConnection(pika.ConnectionParameters("127.0.0.1", self.broker.port))
        self.addCleanup(connection.close)
        return connection.channel()

    def read_stream(self, channel, topic, offset, count):
        """[(method, properties, body)] from `offset` on; fails when no more come for 20 s."""
        channel.basic_qos(prefetch_count=count)
        got = []
        for method, properties, body in channel.consume(topic, arguments={"x-stream-offset": offset},
                                                        inactivity_timeout=20):
            self.assertIsNotNone(method, f"only {len(got)} of {count}")
            got.append((method, properties, body))
            channel.basic_ack(method.delivery_tag)
            if len(got) == count:
                break
        channel.cancel()
        return got

    def test_kcat_reads_what_pika_published_to_an_exchange_bound_to_a_topic(self):
        self.tandem("topic", "create", "bridge")
        connection = pika.BlockingConnection(pika.ConnectionParameters("127.0.0.1", self.broker.port))
        channel = connection.channel()
        channel.exchange_declare("events", "topic", durable=True)
        self.tandem("binding", "create", "events", "bridge", "--topic", "--key", "order.#")
        channel.confirm_delivery()
        properties = pika.BasicProperties(content_type="text/plain", message_id="m1", delivery_mode=2,
                                          headers={"customer": "17"})
        for i in range(3):
            channel.basic_publish("events", f"order.{i}", f"body {i}".encode(), properties)
        channel.basic_publish("events", "other", b"not for the topic", properties)
        connection.close()
        read = self.kcat("-C", "-q", "-e", "-t", "bridge", "-f", "%o|%k|%s|%h\\n").splitlines()
        self.assertEqual([line.split("|")[:3] for line in read], [[str(i), f"order.{i}", f"body {i}"] for i in range(3)])
        headers = dict(pair.split("=", 1) for pair in read[0].split("|")[3].split(","))
        self.assertEqual(headers["customer"], "17")
        self.assertEqual(headers["x-exchange"], "events")
        self.assertEqual(headers["x-routing-key"], "order.0")
        self.assertEqual(headers["x-amqp-content-type"], "text/plain")
        self.assertEqual(headers["x-amqp-message-id"], "m1")

    def test_every_property_and_header_is_a_record_header_and_comes_back(self):
        channel = self.amqp_channel()
        channel.exchange_declare("full", "fanout", durable=True)
        self.tandem("topic", "create", "full-records")
        self.tandem("binding", "create", "full", "full-records", "--topic")
        texts = {"content-type": "a/b", "content-encoding": "utf-8", "correlation-id": "c1", "reply-to": "answers",
                 "expiration": "60000", "message-id": "m1", "type": "t", "user-id": "guest", "app-id": "app",
                 "cluster-id": "x"}
        numbers = {"delivery-mode": 2, "priority": 7, "timestamp": 1_700_000_000}
        headers = {"text": "17", "count": 5, "yes": True, "table": {"a": [1, "b"]}, "void": None}
        properties = pika.BasicProperties(headers=headers, **{name.replace("-", "_"): value
                                                              for name, value in {**texts, **numbers}.items()})
        channel.confirm_delivery()
        channel.basic_publish("full", "the.key", b"the body", properties)
        [record] = map(json.loads, self.kcat("-C", "-q", "-e", "-J", "-t", "full-records").splitlines())
        self.assertEqual((record["key"], record["payload"]), ("the.key", "the body"))
        got = dict(zip(record["headers"][::2], record["headers"][1::2]))
        self.assertEqual((got["x-exchange"], got["x-routing-key"], got["text"]), ("full", "the.key", "17"))
        for name, value in {**texts, **numbers}.items():
            self.assertEqual(got["x-amqp-" + name], str(value))
        [(method, back, body)] = self.read_stream(channel, "full-records", "first", 1)
        self.assertEqual((method.exchange, method.routing_key, body), ("full", "the.key", b"the body"))
        del back.headers["x-stream-offset"]  # the delivery's, not the message's
        self.assertEqual(vars(back), vars(properties))

    @unittest.skipUnless(shutil.which("node"), "node is not installed")
    @unittest.skipUnless(os.path.isdir(os.path.join(HERE, "node_modules", "kafkajs")), "kafkajs is not installed")
    def test_a_stream_consumer_reads_what_kafkajs_produced_from_the_offset_it_asks_for(self):
        for codec in ("None", "GZIP"):
            topic = "from-kafkajs-" + codec
            done = subprocess.run(["node", os.path.join(HERE, "kafkajs_produce.js")], capture_output=True, text=True,
                                  timeout=60, env={**os.environ, "BROKER": self.broker.kafka, "TOPIC": topic,
                                                   "CODEC": codec, "KAFKAJS_NO_PARTITIONER_WARNING": "1"})
            self.assertEqual(done.returncode, 0, done.stderr)
            got = self.read_stream(self.amqp_channel(), topic, 5, 8)
            for i, (method, properties, body) in enumerate(got[:5], start=5):
                self.assertEqual((method.exchange, method.routing_key, body), ("", f"key {i}", f"value {i}".encode()))
                self.assertEqual(properties.headers, {"x-stream-offset": i, "trace": str(i), "kind": "kafkajs"})
            (_, no_key, body), (method, no_value, nothing), (_, again, _) = got[5:]
            self.assertEqual((body, no_key.headers["x-record-key"]), (b"no key", None))
            self.assertEqual((method.routing_key, nothing, no_value.headers["x-record-null"]), ("no value", b"", None))
            self.assertEqual(again.headers["x-stream-offset"], 12)

    def test_an_amqp_message_is_read_by_a_stream_consumer_beside_kcats_records(self):
        self.tandem("topic", "create", "both")
        channel = self.amqp_channel()
        channel.confirm_delivery()
        for i in range(3):
            self.kcat("-P", "-t", "both", "-k", "k", "-H", "from=kcat", send=f"kcat {i}\n")
            channel.basic_publish("", "both", f"pika {i}".encode(), pika.BasicProperties(headers={"from": "pika"}))
        got = self.read_stream(channel, "both", "first", 6)
        self.assertEqual([body.decode() for _, _, body in got],
                         [f"{who} {i}" for i in range(3) for who in ("kcat", "pika")])
        self.assertEqual([p.headers["from"] for _, p, _ in got], ["kcat", "pika"] * 3)
        read = self.kcat("-C", "-q", "-e", "-t", "both", "-f", "%s\\n").splitlines()
        self.assertEqual(read, [body.decode() for _, _, body in got])

    def test_the_native_client_reads_what_kcat_produced_in_every_compression(self):
        for codec in ("none", "gzip", "snappy", "lz4", "zstd"):
            topic = f"native-{codec}"
            lines = [f"{codec} {i}" for i in range(50)]
            self.kcat("-P", "-t", topic, "-z", codec, send="".join(line + "\n" for line in lines))
            read = self.tandem("--output", "tsv", "read", topic, "0:50")
            for line in lines:
                self.assertIn(line, read)

    def test_the_tandem_program_shows_who_of_a_group_has_which_partition_before_anything_is_committed(self):
        self.tandem("topic", "create", "shared", "--partitions", "2")
        self.tandem("append", "shared", "--partition", "1", "a", "b")
        member = subprocess.Popen(["kcat", "-b", self.broker.kafka, "-X", "enable.auto.commit=false", "-X",
                                   "group.instance.id=one", "-q", "-u", "-G", "sharers", "shared", "-o", "beginning"],
                                  stdout=subprocess.PIPE, text=True)
        try:
            self.assertEqual(member.stdout.readline(), "a\n")
            rows = json.loads(self.tandem("--output", "json", "group", "show", "sharers"))
        finally:
            member.kill()
            member.wait()
            member.stdout.close()
        self.assertEqual([(row["partition"], row["committed"], row["end"], row["lag"], row["member"]) for row in rows],
                         [(0, None, 0, None, "one"), (1, None, 2, None, "one")])

    def test_kcat_reads_what_the_native_client_appended(self):
        self.tandem("topic", "create", "appended")
        for codec in ("none", "gzip", "snappy", "lz4", "zstd"):
            self.tandem("append", "appended", "--key", "k", "--codec", codec, "hello " + codec)
        self.assertEqual(self.kcat("-C", "-q", "-e", "-t", "appended", "-f", "%k|%s\\n").splitlines(),
                         ["k|hello none", "k|hello gzip", "k|hello snappy", "k|hello lz4", "k|hello zstd"])


if __name__ == "__main__":
    unittest.main()
