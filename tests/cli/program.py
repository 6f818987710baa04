"""The real `tandem` against a real `tandemd`: what a person or a script would try, and what they are told."""
import glob
import json
import os
import pty
import select
import socket
import subprocess
import sys
import tempfile
import threading
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
        cls.addresses = {face: listed.split(",")[0] for face, listed in words.items()}
        cls.address = cls.addresses["native"]

    @classmethod
    def tearDownClass(cls):
        cls.broker.terminate()
        status = cls.broker.wait(20)
        cls.broker.stdout.close()
        cls.directory.cleanup()
        if status != 0:
            raise RuntimeError(f"tandemd ended with status {status}")

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

    def test_what_a_publisher_said_of_a_message_is_shown(self):
        self.run_tandem("queue", "declare", "said")
        self.run_tandem("publish", "--queue", "said", "--content-type", "text/plain", "--correlation-id", "c7", "--priority", "3",
                        "--ttl", "1h", "--header", "tries=2", "a")
        self.run_tandem("publish", "--queue", "said", "--transient", "b")
        first = {"content_type": "text/plain", "correlation_id": "c7", "priority": 3, "expiration": "3600000", "delivery_mode": 2}
        peeked = self.json_of("queue", "peek", "said", "--count", "2")
        self.assertEqual([m["properties"] for m in peeked], [first, {"delivery_mode": 1}])
        taken = self.run_tandem("--output", "jsonl", "consume", "said", "--count", "2", "--ack").stdout.splitlines()
        self.assertEqual([json.loads(m)["properties"] for m in taken], [first, {"delivery_mode": 1}])
        self.assertEqual([json.loads(m)["headers"] for m in taken], [m["headers"] for m in peeked])

    def test_bodies_come_from_words_files_and_stdin(self):
        self.run_tandem("queue", "declare", "bodies")
        with tempfile.NamedTemporaryFile("w") as file:
            file.write("two lines\nof a file")
            file.flush()
            self.run_tandem("publish", "--queue", "bodies", "a word", "--file", file.name)
            self.run_tandem("publish", "--queue", "bodies", "--file", file.name, "--whole")
        self.run_tandem("publish", "--queue", "bodies", "--file", "-", "--null", stdin="with\nends\0of NUL")
        self.run_tandem("publish", "--queue", "bodies", stdin="")
        self.assertEqual([m["body"] for m in self.json_of("queue", "peek", "bodies", "--count", "9")],
                         ["a word", "two lines", "of a file", "two lines\nof a file", "with\nends", "of NUL"])
        for file in ("/", "/nowhere"):
            self.assertIn(file, self.run_tandem("publish", "--queue", "bodies", "--file", file, status=1).stderr)
        long = self.run_tandem("publish", "--queue", "bodies", stdin="short\n" + "x" * (33 << 20), status=1)
        self.assertIn("line 2", long.stderr)
        self.run_tandem("publish", "--queue", "bodies", stdin="x" * (32 << 20), status=5)

    def test_what_was_sent_before_something_that_cannot_be_sent_is_confirmed_and_counted(self):
        self.run_tandem("queue", "declare", "halfway")
        self.run_tandem("topic", "create", "halfway")
        too_long = "one\ntwo\n" + "x" * (32 << 20)  # as a line it can be read, as a message it is over the limit
        for words in (["publish", "--queue", "halfway"], ["append", "halfway"]):
            with self.subTest(words=words):
                self.assertIn("2 before it", self.run_tandem(*words, stdin=too_long, status=3).stderr)
                self.assertIn("2 before it", self.run_tandem(*words, stdin=too_long + "xx", status=1).stderr)
        self.assertEqual(self.json_of("queue", "show", "halfway")["ready"], 4)
        self.assertEqual(self.run_tandem("read", "halfway").stdout, "one\ntwo\none\ntwo\n")

    def test_a_body_is_sent_as_it_was_typed(self):
        self.run_tandem("queue", "declare", "typed")
        self.run_tandem("topic", "create", "typed")
        self.run_tandem("publish", "--queue", "typed", "read", "-5")
        self.run_tandem("publish", "--queue", "typed", "--", "--to", "-5")
        self.run_tandem("append", "typed", "read", "-5")
        self.run_tandem("append", "typed", "--", "--before", "-5")
        self.assertEqual(self.run_tandem("consume", "typed", "--count", "4", "--ack").stdout, "read\n-5\n--to\n-5\n")
        self.assertEqual(self.run_tandem("--output", "table", "read", "typed", "-1").stdout, "-5\n")
        self.assertEqual(self.run_tandem("read", "typed", "-4:-2").stdout, "read\n-5\n")

    def test_move_takes_messages_to_another_queue(self):
        for name in ("from", "to"):
            self.run_tandem("queue", "declare", name)
        self.run_tandem("publish", "--queue", "from", "a", "b", "c")
        self.run_tandem("queue", "move", "from", "to", "--count", "2")
        self.assertEqual(self.json_of("queue", "show", "from")["ready"], 1)
        self.assertEqual(self.run_tandem("consume", "to", "--count", "2", "--ack").stdout, "a\nb\n")

    def test_one_queue_is_shown_with_all_its_counts(self):
        self.run_tandem("queue", "declare", "all-counts")
        table = self.run_tandem("--output", "table", "queue", "show", "all-counts").stdout.splitlines()
        self.assertEqual([line.split()[0] for line in table], list(self.json_of("queue", "show", "all-counts")))

    def test_deleting_a_queue_says_whether_there_was_one(self):
        self.run_tandem("queue", "declare", "empty")
        self.run_tandem("queue", "declare", "empty-stream", "--type", "stream")
        self.run_tandem("topic", "create", "no-queue")
        for name, said in (("empty", "0 messages went with it"), ("empty", "there was no queue 'empty'"),
                           ("empty-stream", "0 messages went with it"), ("empty-stream", "there was no queue 'empty-stream'"),
                           ("no-queue", "there was no queue 'no-queue'"), ("", "there was no queue ''")):
            with self.subTest(name=name, said=said):
                self.assertEqual(self.run_tandem("queue", "delete", name).stderr, f"tandem: {said}\n")
        self.run_tandem("topic", "show", "no-queue")

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

    def test_a_trim_that_one_partition_refuses_deletes_nothing(self):
        self.run_tandem("topic", "create", "uneven", "--partitions", "2")
        self.run_tandem("append", "uneven", "--partition", "0", "a", "b", "c")
        self.run_tandem("append", "uneven", "--partition", "1", "d")
        refused = self.run_tandem("topic", "trim", "uneven", "--before", "2", status=5)
        self.assertIn("partition 1 ends at 1", refused.stderr)
        self.assertEqual([p["start"] for p in self.json_of("topic", "show", "uneven")], [0, 0])
        self.run_tandem("topic", "trim", "uneven", "--before", "2", "--partition", "0")
        self.run_tandem("topic", "trim", "uneven", "--before", "-1")
        self.assertEqual([p["start"] for p in self.json_of("topic", "show", "uneven")], [2, 0])
        self.run_tandem("topic", "trim", "uneven", "--before", "1:2", status=2)
        self.run_tandem("append", "uneven", "--partition", "2", "e", status=4)
        self.run_tandem("read", "uneven", "--partition", "2", status=4)

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
        for to in ("@2000-01-01T10:00Z", "2000-01-01T10:00Z", "0", "earliest"):
            self.run_tandem("group", "seek", "readers", "seeked", "--to", to)
            self.assertEqual(self.json_of("group", "show", "readers")[0]["lag"], 3)
        for to in ("1:2", "1:", "soon"):
            self.run_tandem("group", "seek", "readers", "seeked", "--to", to, status=2)
        self.run_tandem("group", "delete", "readers")
        self.run_tandem("group", "show", "readers", status=4)

    def test_arguments_are_listed_whatever_they_hold(self):
        self.run_tandem("queue", "declare", "full-of-words", "--ttl", "30s", "--max-length", "5", "--overflow",
                        "reject-publish", "--delivery-limit", "-1", "--consumer-timeout", "5m", "--type", "quorum")
        self.assertEqual(self.json_of("queue", "show", "full-of-words")["arguments"],
                         {"x-message-ttl": 30000, "x-max-length": 5, "x-overflow": "reject-publish",
                          "x-delivery-limit": -1, "x-consumer-timeout": 300000, "x-queue-type": "quorum"})
        self.assertIn("x-message-ttl", self.run_tandem("--output", "table", "queue", "list").stdout)

    def test_a_policy_is_set_listed_and_deleted(self):
        self.run_tandem("queue", "declare", "policed")
        self.run_tandem("policy", "set", "short", "^policed$", "max-length=1", "--apply-to", "queues", "--priority", "7")
        self.run_tandem("publish", "--queue", "policed", "a", "b")
        shown = self.json_of("queue", "show", "policed")
        self.assertEqual((shown["ready"], shown["policy"]), (1, "short"))
        self.assertEqual(self.json_of("policy", "list"),
                         [{"name": "short", "pattern": "^policed$", "apply_to": "queues", "priority": 7,
                           "definition": {"max-length": 1}}])
        self.run_tandem("policy", "delete", "short")
        self.run_tandem("policy", "delete", "short", status=4)
        self.assertIn("colour", self.run_tandem("policy", "set", "p", ".", "colour=red", status=5).stderr)

    def test_a_delayed_message_is_looked_at_and_cancelled(self):
        self.run_tandem("exchange", "declare", "later", "--kind", "x-delayed-message", "--delayed-type", "fanout")
        self.run_tandem("queue", "declare", "delayed")
        self.run_tandem("binding", "create", "later", "delayed")
        self.run_tandem("publish", "--exchange", "later", "in an hour", "--header", "x-delay=3600000")
        waiting = self.json_of("queue", "peek", "amq.delayed.later", "--count", "9")
        self.assertEqual([message["body"] for message in waiting], ["in an hour"])
        self.run_tandem("exchange", "cancel", "later", str(waiting[0]["seq"]))
        self.run_tandem("exchange", "cancel", "later", str(waiting[0]["seq"]), status=4)
        self.run_tandem("exchange", "delete", "later")

    def test_a_stream_is_a_queue_and_a_topic(self):
        self.run_tandem("queue", "declare", "history", "--type", "stream", "--max-age", "7d")
        self.assertIn({"key": "retention.ms", "value": "604800000"}, self.json_of("topic", "config", "history"))
        self.run_tandem("queue", "declare", "history", "--type", "stream", "--max-age", "7D")
        self.run_tandem("publish", "--queue", "history", "first", "second")
        self.assertEqual(self.run_tandem("read", "history").stdout, "first\nsecond\n")
        self.run_tandem("queue", "delete", "history")
        self.run_tandem("topic", "show", "history", status=4)

    def test_a_verb_for_queues_says_which_is_for_topics(self):
        self.run_tandem("queue", "declare", "past", "--type", "stream")
        self.run_tandem("topic", "create", "plain")
        self.run_tandem("queue", "declare", "present")
        for name, what in (("past", "is a stream, which is a topic and no queue"), ("plain", "is a topic and no queue")):
            for words, status, verb in ((["queue", "show"], 4, "topic show"), (["queue", "peek"], 5, "read"),
                                        (["queue", "purge"], 5, "read"), (["queue", "purge"], 5, "topic trim"),
                                        (["consume", "--ack"], 5, "read")):
                with self.subTest(name=name, words=words):
                    said = self.run_tandem(*words, name, status=status).stderr
                    self.assertIn(f"'{name}' {what}", said)
                    self.assertIn(f"`tandem {verb} {name}", said)
        self.assertIn("`tandem read past`", self.run_tandem("queue", "move", "past", "present", status=5).stderr)

    def test_what_import_does_not_take_is_named_and_counted(self):
        definitions = {"vhosts": [{"name": "/", "metadata": {"default_queue_type": "quorum"}}, {"name": "dev"}],
                       "permissions": [{"user": "ann", "vhost": "dev"}, {"user": "bob", "vhost": "/"}],
                       "topic_permissions": [{"user": "ann", "vhost": "dev"}],
                       "queues": [{"name": "q", "vhost": "dev"}],
                       "bindings": [{"source": "x", "vhost": "dev", "destination": "q", "destination_type": "queue"}]}
        said = self.run_tandem("definitions", "import", "-", stdin=json.dumps(definitions)).stderr
        for skipped in ("the default queue type 'quorum' of virtual host '/'", "virtual host 'dev'",
                        "permissions of user 'ann' in virtual host 'dev'", "permissions of user 'bob'",
                        "topic_permissions of user 'ann' in virtual host 'dev': this broker has none",
                        "queues 'q' in virtual host 'dev'", "bindings of 'x' to 'q' in virtual host 'dev'"):
            self.assertIn(f"tandem: skipped {skipped}", said)
        self.assertIn("0 declared, 7 skipped", said)
        for kind, skipped in (("quorum", 1), ("classic", 0), ("undefined", 0), ("", 0)):
            host = json.dumps({"vhosts": [{"name": "/", "default_queue_type": kind}]})
            self.assertEqual(self.run_tandem("definitions", "import", "-", stdin=host).stderr.count("skipped the"), skipped)

    def test_what_import_cannot_declare_is_named_once(self):
        definitions = {"users": [{"name": ""}],
                       "policies": [{"name": "odd-policy", "pattern": ".", "definition": {"colour": 1}}, {"pattern": "."}],
                       "queues": [{"name": "odd-queue", "arguments": {"x-max-length": "many"}}]}
        said = self.run_tandem("definitions", "import", "-", stdin=json.dumps(definitions), status=3).stderr
        for start in ("policy 'odd-policy': colour", "queue 'odd-queue': x-max-length", "a user has no name", "a policy has no name"):
            self.assertIn(f"tandem: {start}", said)
        self.assertEqual((said.count("odd-policy"), said.count("odd-queue")), (1, 1))

    def test_definitions_go_out_and_come_back(self):
        self.run_tandem("exchange", "declare", "defined", "--kind", "topic")
        self.run_tandem("queue", "declare", "defined", "--max-length", "9")
        self.run_tandem("binding", "create", "defined", "defined", "--key", "a.#")
        self.run_tandem("topic", "create", "undefined")
        self.run_tandem("binding", "create", "defined", "undefined", "--topic", "--key", "b.#")
        done = self.run_tandem("definitions", "export", status=3)
        self.assertRegex(done.stderr, r"left out.* topics?, \d+ bindings? to them")
        exported = json.loads(done.stdout)
        self.assertNotIn("undefined", done.stdout)
        self.assertIn({"source": "defined", "vhost": "/", "destination": "defined", "destination_type": "queue",
                       "routing_key": "a.#", "arguments": {}}, exported["bindings"])
        self.run_tandem("queue", "delete", "defined")
        self.run_tandem("exchange", "delete", "defined")
        self.run_tandem("definitions", "import", "-", stdin=json.dumps(exported))
        self.assertEqual(self.json_of("queue", "show", "defined")["arguments"], {"x-max-length": 9})
        exported["queues"].append({"name": "defined", "vhost": "/", "durable": True, "auto_delete": False,
                                   "arguments": {"x-max-length": 10}})
        self.assertIn("x-max-length", self.run_tandem("definitions", "import", "-", stdin=json.dumps(exported),
                                                      status=3).stderr)
        self.run_tandem("definitions", "import", "-", stdin="[]", status=1)
        self.assertIn("no name", self.run_tandem("definitions", "import", "-", stdin='{"queues": [{}]}', status=3).stderr)

    def test_what_is_not_there_ends_with_4(self):
        for words in (["queue", "show", "nope"], ["queue", "purge", "nope"], ["exchange", "show", "nope"], ["read", "nope"], ["append", "nope", "x"],
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
                      ["read", "orders", "x:y"], ["publish", "x"], ["consume", "q"], ["--output", "xml", "queue", "list"],
                      ["consume", "q", "--ack", "--count", "-1"], ["queue", "peek", "q", "--count", "-1"],
                      ["queue", "declare", "q", "--delivery-limit", "-2"],
                      ["disconnect", "-1"], ["read", "t", "--partition", "-1"], ["top", "--rounds", "-1"],
                      ["topic", "alter", "t"], ["queue", "move", "q", "q"]):
            with self.subTest(words=words):
                self.run_tandem(*words, status=2)

    def test_words_that_are_no_command_are_named(self):
        for words in (["bogus"], ["queue", "bogus"]):
            self.assertIn("'bogus'", self.run_tandem(*words, status=2).stderr)
        for words in (["queue", "declare"], ["queue", "list", "--bogus"], ["completion", "tcsh"], []):
            done = self.run_tandem(*words, status=2)
            self.assertTrue(done.stderr.startswith("tandem: "), done.stderr)
            self.assertEqual((done.stdout, done.stderr.count("\n")), ("", 1))
        self.assertIn("verb is missing: list, show, declare", self.run_tandem("queue", status=2).stderr)
        self.assertIn("publish, consume", self.run_tandem(status=2).stderr)
        self.assertIn("--output", self.run_tandem("queue", "list", "--help").stdout)
        self.assertIn("tandem queue declare", self.run_tandem("queue", "declare", "--help").stdout)
        self.assertIn("the last five offsets", self.run_tandem("read", "--help").stdout)

    def test_a_header_takes_one_word_and_no_body(self):
        self.run_tandem("queue", "declare", "headed")
        self.run_tandem("publish", "--queue", "headed", "--header", "a=1", "--header", "b=2", "http://h/?c=3")
        row = json.loads(self.run_tandem("consume", "headed", "--count", "1", "--ack", "--output", "jsonl").stdout)
        self.assertEqual((row["headers"], row["body"]), ({"a": 1, "b": 2}, "http://h/?c=3"))
        self.run_tandem("topic", "create", "headed")
        self.run_tandem("append", "headed", "--header", "a=1", "x=y")
        self.assertEqual(self.run_tandem("read", "headed").stdout, "x=y\n")

    def test_what_is_given_back_is_shown_once_and_stays(self):
        self.run_tandem("queue", "declare", "looked-at", "--type", "quorum")
        self.run_tandem("publish", "--queue", "looked-at", "a", "b", "c")
        for _ in range(2):
            self.assertEqual(self.run_tandem("consume", "looked-at", "--requeue", "--timeout", "300ms").stdout, "a\nb\nc\n")
        self.assertEqual(self.run_tandem("consume", "looked-at", "--requeue", "--count", "2").stdout, "a\nb\n")
        self.assertEqual(self.run_tandem("consume", "looked-at", "--requeue", "--prefetch", "1").stdout, "a\n")
        shown = self.json_of("queue", "show", "looked-at")
        self.assertEqual((shown["ready"], shown["dropped"]), (3, 0))

    def test_what_is_given_twice_is_refused(self):
        for words in (["queue", "declare", "twice", "--argument", "x-max-length=2", "--argument", "x-max-length=3"],
                      ["queue", "declare", "twice", "--ttl", "5s", "--argument", "x-message-ttl=6000"],
                      ["policy", "set", "twice", ".*", "max-length=1", "max-length=2"],
                      ["publish", "--queue", "q", "--key", "k", "x"], ["read", "t", ":5", "--follow"]):
            with self.subTest(words=words):
                self.run_tandem(*words, status=2)

    def test_what_is_done_in_part_ends_with_3(self):
        self.run_tandem("queue", "declare", "small", "--max-length", "2", "--overflow", "reject-publish")
        self.assertIn("2 confirmed, 3 not", self.run_tandem("publish", "--queue", "small", *"abcde", status=3).stderr)
        self.run_tandem("consume", "small", "--count", "5", "--timeout", "100ms", "--ack", status=3)
        self.run_tandem("consume", "small", "--count", "5", "--timeout", "100ms", "--ack", status=1)

    def test_consume_takes_as_many_as_it_was_told_and_nothing_else(self):
        self.run_tandem("queue", "declare", "counted-out")
        self.run_tandem("publish", "--queue", "counted-out", "a", "b", "c", "d", "e")
        self.assertEqual(self.run_tandem("consume", "counted-out", "--count", "2", "--ack").stdout, "a\nb\n")
        rest = self.run_tandem("consume", "counted-out", "--count", "3", "--ack", "--output", "jsonl").stdout
        rows = [json.loads(line) for line in rest.splitlines()]
        self.assertEqual([(row["body"], row["redelivered"]) for row in rows], [("c", False), ("d", False), ("e", False)])

    def test_a_range_without_records_says_what_there_is(self):
        self.run_tandem("topic", "create", "short", "--partitions", "2")
        self.assertEqual(self.run_tandem("read", "short").stdout, "")
        self.run_tandem("append", "short", "--partition", "1", "a", "b")
        self.assertIn("1 has 0:2", self.run_tandem("read", "short", "5:9", status=4).stderr)
        self.assertIn("no partition 2", self.run_tandem("read", "short", "--partition", "2", status=4).stderr)
        self.run_tandem("read", "short", "5:1", status=2)
        self.assertEqual(self.run_tandem("read", "short", "1", "--partition", "1").stdout, "b\n")

    def test_outputs_of_the_four_kinds(self):
        self.run_tandem("queue", "declare", "shown")
        rows = self.json_of("queue", "list")
        lines = self.run_tandem("--output", "jsonl", "queue", "list").stdout.splitlines()
        self.assertEqual([json.loads(line)["name"] for line in lines], [row["name"] for row in rows])
        tsv = self.run_tandem("queue", "list").stdout.splitlines()
        self.assertEqual([line.split("\t")[0] for line in tsv], [row["name"] for row in rows])
        table = self.run_tandem("--output", "table", "queue", "list").stdout.splitlines()
        self.assertEqual(table[0].split()[:3], ["name", "ready", "unsettled"])
        self.assertEqual([line.split()[0] for line in table[1:]], [row["name"].split()[0] for row in rows])
        top = self.run_tandem("--output", "json", "top", "--rounds", "2", "--interval", "20ms").stdout.splitlines()
        self.assertEqual([json.loads(line)["publish_per_s"] for line in top], [0, 0])

    def test_a_name_that_the_broker_chose_is_data(self):
        name = self.run_tandem("queue", "declare", "").stdout.strip()
        self.assertEqual(self.json_of("queue", "show", name)["ready"], 0)

    def test_nobody_there_ends_with_6(self):
        done = subprocess.run([TANDEM, "--broker", "127.0.0.1:1", "check"], capture_output=True, text=True, timeout=30)
        self.assertEqual(done.returncode, 6)
        self.assertIn("127.0.0.1:1", done.stderr)

    def test_a_port_of_another_protocol_is_told_from_the_native_one(self):
        with socket.create_server(("127.0.0.1", 0)) as web:
            def answer():
                peer, _ = web.accept()
                with peer:
                    peer.recv(65536)
                    peer.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

            threading.Thread(target=answer, daemon=True).start()
            for address, said in ((self.addresses["amqp"], "an AMQP server answered"),
                                  (self.addresses["kafka"], "its native port"),
                                  (f"127.0.0.1:{web.getsockname()[1]}", "an HTTP server answered")):
                done = subprocess.run([TANDEM, "--broker", address, "check"], capture_output=True, text=True, timeout=30)
                self.assertEqual(done.returncode, 6)
                self.assertIn(said, done.stderr)

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

    def test_what_stdout_does_not_take_is_a_failure(self):
        self.run_tandem("topic", "create", "unprinted")
        self.run_tandem("append", "unprinted", stdin="line\n" * 1000)
        self.run_tandem("queue", "declare", "unprinted")
        self.run_tandem("publish", "--queue", "unprinted", stdin="x" * 9999 + "\n" + "line\n" * 99)
        for words in ("read unprinted", "queue list", "check", "definitions export", "--help", "completion bash",
                      "consume unprinted --count 100 --ack"):
            with self.subTest(words=words), open("/dev/full", "w") as full:
                done = subprocess.run([TANDEM, "--broker", self.address, *words.split()], stdout=full,
                                      stderr=subprocess.PIPE, text=True, timeout=30)
                self.assertEqual((done.returncode, done.stderr.count("\n")), (1, 1), done.stderr)
                self.assertIn("No space left", done.stderr)
        self.assertEqual(self.json_of("queue", "show", "unprinted")["acked"], 0)

    def test_a_terminal_obeys_no_name(self):
        self.run_tandem("queue", "declare", "red\x1b[31m\ttab")
        table = self.run_tandem("--output", "table", "queue", "list").stdout
        self.assertIn("red\\x1b[31m\\ttab", table)
        refused = self.run_tandem("queue", "show", "\x1b]0;title\x07", status=4)
        self.assertNotIn("\x1b", table + refused.stderr)
        self.run_tandem("queue", "delete", "red\x1b[31m\ttab")

    def test_what_may_come_next_on_a_line(self):
        self.run_tandem("queue", "declare", "next one")
        self.run_tandem("topic", "create", "next-topic")

        def after(*words):
            return self.run_tandem("complete", "--", *words).stdout.splitlines()

        self.assertIn("queue", after(""))
        self.assertNotIn("complete", after(""))
        self.assertEqual(after("queue", "de"), ["declare", "delete"])
        self.assertEqual(after("--yes", "--output", "js"), ["json", "jsonl"])
        self.assertEqual(after("queue", "declare", "--max-l"), ["--max-length"])
        self.assertEqual(after("queue", "show", "nex"), ["next one"])
        self.assertEqual(after("read", "next"), ["next-topic"])
        self.assertEqual(after("queue", "declare", ""), [])  # a new name is the user's to find
        self.assertEqual(after("--broker", "127.0.0.1:1", "queue", "show", ""), [])
        self.assertEqual(after("no", "such", "thing", ""), [])

    def test_every_shell_completes(self):
        self.run_tandem("queue", "declare", "spaced name")
        for line, completed in [("tandem queue decl", "declare"), ("tandem --output jsonl queue show spa", "spaced name")]:
            for shell in (self.bash, self.zsh, self.fish):
                with self.subTest(shell=shell.__name__, line=line):
                    self.assertIn(completed, shell(line, completed).replace("\\", ""))

    def environment(self):
        path = os.path.dirname(os.path.abspath(TANDEM)) + ":" + os.environ["PATH"]
        return {**os.environ, "PATH": path, "TANDEM_BROKER": self.address, "TERM": "dumb", "HOME": self.directory.name}

    def bash(self, line, _):
        script = ('source <(tandem completion bash); COMP_WORDS=($1); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _tandem; '
                  'echo "${COMPREPLY[@]}"')
        return subprocess.run(["bash", "-c", script, "-", line], env=self.environment(), capture_output=True, text=True,
                              timeout=30).stdout

    def fish(self, line, _):
        script = "tandem completion fish | source; complete -C $argv[1]"
        return subprocess.run(["fish", "--no-config", "-c", script, line], env=self.environment(), capture_output=True,
                              text=True, timeout=30).stdout

    def zsh(self, line, completed):
        """Completes only for somebody who types: so a terminal, a Tab, and what stands on the line then."""
        child, terminal = pty.fork()
        if child == 0:
            os.execvpe("zsh", ["zsh", "-f", "-i"], self.environment())
        said = b""
        try:
            os.write(terminal, b"unsetopt zle_bracketed_paste; source <(tandem completion zsh); echo re''ady\n")
            said = self.hear(terminal, b"ready")
            os.write(terminal, line.encode() + b"\t")
            said = self.hear(terminal, completed.replace(" ", "\\ ").encode())
        finally:
            os.close(terminal)
            os.waitpid(child, 0)
        return said.decode(errors="replace")

    @staticmethod
    def hear(terminal, mark):
        heard = b""
        while mark not in heard and select.select([terminal], [], [], 20)[0]:
            heard += os.read(terminal, 65536)
        return heard

    def on_terminal(self, line):
        """What a person sees who types this."""
        child, terminal = pty.fork()
        if child == 0:
            os.execvpe("bash", ["bash", "-c", f"{line}; echo ended $?"], self.environment())
        try:
            return self.hear(terminal, b"ended ").decode(errors="replace")
        finally:
            os.close(terminal)
            os.waitpid(child, 0)

    def test_whoever_saves_what_is_read_sees_a_count(self):
        self.run_tandem("topic", "create", "counted")
        self.run_tandem("queue", "declare", "counted")
        self.run_tandem("append", "counted", stdin="line\n" * 2000)
        self.run_tandem("publish", "--queue", "counted", stdin="line\n" * 2000)
        self.assertIn("2000 read", self.on_terminal("timeout 2 tandem read counted --follow >/dev/null"))
        self.assertIn(" received", self.on_terminal("timeout 2 tandem consume counted --requeue >/dev/null"))
        self.assertNotIn("read", self.on_terminal("timeout 1 tandem read counted latest --follow"))

    def test_check_says_one_line(self):
        self.assertRegex(self.run_tandem("check").stdout, r"^ok \S+ \S+ ready=\d+ unsettled=\d+\n$")


