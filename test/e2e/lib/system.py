"""Processes, folders and waiting. Everything started here is ended by its pid, also when the run is interrupted."""
import atexit
import contextlib
import ctypes
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

REPOSITORY = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", "..", ".."))
MIB = 1 << 20
PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)
os.environ["PATH"] += ":/usr/sbin:/sbin"


class Cleanup:
    """Callbacks run last in, first out: at exit, on Ctrl-C and on SIGTERM; a failing one does not stop the others."""

    def __init__(self):
        self._stack = []

    def push(self, callback):
        self._stack.append(callback)
        return callback

    def run(self, callback):
        """Runs one callback now, once."""
        if callback in self._stack:
            self._stack.remove(callback)
            callback()

    def run_all(self):
        while self._stack:
            with contextlib.suppress(Exception):
                self._stack.pop()()


cleanup = Cleanup()
atexit.register(cleanup.run_all)


def exit_cleanly_on_signals():
    """SIGTERM and SIGHUP end the program as sys.exit does, so that what it started is ended too."""
    def leave(number, _frame):
        raise SystemExit(128 + number)
    for s in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(s, leave)


def _die_with_parent():
    # Covers SIGKILL of the test run (ctest's time-out). Bound to the starting *thread*: start daemons on the main one.
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])


class Daemon:
    """A child process with its output in a log file."""

    def __init__(self, argv, log, env=None, cwd=None, stop_seconds=15, lines=False):
        self.argv, self.log, self.stop_seconds = [str(a) for a in argv], log, stop_seconds
        with open(log, "ab") as out:
            self.process = subprocess.Popen(self.argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd=cwd,
                                            env={**os.environ, **(env or {})}, preexec_fn=_die_with_parent,
                                            start_new_session=True)  # Ctrl-C is for us, not for them
        self._cleanup = cleanup.push(self._end)

    @property
    def pid(self):
        return self.process.pid

    def running(self):
        return self.process.poll() is None

    def output(self, last=20000):
        with open(self.log, "rb") as f:
            return f.read()[-last:].decode(errors="replace")

    def _end(self):
        if self.running():
            self.process.terminate()
            try:
                self.process.wait(self.stop_seconds)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self.process.wait()

    def stop(self):
        """SIGTERM, SIGKILL after a while; returns the exit code."""
        cleanup.run(self._cleanup)
        return self.process.returncode

    def kill(self):
        self.process.kill()
        self.process.wait()
        cleanup.run(self._cleanup)


def temporary_directory(prefix="dm-e2e-"):
    """A folder that is removed at the end (DM_TEST_DIR says where, DM_TEST_KEEP=1 keeps it)."""
    d = tempfile.mkdtemp(prefix=prefix, dir=os.environ.get("DM_TEST_DIR"))
    if not os.environ.get("DM_TEST_KEEP"):
        cleanup.push(lambda: remove_tree(d))
    return d


def remove_tree(path):
    """Removes a folder with everything mounted below it."""
    unmount_below(path)
    shutil.rmtree(path, ignore_errors=True)


def unmount_below(path):
    path = os.path.realpath(path)
    with open("/proc/self/mountinfo") as f:
        points = [line.split()[4].encode().decode("unicode_escape") for line in f]
    for p in sorted((p for p in points if p == path or p.startswith(path + "/")), key=len, reverse=True):
        subprocess.run(["umount", "-l", p], capture_output=True)


def free_port(host="127.0.0.1"):
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as s:
        s.bind((host, 0))
        return s.getsockname()[1]


class Deadline(AssertionError):
    """Something expected did not happen in time."""


def wait_until(condition, seconds, what, every=0.05):
    """The first true value of condition(), asked again and again; for states that announce nothing."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise Deadline(f"not within {seconds} s: {what() if callable(what) else what}")
        time.sleep(every)


def run(argv, timeout=120, env=None, check=False, **kw):
    """A command to its end: CompletedProcess with text output; with check, a failure shows what it printed."""
    p = subprocess.run([str(a) for a in argv], capture_output=True, text=True, errors="replace", timeout=timeout,
                       stdin=kw.pop("stdin", subprocess.DEVNULL), env={**os.environ, **(env or {})}, **kw)
    if check and p.returncode:
        raise AssertionError(f"{' '.join(map(str, argv))}: exit {p.returncode}\n{p.stdout[-4000:]}{p.stderr[-4000:]}")
    return p


def memory(pid):
    """Memory of a process in bytes: dict of VmRSS, VmHWM, RssAnon, RssFile."""
    with open(f"/proc/{pid}/status") as f:
        return {k: int(v) * 1024 for k, v in re.findall(r"^(VmRSS|VmHWM|RssAnon|RssFile):\s+(\d+) kB", f.read(), re.M)}


def cpu_seconds(pid):
    """User and system time that a process has used, children that it waited for included."""
    with open(f"/proc/{pid}/stat") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return sum(int(x) for x in fields[11:15]) / os.sysconf("SC_CLK_TCK")


def human(n):
    for unit in ("B", "KB", "MB", "GB"):
        if n < 1000 or unit == "GB":
            return f"{n:.0f} {unit}" if unit == "B" else f"{n:.1f} {unit}"
        n /= 1000


def to_json(value):
    return json.dumps(value).encode()


def in_thread(function, *args):
    """Runs function(*args) beside the caller; .result() waits and returns its value or raises its failure."""
    class Task(threading.Thread):
        def run(self):
            try:
                self.value, self.failure = function(*args), None
            except BaseException as e:  # handed to result()
                self.value, self.failure = None, e

        def result(self, seconds=120):
            self.join(seconds)
            if self.is_alive():
                raise Deadline(f"{function} still runs after {seconds} s")
            if self.failure:
                raise self.failure
            return self.value
    t = Task(daemon=True)
    t.start()
    return t
