"""The real `tandem` against a real `tandemd`: what a person or a script would try, and what they are told."""
import json
import subprocess
import sys
import tempfile
import unittest

TANDEMD, TANDEM = sys.argv[1:3]


class Program(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.TemporaryDirectory()
        cls.broker = subprocess.Popen(
            [TANDEMD, "--data", cls.directory.name + "/store", "--native-port", "0", "--amqp-port", "0",
             "--kafka-port", "0"],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        words = dict(word.split("=", 1) for word in cls.broker.stdout.readline().split()[1:])
        cls.address = words["native"].split(",")[0]

    @classmethod
    def tearDownClass(cls):
        cls.broker.terminate()
        cls.broker.wait(20)
        cls.broker.stdout.close()
        cls.directory.cleanup()

    def run_tandem(self, *words, stdin="", status=0):
        done = subprocess.run([TANDEM, "--broker", self.address, *words], input=stdin, capture_output=True, text=True,
                              timeout=30)
        self.assertEqual(done.returncode, status, done.stderr)
        return done

    def json_of(self, *words):
        return json.loads(self.run_tandem("--output", "json", *words).stdout)

    def test_a_queue_from_declare_to_ack(self):
        self.run_tandem("queue", "declare", "work", "--ttl", "1h")
        self.run_tandem("publish", "--queue", "work", stdin="one\ntwo\nthree\n")
        self.assertEqual(self.json_of("queue", "show", "work")["ready"], 3)
        self.assertEqual([m["body"] for m in self.json_of("queue", "peek", "work", "--count", "2")], ["one", "two"])
        self.assertEqual(self.run_tandem("consume", "work", "--count", "3", "--ack").stdout, "one\ntwo\nthree\n")
        self.assertEqual(self.json_of("queue", "show", "work")["acked"], 3)

    def test_move_takes_messages_to_another_queue(self):
        for name in ("from", "to"):
            self.run_tandem("queue", "declare", name)
        self.run_tandem("publish", "--queue", "from", "a", "b", "c")
        self.run_tandem("queue", "move", "from", "to", "--count", "2")
        self.assertEqual(self.json_of("queue", "show", "from")["ready"], 1)
        self.assertEqual(self.run_tandem("consume", "to", "--count", "2", "--ack").stdout, "a\nb\n")

    def test_a_topic_and_its_ranges(self):
        self.run_tandem("topic", "create", "orders", "--config", "retention.ms=1000000")
        self.run_tandem("append", "orders", stdin="".join(f"{n}\n" for n in range(30)))
        self.assertEqual(self.run_tandem("read", "orders", "10:13").stdout, "10\n11\n12\n")
        self.assertEqual(self.run_tandem("read", "orders", "-2").stdout, "28\n29\n")
        self.assertEqual(self.run_tandem("read", "orders", "7").stdout, "7\n")
        self.assertEqual(self.run_tandem("read", "orders", "@2000-01-01: ".strip()).stdout.count("\n"), 30)
        self.assertEqual(self.run_tandem("read", "orders", "@2100-01-01").stdout, "")
        self.run_tandem("topic", "trim", "orders", "--before", "25")
        self.assertEqual(self.run_tandem("read", "orders", "earliest").stdout.split()[0], "25")
        self.assertEqual(self.json_of("topic", "config", "orders"), [{"key": "retention.ms", "value": "1000000"}])

    def test_an_append_on_another_version_is_refused(self):
        self.run_tandem("topic", "create", "ledger")
        self.run_tandem("append", "ledger", "--partition", "0", "--expected-end", "0", "first")
        refused = self.run_tandem("append", "ledger", "--partition", "0", "--expected-end", "0", "second", status=5)
        self.assertIn("1", refused.stderr)

    def test_a_group_is_moved_and_deleted(self):
        self.run_tandem("topic", "create", "seeked")
        self.run_tandem("append", "seeked", "a", "b", "c")
        self.run_tandem("group", "seek", "readers", "seeked", "--to", "-1", "--dry-run")
        self.assertEqual(self.json_of("group", "list"), [])
        self.run_tandem("group", "seek", "readers", "seeked", "--to", "-1")
        self.assertEqual(self.json_of("group", "show", "readers")[0]["lag"], 1)
        self.run_tandem("group", "delete", "readers")
        self.run_tandem("group", "show", "readers", status=4)

    def test_what_is_not_there_ends_with_4(self):
        for words in (["queue", "show", "nope"], ["queue", "purge", "nope"], ["read", "nope"], ["append", "nope", "x"],
                      ["topic", "show", "nope"], ["publish", "--queue", "nope", "x"], ["consume", "nope", "--ack"]):
            with self.subTest(words=words):
                done = self.run_tandem(*words, status=4)
                self.assertEqual(done.stdout, "")
                self.assertTrue(done.stderr.startswith("tandem: "), done.stderr)

    def test_what_is_refused_ends_with_5(self):
        self.run_tandem("queue", "declare", "fixed", "--max-length", "5")
        refused = self.run_tandem("queue", "declare", "fixed", "--max-length", "6", status=5)
        self.assertIn("x-max-length", refused.stderr)
        self.run_tandem("topic", "create", "../x", status=5)

    def test_wrong_words_end_with_2(self):
        for words in (["queue"], ["nonsense"], ["queue", "declare"], ["queue", "declare", "q", "--ttl", "soon"],
                      ["read", "orders", "x:y"], ["publish", "x"], ["consume", "q"], ["--output", "xml", "queue", "list"]):
            with self.subTest(words=words):
                self.run_tandem(*words, status=2)

    def test_nobody_there_ends_with_6(self):
        done = subprocess.run([TANDEM, "--broker", "127.0.0.1:1", "check"], capture_output=True, text=True, timeout=30)
        self.assertEqual(done.returncode, 6)
        self.assertIn("127.0.0.1:1", done.stderr)

    def test_a_path_is_a_legal_queue_name(self):
        self.run_tandem("queue", "declare", "../../etc/passwd")
        self.run_tandem("publish", "--queue", "../../etc/passwd", "x")
        self.assertEqual(self.run_tandem("consume", "../../etc/passwd", "--count", "1", "--ack").stdout, "x\n")

    def test_a_reader_that_goes_away_is_no_error(self):
        self.run_tandem("topic", "create", "long")
        self.run_tandem("append", "long", stdin="line\n" * 50_000)
        done = subprocess.run(f"{TANDEM} --broker {self.address} read long | head -1", shell=True, capture_output=True,
                              text=True, timeout=30)
        self.assertEqual((done.stdout, done.stderr), ("line\n", ""))

    def test_completions_are_scripts(self):
        bash = self.run_tandem("completion", "bash").stdout
        self.assertEqual(subprocess.run(["bash", "-n"], input=bash, text=True).returncode, 0)
        self.assertIn("queue declare", bash)
        for shell in ("zsh", "fish"):
            self.assertIn("declare", self.run_tandem("completion", shell).stdout)

    def test_check_says_one_line(self):
        self.assertRegex(self.run_tandem("check").stdout, r"^ok \S+ \S+ ready=\d+ unsettled=\d+\n$")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
