"""A tandemd for interop tests: started on a fresh directory and free ports, killed and started again on demand.

The program is the one named by TANDEMD; without it the tests are skipped.
"""
import importlib
import os
import shutil
import signal
import subprocess
import tempfile
import unittest


def needs(module):
    """Skips the importing test file when a client is not installed."""
    try:
        importlib.import_module(module)
    except ImportError as missing:
        raise unittest.SkipTest(f"{module} is not installed") from missing


class Broker:
    """One running tandemd. `port` is its AMQP port, `kafka_port` its Kafka port, `native_port` the tandem program's."""

    def __init__(self, *arguments):
        self._arguments = list(arguments)
        program = os.environ.get("TANDEMD")
        if not program:
            raise unittest.SkipTest("TANDEMD does not name a program")
        self._program = program
        self._directory = tempfile.mkdtemp(prefix="tandem-interop-")
        self.port = self.kafka_port = self.native_port = 0
        self._process = None
        self.start()

    def start(self):
        """Starts the program and waits for its ready line."""
        port = str(self.port)
        self._process = subprocess.Popen(
            [self._program, "--data", self._directory, "--listen", "127.0.0.1", "--native-port", "0", "--amqp-port",
             port, "--kafka-port", str(self.kafka_port), "--log-level", "warning", *self._arguments],
            stdout=subprocess.PIPE, text=True)
        words = self._process.stdout.readline().split()
        addresses = dict(word.split("=", 1) for word in words if "=" in word)
        if "amqp" not in addresses or "kafka" not in addresses:
            raise RuntimeError("tandemd is not ready: " + " ".join(words))
        self.addresses = addresses
        self.port = int(addresses["amqp"].rsplit(":", 1)[1])
        self.kafka_port = int(addresses["kafka"].rsplit(":", 1)[1])
        self.native_port = int(addresses["native"].rsplit(":", 1)[1])

    def stop(self):
        """Stops it in order; it must end with status 0."""
        self._process.send_signal(signal.SIGTERM)
        status = self._process.wait(timeout=20)
        self._process.stdout.close()
        if status != 0:
            raise RuntimeError(f"tandemd ended with status {status}")

    def kill(self):
        """kill -9."""
        self._process.kill()
        self._process.wait()
        self._process.stdout.close()

    def close(self):
        try:
            self.stop()
        finally:
            shutil.rmtree(self._directory, ignore_errors=True)

    @property
    def url(self):
        return f"amqp://guest:guest@127.0.0.1:{self.port}/%2F"

    @property
    def kafka(self):
        return f"127.0.0.1:{self.kafka_port}"


class BrokerTest(unittest.TestCase):
    """Tests that share one broker; each uses its own names."""

    @classmethod
    def setUpClass(cls):
        cls.broker = Broker()

    @classmethod
    def tearDownClass(cls):
        cls.broker.close()
