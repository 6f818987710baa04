"""rabbitmq-c, the AMQP client of C: rabbitmq_c_client.c says what is done with it."""
import os
import subprocess
import unittest

from broker import BrokerTest

CLIENT = os.environ.get("RABBITMQ_C_CLIENT", "")


@unittest.skipUnless(CLIENT, "rabbitmq-c is not installed (librabbitmq-dev; scripts/setup test)")
class RabbitmqCTest(BrokerTest):
    def test_what_its_users_do(self):
        done = subprocess.run([CLIENT, str(self.broker.port)], capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual(done.stdout.count("ok: "), 7)


if __name__ == "__main__":
    unittest.main()
