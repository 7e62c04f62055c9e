#!/usr/bin/python3
"""Writes files as one C++ source, for dm_embed_assets in cmake/assets.cmake.

    embed_assets.py FUNCTION OUTPUT NAME=FILE...

FUNCTION returns the table (src/api/assets/asset.hpp). NAME is the path below the mount point; "NAME:gzip" stores it
compressed. A NAME that ends in .json whose FILE ends in .yaml is converted.
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


def entry(spec):
    name, file = spec.split("=", 1)
    name, _, how = name.partition(":")
    data = content(name, file)
    etag = hashlib.sha256(data).hexdigest()[:16]
    if how == "gzip":
        data = gzip.compress(data, mtime=0)
    kind = TYPES[os.path.splitext(name)[1]]
    return f'''    {{"{name}", "{kind}", "\\"{etag}\\"", {"true" if how == "gzip" else "false"},
     std::string_view(
        {literal(data)},
        {len(data)})}},
'''


def main(function, output, specs):
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
