"""Our exchange_peer: commands in, one line back."""
import os
import subprocess

from lib.system import _die_with_parent, cleanup

HERE = os.path.dirname(os.path.abspath(__file__))


class ExchangePeer:
    def __init__(self):
        program = os.environ.get("EXCHANGE_PEER") or os.path.join(HERE, "..", "..", "..", "build", "release", "exchange_peer")
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1,
                                        preexec_fn=_die_with_parent)
        self._cleanup = cleanup.push(self.process.kill)
        self.address = self.process.stdout.readline().strip()
        self.id = self.address.rsplit("/", 1)[1]

    def __call__(self, *words):
        self.process.stdin.write(" ".join(str(w) for w in words) + "\n")
        answer = self.process.stdout.readline().strip()
        assert answer.startswith("ok"), answer
        return answer[3:]

    def stop(self):
        self.process.stdin.close()
        assert self.process.wait(20) == 0
