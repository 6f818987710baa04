"""confluent-kafka, which is librdkafka in Python: groups that rebalance, static and cooperative members."""
import shutil
import subprocess
import time
import unittest

from broker import BrokerTest, needs

needs("confluent_kafka")
from confluent_kafka import Consumer, Producer, TopicPartition  # noqa: E402
from confluent_kafka.admin import AdminClient, NewTopic  # noqa: E402


class ConfluentTest(BrokerTest):
    def setUp(self):
        self.topic = self.id().rsplit(".", 1)[1]
        self.group = self.topic + "-group"
        self.admin = AdminClient({"bootstrap.servers": self.broker.kafka})
        self.opened = []

    def tearDown(self):
        for consumer in self.opened:
            consumer.close()

    def create(self, partitions, topic=None, **config):
        wanted = NewTopic(topic or self.topic, num_partitions=partitions, replication_factor=1, config=config)
        self.admin.create_topics([wanted])[wanted.topic].result(10)

    def produce(self, count, partition=None, **options):
        producer = Producer({"bootstrap.servers": self.broker.kafka, **options})
        for i in range(count):
            where = {} if partition is None else {"partition": partition}
            producer.produce(self.topic, b"v%d" % i, key=b"k%d" % i, **where)
        self.assertEqual(producer.flush(20), 0)

    def join(self, **options):
        consumer = Consumer({"bootstrap.servers": self.broker.kafka, "group.id": self.group,
                             "auto.offset.reset": "earliest", "session.timeout.ms": 6000, **options})
        consumer.subscribe([self.topic])
        self.opened.append(consumer)
        return consumer

    def leave(self, consumer):
        self.opened.remove(consumer)
        consumer.close()

    def read(self, consumer, count, seconds=20):
        got, deadline = [], time.monotonic() + seconds
        while len(got) < count and time.monotonic() < deadline:
            message = consumer.poll(0.2)
            if message is not None:
                self.assertIsNone(message.error())
                got.append(message)
        return got

    def wait_for_shares(self, consumers, shares, seconds=30):
        """Until the consumers have these numbers of partitions, in any order."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            for consumer in consumers:
                consumer.poll(0.1)
            if sorted(len(consumer.assignment()) for consumer in consumers) == sorted(shares):
                return
        self.fail(f"{[len(c.assignment()) for c in consumers]} instead of {shares}")


class GroupTest(ConfluentTest):
    def test_members_join_share_and_leave(self):
        for strategy in ("range", "roundrobin", "cooperative-sticky"):
            self.topic = self.group = f"share-{strategy}"
            self.create(6)
            options = {"partition.assignment.strategy": strategy}
            first = self.join(**options)
            self.wait_for_shares([first], [6])
            second = self.join(**options)
            self.wait_for_shares([first, second], [3, 3])
            third = self.join(**options)
            self.wait_for_shares([first, second, third], [2, 2, 2])
            self.leave(second)
            self.wait_for_shares([first, third], [3, 3])
            self.leave(first)
            self.wait_for_shares([third], [6])
            self.leave(third)

    def test_a_static_member_comes_back_without_a_rebalance(self):
        self.create(4)
        a = self.join(**{"group.instance.id": "a"})
        b = self.join(**{"group.instance.id": "b"})
        self.wait_for_shares([a, b], [2, 2])
        had = {(p.topic, p.partition) for p in b.assignment()}
        self.leave(b)  # a static member does not say goodbye
        a.poll(1)
        self.assertEqual(len(a.assignment()), 2)
        b = self.join(**{"group.instance.id": "b"})
        self.wait_for_shares([a, b], [2, 2])
        self.assertEqual({(p.topic, p.partition) for p in b.assignment()}, had)

    @unittest.skipUnless(shutil.which("kcat"), "kcat is not installed")
    def test_a_member_that_dies_is_replaced(self):
        self.create(4)
        living = self.join()
        self.wait_for_shares([living], [4])
        dying = subprocess.Popen(["kcat", "-b", self.broker.kafka, "-X", "session.timeout.ms=6000", "-q", "-G",
                                  self.group, self.topic], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            self.wait_for_shares([living], [2])
        finally:
            dying.kill()
            dying.wait()
        self.wait_for_shares([living], [4])

    def test_offsets_survive_a_restart_of_the_broker(self):
        self.produce(100)
        consumer = self.join(**{"enable.auto.commit": False})
        got = self.read(consumer, 60)
        consumer.commit(message=got[-1], asynchronous=False)
        self.leave(consumer)
        self.broker.kill()
        self.broker.start()
        consumer = self.join()
        self.assertEqual(self.read(consumer, 40)[0].offset(), 60)

    def test_a_restart_of_the_broker_is_no_rebalance(self):
        self.produce(100)
        gone = []
        consumer = self.join(**{"enable.auto.commit": False, "session.timeout.ms": 30000})
        consumer.subscribe([self.topic], on_revoke=lambda _, shares: gone.extend(shares), on_lost=lambda _, shares: gone.extend(shares))
        got = self.read(consumer, 60)
        gone.clear()
        self.broker.kill()
        self.broker.start()
        consumer.commit(message=got[-1], asynchronous=False)
        self.assertEqual(self.read(consumer, 40)[-1].offset(), 99)
        self.assertEqual(gone, [])

    def test_committed_offsets_with_metadata(self):
        self.create(2)
        consumer = self.join()
        self.wait_for_shares([consumer], [2])
        consumer.commit(offsets=[TopicPartition(self.topic, 0, 7), TopicPartition(self.topic, 1, 9)],
                        asynchronous=False)
        committed = consumer.committed([TopicPartition(self.topic, 0), TopicPartition(self.topic, 1)], timeout=10)
        self.assertEqual([p.offset for p in committed], [7, 9])


if __name__ == "__main__":
    unittest.main()
