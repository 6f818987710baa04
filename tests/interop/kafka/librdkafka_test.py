"""librdkafka from C and from C++: librdkafka_client.c and librdkafka_client.cpp say what is done with it."""
import os
import subprocess
import unittest

from broker import Broker

CLIENTS = os.environ.get("LIBRDKAFKA_CLIENTS", "").split()


@unittest.skipUnless(CLIENTS, "librdkafka is not installed (librdkafka-dev; scripts/setup test)")
class LibrdkafkaTest(unittest.TestCase):
    def run_client(self, program, steps):
        broker = Broker("--kafka-default-partitions", "4")
        try:
            done = subprocess.run([program, broker.kafka], capture_output=True, text=True, timeout=120, check=False)
        finally:
            broker.close()
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual(done.stdout.count("ok: "), steps)

    def test_what_users_of_c_do(self):
        self.run_client(CLIENTS[0], 6)

    def test_what_users_of_cpp_do(self):
        self.run_client(CLIENTS[1], 3)


if __name__ == "__main__":
    unittest.main()
