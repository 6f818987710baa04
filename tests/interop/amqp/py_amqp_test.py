"""py-amqp, the client under kombu: channels, confirms, and what its users do with them."""
import socket
import unittest

from broker import BrokerTest, needs

needs("amqp")
import amqp  # noqa: E402


class PyAmqpTest(BrokerTest):
    def setUp(self):
        self.connection = amqp.Connection(f"127.0.0.1:{self.broker.port}", confirm_publish=True)
        self.connection.connect()
        self.channel = self.connection.channel()
        self.queue = self.id().rsplit(".", 1)[1]

    def tearDown(self):
        self.connection.close()

    def test_confirmed_publish_and_get(self):
        self.channel.queue_declare(self.queue, durable=True, auto_delete=False)
        self.channel.basic_publish_confirm(amqp.Message("hello", application_headers={"a": 1}), "", self.queue)
        message = self.channel.basic_get(self.queue, no_ack=True)
        self.assertEqual((message.body, message.headers), ("hello", {"a": 1}))

    def test_consume_and_cancel(self):
        self.channel.queue_declare(self.queue, durable=True, auto_delete=False)
        got = []
        tag = self.channel.basic_consume(self.queue, callback=lambda message: got.append(message.body), no_ack=True)
        self.channel.basic_publish(amqp.Message("x"), "", self.queue)
        while not got:
            self.connection.drain_events(timeout=5)
        self.channel.basic_cancel(tag)
        self.channel.basic_publish(amqp.Message("y"), "", self.queue)
        with self.assertRaises(socket.timeout):
            self.connection.drain_events(timeout=0.2)

    def test_not_found_is_an_exception_of_its_own(self):
        with self.assertRaises(amqp.exceptions.NotFound):
            self.channel.queue_declare(self.queue, passive=True)

    def test_transactions(self):
        self.channel.queue_declare(self.queue, durable=True, auto_delete=False)
        connection = amqp.Connection(f"127.0.0.1:{self.broker.port}")
        connection.connect()
        channel = connection.channel()
        channel.tx_select()
        channel.basic_publish(amqp.Message("x"), "", self.queue)
        self.assertIsNone(self.channel.basic_get(self.queue))
        channel.tx_commit()
        self.assertIsNotNone(self.channel.basic_get(self.queue, no_ack=True))
        connection.close()


if __name__ == "__main__":
    unittest.main()
