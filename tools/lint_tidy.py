#!/usr/bin/env python3
"""Runs clang-tidy on what changed; a result is remembered by content, so that an unchanged file costs nothing.

"Changed" = sources that differ from the base commit, or that include a header which does. The base is where this branch
left the main branch, or RECENT_COMMITS back when it stands on it. --all takes every source.
The key of a remembered pass: the source, every project header it includes, .clang-tidy, the compile command, the
version of clang-tidy. It lives in $DM_CACHE_DIR/tidy, or build/.tidy-cache.
"""
import argparse
import hashlib
import json
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

CLANG_TIDY = "clang-tidy-19"
RECENT_COMMITS = 10
# A test waits for what it starts before its frame ends, and an empty optional there is a failed test, not a hazard.
TEST_CHECKS = ",".join("-" + c for c in (
    "bugprone-unchecked-optional-access", "bugprone-suspicious-missing-comma", "performance-*",
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


def changed_files(root):
    names = git("diff", "--name-only", base_commit()).split() + git("ls-files", "-o", "--exclude-standard").split()
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


def key_of(entry, headers, common):
    h = hashlib.sha256(common)
    h.update(entry.get("command", "").encode())
    for path in [entry["file"], *headers]:
        with open(path, "rb") as f:
            h.update(hashlib.sha256(f.read()).digest())
    return h.hexdigest()


def tidy(build, entry):
    checks = [f"--checks={TEST_CHECKS}"] if entry["file"].endswith("_test.cpp") else []
    p = subprocess.run([CLANG_TIDY, "-p", build, "--quiet", *checks, entry["file"]], capture_output=True, text=True)
    return p.returncode, p.stdout, p.stderr


def main():
    args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    args.add_argument("--build", default="build/release", help="folder with compile_commands.json")
    args.add_argument("--all", action="store_true")
    args = args.parse_args()
    root = git("rev-parse", "--show-toplevel")
    with open(os.path.join(args.build, "compile_commands.json")) as f:
        entries = [e for e in json.load(f) if e["file"].endswith(".cpp") and e["file"].startswith(root + "/")
                   and not e["file"].startswith(os.path.join(root, "build") + "/")]
    headers = Headers(root)
    included = {e["file"]: headers.of(e["file"]) for e in entries}
    if not args.all:
        changed = changed_files(root)
        if os.path.join(root, ".clang-tidy") not in changed:
            entries = [e for e in entries if changed & {e["file"], *included[e["file"]]}]

    cache = os.path.join(os.environ.get("DM_CACHE_DIR") or os.path.join(root, "build"),
                         "tidy" if os.environ.get("DM_CACHE_DIR") else ".tidy-cache")
    os.makedirs(cache, exist_ok=True)
    version = subprocess.run([CLANG_TIDY, "--version"], capture_output=True, check=True).stdout
    with open(os.path.join(root, ".clang-tidy"), "rb") as f:
        common = version + f.read() + TEST_CHECKS.encode()
    # The command names absolute folders; a clone elsewhere with the same content is the same.
    keys = {e["file"]: key_of({**e, "command": e["command"].replace(root, "")}, included[e["file"]], common) for e in entries}
    todo = [e for e in entries if not os.path.exists(os.path.join(cache, keys[e["file"]]))]

    failed = 0
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for entry, (code, out, err) in zip(todo, pool.map(lambda e: tidy(args.build, e), todo)):
            if code == 0:
                open(os.path.join(cache, keys[entry["file"]]), "w").close()
                continue
            failed += 1
            print(f"{os.path.relpath(entry['file'], root)}:\n{out}{'' if out else err}", flush=True)
    print(f"clang-tidy: {len(entries)} files in question, {len(entries) - len(todo)} known good, {failed} with findings")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
