"""amqp-tools, which are rabbitmq-c on the command line."""
import shutil
import subprocess
import unittest

from broker import BrokerTest


@unittest.skipUnless(shutil.which("amqp-publish"), "amqp-tools are not installed")
class AmqpToolsTest(BrokerTest):
    def run_tool(self, tool, *arguments, **options):
        return subprocess.run([tool, f"--url={self.broker.url}", *arguments], capture_output=True, text=True,
                              timeout=20, **options)

    def test_declare_publish_get(self):
        self.assertEqual(self.run_tool("amqp-declare-queue", "-d", "-q", "tools").stdout, "tools\n")
        self.run_tool("amqp-publish", "-r", "tools", "-p", "-b", "hello").check_returncode()
        self.assertEqual(self.run_tool("amqp-get", "-q", "tools").stdout, "hello")
        self.assertEqual(self.run_tool("amqp-get", "-q", "tools").returncode, 2)

    def test_consume(self):
        self.run_tool("amqp-declare-queue", "-d", "-q", "stream")
        for line in ("one", "two"):
            self.run_tool("amqp-publish", "-r", "stream", "-b", line)
        consumed = self.run_tool("amqp-consume", "-q", "stream", "-c", "2", "cat")
        self.assertEqual(consumed.stdout, "onetwo")

    def test_delete_says_how_many_messages_went(self):
        self.run_tool("amqp-declare-queue", "-d", "-q", "gone")
        self.run_tool("amqp-publish", "-r", "gone", "-b", "x")
        self.assertEqual(self.run_tool("amqp-delete-queue", "-q", "gone").stdout, "1\n")

    def test_an_error_is_shown(self):
        self.assertIn("NOT_FOUND - no queue 'absent' in vhost '/'", self.run_tool("amqp-get", "-q", "absent").stderr)


if __name__ == "__main__":
    unittest.main()
