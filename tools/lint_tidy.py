#!/usr/bin/env python3
"""Runs clang-tidy on what changed; a result is remembered by content, so that an unchanged file costs nothing.

"Changed" = sources that differ from the base commit, and for each header that does one source which includes it. The base
is where this branch left the main branch, or RECENT_COMMITS back when it stands on it. --all takes every source.
--seconds bounds a run: what it did not come to is counted in the last line, and is no failure.
Most of a run is spent in the headers of Asio and the standard library, so the sources of a folder are looked at as one
unit where they compile as one. Needs a configured tree, not a built one.
The key of a remembered pass: the source, every project header it includes, .clang-tidy, the compile command, the
version of clang-tidy. It lives in $DM_CACHE_DIR/tidy, or build/.tidy-cache.
"""
import argparse
import hashlib
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor

CLANG_TIDY = "clang-tidy-19"
RECENT_COMMITS = 10
UNIT_FILES_MAX = 12
# A test waits for what it starts before its frame ends.
TEST_CHECKS = ",".join("-" + c for c in (
    "bugprone-suspicious-missing-comma", "performance-*",
    "cppcoreguidelines-avoid-capturing-lambda-coroutines"))
INCLUDE = re.compile(r'^\s*#include "([^"]+)"', re.M)


def git(*args):
    p = subprocess.run(["git", *args], capture_output=True, text=True)
    return p.stdout.strip() if p.returncode == 0 else ""


def base_commit():
    for main in ("origin/main", "main"):
        base = git("merge-base", "HEAD", main)
        if base and base != git("rev-parse", "HEAD"):
            return base
    back = git("rev-list", f"--max-count={RECENT_COMMITS + 1}", "--first-parent", "HEAD").split()
    return back[-1] if back else ""


def changed_files(root, base):
    names = git("diff", "--name-only", base).split() + git("ls-files", "-o", "--exclude-standard").split()
    return {os.path.join(root, n) for n in names}


class Headers:
    """The project headers that a file includes, directly or not."""

    def __init__(self, root):
        self.source_dir = os.path.join(root, "src")
        self.direct = {}

    def _direct(self, path):
        if path not in self.direct:
            with open(path) as f:
                names = INCLUDE.findall(f.read())
            here = os.path.dirname(path)
            tries = [[os.path.join(d, n) for d in (self.source_dir, here)] for n in names]
            self.direct[path] = [next((p for p in t if os.path.exists(p)), None) for t in tries]
        return [p for p in self.direct[path] if p]

    def of(self, path):
        seen, todo = set(), [path]
        while todo:
            for h in self._direct(todo.pop()):
                if h not in seen:
                    seen.add(h)
                    todo.append(h)
        return sorted(seen)


def source_for(header, included):
    """Through which source a header is looked at: its own, else the one that includes least beside it."""
    sources = [s for s, headers in included.items() if header in headers]
    own = os.path.splitext(header)[0]
    return min(sources, key=lambda s: (os.path.splitext(s)[0] != own, len(included[s]), s), default="")


def key_of(entry, headers, common):
    h = hashlib.sha256(common)
    h.update(entry.get("command", "").encode())
    for path in [entry["file"], *headers]:
        with open(path, "rb") as f:
            h.update(hashlib.sha256(f.read()).digest())
    return h.hexdigest()


def arguments_of(entry):
    """How to compile the file, its precompiled header read as text."""
    command = re.sub(r"-Xclang -include-pch -Xclang \S+\.pch ", "", entry["command"].split(" -o ")[0])
    return shlex.split(command)


def units_of(entries, root):
    """Sources of one folder together: the library's, and the tests. Programs each have a main."""
    groups = {}
    for e in entries:
        folder = os.path.dirname(e["file"])
        alone = not folder.startswith(os.path.join(root, "src") + "/")
        groups.setdefault((e["file"] if alone else folder, e["file"].endswith("_test.cpp")), []).append(e)
    return [g[i:i + UNIT_FILES_MAX] for g in groups.values() for i in range(0, len(g), UNIT_FILES_MAX)]


def write_unit(folder, unit):
    """One file that stands for the unit; its path."""
    if len(unit) == 1:
        return unit[0]["file"]
    path = os.path.join(folder, "unit_test.cpp" if unit[0]["file"].endswith("_test.cpp") else "unit.cpp")
    with open(path, "w") as f:
        f.writelines(f'#include "{e["file"]}"\n' for e in unit)
    return path


