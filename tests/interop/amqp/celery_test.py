"""A real Celery worker runs real tasks: results, retries, countdowns, and kombu underneath."""
import os
import subprocess
import sys
import time
import unittest

from broker import BrokerTest, needs

needs("celery")

HERE = os.path.dirname(os.path.abspath(__file__))


class CeleryTest(BrokerTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        os.environ["TANDEM_AMQP_URL"] = f"amqp://guest:guest@127.0.0.1:{cls.broker.port}//"
        cls.worker = subprocess.Popen(
            [sys.executable, "-m", "celery", "-A", "celery_app", "worker", "--loglevel=ERROR", "--concurrency=2",
             "--pool=threads"],
            cwd=HERE, stdout=subprocess.DEVNULL)

    @classmethod
    def tearDownClass(cls):
        cls.worker.terminate()
        try:
            cls.worker.wait(timeout=20)
        except subprocess.TimeoutExpired:
            cls.worker.kill()
            cls.worker.wait()
        super().tearDownClass()

    def setUp(self):
        from celery_app import add, app, unlucky
        self.app, self.add, self.unlucky = app, add, unlucky

    def test_many_tasks_give_their_results(self):
        results = [self.add.delay(i, i) for i in range(50)]
        self.assertEqual([result.get(timeout=30) for result in results], [2 * i for i in range(50)])

    def test_a_task_is_tried_again_until_it_succeeds(self):
        self.assertEqual(self.unlucky.delay(2).get(timeout=30), 2)

    def test_a_countdown_is_waited_for(self):
        started = time.monotonic()
        self.assertEqual(self.add.apply_async((1, 2), countdown=1).get(timeout=30), 3)
        self.assertGreaterEqual(time.monotonic() - started, 1)

    def test_kombu_simple_queue(self):
        from kombu import Connection
        with Connection(os.environ["TANDEM_AMQP_URL"]) as connection:
            with connection.SimpleQueue("simple") as queue:
                queue.put({"hello": "world"})
                message = queue.get(timeout=5)
                self.assertEqual(message.payload, {"hello": "world"})
                message.ack()


if __name__ == "__main__":
    unittest.main()
