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
    def test_the_story(self):
        environment = {**os.environ, "BROKER": self.broker.kafka, "TOPIC": "story",
                       "KAFKAJS_NO_PARTITIONER_WARNING": "1"}
        done = subprocess.run(["node", os.path.join(HERE, "kafkajs_story.js")], env=environment, capture_output=True,
                              text=True, timeout=120)
        self.assertEqual(done.returncode, 0, done.stderr + done.stdout)
        told = {line["step"]: line["value"] for line in map(json.loads, done.stdout.splitlines())}
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
        self.assertEqual(told["groups"], ["story-committed", "story-group"])
        self.assertEqual(told["group"], {"state": "Empty", "error": 0})
        self.assertEqual(told["trimmed"], "5")
        self.assertEqual(told["groups deleted"], [0])
        self.assertTrue(told["topic gone"])


if __name__ == "__main__":
    unittest.main()