def tidy(unit, root, until):
    """Looks at the sources of a unit: (those that were, clean or not, and what clang-tidy says), one or more times."""
    if until and time.monotonic() > until:
        return
    with tempfile.TemporaryDirectory() as folder:
        path = write_unit(folder, unit)
        arguments = arguments_of(unit[0])
        if len(unit) > 1 and subprocess.run([*arguments, "-fsyntax-only", path], cwd=unit[0]["directory"],
                                            capture_output=True).returncode:
            # Names of one file are in the way of another's.
            yield from tidy(unit[:len(unit) // 2], root, until)
            yield from tidy(unit[len(unit) // 2:], root, until)
            return
        checks = ["-bugprone-suspicious-include"] if len(unit) > 1 else []
        if path.endswith("_test.cpp"):
            checks.append(TEST_CHECKS)
        p = subprocess.run([CLANG_TIDY, "--quiet", f"--header-filter=^{re.escape(root)}/",
                            f"--config-file={os.path.join(root, '.clang-tidy')}", *(["--checks=" + ",".join(checks)] if checks else []),
                            path, "--", *arguments[1:]], cwd=unit[0]["directory"], capture_output=True, text=True)
        yield unit, p.returncode == 0, p.stdout or p.stderr


def main():
    args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    args.add_argument("--build", default="build/release", help="folder with compile_commands.json")
    args.add_argument("--all", action="store_true")
    args.add_argument("--base", help="a commit: what differs from it has changed")
    args.add_argument("--no-tests", action="store_true", help="the product only")
    args.add_argument("--seconds", type=int, help="begin nothing new after that")
    args.add_argument("--jobs", type=int, default=os.cpu_count())
    args = args.parse_args()
    root = git("rev-parse", "--show-toplevel")
    with open(os.path.join(args.build, "compile_commands.json")) as f:
        entries = [e for e in json.load(f) if e["file"].endswith(".cpp") and e["file"].startswith(root + "/")
                   and not e["file"].startswith(os.path.join(root, "build") + "/")]
    if args.no_tests:
        entries = [e for e in entries if e["file"].startswith(os.path.join(root, "src") + "/")
                   and not e["file"].endswith("_test.cpp")]
    headers = Headers(root)
    included = {e["file"]: headers.of(e["file"]) for e in entries}
    if not args.all:
        changed = changed_files(root, args.base or base_commit())
        wanted = changed | {source_for(h, included) for h in changed if h.endswith(".hpp")}
        entries = [e for e in entries if e["file"] in wanted]

    cache = os.path.join(os.environ.get("DM_CACHE_DIR") or os.path.join(root, "build"),
                         "tidy" if os.environ.get("DM_CACHE_DIR") else ".tidy-cache")
    os.makedirs(cache, exist_ok=True)
    version = subprocess.run([CLANG_TIDY, "--version"], capture_output=True, check=True).stdout
    with open(os.path.join(root, ".clang-tidy"), "rb") as f:
        common = version + f.read() + TEST_CHECKS.encode()
    # The command names absolute folders; a clone elsewhere with the same content is the same.
    keys = {e["file"]: key_of({**e, "command": e["command"].replace(root, "")}, included[e["file"]], common) for e in entries}
    todo = [e for e in entries if not os.path.exists(os.path.join(cache, keys[e["file"]]))]

    until = time.monotonic() + args.seconds if args.seconds else None
    seen = failed = 0
    with ThreadPoolExecutor(args.jobs) as pool:
        for outcomes in pool.map(lambda u: list(tidy(u, root, until)), units_of(todo, root)):
            for unit, clean, text in outcomes:
                seen += len(unit)
                if clean:
                    for e in unit:
                        open(os.path.join(cache, keys[e["file"]]), "w").close()
                    continue
                failed += 1
                print(f"{', '.join(os.path.relpath(e['file'], root) for e in unit)}:\n{text}", flush=True)
    print(f"clang-tidy: {len(entries)} files in question, {len(entries) - len(todo)} known good, {seen} looked at, "
          f"{len(todo) - seen} left for `make lint-all`; {failed or 'no'} findings")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
