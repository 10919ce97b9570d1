#!/usr/bin/env bash
# Install what the lab's traffic classes need on Debian 12, and build uppity, PuTTY's SSH-1 test server.
#
#   lab/install.sh          everything (as root); running it again changes nothing
#
# Packages are kept from starting their services: the lab starts each server itself, inside a network
# namespace, with a configuration of its own. Uppity goes to /usr/local/lib/wiretropy-lab/, or to
# $WIRETROPY_LAB_PREFIX.
set -euo pipefail

prefix=${WIRETROPY_LAB_PREFIX:-/usr/local/lib/wiretropy-lab}
here=$(cd "$(dirname "$0")" && pwd)
apt=(apt-get -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 -qy)

packages=(
    iproute2 ethtool tcpdump openssl procps
    nginx-light libnginx-mod-rtmp curl wget
    openssh-server openssh-client dropbear-bin
    putty-tools openssh-client-ssh1 socat
    ffmpeg rtmpdump
    xrdp tigervnc-standalone-server rdesktop freerdp2-x11 xvfb xdotool xterm
    build-essential cmake dpkg-dev
)

scratch=$(mktemp -d)
policy=/usr/sbin/policy-rc.d
made_policy=no
leave() {
    rm -rf "$scratch"
    if [ "$made_policy" = yes ]; then rm -f "$policy"; fi
}
trap leave EXIT

install_packages() {
    local missing=() name
    for name in "${packages[@]}"; do
        dpkg-query -W -f '${db:Status-Status}\n' "$name" 2>/dev/null | grep -qx installed || missing+=("$name")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    # Debian's own switch for "install, but start nothing": invoke-rc.d asks this script and obeys 101.
    if [ ! -e "$policy" ]; then
        printf '#!/bin/sh\nexit 101\n' >"$policy"
        chmod 755 "$policy"
        made_policy=yes
    fi
    "${apt[@]}" update
    DEBIAN_FRONTEND=noninteractive "${apt[@]}" install --no-install-recommends "${missing[@]}"
}

# Fetch PuTTY's source package through the package sources this machine already has, and unpack it into
# $scratch/putty. Most machines list binary packages only, so a throw-away copy of the list asks for
# sources; the system's own list stays as it is.
fetch_putty_source() {
    local parts=$scratch/sources lists=$scratch/lists file
    mkdir -p "$parts" "$lists/partial"
    for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
        [ ! -f "$file" ] || sed -n 's/^deb \(.*debian.*\)/deb-src \1/p' "$file" >>"$parts/copied.list"
    done
    for file in /etc/apt/sources.list.d/*.sources; do
        if [ -f "$file" ] && grep -q debian-archive-keyring "$file"; then
            sed 's/^Types:.*/Types: deb-src/' "$file" >"$parts/$(basename "$file")"
        fi
    done
    local source_only=(-o Dir::Etc::SourceList=/dev/null -o Dir::Etc::SourceParts="$parts" -o Dir::State::Lists="$lists")
    chmod 755 "$scratch"
    "${apt[@]}" "${source_only[@]}" update
    cd "$scratch"
    # Some mirrors lack the upstream signature that the package lists, and apt-get then complains after it has
    # fetched all the rest. dpkg-source checks the digests of what it unpacks, and refuses if a tarball is missing.
    "${apt[@]}" "${source_only[@]}" source --download-only putty || true
    sed '/\.asc$/d' putty_*.dsc >unsigned.dsc
    dpkg-source -x unsigned.dsc putty
    cd "$here"
}

build_uppity() {
    [ -x "$prefix/uppity" ] && return 0
    fetch_putty_source
    patch -d "$scratch/putty" -p1 <"$here/uppity-ssh1-server-key.patch"
    cmake -S "$scratch/putty" -B "$scratch/build" -DPUTTY_GTK_VERSION=NONE -DCMAKE_BUILD_TYPE=Release >"$scratch/cmake.log"
    nice make -C "$scratch/build" -j2 uppity >"$scratch/make.log" 2>&1 || { tail -n 30 "$scratch/make.log" >&2; return 1; }
    install -D -m 755 "$scratch/build/uppity" "$prefix/uppity"
    sed -n 's/^Version: //p' "$scratch/unsigned.dsc" >"$prefix/uppity.version"
}

install_packages
build_uppity
