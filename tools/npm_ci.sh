#!/bin/sh
# tools/npm_ci.sh FOLDER        prints the node_modules folder of FOLDER/package-lock.json
#
# Installed once per lock file below build/npm, outside the sources; what is there is used again without network.
# Node is the machine's own, or the one of tools/toolchain.sh.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
source=$(cd "$1" && pwd)

name=$(basename "$source")-$(sha256sum "$source/package-lock.json" | cut -c1-12)
home=$root/build/npm/$name
if [ ! -e "$home/done" ]; then
    if ! command -v npm >/dev/null; then
        bin=$("$root/tools/toolchain.sh" node)
        PATH=$bin:$PATH
    fi
    # Two builds may come here at once: each installs on its own, the first to finish wins.
    mkdir -p "$root/build/npm"
    work=$(mktemp -d "$root/build/npm/.$name.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    cp "$source/package.json" "$source/package-lock.json" "$source/.npmrc" "$work/"
    (cd "$work" && npm ci --loglevel=error) >&2
    touch "$work/done"
    chmod 755 "$work"
    mv -T "$work" "$home" 2>/dev/null || [ -e "$home/done" ]
fi
echo "$home/node_modules"
