"""kafka-python, which speaks old versions of most requests."""
import time
import unittest

from broker import BrokerTest, needs

needs("kafka")
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition  # noqa: E402
from kafka.structs import OffsetAndMetadata  # noqa: E402


class KafkaPythonTest(BrokerTest):
    def setUp(self):
        self.topic = self.id().rsplit(".", 1)[1]
        self.group = self.topic + "-group"

    def produce(self, count, **options):
        producer = KafkaProducer(bootstrap_servers=self.broker.kafka, **options)
        futures = [producer.send(self.topic, b"v%d" % i, key=b"k%d" % i, headers=[("h", b"x")]) for i in range(count)]
        producer.flush(timeout=20)
        producer.close()
        return [future.get(timeout=5) for future in futures]

    def consumer(self, *topics, **options):
        options.setdefault("auto_offset_reset", "earliest")
        return KafkaConsumer(*topics, bootstrap_servers=self.broker.kafka, **options)

    def read(self, consumer, count, seconds=20):
        got, deadline = [], time.monotonic() + seconds
        while len(got) < count and time.monotonic() < deadline:
            for records in consumer.poll(timeout_ms=500).values():
                got += records
        return got

    def test_what_is_produced_is_consumed_with_its_offsets(self):
        sent = self.produce(500)
        self.assertEqual([meta.offset for meta in sent], list(range(500)))
        consumer = self.consumer(self.topic, group_id=None)
        got = self.read(consumer, 500)
        consumer.close()
        self.assertEqual([record.value for record in got], [b"v%d" % i for i in range(500)])
        self.assertEqual(got[7].key, b"k7")
        self.assertEqual(got[7].headers, [("h", b"x")])

    def test_compression_that_python_knows(self):
        self.produce(300, compression_type="gzip")
        consumer = self.consumer(self.topic, group_id=None)
        self.assertEqual(len(self.read(consumer, 300)), 300)
        consumer.close()

    def test_a_group_goes_on_where_it_was(self):
        self.produce(100)
        first = self.consumer(self.topic, group_id=self.group, enable_auto_commit=False, max_poll_records=50)
        self.read(first, 50)
        first.commit({TopicPartition(self.topic, 0): OffsetAndMetadata(50, "half")})
        first.close()
        second = self.consumer(self.topic, group_id=self.group)
        got = self.read(second, 50)
        self.assertEqual([record.offset for record in got], list(range(50, 100)))
        second.commit()
        self.assertEqual(second.committed(TopicPartition(self.topic, 0)), 100)
        second.close()

    def test_seek_and_offsets(self):
        self.produce(20)
        partition = TopicPartition(self.topic, 0)
        consumer = self.consumer(group_id=None)
        consumer.assign([partition])
        self.assertEqual(consumer.beginning_offsets([partition]), {partition: 0})
        self.assertEqual(consumer.end_offsets([partition]), {partition: 20})
        self.assertEqual(consumer.offsets_for_times({partition: 0})[partition].offset, 0)
        self.assertIsNone(consumer.offsets_for_times({partition: int(time.time() * 1000) + 100_000})[partition])
        consumer.seek(partition, 15)
        self.assertEqual(self.read(consumer, 5)[0].offset, 15)
        consumer.close()

    def test_groups_are_listed_described_and_deleted(self):
        self.produce(5)
        consumer = self.consumer(self.topic, group_id=self.group)
        self.read(consumer, 5)
        consumer.commit()
        admin = KafkaAdminClient(bootstrap_servers=self.broker.kafka)
        self.assertIn((self.group, "consumer"), admin.list_consumer_groups())
        described = admin.describe_consumer_groups([self.group])[0]
        self.assertEqual((described.state, len(described.members)), ("Stable", 1))
        self.assertEqual(admin.list_consumer_group_offsets(self.group)[TopicPartition(self.topic, 0)].offset, 5)
        self.assertEqual(admin.delete_consumer_groups([self.group])[0][1].errno, 68)  # it has a member
        consumer.close()
        self.assertEqual(admin.delete_consumer_groups([self.group])[0][1].errno, 0)
        admin.close()


if __name__ == "__main__":
    unittest.main()
