#!/usr/bin/env python3
"""Holds every C++ file of the repository to .clang-format; --fix rewrites the files instead."""
import argparse
import subprocess
import sys

CLANG_FORMAT = "clang-format-19"


def cpp_files():
    out = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "*.cpp", "*.hpp"],
                         check=True, capture_output=True, text=True).stdout
    return out.split()


def main():
    args = argparse.ArgumentParser(description=__doc__)
    args.add_argument("--fix", action="store_true")
    fix = args.parse_args().fix
    files = cpp_files()
    if not files:
        return 0
    if fix:
        return subprocess.run([CLANG_FORMAT, "-i", *files]).returncode
    p = subprocess.run([CLANG_FORMAT, "--dry-run", "-Werror", *files], capture_output=True, text=True)
    if p.returncode:
        sys.stdout.write(p.stderr)
        print("run `make format`")
        return 1
    print(f"{len(files)} files are formatted")
    return 0


if __name__ == "__main__":
    sys.exit(main())
