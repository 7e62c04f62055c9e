#!/bin/sh
# tools/setup.sh SET...     SET: build, package, test, demo or python (what tools/toolchain.sh needs)
#
# Installs the Debian 12 packages of the sets that are missing; when nothing is missing it touches nothing and needs no
# network. Services that a package would start on install are neither started nor left enabled.
set -eu

build="clang-19 lld-19 libclang-rt-19-dev cmake ninja-build ccache pkg-config
    libboost1.81-dev libssl-dev libsodium-dev libsqlite3-dev libcurl4-openssl-dev nlohmann-json3-dev libspdlog-dev
    libfmt-dev libcli11-dev libarchive-dev libzstd-dev libprotozero-dev prometheus-cpp-dev libgtest-dev libgmock-dev
    libbenchmark-dev python3 python3-yaml"
demo="docker-registry docker.io busybox-static python3"
package="dpkg-dev"
test="$demo $package adduser systemd procps clang-format-19 clang-tidy-19 python3-pytest python3-cryptography python3-venv skopeo iproute2 iptables curl openssl git
    chromium-headless-shell fonts-dejavu-core"
python="python3 python3-venv"
services="docker.service docker.socket containerd.service docker-registry.service"

fail() {
    echo "setup: $*" >&2
    exit 1
}
installed() { [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

missing=
for set in "$@"; do
    case $set in
    build) packages=$build ;;
    package) packages=$package ;;
    test) packages=$test ;;
    demo) packages=$demo ;;
    python) packages=$python ;;
    *) fail "unknown set '$set': build, package, test, demo or python" ;;
    esac
    for p in $packages; do
        # Docker's own packages (docker-ce) do as well as Debian's.
        if [ "$p" = docker.io ] && PATH=$PATH:/usr/sbin command -v dockerd >/dev/null; then continue; fi
        case " $missing " in *" $p "*) continue ;; esac
        installed "$p" || missing="$missing $p"
    done
done
[ -n "$missing" ] || exit 0

command -v apt-get >/dev/null || fail "these packages are missing and apt-get is not here to install them:$missing"
as_root=
if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || fail "run as root, or install sudo: needs$missing"
    as_root=sudo
fi

# Units that are here already belong to the user: only what this install brings is switched off.
new_services=
for s in $services; do
    [ -e "/lib/systemd/system/$s" ] || [ -e "/etc/systemd/system/$s" ] || new_services="$new_services $s"
done

# invoke-rc.d asks this file before it starts a service; 101 = no.
policy=/usr/sbin/policy-rc.d
cleanup() { :; }
if [ ! -e $policy ]; then
    printf '#!/bin/sh\nexit 101\n' | $as_root tee $policy >/dev/null
    $as_root chmod 755 $policy
    cleanup() { $as_root rm -f $policy; }
    trap cleanup EXIT
    trap 'exit 130' INT TERM HUP
fi

echo "setup: installing$missing"
log=$(mktemp)
apt() {
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 "$@" >>"$log" 2>&1
}
# A fresh machine has no package lists, an old one stale lists: in both cases the second try is the right one.
# shellcheck disable=SC2086
if ! apt install -y --no-install-recommends $missing; then
    apt update || true
    : >"$log"
    apt install -y --no-install-recommends $missing || {
        cat "$log" >&2
        fail "apt-get could not install:$missing"
    }
fi
rm -f "$log"

for s in $new_services; do
    [ -e "/lib/systemd/system/$s" ] || continue
    if command -v systemctl >/dev/null; then
        $as_root systemctl --quiet disable "$s" 2>/dev/null || true
    else # no systemd here (yet): take its links away by hand
        $as_root find /etc/systemd/system -path "*.wants/$s" -type l -delete
    fi
    if command -v update-rc.d >/dev/null && [ -e "/etc/init.d/${s%.service}" ]; then
        $as_root update-rc.d "${s%.service}" disable >/dev/null 2>&1 || true
    fi
done
