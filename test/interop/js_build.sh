#!/bin/sh
# test/interop/js_build.sh        prints the folder of the js-libp2p peer with its packages
#
# Installs what js/package-lock.json names, once for each version of it; kept in $XDG_CACHE_HOME/distromash.
set -eu
here=$(cd "$(dirname "$0")" && pwd)/js
version=$(cat "$here"/package-lock.json "$here"/*.mjs | sha256sum | cut -c1-16)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/distromash
folder=$cache/js-$version
mkdir -p "$cache"
exec 9>"$cache/js.lock"
flock 9
if [ ! -d "$folder" ]; then
    rm -rf "$folder.new"
    mkdir "$folder.new"
    cp "$here"/package.json "$here"/package-lock.json "$here"/*.mjs "$folder.new"
    # Their scripts build native modules (WebRTC), which nothing here needs.
    (cd "$folder.new" && npm ci --ignore-scripts --no-audit --no-fund) >&2
    mv "$folder.new" "$folder"
fi
echo "$folder"
