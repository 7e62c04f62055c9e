#!/usr/bin/python3
"""Writes files as one C++ source, for dm_embed_assets in cmake/assets.cmake.

    embed_assets.py FUNCTION OUTPUT NAME=FILE|FOLDER/...

FUNCTION returns the table (src/api/assets/asset.hpp). NAME is the path below the mount point; "NAME:gzip" stores it
compressed. A NAME that ends in .json whose FILE ends in .yaml is converted. A FOLDER stands for all files below it, its
scripts and styles compressed; more than FOLDER_BYTES_MAX of them are an error.
"""
import gzip
import hashlib
import json
import os
import sys

TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".yaml": "application/yaml",
}
LINE_BYTES = 64
# Of a page as it is embedded: what a browser loads before it shows something.
FOLDER_BYTES_MAX = 250_000


def content(name, file):
    with open(file, "rb") as f:
        data = f.read()
    if name.endswith(".json") and file.endswith(".yaml"):
        import yaml  # Debian: python3-yaml

        data = json.dumps(yaml.safe_load(data), ensure_ascii=False, default=str).encode()
    return data


def literal(data):
    """A string literal; octal escapes, since hex ones would swallow digits that follow."""
    lines = []
    for at in range(0, len(data), LINE_BYTES):
        lines.append('"' + "".join("\\%03o" % b for b in data[at : at + LINE_BYTES]) + '"')
    return "\n        ".join(lines) or '""'


def compressed(data):
    return gzip.compress(data, 9, mtime=0)


def files_below(folder):
    """As specs."""
    specs, size = [], 0
    for parent, _, names in sorted(os.walk(folder)):
        for name in sorted(names):
            file = os.path.join(parent, name)
            small = os.path.splitext(name)[1] in (".js", ".css")
            specs.append(f"{os.path.relpath(file, folder)}{':gzip' if small else ''}={file}")
            with open(file, "rb") as f:
                size += len(compressed(f.read()))
    if size > FOLDER_BYTES_MAX:
        sys.exit(f"embed_assets: {folder} is {size} bytes compressed, more than {FOLDER_BYTES_MAX}")
    return specs


def entry(spec):
    name, file = spec.split("=", 1)
    name, _, how = name.partition(":")
    data = content(name, file)
    etag = hashlib.sha256(data).hexdigest()[:16]
    if how == "gzip":
        data = compressed(data)
    kind = TYPES[os.path.splitext(name)[1]]
    return f'''    {{"{name}", "{kind}", "\\"{etag}\\"", {"true" if how == "gzip" else "false"},
     std::string_view(
        {literal(data)},
        {len(data)})}},
'''


def main(function, output, specs):
    specs = [spec for s in specs for spec in (files_below(s) if s.endswith("/") else [s])]
    text = f"""#include "api/assets/asset.hpp"

#pragma GCC diagnostic ignored "-Woverlength-strings"

namespace dm::assets {{

std::span<const asset> {function}() noexcept {{
    static constexpr asset table[] = {{
{"".join(entry(s) for s in specs)}    }};
    return table;
}}

}}  // namespace dm::assets
"""
    with open(output, "w") as f:
        f.write(text)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