class OwnBroker(unittest.TestCase):
    """What needs a broker of its own."""

    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = directory.name
        self.said = os.path.join(self.directory, "said")

    def start(self, *options):
        """Its process and its address; what it says on stderr is in self.said."""
        with open(self.said, "w") as said:
            broker = subprocess.Popen([TANDEMD, "--data", self.directory + "/store", "--native-port", "0", "--amqp-port", "-1",
                                       "--kafka-port", "-1", *options], stdout=subprocess.PIPE, stderr=said, text=True)
        self.addCleanup(broker.stdout.close)
        self.addCleanup(broker.wait)
        self.addCleanup(broker.kill)
        return broker, broker.stdout.readline().split("native=")[1].split(",")[0].strip()

    def tandem(self, address, *words):
        return subprocess.run([TANDEM, "--broker", address, *words], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=30)

    def test_damaged_records_are_named_to_the_reader_and_the_operator(self):
        broker, address = self.start()
        self.tandem(address, "topic", "create", "t")
        self.tandem(address, "append", "t", "a record that will be damaged")
        broker.terminate()
        self.assertEqual(broker.wait(20), 0)
        segment = glob.glob(self.directory + "/store/topics/*/0/*.segment")[0]
        with open(segment, "r+b") as file:
            at = file.read().index(b"a record")
            file.seek(at)
            file.write(b"A")
        _, address = self.start()
        done = self.tandem(address, "read", "t")
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("damaged", done.stderr)
        with open(self.said) as said:
            self.assertIn(segment, said.read())

    def test_who_publishes_while_disk_space_is_short_is_told_why_it_takes_so_long(self):
        os.mkdir(self.directory + "/store")
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=240m", "tmpfs", self.directory + "/store"],
                          capture_output=True).returncode != 0:
            self.skipTest("cannot mount a small file system")
        self.addCleanup(subprocess.run, ["umount", "-l", self.directory + "/store"])
        _, address = self.start("--journal-size", "64MiB", "--checkpoint-interval", "4MiB")
        self.assertEqual(self.tandem(address, "queue", "declare", "q").returncode, 0)
        checked = self.tandem(address, "check")
        self.assertEqual((checked.returncode, checked.stdout), (1, ""))
        self.assertIn("disk space is short", checked.stderr)
        with self.assertRaises(subprocess.TimeoutExpired) as held:
            subprocess.run([TANDEM, "--broker", address, "publish", "--queue", "q"], input=b"message\n" * 9999,
                           capture_output=True, timeout=4)
        self.assertIn(b"holds publishers back", held.exception.stderr or b"")

    def test_a_configuration_file_that_is_wrong_is_named(self):
        file = os.path.join(self.directory, "tandem.toml")
        with open(file, "w") as out:
            out.write('nativ-port = 1\n')
        for words, environment in ([["--config", file], {}], [[], {"TANDEM_CONFIG": file}]):
            done = subprocess.run([TANDEMD, *words], env={**os.environ, **environment}, cwd=self.directory, capture_output=True,
                                  text=True, timeout=30)
            self.assertEqual((done.returncode, done.stdout), (2, ""))
            self.assertIn(f"{file}: 'nativ-port' is no option", done.stderr)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
