"""Brokers under test as processes of their own: how each is started, stopped and looked at. For bench/compare."""
import glob
import os
import re
import shutil
import signal
import socket
import subprocess
import time
import uuid

READY_TIMEOUT_S = 60


class Unavailable(Exception):
    pass


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def children(pid):
    """The process and all below it: RabbitMQ is a script that starts another."""
    found, new = {pid}, [pid]
    while new:
        parent = new.pop()
        try:
            for task in os.listdir(f"/proc/{parent}/task"):
                with open(f"/proc/{parent}/task/{task}/children") as f:
                    for child in map(int, f.read().split()):
                        found.add(child)
                        new.append(child)
        except OSError:
            pass
    return found


def cpu_s(pid):
    ticks = 0
    for process in children(pid):
        try:
            with open(f"/proc/{process}/stat") as f:
                fields = f.read().rsplit(")", 1)[1].split()
            ticks += int(fields[11]) + int(fields[12])
        except OSError:
            pass
    return ticks / os.sysconf("SC_CLK_TCK")


def rss_mib(pid):
    total = 0
    for process in children(pid):
        try:
            with open(f"/proc/{process}/status") as f:
                total += sum(int(l.split()[1]) for l in f if l.startswith("VmHWM"))
        except OSError:
            pass
    return total / 1024


class Peer:
    """A broker under test. `confirm` says what its confirm means with these settings; `works` what it is asked to do."""

    name = protocol = program = confirm = ""
    works = ("queue",)
    load_arguments = []
    build = ""  # the directory of our own programs

    def __init__(self, directory):
        self.directory = directory
        self.port = free_port()
        self.process = None

    @classmethod
    def missing(cls):
        """What is not here and would be needed, or ""."""
        return f"{cls.program} is not installed" if cls.program and not shutil.which(cls.program) else ""

    def command(self):
        raise NotImplementedError

    def environment(self):
        return {}

    def start(self):
        command = self.command()
        log = open(os.path.join(self.directory, "log"), "wb")
        self.process = subprocess.Popen(command, stdout=log, stderr=log, cwd=self.directory, start_new_session=True,
                                        env={**os.environ, **self.environment()})
        end = time.time() + READY_TIMEOUT_S
        while not self.is_ready():
            if self.process.poll() is not None or time.time() > end:
                self.stop()
                with open(log.name, errors="replace") as f:
                    raise RuntimeError(f"{self.name} does not start: {f.read()[-500:]}")
            time.sleep(0.1)

    def is_ready(self):
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1):
                return True
        except OSError:
            return False

    def stop(self):
        """Its whole session, which it was given for this."""
        if self.process is None:
            return
        for sign, patience_s in ((signal.SIGTERM, 10), (signal.SIGKILL, 10)):
            try:
                os.killpg(self.process.pid, sign)
                self.process.wait(patience_s)
            except (ProcessLookupError, subprocess.TimeoutExpired):
                continue

    def load_command(self, work, size, seconds, warm_up_s):
        program = "kafka_load" if self.protocol == "kafka" else "peer_load"
        return [os.path.join(self.build, program), self.protocol, "--port", str(self.port), "--work", work, "--size",
                str(size), "--seconds", str(seconds), "--warm-up", str(warm_up_s), *self.load_arguments]


class Tandem(Peer):
    confirm = "after fdatasync"
    face = ""

    def command(self):
        ports = {"native": "0", "amqp": "0", "kafka": "0", self.face: str(self.port)}
        return [os.path.join(self.build, "tandemd"), "--data", os.path.join(self.directory, "data"), "--log-level", "warning",
                *(word for face, port in ports.items() for word in (f"--{face}-port", port))]


class TandemAmqp(Tandem):
    name, protocol, face, works = "Tandem, AMQP face", "amqp", "amqp", ("queue", "confirm")


class TandemKafka(Tandem):
    name, protocol, face, works = "Tandem, Kafka face", "kafka", "kafka", ("topic",)

    @classmethod
    def missing(cls):
        return missing_kafka_load(cls.build)


