"""confluent-kafka: administration, transactions, fencing, SASL."""
import time
import unittest

from broker import BrokerTest, needs

needs("confluent_kafka")
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition  # noqa: E402
from confluent_kafka.admin import AdminClient, ConfigResource, NewPartitions, NewTopic  # noqa: E402


class AdminTest(BrokerTest):
    def setUp(self):
        self.admin = AdminClient({"bootstrap.servers": self.broker.kafka})
        self.topic = self.id().rsplit(".", 1)[1]

    def done(self, futures):
        (future,) = futures.values()
        return future.result(10)

    def refused(self, futures):
        with self.assertRaises(KafkaException) as raised:
            self.done(futures)
        return raised.exception.args[0].name()

    def create(self, **options):
        self.done(self.admin.create_topics([NewTopic(self.topic, **options)]))

    def test_topics_are_created_grown_and_deleted(self):
        self.create(num_partitions=2, replication_factor=3)
        self.assertEqual(self.refused(self.admin.create_topics([NewTopic(self.topic, 1, 1)])), "TOPIC_ALREADY_EXISTS")
        self.assertEqual(self.refused(self.admin.create_topics([NewTopic("a/b", 1, 1)])), "TOPIC_EXCEPTION")
        self.assertEqual(self.refused(self.admin.create_topics([NewTopic("x", 0, 1)])), "INVALID_PARTITIONS")
        self.assertEqual(self.refused(self.admin.create_topics([NewTopic("x", 1, 9)])), "INVALID_REPLICATION_FACTOR")
        self.assertEqual(self.refused(self.admin.create_topics([NewTopic("x", 1, 1, config={"no.such": "1"})])),
                         "INVALID_CONFIG")
        self.done(self.admin.create_partitions([NewPartitions(self.topic, 5)]))
        self.assertEqual(len(self.admin.list_topics(self.topic, timeout=10).topics[self.topic].partitions), 5)
        self.assertEqual(self.refused(self.admin.create_partitions([NewPartitions(self.topic, 2)])),
                         "INVALID_PARTITIONS")
        self.done(self.admin.delete_topics([self.topic]))
        self.assertEqual(self.refused(self.admin.delete_topics([self.topic])), "UNKNOWN_TOPIC_OR_PART")

    def test_configuration_is_shown_and_altered(self):
        self.create(num_partitions=1, replication_factor=1, config={"retention.ms": "1000000"})
        resource = ConfigResource("topic", self.topic)
        before = self.done(self.admin.describe_configs([resource]))
        self.assertEqual((before["retention.ms"].value, before["cleanup.policy"].value), ("1000000", "delete"))
        changed = ConfigResource("topic", self.topic, set_config={"max.message.bytes": "2000"})
        self.done(self.admin.alter_configs([changed]))
        after = self.done(self.admin.describe_configs([resource]))
        self.assertEqual((after["retention.ms"].value, after["max.message.bytes"].value), ("604800000", "2000"))
        broker = self.done(self.admin.describe_configs([ConfigResource("broker", "1")]))
        self.assertEqual(broker["auto.create.topics.enable"].value, "true")

    def test_a_topics_compression_is_how_batches_are_kept(self):
        # The limit counts what is kept: 100,000 equal bytes fit it compressed, whoever does it, and not otherwise.
        value = b"x" * 100_000

        def produce(topic, **options):
            errors = []
            producer = Producer({"bootstrap.servers": self.broker.kafka, **options})
            producer.produce(topic, value, b"key", on_delivery=lambda error, message: errors.append(error))
            producer.flush(10)
            return errors

        for kept in "gzip", "snappy", "lz4", "zstd", "uncompressed":
            topic = f"{self.topic}-{kept}"
            config = {"compression.type": kept, "max.message.bytes": "20000"}
            self.done(self.admin.create_topics([NewTopic(topic, 1, 1, config=config)]))
            for produced in "none", "gzip", "snappy", "lz4", "zstd":
                errors = produce(topic, **{"compression.type": produced})
                if kept == "uncompressed":
                    self.assertEqual(errors[0].name(), "MSG_SIZE_TOO_LARGE", produced)
                else:
                    self.assertEqual(errors, [None], (kept, produced))
            if kept == "uncompressed":
                continue
            consumer = Consumer({"bootstrap.servers": self.broker.kafka, "group.id": topic, "check.crcs": True,
                                 "auto.offset.reset": "earliest"})
            self.addCleanup(consumer.close)
            consumer.subscribe([topic])
            read = consumer.consume(5, timeout=20)
            self.assertEqual([(m.error(), m.key(), m.value()) for m in read], [(None, b"key", value)] * 5, kept)

    def test_a_batch_over_its_topics_limit_is_refused(self):
        self.create(num_partitions=1, replication_factor=1, config={"max.message.bytes": "2000"})
        errors = []
        producer = Producer({"bootstrap.servers": self.broker.kafka})
        producer.produce(self.topic, b"x" * 3000, on_delivery=lambda error, message: errors.append(error))
        producer.flush(10)
        self.assertEqual(errors[0].name(), "MSG_SIZE_TOO_LARGE")

    def test_sasl_plain(self):
        for password, works in (("guest", True), ("wrong", False)):
            admin = AdminClient({"bootstrap.servers": self.broker.kafka, "security.protocol": "SASL_PLAINTEXT",
                                 "sasl.mechanism": "PLAIN", "sasl.username": "guest", "sasl.password": password,
                                 "logger": None, "log_level": 0})
            if works:
                self.assertEqual(len(admin.list_topics(timeout=10).brokers), 1)
            else:
                with self.assertRaises(KafkaException):
                    admin.list_topics(timeout=2)


