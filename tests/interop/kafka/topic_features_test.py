"""What topics can do, as librdkafka's users see it: compaction, clocks, sizes, producers that are sure."""
import time
import unittest

from broker import Broker, BrokerTest, needs

needs("confluent_kafka")
from confluent_kafka import Consumer, Producer, TopicPartition, TIMESTAMP_LOG_APPEND_TIME  # noqa: E402
from confluent_kafka.admin import AdminClient, NewTopic  # noqa: E402


class TopicTest(BrokerTest):
    def setUp(self):
        self.topic = self.id().rsplit(".", 1)[1]

    def create(self, partitions=1, **config):
        admin = AdminClient({"bootstrap.servers": self.broker.kafka})
        config = {name.replace("_", "."): value for name, value in config.items()}
        admin.create_topics([NewTopic(self.topic, partitions, 1, config=config)])[self.topic].result(10)

    def producer(self, **options):
        return Producer({"bootstrap.servers": self.broker.kafka, **options})

    def produce(self, messages, **options):
        """[(key, value)]; gives what the broker said of each."""
        said = []
        producer = self.producer(**options)
        for key, value in messages:
            producer.produce(self.topic, value, key=key, partition=0,
                             on_delivery=lambda error, message: said.append(error or message.offset()))
        self.assertEqual(producer.flush(20), 0)
        return said

    def read_all(self, isolation="read_uncommitted"):
        """Everything of partition 0, by a consumer without a group's offsets."""
        consumer = Consumer({"bootstrap.servers": self.broker.kafka, "group.id": "none", "enable.auto.commit": False,
                             "isolation.level": isolation, "enable.partition.eof": True, "auto.offset.reset": "earliest"})
        consumer.assign([TopicPartition(self.topic, 0, 0)])
        got, deadline = [], time.monotonic() + 20
        while time.monotonic() < deadline:
            message = consumer.poll(1)
            if message is None:
                continue
            if message.error():
                break  # the end
            got.append(message)
        consumer.close()
        return got


class CompactionTest(TopicTest):
    def test_the_newest_of_each_key_stays(self):
        for codec in ("none", "gzip", "snappy", "lz4", "zstd"):
            self.topic = f"compacted-{codec}"
            self.create(cleanup_policy="compact", segment_bytes="10000")
            newest = {}
            for round_ in range(40):
                messages = [(b"k%d" % i, b"%d of round %d " % (i, round_) + b"." * 50) for i in range(20)]
                newest.update(messages)
                self.produce(messages, **{"compression.type": codec})
            self.produce([(b"k3", None)])
            newest[b"k3"] = None
            self.produce([(b"filler", b"f" * 9000)])  # closes the segment before it
            self.produce([(b"filler", b"f" * 9000)])
        self.broker.stop()
        self.broker.start()
        for codec in ("none", "gzip", "snappy", "lz4", "zstd"):
            self.topic = f"compacted-{codec}"
            deadline = time.monotonic() + 30
            while len(got := self.read_all()) > 200 and time.monotonic() < deadline:
                time.sleep(0.3)
            self.assertLessEqual(len(got), 200)
            found = {m.key(): m.value() for m in got if m.key() != b"filler"}
            self.assertEqual(found, {**newest, b"k3": None})
            offsets = [m.offset() for m in got]
            self.assertEqual(offsets, sorted(set(offsets)))

    def test_a_message_without_a_key_is_refused(self):
        self.create(cleanup_policy="compact")
        said = self.produce([(None, b"no key")])
        self.assertEqual(said[0].name(), "INVALID_RECORD")
        self.assertEqual(self.produce([(b"key", b"value")]), [0])


class ClockTest(TopicTest):
    def test_log_append_time(self):
        self.create(message_timestamp_type="LogAppendTime")
        before = int(time.time() * 1000)
        producer = self.producer()
        producer.produce(self.topic, b"v", partition=0, timestamp=1000)
        producer.flush(10)
        kind, at = self.read_all()[0].timestamp()
        self.assertEqual(kind, TIMESTAMP_LOG_APPEND_TIME)
        self.assertLess(abs(at - before), 10_000)

    def test_offsets_for_times(self):
        self.create()
        producer = self.producer()
        for i in range(10):
            producer.produce(self.topic, b"v%d" % i, partition=0, timestamp=1_700_000_000_000 + i * 1000)
        producer.flush(10)
        consumer = Consumer({"bootstrap.servers": self.broker.kafka, "group.id": "none"})
        for at, expected in ((1_700_000_000_000, 0), (1_700_000_003_001, 4), (0, 0)):
            [found] = consumer.offsets_for_times([TopicPartition(self.topic, 0, at)], timeout=10)
            self.assertEqual(found.offset, expected)
        consumer.close()


class ProducerTest(TopicTest):
    def test_a_batch_over_max_message_bytes_is_refused(self):
        self.create(max_message_bytes="1000")
        self.assertEqual(self.produce([(b"k", b"x" * 2000)])[0].name(), "MSG_SIZE_TOO_LARGE")
        self.assertEqual(self.produce([(b"k", b"x" * 500)]), [0])

    def test_an_idempotent_producer_stores_each_message_once_though_the_broker_is_killed(self):
        self.create()
        producer = self.producer(**{"enable.idempotence": True, "linger.ms": 1, "message.timeout.ms": 60000,
                                    "reconnect.backoff.max.ms": 200})
        for i in range(3000):
            producer.produce(self.topic, b"%d" % i, partition=0)
            producer.poll(0)
            if i in (700, 1900):
                producer.poll(0.01)
                self.broker.kill()
                self.broker.start()
        self.assertEqual(producer.flush(60), 0)
        self.assertEqual([int(m.value()) for m in self.read_all()], list(range(3000)))

    def test_a_topic_that_is_not_there_is_refused_where_none_are_created(self):
        broker = Broker("--kafka-auto-create-topics", "false")
        try:
            said = []
            producer = Producer({"bootstrap.servers": broker.kafka, "topic.metadata.propagation.max.ms": 500})
            producer.produce("nowhere", b"v", on_delivery=lambda error, _: said.append(error.name()))
            self.assertEqual(producer.flush(20), 0)
            self.assertIn(said[0], ("UNKNOWN_TOPIC_OR_PART", "_UNKNOWN_TOPIC"))
            self.assertEqual(AdminClient({"bootstrap.servers": broker.kafka}).list_topics(timeout=10).topics, {})
        finally:
            broker.close()


if __name__ == "__main__":
    unittest.main()
