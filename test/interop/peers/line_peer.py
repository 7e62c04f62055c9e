"""A program that takes one command a line and answers each with one line of JSON: our host_tool, and the Go peer."""
import json
import os
import select
import subprocess

from lib.system import _die_with_parent, cleanup, temporary_directory

LIMIT_SECONDS = 90


class CommandFailed(Exception):
    pass


class LinePeer:
    def __init__(self, argv):
        folder = temporary_directory("dm-peer-")
        self.log = os.path.join(folder, "log")
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen([str(a) for a in argv], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                            stderr=log, preexec_fn=_die_with_parent)
        self._rest = b""
        self._cleanup = cleanup.push(self.stop)
        hello = self._read()
        self.id, self.address = hello["id"], hello["address"]

    def _read(self):
        while b"\n" not in self._rest:
            ready, _, _ = select.select([self.process.stdout], [], [], LIMIT_SECONDS)
            data = os.read(self.process.stdout.fileno(), 65536) if ready else b""
            if not data:
                raise CommandFailed(f"no answer: {self.log_tail()}")
            self._rest += data
        line, self._rest = self._rest.split(b"\n", 1)
        return json.loads(line)

    def log_tail(self):
        with open(self.log, errors="replace") as f:
            return f.read()[-3000:]

    def do(self, *words):
        self.process.stdin.write((" ".join(str(w) for w in words) + "\n").encode())
        self.process.stdin.flush()
        answer = self._read()
        if "error" in answer:
            raise CommandFailed(answer["error"])
        return answer

    def stop(self):
        self.process.stdin.close()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
