"""Runs a client that is a program of another language against a broker.

It prints one line `ok: NAME` per test, `FAILED: NAME: WHY` otherwise, and ends with status 1 when one failed. At a line
`restart` the broker is killed with kill -9 and started again, and an empty line on the program's stdin says that it is back.
"""
import subprocess
import threading


def run(command, broker, directory, seconds=120):
    """Its exit status, all that it printed, and how many tests passed."""
    program = subprocess.Popen(command, cwd=directory, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, text=True)
    watchdog = threading.Timer(seconds, program.kill)
    watchdog.start()
    said = []
    try:
        for line in program.stdout:
            said.append(line)
            if line.strip() == "restart":
                broker.kill()
                broker.start()
                program.stdin.write("\n")
                program.stdin.flush()
        return program.wait(), "".join(said), sum(line.startswith("ok: ") for line in said)
    finally:
        watchdog.cancel()
        program.kill()
        program.wait()
        program.stdin.close()
        program.stdout.close()
