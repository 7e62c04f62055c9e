#!/bin/sh
# tools/web.sh build OUT | check | test | format | dev        the web application in web/app
#
# build puts the files to embed into OUT. The packages are those of web/app/package-lock.json (tools/npm_ci.sh);
# web/app/node_modules is a link to them.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
app=$root/web/app
modules=$("$root/tools/npm_ci.sh" "$app") || {
    echo "web: the packages of web/app could not be had" >&2
    [ "${DM_REQUIRE_ALL:-}" = 1 ] && exit 1
    exit 77
}
PATH=$("$root/tools/toolchain.sh" node):$PATH
if [ "$(readlink "$app/node_modules" || true)" != "$modules" ]; then
    # By way of a rename, since two builds may do this at once.
    ln -s "$modules" "$app/.node_modules.$$"
    mv -T "$app/.node_modules.$$" "$app/node_modules"
fi
cd "$app"

case ${1:-} in
build) exec npx --no-install vite build --logLevel warn --emptyOutDir --outDir "$2" ;;
check | test | format | dev) exec npm run --silent "$1" ;;
*)
    echo "usage: tools/web.sh build OUT | check | test | format | dev" >&2
    exit 2
    ;;
esac
