#!/usr/bin/env python3
"""Every file and folder of the project that README.md and docs/ name in `code` is there, and so are linked pages."""
import os
import re
import subprocess
import sys

CODE = re.compile(r"`([A-Za-z0-9_./-]+)`")
LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")
SOURCES = (".cpp", ".hpp", ".py", ".sh", ".ts", ".cmake", ".svelte")
FOLDERS = ("src/", "test/", "tools/", "bench/", "docs/", "web/", "fuzz/", "cmake/")


def is_there(name, files, folders):
    """A path from the root, or as a text that follows a folder shortens it: the end of one."""
    name = name.rstrip("/")
    return name in files or name in folders or any(f.endswith("/" + name) for f in files)


def main():
    root = sys.argv[1] if len(sys.argv) > 1 else "."
    listed = subprocess.run(["git", "-C", root, "ls-files", "-co", "--exclude-standard"], capture_output=True, text=True,
                            check=True).stdout.split("\n")
    files = {f for f in listed if f and os.path.exists(os.path.join(root, f))}
    folders = {f[:i] for f in files for i, c in enumerate(f) if c == "/"}
    missing = []
    for page in sorted(f for f in files if f == "README.md" or (f.startswith("docs/") and f.endswith(".md"))):
        with open(os.path.join(root, page)) as f:
            text = f.read()
        for name in CODE.findall(text):
            if (name.endswith(SOURCES) or name.startswith(FOLDERS)) and not is_there(name, files, folders):
                missing.append(f"{page}: `{name}`")
        for target in LINK.findall(text):
            if not os.path.exists(os.path.join(root, os.path.dirname(page), target)):
                missing.append(f"{page}: link to {target}")
    for m in missing:
        print(f"{m} is not there")
    print(f"documentation: {len(missing) or 'no'} names of what is not there")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