class RabbitClassic(Peer):
    name, protocol, program, works = "RabbitMQ, classic queue", "amqp", "rabbitmq-server", ("queue", "confirm")
    confirm = "written, not synced"
    load_arguments = ["--queue-type", "classic"]
    name_port = 0

    def command(self):
        with open(os.path.join(self.directory, "plugins"), "w") as f:
            f.write("[].")
        # Debian's wrapper insists on a user; the script behind it does not.
        for path in ("/usr/lib/rabbitmq/bin/rabbitmq-server", shutil.which("rabbitmq-server")):
            if path and os.path.exists(path):
                return [path]
        raise Unavailable

    def stop(self):
        super().stop()
        # The name server that it started for itself leaves its session.
        for epmd in glob.glob("/usr/lib/erlang/erts-*/bin/epmd"):
            subprocess.run([epmd, "-port", str(self.name_port), "-kill"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def environment(self):
        d = self.directory
        self.name_port = free_port()
        return {"HOME": d, "RABBITMQ_NODENAME": f"bench{self.port}@localhost", "RABBITMQ_NODE_PORT": str(self.port),
                "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1", "RABBITMQ_DIST_PORT": str(free_port()),
                "RABBITMQ_MNESIA_BASE": os.path.join(d, "mnesia"), "RABBITMQ_LOG_BASE": os.path.join(d, "logs"),
                "RABBITMQ_LOGS": "-", "RABBITMQ_CONFIG_FILE": os.path.join(d, "none"),
                "RABBITMQ_ENABLED_PLUGINS_FILE": os.path.join(d, "plugins"), "ERL_EPMD_PORT": str(self.name_port),
                "ERL_EPMD_RELAXED_COMMAND_CHECK": "true",
                "RABBITMQ_PID_FILE": os.path.join(d, "pid")}

    def is_ready(self):
        if not super().is_ready():
            return False
        time.sleep(1)  # it listens a little before it serves
        return True


class RabbitQuorum(RabbitClassic):
    name = "RabbitMQ, quorum queue"
    confirm = "after fsync (its write-ahead log)"
    load_arguments = ["--queue-type", "quorum"]


class Nats(Peer):
    name, protocol, program = "NATS JetStream, stream on file", "nats", "nats-server"
    works = ("queue", "topic")
    confirm = "written, not synced (sync_interval 2 min)"

    def command(self):
        return ["nats-server", "-a", "127.0.0.1", "-p", str(self.port), "-js", "-sd", os.path.join(self.directory, "data")]


class RedisAlways(Peer):
    name, protocol, program = "Redis stream, appendfsync always", "redis", "redis-server"
    works = ("queue", "topic")
    confirm = "after fsync"
    sync = "always"

    def command(self):
        return ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--dir", self.directory, "--appendonly",
                "yes", "--appendfsync", self.sync, "--save", "", "--daemonize", "no"]


class RedisEverysec(RedisAlways):
    name = "Redis stream, appendfsync everysec"
    confirm = "written, synced once a second"
    sync = "everysec"


def missing_kafka_load(build):
    """It is built where librdkafka is."""
    return "" if os.path.exists(os.path.join(build, "kafka_load")) else "kafka_load was not built: librdkafka-dev"


class Kafka(Peer):
    """Apache Kafka, one node with KRaft, from the jars in KAFKA_HOME/libs or in KAFKA_HOME itself."""

    name, protocol, works = "Apache Kafka", "kafka", ("topic",)
    confirm = "written, not synced (log.flush.interval.messages is not set)"

    @staticmethod
    def jars():
        home = os.environ.get("KAFKA_HOME", "")
        for place in (os.path.join(home, "libs"), home):
            if home and glob.glob(os.path.join(place, "kafka_*.jar")):
                return os.path.join(place, "*")
        return ""

    @classmethod
    def missing(cls):
        if not cls.jars():
            return "no jars: set KAFKA_HOME, or give --kafka-home"
        return "no java" if not shutil.which("java") else missing_kafka_load(cls.build)

    def command(self):
        controller = free_port()
        properties = {
            "process.roles": "broker,controller", "node.id": 1, "controller.quorum.voters": f"1@127.0.0.1:{controller}",
            "listeners": f"PLAINTEXT://127.0.0.1:{self.port},CONTROLLER://127.0.0.1:{controller}",
            "advertised.listeners": f"PLAINTEXT://127.0.0.1:{self.port}", "controller.listener.names": "CONTROLLER",
            "log.dirs": os.path.join(self.directory, "data"),
            # One node cannot keep three copies, which these ask for unless told.
            "offsets.topic.replication.factor": 1, "transaction.state.log.replication.factor": 1,
            "transaction.state.log.min.isr": 1}
        path = os.path.join(self.directory, "server.properties")
        with open(path, "w") as f:
            f.writelines(f"{key}={value}\n" for key, value in properties.items())
        subprocess.run(["java", "-cp", self.jars(), "kafka.tools.StorageTool", "format", "-t", new_cluster_id(), "-c", path],
                       check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        # The heap that Kafka's own start script gives.
        return ["java", "-Xms1G", "-Xmx1G", "-XX:+UseG1GC", "-cp", self.jars(), "kafka.Kafka", path]

    def is_ready(self):
        if not super().is_ready():
            return False
        time.sleep(2)  # the controller makes itself known a little later
        return True


def new_cluster_id():
    return str(uuid.uuid4())


SYNCS = "fsync,fdatasync,sync_file_range,msync,syncfs"


class Trace:
    """Counts the calls by which a running broker asks the disk to keep something. Slows it: for one run apart."""

    def __init__(self, pid, directory):
        self.path = os.path.join(directory, "strace")
        pids = [word for process in sorted(children(pid)) for word in ("-p", str(process))]
        self.process = subprocess.Popen(["strace", "-f", "-c", "-o", self.path, "-e", f"trace={SYNCS}", *pids],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(1)  # it attaches to every thread meanwhile

    def stop(self):
        """Calls by name."""
        self.process.send_signal(signal.SIGINT)
        self.process.wait(20)
        counts = {}
        with open(self.path) as f:
            for line in f:
                words = line.split()
                if words and re.fullmatch(SYNCS.replace(",", "|"), words[-1]):
                    counts[words[-1]] = int(words[3])
        return counts


PEERS = [TandemAmqp, TandemKafka, RabbitClassic, RabbitQuorum, Nats, RedisAlways, RedisEverysec, Kafka]
