"""One store, two modes: what one kind of client wrote, another reads."""
import os
import shutil
import subprocess
import unittest

from broker import BrokerTest, needs

needs("pika")
import pika  # noqa: E402


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

    def test_the_native_client_reads_what_kcat_produced_in_every_compression(self):
        for codec in ("none", "gzip", "snappy", "lz4", "zstd"):
            topic = f"native-{codec}"
            lines = [f"{codec} {i}" for i in range(50)]
            self.kcat("-P", "-t", topic, "-z", codec, send="".join(line + "\n" for line in lines))
            read = self.tandem("--output", "tsv", "read", topic, "0:50")
            for line in lines:
                self.assertIn(line, read)

    def test_kcat_reads_what_the_native_client_appended(self):
        self.tandem("topic", "create", "appended")
        self.tandem("append", "appended", "--key", "k", "hello")
        self.assertEqual(self.kcat("-C", "-q", "-e", "-t", "appended", "-f", "%k|%s\\n"), "k|hello\n")


if __name__ == "__main__":
    unittest.main()
