"""bunny, the AMQP client of Ruby: bunny_client.rb says what is done with it."""
import os
import shutil
import subprocess
import unittest

import client_program
from broker import BrokerTest

HERE = os.path.dirname(os.path.abspath(__file__))


def is_installed():
    """Whether ruby finds bunny."""
    return shutil.which("ruby") and subprocess.run(
        ["ruby", "-e", "require 'bunny'"], stderr=subprocess.DEVNULL, check=False).returncode == 0


@unittest.skipUnless(is_installed(), "bunny is not installed (ruby-bunny; scripts/setup test)")
class BunnyTest(BrokerTest):
    def test_what_its_users_do(self):
        status, said, passed = client_program.run(["ruby", "bunny_client.rb", str(self.broker.port)], self.broker, HERE)
        self.assertEqual(status, 0, said)
        self.assertEqual(passed, 25, said)


if __name__ == "__main__":
    unittest.main()
