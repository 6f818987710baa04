"""kafkajs, its Admin client too. scripts/setup test installs it beside this file."""
import json
import os
import shutil
import subprocess
import unittest

from broker import BrokerTest

HERE = os.path.dirname(os.path.abspath(__file__))


@unittest.skipUnless(shutil.which("node"), "node is not installed")
@unittest.skipUnless(os.path.isdir(os.path.join(HERE, "node_modules", "kafkajs")), "kafkajs is not installed")
class KafkajsTest(BrokerTest):
    def run_script(self, name):
        """What the script told, by step. Its topic has its name."""
        environment = {**os.environ, "BROKER": self.broker.kafka, "TOPIC": name,
                       "KAFKAJS_NO_PARTITIONER_WARNING": "1"}
        done = subprocess.run(["node", os.path.join(HERE, f"kafkajs_{name}.js")], env=environment, capture_output=True,
                              text=True, timeout=120)
        self.assertEqual(done.returncode, 0, done.stderr + done.stdout)
        return {line["step"]: line["value"] for line in map(json.loads, done.stdout.splitlines())}

    def test_the_story(self):
        told = self.run_script("story")
        self.assertTrue(told["created"])
        self.assertFalse(told["created again"])
        self.assertTrue(told["listed"])
        self.assertEqual(told["cluster"]["controller"], 1)
        self.assertEqual(told["read"], {"count": 100, "headers": True})
        offsets = told["offsets"][0]["partitions"]
        self.assertEqual(sum(int(partition["offset"]) for partition in offsets), 100)
        self.assertEqual(sum(int(partition["high"]) for partition in told["ends"]), 100)
        self.assertEqual({partition["offset"] for partition in told["by time"]}, {"0"})
        self.assertEqual(told["transactions"], ["commit", "commit"])
        self.assertEqual(told["config"], "7200000")
        self.assertEqual([group for group in told["groups"] if group.startswith("story-")], ["story-committed", "story-group"])
        self.assertEqual(told["group"], {"state": "Empty", "error": 0})
        self.assertEqual(told["trimmed"], "5")
        self.assertEqual(told["groups deleted"], [0])
        self.assertTrue(told["topic gone"])

    def test_offsets_that_are_set_for_a_group(self):
        told = self.run_script("offsets")
        self.assertEqual(told["read"], ["3", "3"])
        self.assertEqual(told["earliest"], ["-2", "-2"])  # as resetOffsets committed it
        self.assertEqual(told["latest"], ["-1", "-1"])
        self.assertEqual(told["latest resolved"], ["3", "3"])
        self.assertEqual(told["set"], ["1", "2"])
        self.assertEqual(told["read from earliest"], ["0/0", "0/1", "0/2", "1/0", "1/1", "1/2"])
        self.assertEqual(told["read from set"], ["0/1", "0/2", "1/2"])


if __name__ == "__main__":
    unittest.main()
