"""kcat, which is librdkafka on the command line."""
import shutil
import subprocess
import time
import unittest

from broker import Broker, BrokerTest


@unittest.skipUnless(shutil.which("kcat"), "kcat is not installed")
class KcatTest(BrokerTest):
    def setUp(self):
        self.topic = self.id().rsplit(".", 1)[1]

    def kcat(self, *arguments, send=None):
        done = subprocess.run(["kcat", "-b", self.broker.kafka, *arguments], input=send, capture_output=True, text=True,
                              timeout=30)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def produce(self, lines, *arguments, topic=None):
        self.kcat("-P", "-t", topic or self.topic, *arguments, send="".join(line + "\n" for line in lines))

    def consume(self, *arguments, topic=None):
        return self.kcat("-C", "-q", "-e", "-t", topic or self.topic, *arguments).splitlines()

    def test_every_compression_and_acks_setting(self):
        lines = [f"line {i}" for i in range(2000)]
        for codec in ("none", "gzip", "snappy", "lz4", "zstd"):
            for acks in ("0", "1", "all"):
                topic = f"codec-{codec}-{acks}"
                self.produce(lines, "-z", codec, "-X", f"acks={acks}", topic=topic)
                deadline = time.monotonic() + 10
                while acks == "0" and len(self.consume(topic=topic)) < len(lines) and time.monotonic() < deadline:
                    time.sleep(0.05)
                self.assertEqual(self.consume(topic=topic), lines, topic)

    def test_keys_headers_and_offsets_come_back(self):
        self.produce(["k:v"], "-K", ":", "-H", "trace=17")
        self.assertEqual(self.consume("-f", "%k|%s|%h|%o\\n"), ["k|v|trace=17|0"])

    def test_an_idempotent_producer(self):
        self.produce(["a", "b", "c"], "-X", "enable.idempotence=true")
        self.assertEqual(self.consume(), ["a", "b", "c"])

    def test_metadata_names_the_broker(self):
        self.produce(["x"])
        listing = self.kcat("-L", "-t", self.topic)
        self.assertIn(f"broker 1 at {self.broker.kafka} (controller)", listing)
        self.assertIn("partition 0, leader 1, replicas: 1, isrs: 1", listing)

    def test_each_listener_names_the_broker_by_its_own_address(self):
        broker = Broker("--kafka-listener", "127.0.0.1:0=outside.test:29094,127.0.0.1:0=[::1]:7")
        try:
            def listing(address):
                done = subprocess.run(["kcat", "-b", address, "-L"], capture_output=True, text=True, timeout=30)
                return done.stdout
            self.assertIn(f"broker 1 at {broker.kafka} ", listing(broker.kafka))
            self.assertIn("broker 1 at ::1:7 ", listing(broker.addresses["kafka-listener"]))  # of two the last one
        finally:
            broker.close()

    def test_offsets_by_time(self):
        self.produce(["old"])
        time.sleep(0.05)
        between = int(time.time() * 1000)
        time.sleep(0.05)
        self.produce(["new"])
        self.assertEqual(self.kcat("-Q", "-t", f"{self.topic}:0:{between}"), f"{self.topic} [0] offset 1\n")
        self.assertEqual(self.kcat("-Q", "-t", f"{self.topic}:0:-1"), f"{self.topic} [0] offset 2\n")
        self.assertEqual(self.consume("-o", f"s@{between}"), ["new"])

    def test_a_consumer_waits_for_what_comes_later(self):
        self.produce(["first"])
        consumer = subprocess.Popen(["kcat", "-b", self.broker.kafka, "-C", "-u", "-q", "-t", self.topic, "-c", "2"],
                                    stdout=subprocess.PIPE, text=True)
        try:
            self.assertEqual(consumer.stdout.readline(), "first\n")
            self.produce(["second"])
            self.assertEqual(consumer.stdout.readline(), "second\n")
            self.assertEqual(consumer.wait(timeout=10), 0)
        finally:
            consumer.kill()
            consumer.wait()
            consumer.stdout.close()

    def test_what_was_produced_survives_kill_9(self):
        lines = [str(i) for i in range(5000)]
        self.produce(lines, "-X", "acks=all")
        self.broker.kill()
        self.broker.start()
        self.assertEqual(self.consume(), lines)


if __name__ == "__main__":
    unittest.main()
