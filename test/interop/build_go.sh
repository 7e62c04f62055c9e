#!/bin/sh
# test/interop/build_go.sh kubo|peer|mesh|conformance        prints the path of the program
#
# Builds a counterpart from the Go module proxy, once for each version of its sources here: Kubo (3 minutes), or the
# small go-libp2p peer, or the member of a go-ds-crdt swarm, or
# the OCI conformance suite for registries. What is built is kept in $XDG_CACHE_HOME/distromash, outside of the repository.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
case ${1:-} in
kubo) package=github.com/ipfs/kubo/cmd/ipfs ;;
peer | mesh) package=. ;;
conformance) package=github.com/opencontainers/distribution-spec/conformance ;;
*)
    echo "usage: $0 kubo|peer|mesh|conformance" >&2
    exit 2
    ;;
esac
source=$here/go/$1
version=$(cat "$source"/* | sha256sum | cut -c1-16)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/distromash
program=$cache/$1-$version
mkdir -p "$cache"
exec 9>"$cache/$1.lock"
flock 9
if [ ! -x "$program" ]; then
    PATH=$("$here/../../tools/toolchain.sh" go):$PATH
    export PATH GOTOOLCHAIN=local GOFLAGS=-mod=readonly CGO_ENABLED=0
    (cd "$source" && go build -trimpath -o "$program.new" "$package") >&2
    mv "$program.new" "$program"
fi
echo "$program"
