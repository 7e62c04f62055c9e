#!/usr/bin/env python3
"""bench/fleet.py [SCENARIO...]: how fast a whole fleet gets an image, against the systems that others use, in one run.

Each scenario runs every system once per repetition, in turn, in the namespaces of bench/lab. --write puts the tables into
docs/benchmarks.md. Needs root. Scenarios: """
import argparse
import json
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
from run import machine, med, table, verdict, write  # noqa: E402

# name: (title, arguments of lab.py, systems, bound on last/ideal, bound on copies out of the origin)
SCENARIOS = {
    "four": ("4 nodes at 100 Mbit/s, 700 MB in one layer, all at once", ["--nodes", 4, "--rate", 100, "--image", "700x1"],
             ("distromash", "bt", "kubo", "registry"), 1.15, 1.1),
    "eight": ("8 nodes at 16 Mbit/s, 64 MB in two layers", ["--nodes", 8, "--rate", 16, "--image", "64x2"],
              ("distromash", "bt super=1 piece=262144", "kubo", "registry"), 1.2, 1.15),
    "sixteen": ("16 nodes at 16 Mbit/s, 64 MB in two layers", ["--nodes", 16, "--rate", 16, "--image", "64x2"],
                ("distromash", "bt super=1 piece=262144", "kubo", "registry"), 1.25, 1.15),
    "alone": ("One node at 100 Mbit/s, 700 MB", ["--nodes", 1, "--rate", 100, "--image", "700x1"],
              ("distromash", "static"), None, None),
    "unshaped": ("One to one, unshaped, 700 MB", ["--nodes", 1, "--image", "700x1"],
                 ("distromash", "distromash pnet=1", "registry", "bt", "kubo"), None, None),
}


def run_lab(system, args, env):
    name, *options = system.split()
    argv = [sys.executable, os.path.join(HERE, "lab", "lab.py"), name, *map(str, args)]
    argv += [x for o in options for x in ("-o", o)]
    p = subprocess.run(argv, env=env, capture_output=True, text=True)
    if p.returncode:
        sys.exit(f"{' '.join(argv)} failed:\n{p.stdout}{p.stderr}")
    return json.loads(p.stdout.splitlines()[-1])


def report(name, runs, repeats):
    title, _, _, ratio_max, copies_max = SCENARIOS[name]
    rows = []
    for system, results in runs.items():
        last = med([r["last"] for r in results])
        cells = [system, f"{last:.1f} ({', '.join(format(r['last'], '.1f') for r in results)})"]
        if results[0]["ideal"]:
            ratio = med([r["ratio"] for r in results])
            copies = med([r["origin_copies"] for r in results])
            cells += [f"{ratio:.3f}", f"{copies:.3f}"]
            bound = ratio_max and system == "distromash"
            cells.append(verdict(ratio <= ratio_max and copies <= copies_max) if bound else "")
        else:
            cells += [f"{results[0]['bytes'] / 1e6 / last:.0f}"]
        cells.append(f"{med([r['cpu_all'] for r in results]):.1f}")
        rows.append(cells)
    shaped = next(iter(runs.values()))[0]["ideal"]
    head = ("system", "last node, s") + ((f"of the ideal {shaped:.1f} s", "copies out of the origin",
                                          f"≤ {ratio_max}, ≤ {copies_max}" if ratio_max else "") if shaped else ("MB/s",)) + ("CPU s, all nodes",)
    text = table(title, head, rows)
    return text


def main():
    a = argparse.ArgumentParser(description=__doc__ + ", ".join(SCENARIOS), formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("names", nargs="*", metavar="SCENARIO", help="which (all when none is given)")
    a.add_argument("--binary", default="build/release/distromash")
    a.add_argument("--systems", help="only those whose name starts with one of these, separated by commas")
    a.add_argument("--repeats", type=int, default=3)
    a.add_argument("--work", default=os.path.join(tempfile.gettempdir(), "distromash-lab"), help="scratch folder, some GB")
    a.add_argument("--write", action="store_true", help="update docs/benchmarks.md")
    args = a.parse_args()
    for n in args.names:
        if n not in SCENARIOS:
            a.error(f"no scenario {n}: {', '.join(SCENARIOS)}")
    if os.geteuid() != 0:
        sys.exit("bench/fleet.py: run as root: it makes network namespaces")
    only = tuple(args.systems.split(",")) if args.systems else ("",)
    os.makedirs(args.work + "/bin", exist_ok=True)
    if any("kubo".startswith(o) or o.startswith("kubo") for o in only):
        kubo = subprocess.run([os.path.join(HERE, "../test/interop/build_go.sh"), "kubo"], check=True, capture_output=True, text=True)
        link = args.work + "/bin/ipfs"
        if os.path.lexists(link):
            os.remove(link)
        os.symlink(kubo.stdout.strip(), link)
    env = {**os.environ, "WORK": args.work, "PEERS_BIN": args.work + "/bin", "DISTROMASH": os.path.abspath(args.binary)}
    print(machine() + "\n", flush=True)
    failed = False
    for n in args.names or SCENARIOS:
        runs = {s: [] for s in SCENARIOS[n][2] if s.startswith(only)}
        for _ in range(args.repeats):
            for s, results in runs.items():
                results.append(run_lab(s, SCENARIOS[n][1], env))
                print(f"{n}: {s}: last node after {results[-1]['last']} s", file=sys.stderr, flush=True)
        text = report(n, runs, args.repeats)
        print(text, flush=True)
        failed |= "**no**" in text
        if args.write:
            write(f"fleet-{n}", f"{text}\n{machine()}; medians of {args.repeats}, single runs in brackets.")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
