#!/usr/bin/env python3
"""Runs every fuzz target of a build tree for some seconds, several at a time, on a copy of its corpus.

A crash leaves its input in build/fuzz/artifacts/<target>/ and fails the run; the last line says how many executions each
target did.
"""
import argparse
import glob
import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor


def run(target, args):
    name = os.path.basename(target)
    work = os.path.join(args.build, "corpus", name)
    artifacts = os.path.join(args.build, "artifacts", name)
    for d in (work, artifacts):
        os.makedirs(d, exist_ok=True)
    seeds = os.path.join("fuzz", "corpus", name.removeprefix("fuzz_"))
    argv = [target, f"-max_total_time={args.seconds}", f"-artifact_prefix={artifacts}/", "-timeout=10",
            "-rss_limit_mb=2048", "-print_final_stats=1", work]
    if os.path.isdir(seeds):
        argv.append(seeds)
    p = subprocess.run(argv, capture_output=True, text=True, errors="replace")
    done = re.search(r"number_of_executed_units: *(\d+)", p.stderr)
    return name, p.returncode, int(done[1]) if done else 0, p.stderr


def main():
    a = argparse.ArgumentParser(description=__doc__)
    a.add_argument("--build", default="build/fuzz")
    a.add_argument("--seconds", type=int, default=60)
    a.add_argument("--fresh", action="store_true", help="forget what earlier runs found")
    args = a.parse_args()
    if args.fresh:
        shutil.rmtree(os.path.join(args.build, "corpus"), ignore_errors=True)
    targets = sorted(t for t in glob.glob(os.path.join(args.build, "fuzz", "fuzz_*"))
                     if os.path.isfile(t) and os.access(t, os.X_OK))
    if not targets:
        print(f"no fuzz targets in {args.build}/fuzz")
        return 1
    failed = []
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for name, code, units, log in pool.map(lambda t: run(t, args), targets):
            print(f"{name:32} {units:>12} executions  {'clean' if code == 0 else f'FAILED (exit {code})'}", flush=True)
            if code:
                failed.append(name)
                print(log[-8000:])
    print(f"{len(targets)} targets, {args.seconds} s each, {len(failed)} failed{': ' if failed else ''}{', '.join(failed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
