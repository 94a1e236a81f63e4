#!/usr/bin/env bash
# Takes promtool out of Debian's package `prometheus` (19 MB) into a folder, without installing the package, which
# would start a server: tests/metrics checks rules and metrics with it. Usage: unpack_promtool.sh FOLDER
set -euo pipefail
mkdir -p "$1"
folder=$(cd "$1" && pwd)
[ -x "$folder/promtool" ] && exit 0
if ! command -v apt-get >/dev/null || ! command -v dpkg-deb >/dev/null; then
    echo "no Debian packages here, so no promtool; its tests say that they are skipped" >&2
    exit 0
fi
package=$(mktemp -d)
trap 'rm -rf "$package"' EXIT
cd "$package"
# as root apt would hand the download to its own user, who may not write here
apt-get -qq -o APT::Sandbox::User=root download prometheus ||
    { echo "the package prometheus cannot be had; promtool's tests say that they are skipped" >&2; exit 0; }
dpkg-deb --fsys-tarfile prometheus_*.deb | tar -x ./usr/bin/promtool
mv usr/bin/promtool "$folder/promtool"
