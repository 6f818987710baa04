"""amqplib, the AMQP client of Node.js: amqplib_client.js says what is done with it."""
import os
import shutil
import subprocess
import unittest

from broker import BrokerTest

HERE = os.path.dirname(os.path.abspath(__file__))


def is_installed():
    """Whether node finds amqplib from here."""
    return shutil.which("node") and subprocess.run(
        ["node", "-e", "require.resolve('amqplib')"], cwd=HERE, stderr=subprocess.DEVNULL, check=False).returncode == 0


@unittest.skipUnless(is_installed(), "amqplib is not installed (scripts/setup test)")
class AmqplibTest(BrokerTest):
    def test_what_its_users_do(self):
        done = subprocess.run(["node", "amqplib_client.js", f"amqp://127.0.0.1:{self.broker.port}"], cwd=HERE,
                              capture_output=True, text=True, timeout=100, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertGreaterEqual(done.stdout.count("ok: "), 11)


if __name__ == "__main__":
    unittest.main()
