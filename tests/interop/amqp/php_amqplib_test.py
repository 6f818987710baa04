"""php-amqplib, the AMQP client of PHP: php_amqplib_client.php says what is done with it."""
import os
import shutil
import subprocess
import unittest

import client_program
from broker import BrokerTest

HERE = os.path.dirname(os.path.abspath(__file__))


def is_installed():
    """Whether php finds php-amqplib."""
    return shutil.which("php") and subprocess.run(
        ["php", "-r", "if (!@include 'PhpAmqpLib/autoload.php') exit(1);"], stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL, check=False).returncode == 0


@unittest.skipUnless(is_installed(), "php-amqplib is not installed (php-cli, php-amqplib; scripts/setup test)")
class PhpAmqplibTest(BrokerTest):
    def test_what_its_users_do(self):
        status, said, passed = client_program.run(["php", "php_amqplib_client.php", str(self.broker.port)], self.broker, HERE)
        self.assertEqual(status, 0, said)
        self.assertEqual(passed, 24, said)


if __name__ == "__main__":
    unittest.main()
