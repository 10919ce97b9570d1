#!/usr/bin/env bash
# Install the programs that `make bench` compares with, as far as Debian has them. Running it again changes nothing.
#
# Packages are kept from starting services: only the programs are wanted.
set -euo pipefail

packages=(tshark suricata libndpi-bin argus-server tcpflow python3-dpkt python3-numpy)

command -v apt-get >/dev/null || { echo 'This needs apt-get (Debian or a relative).' >&2; exit 1; }
root=()
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || { echo 'Installing packages needs root or sudo.' >&2; exit 1; }
    root=(sudo)
fi
apt=("${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 -qy)

is_installed() { dpkg-query -W -f '${db:Status-Status}\n' "$1" 2>/dev/null | grep -qx installed; }

missing=()
for name in "${packages[@]}"; do is_installed "$name" || missing+=("$name"); done
[ ${#missing[@]} -gt 0 ] || { echo 'All are installed.'; exit 0; }

# Debian's own switch for "install, but start nothing": invoke-rc.d asks this script and obeys 101.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    trap '"${root[@]}" rm -f "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' | "${root[@]}" tee "$policy" >/dev/null
    "${root[@]}" chmod 755 "$policy"
fi

"${apt[@]}" update
for name in "${missing[@]}"; do
    # One by one: a release of Debian that lacks one of them still gives the others.
    candidate=$(apt-cache policy "$name" | sed -n 's/^ *Candidate: //p')
    if [ -z "$candidate" ] || [ "$candidate" = '(none)' ]; then
        echo "$name: this release of Debian does not have it; left out"
    else
        "${apt[@]}" install --no-install-recommends "$name" || echo "$name: could not be installed; left out"
    fi
done