class TransactionTest(BrokerTest):
    def setUp(self):
        self.topic = self.id().rsplit(".", 1)[1]

    def producer(self, name=None):
        producer = Producer({"bootstrap.servers": self.broker.kafka, "transactional.id": name or self.topic + "-tx",
                             "log_level": 0})
        producer.init_transactions(20)
        return producer

    def consumer(self, isolation="read_committed", topic=None):
        consumer = Consumer({"bootstrap.servers": self.broker.kafka, "group.id": f"{self.topic}-{isolation}",
                             "isolation.level": isolation, "auto.offset.reset": "earliest",
                             "enable.auto.commit": False, "enable.partition.eof": True})
        consumer.subscribe([topic or self.topic])
        return consumer

    def read(self, consumer, seconds=20):
        """All values up to the end of the partition."""
        values, deadline = [], time.monotonic() + seconds
        while time.monotonic() < deadline:
            message = consumer.poll(0.5)
            if message is None:
                continue
            if message.error():
                return values
            values.append(message.value().decode())
        self.fail(f"no end after {values}")

    def write(self, producer, *values, topic=None):
        for value in values:
            producer.produce(topic or self.topic, value)
        self.assertEqual(producer.flush(20), 0)

    def all(self, isolation="read_committed", topic=None):
        consumer = self.consumer(isolation, topic)
        try:
            return self.read(consumer)
        finally:
            consumer.close()

    def test_only_what_was_committed_is_read(self):
        producer = self.producer()
        for value, end in (("a", "commit"), ("b", "abort"), ("c", "commit")):
            producer.begin_transaction()
            self.write(producer, value + "1", value + "2")
            getattr(producer, end + "_transaction")(20)
        self.assertEqual(self.all(), ["a1", "a2", "c1", "c2"])
        self.assertEqual(self.all("read_uncommitted"), ["a1", "a2", "b1", "b2", "c1", "c2"])

    def test_consume_transform_produce_keeps_offsets_and_records_together(self):
        out = self.topic + "-out"
        source = Producer({"bootstrap.servers": self.broker.kafka})
        self.write(source, "1", "2", "3")
        producer = self.producer()
        consumer = self.consumer()
        for end, committed in (("abort", [-1001]), ("commit", [3])):
            values = self.read(consumer)
            self.assertEqual(values, ["1", "2", "3"])
            producer.begin_transaction()
            self.write(producer, *[value * 2 for value in values], topic=out)
            producer.send_offsets_to_transaction(consumer.position(consumer.assignment()),
                                                 consumer.consumer_group_metadata(), 20)
            getattr(producer, end + "_transaction")(20)
            found = consumer.committed(consumer.assignment(), 10)
            self.assertEqual([partition.offset for partition in found], committed)
            consumer.seek(TopicPartition(self.topic, 0, 0))
        consumer.close()
        self.assertEqual(self.all(topic=out), ["11", "22", "33"])

    def test_an_older_producer_is_fenced_and_its_transaction_aborted(self):
        old = self.producer()
        old.begin_transaction()
        self.write(old, "lost")
        new = self.producer()
        new.begin_transaction()
        self.write(new, "kept")
        new.commit_transaction(20)
        with self.assertRaises(KafkaException) as raised:
            old.commit_transaction(20)
        self.assertTrue(raised.exception.args[0].fatal())
        self.assertEqual(self.all(), ["kept"])

    def test_a_committed_transaction_survives_kill_9(self):
        producer = self.producer()
        producer.begin_transaction()
        self.write(producer, "a", "b")
        producer.commit_transaction(20)
        self.broker.kill()
        self.broker.start()
        self.assertEqual(self.all(), ["a", "b"])


if __name__ == "__main__":
    unittest.main()
