"""What users of pika do with RabbitMQ, done with Tandem."""
import time
import unittest

from broker import BrokerTest, needs

needs("pika")
import pika  # noqa: E402
from pika.exceptions import (AMQPConnectionError, ChannelClosedByBroker, ConnectionClosedByBroker,  # noqa: E402
                             NackError, ProbableAuthenticationError, UnroutableError)

PERSISTENT = pika.BasicProperties(delivery_mode=2)


class PikaTest(BrokerTest):
    def setUp(self):
        self.connection = self.connect()
        self.channel = self.connection.channel()
        self.queue = self.id().rsplit(".", 1)[1]

    def tearDown(self):
        if self.connection.is_open:
            self.connection.close()

    def connect(self, **options):
        return pika.BlockingConnection(
            pika.ConnectionParameters("127.0.0.1", self.broker.port, connection_attempts=20, retry_delay=0.2, **options))

    def declare(self, name=None, **arguments):
        name = name or self.queue
        self.channel.queue_declare(name, durable=True, arguments=arguments or None)
        return name

    def get(self, queue=None, **options):
        method, properties, body = self.channel.basic_get(queue or self.queue, **options)
        return method, properties, body

    def wait_for(self, condition, seconds=5.0):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if condition():
                return True
            self.connection.process_data_events(0.02)
        return condition()

    def ready(self, queue=None):
        return self.channel.queue_declare(queue or self.queue, passive=True).method.message_count

    # --- messages

    def test_properties_and_headers_come_back_as_they_were_sent(self):
        self.declare()
        properties = pika.BasicProperties(
            content_type="application/json", content_encoding="utf-8", delivery_mode=2, priority=3,
            correlation_id="c", reply_to="r", expiration="60000", message_id="m", timestamp=1700000000, type="t",
            user_id="guest", app_id="a", headers={"text": "x", "int": 7, "big": 2**40, "yes": True, "none": None,
                                                  "list": [1, "two", {"three": 3}], "table": {"a": {"b": "c"}}})
        self.channel.basic_publish("", self.queue, b"{}", properties)
        _, got, body = self.get(auto_ack=True)
        self.assertEqual(body, b"{}")
        for name in ("content_type", "content_encoding", "delivery_mode", "priority", "correlation_id", "reply_to",
                     "expiration", "message_id", "timestamp", "type", "user_id", "app_id", "headers"):
            self.assertEqual(getattr(got, name), getattr(properties, name), name)

    def test_bodies_from_nothing_to_eight_mebibytes(self):
        self.declare()
        self.channel.confirm_delivery()
        for size in (0, 1, 4096, 131064, 131065, 1 << 20, 8 << 20):
            body = bytes(size)
            self.channel.basic_publish("", self.queue, body, PERSISTENT)
            self.assertEqual(self.get(auto_ack=True)[2], body)

    def test_confirmed_messages_survive_a_kill(self):
        self.declare()
        self.channel.confirm_delivery()
        for i in range(50):
            self.channel.basic_publish("", self.queue, str(i).encode(), PERSISTENT)
        self.broker.kill()
        self.broker.start()
        self.connection = self.connect()
        self.channel = self.connection.channel()
        got = [self.get(auto_ack=True)[2] for _ in range(50)]
        self.assertEqual(got, [str(i).encode() for i in range(50)])

    def test_consume_in_order_with_prefetch(self):
        self.declare()
        for i in range(100):
            self.channel.basic_publish("", self.queue, str(i).encode())
        self.channel.basic_qos(prefetch_count=7)
        got = []
        for method, _, body in self.channel.consume(self.queue, inactivity_timeout=5):
            self.assertIsNotNone(method)
            got.append(int(body))
            self.channel.basic_ack(method.delivery_tag)
            if len(got) == 100:
                break
        self.channel.cancel()
        self.assertEqual(got, list(range(100)))
        self.assertEqual(self.ready(), 0)

    def test_nack_requeues_and_reject_drops(self):
        self.declare()
        self.channel.basic_publish("", self.queue, b"x")
        method, _, _ = self.get()
        self.channel.basic_nack(method.delivery_tag, requeue=True)
        method, _, _ = self.get()
        self.assertTrue(method.redelivered)
        self.channel.basic_reject(method.delivery_tag, requeue=False)
        self.assertIsNone(self.get()[0])

    def test_mandatory_messages_without_a_queue_are_returned(self):
        self.channel.confirm_delivery()
        with self.assertRaises(UnroutableError) as caught:
            self.channel.basic_publish("", "no-such-queue", b"back", mandatory=True)
        returned = caught.exception.messages[0]
        self.assertEqual((returned.method.reply_code, returned.body), (312, b"back"))

    def test_a_full_queue_nacks(self):
        self.declare(**{"x-max-length": 1, "x-overflow": "reject-publish"})
        self.channel.confirm_delivery()
        self.channel.basic_publish("", self.queue, b"1")
        with self.assertRaises(NackError):
            self.channel.basic_publish("", self.queue, b"2")

    def test_transactions_are_whole_or_nothing(self):
        self.declare()
        self.channel.tx_select()
        self.channel.basic_publish("", self.queue, b"1")
        self.channel.tx_rollback()
        self.channel.basic_publish("", self.queue, b"2")
        self.channel.basic_publish("", self.queue, b"3")
        self.channel.tx_commit()
        method, _, body = self.get()
        self.assertEqual((body, method.message_count), (b"2", 1))

    # --- routing

    def test_topic_exchange(self):
        self.declare()
        self.channel.exchange_declare("weather", "topic")
        self.channel.queue_bind(self.queue, "weather", "*.rain.#")
        for key in ("uk.rain", "uk.rain.heavy", "rain", "uk.sun", "uk.london.rain"):
            self.channel.basic_publish("weather", key, key.encode())
        self.assertEqual([self.get(auto_ack=True)[2], self.get(auto_ack=True)[2]], [b"uk.rain", b"uk.rain.heavy"])
        self.assertIsNone(self.get()[0])

    def test_headers_exchange_and_fanout(self):
        self.declare()
        self.channel.queue_bind(self.queue, "amq.headers", arguments={"x-match": "all", "a": 1, "b": "x"})
        self.channel.queue_bind(self.queue, "amq.fanout")
        self.channel.basic_publish("amq.headers", "", b"no", pika.BasicProperties(headers={"a": 1}))
        self.channel.basic_publish("amq.headers", "", b"yes", pika.BasicProperties(headers={"a": 1, "b": "x"}))
        self.channel.basic_publish("amq.fanout", "whatever", b"fan")
        self.assertEqual([self.get(auto_ack=True)[2] for _ in range(2)], [b"yes", b"fan"])

    def test_alternate_exchange_catches_the_rest(self):
        self.declare()
        self.channel.exchange_declare("rest", "fanout")
        self.channel.exchange_declare("first", "direct", arguments={"alternate-exchange": "rest"})
        self.channel.queue_bind(self.queue, "rest")
        self.channel.basic_publish("first", "unknown", b"x")
        self.assertEqual(self.get(auto_ack=True)[2], b"x")

    # --- what queues can do

    def test_expired_messages_are_dead_lettered_with_their_history(self):
        self.channel.queue_declare("dead")
        self.declare(**{"x-message-ttl": 50, "x-dead-letter-exchange": "", "x-dead-letter-routing-key": "dead"})
        self.channel.basic_publish("", self.queue, b"x", PERSISTENT)
        self.assertTrue(self.wait_for(lambda: self.ready("dead") == 1))
        _, properties, body = self.get("dead", auto_ack=True)
        death = properties.headers["x-death"][0]
        self.assertEqual((body, death["queue"], death["reason"], death["count"]), (b"x", self.queue, "expired", 1))
        self.assertEqual(properties.headers["x-first-death-queue"], self.queue)

    def test_rejected_messages_are_dead_lettered(self):
        self.channel.queue_declare("dead2")
        self.declare(**{"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "dead2"})
        self.channel.basic_publish("", self.queue, b"x")
        method, _, _ = self.get()
        self.channel.basic_reject(method.delivery_tag, requeue=False)
        self.assertTrue(self.wait_for(lambda: self.ready("dead2") == 1))
        self.assertEqual(self.get("dead2", auto_ack=True)[1].headers["x-death"][0]["reason"], "rejected")

    def test_expiration_of_a_message(self):
        self.declare()
        self.channel.basic_publish("", self.queue, b"x", pika.BasicProperties(expiration="30"))
        self.assertTrue(self.wait_for(lambda: self.ready() == 0))

    def test_higher_priorities_come_first(self):
        self.declare(**{"x-max-priority": 5})
        for priority in (0, 3, 5, 1):
            self.channel.basic_publish("", self.queue, str(priority).encode(),
                                       pika.BasicProperties(priority=priority))
        self.assertEqual([self.get(auto_ack=True)[2] for _ in range(4)], [b"5", b"3", b"1", b"0"])

    def test_the_oldest_message_makes_room(self):
        self.declare(**{"x-max-length": 2})
        for i in range(4):
            self.channel.basic_publish("", self.queue, str(i).encode())
        self.assertEqual([self.get(auto_ack=True)[2] for _ in range(2)], [b"2", b"3"])

    def test_a_queue_that_nobody_uses_expires(self):
        self.declare(**{"x-expires": 50})
        time.sleep(0.3)
        with self.assertRaises(ChannelClosedByBroker) as caught:
            self.ready()
        self.assertEqual(caught.exception.reply_code, 404)

    def test_one_active_consumer(self):
        self.declare(**{"x-single-active-consumer": True})
        got = []
        for name in ("first", "second"):
            self.channel.basic_consume(self.queue, lambda *_, name=name: got.append(name), auto_ack=True)
        for _ in range(4):
            self.channel.basic_publish("", self.queue, b"x")
        self.assertTrue(self.wait_for(lambda: len(got) == 4))
        self.assertEqual(set(got), {"first"})

    def test_direct_reply_to(self):
        self.declare()
        replies = []
        self.channel.basic_consume("amq.rabbitmq.reply-to", lambda _c, _m, _p, body: replies.append(body),
                                   auto_ack=True)
        self.channel.basic_publish("", self.queue, b"?", pika.BasicProperties(reply_to="amq.rabbitmq.reply-to"))
        with self.connect() as other:
            channel = other.channel()
            _, properties, _ = channel.basic_get(self.queue, auto_ack=True)
            channel.basic_publish("", properties.reply_to, b"!")
            self.assertTrue(self.wait_for(lambda: replies == [b"!"]))

    # --- consumers and connections

    def test_deleting_a_queue_cancels_its_consumers(self):
        self.declare()
        cancelled = []
        self.channel.add_on_cancel_callback(cancelled.append)
        self.channel.basic_consume(self.queue, lambda *_: None, consumer_tag="tag")
        with self.connect() as other:
            other.channel().queue_delete(self.queue)
        self.assertTrue(self.wait_for(lambda: cancelled))
        self.assertEqual(cancelled[0].method.consumer_tag, "tag")

    def test_exclusive_queues_are_locked_and_end_with_their_connection(self):
        with self.connect() as owner:
            owner.channel().queue_declare(self.queue, exclusive=True)
            with self.assertRaises(ChannelClosedByBroker) as caught:
                self.channel.queue_declare(self.queue, passive=True)
            self.assertEqual(caught.exception.reply_code, 405)
        self.channel = self.connection.channel()
        self.channel.queue_declare(self.queue, exclusive=True)

    def test_auto_delete_queues_end_with_their_last_consumer(self):
        self.channel.queue_declare(self.queue, auto_delete=True)
        tag = self.channel.basic_consume(self.queue, lambda *_: None)
        self.channel.basic_cancel(tag)
        with self.assertRaises(ChannelClosedByBroker) as caught:
            self.ready()
        self.assertEqual(caught.exception.reply_code, 404)

    def test_channel_errors_leave_the_connection_alone(self):
        with self.assertRaises(ChannelClosedByBroker) as caught:
            self.channel.queue_declare(self.queue, passive=True)
        self.assertEqual(caught.exception.reply_code, 404)
        self.assertEqual(caught.exception.reply_text, f"NOT_FOUND - no queue '{self.queue}' in vhost '/'")
        self.assertTrue(self.connection.is_open)
        self.connection.channel().queue_declare(self.queue)

    def test_redeclaring_with_other_arguments_is_refused(self):
        self.declare(**{"x-max-length": 1})
        with self.assertRaises(ChannelClosedByBroker) as caught:
            self.declare(**{"x-max-length": 2})
        self.assertEqual(caught.exception.reply_code, 406)

    def test_wrong_passwords_and_virtual_hosts_are_refused(self):
        with self.assertRaises(ProbableAuthenticationError):
            self.connect(credentials=pika.PlainCredentials("guest", "wrong"))
        with self.assertRaises(AMQPConnectionError):
            self.connect(virtual_host="nowhere")

    def test_an_unknown_exchange_type_closes_the_connection(self):
        with self.assertRaises(ConnectionClosedByBroker) as caught:
            self.channel.exchange_declare("odd", "odd")
        self.assertEqual(caught.exception.reply_code, 503)

    def test_heartbeats_keep_an_idle_connection_alive(self):
        with self.connect(heartbeat=1) as idle:
            end = time.monotonic() + 3.5
            while time.monotonic() < end:
                idle.process_data_events(0.1)
            idle.channel().queue_declare(self.queue)


if __name__ == "__main__":
    unittest.main()
