#!/usr/bin/env python3
"""Holds src/ to the module rules of cmake/module.cmake; prints each breach as file:line, exit 1 if there is any.

A module may include headers of its own folder and of the modules in its DEPENDS. A PURE module names no Asio, no
clock and no source of randomness, except in its driver*.{hpp,cpp}, which move the bytes of a pure core.
"""
import os
import re
import sys

ORDER = [  # imports point down only; names in one row never see each other unless it is the same folder tree
    ["daemon", "cli"], ["api"], ["control"], ["oci", "mesh", "runtime"], ["content"], ["libp2p"], ["http"], ["aio"],
    ["multiformats"], ["crypto"], ["base"],
]
EXCEPTIONS = {("cli", "api_dto"), ("cli", "http")}
PURE_BANNED = [
    (re.compile(r'#include [<"]boost/(asio|beast)'), "Asio"),
    (re.compile(r'#include "(aio/|http/(?!syntax/))'), "I/O"),
    (re.compile(r"_clock::now\(|\btime\(nullptr\)|\bgettimeofday\("), "a clock"),
    (re.compile(r"std::random_device|\brand\(\)|getrandom\("), "randomness"),
]
NO_SHARED_FROM_THIS = re.compile(r"enable_shared_from_this|asio::detached")


def rank(top):
    for i, row in enumerate(ORDER):
        if top in row:
            return i
    raise SystemExit(f"{top}: folder is not in tools/check_modules.py ORDER")


def modules(root):
    found = {}
    for folder, _, files in os.walk(os.path.join(root, "src")):
        if "CMakeLists.txt" not in files:
            continue
        text = open(os.path.join(folder, "CMakeLists.txt")).read()
        for call in re.findall(r"dm_module\(([^)]*)\)", text):
            words = call.split()
            keys = {"NAME", "PURE", "DEPENDS", "LIBRARIES", "TEST_DEPENDS", "TEST_LIBRARIES"}
            args, key = {}, None
            for w in words:
                if w in keys:
                    key = w
                    args.setdefault(key, [])
                else:
                    args[key].append(w)
            rel = os.path.relpath(folder, os.path.join(root, "src"))
            found[args["NAME"][0]] = dict(folder=rel, pure="PURE" in args, depends=args.get("DEPENDS", []),
                                          test_depends=args.get("TEST_DEPENDS", []), files=files)
    return found


def main(root):
    mods, errors = modules(root), []
    by_folder = {m["folder"]: name for name, m in mods.items()}
    for name, m in mods.items():
        top = m["folder"].split("/")[0]
        for d in m["depends"]:
            if d not in mods:
                errors.append(f"src/{m['folder']}/CMakeLists.txt: unknown module {d}")
                continue
            dtop = mods[d]["folder"].split("/")[0]
            down = rank(dtop) > rank(top) or dtop == top
            if not down and (top, d) not in EXCEPTIONS:
                errors.append(f"src/{m['folder']}/CMakeLists.txt: {name} may not depend upwards or sideways on {d}")
        for f in sorted(m["files"]):
            if not f.endswith((".cpp", ".hpp")):
                continue
            test = f.endswith(("_test.cpp", "_for_test.hpp", "_conformance.hpp"))
            allowed = set(m["depends"]) | ({*m["test_depends"]} if test else set())
            for n, line in enumerate(open(os.path.join(root, "src", m["folder"], f)), 1):
                where = f"src/{m['folder']}/{f}:{n}"
                inc = re.match(r'\s*#include "([^"]+)"', line)
                if inc:
                    folder = os.path.dirname(inc[1])
                    other = by_folder.get(folder)
                    if other is None:
                        errors.append(f"{where}: {inc[1]} is in no module (write the path from src/)")
                    elif other != name and other not in allowed:
                        errors.append(f"{where}: {other} is not in DEPENDS of {name}")
                if m["pure"] and not test and not f.startswith("driver"):
                    for pattern, what in PURE_BANNED:
                        if pattern.search(line):
                            errors.append(f"{where}: {name} is PURE but uses {what}")
                if NO_SHARED_FROM_THIS.search(line):
                    errors.append(f"{where}: banned by docs/style: {line.strip()}")
    print("\n".join(errors) or f"{len(mods)} modules: imports point down, pure ones are pure")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "."))
