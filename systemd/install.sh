#!/usr/bin/env bash
# Installs or upgrades Wheeltapper as a service. May be run again: configuration and state are kept,
# and nothing is enabled or started that was not before.
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
[ "$(id -u)" = 0 ] || { echo "install.sh: run as root: sudo systemd/install.sh" >&2; exit 1; }

bash "$here/scripts/install_system.sh" run
id wheeltapper >/dev/null 2>&1 \
  || useradd --system --home-dir /var/lib/wheeltapper --shell /usr/sbin/nologin --groups audio wheeltapper
install -d -m 0755 /opt/wheeltapper /opt/wheeltapper/share /etc/wheeltapper
test -x /opt/wheeltapper/venv/bin/pip || python3 -m venv /opt/wheeltapper/venv
# built from a copy: root's build folders in the checkout would stop its owner's next `make`, and old ones
# would bring deleted modules back. `demo` holds the broker that the shipped configuration names.
build=$(mktemp -d)
trap 'rm -rf "$build"' EXIT
cp -r "$here"/{pyproject.toml,README.md,LICENSE,monitor,engines,training} "$build"
/opt/wheeltapper/venv/bin/python -m pip install --quiet --disable-pip-version-check --upgrade "$build[demo]"
rm -rf /opt/wheeltapper/share/docs
cp -r "$here/docs" /opt/wheeltapper/share/
# a stream's address may hold a password
test -e /etc/wheeltapper/config.yaml \
  || install -m 0640 -g wheeltapper "$here/config.yaml" /etc/wheeltapper/config.yaml
install -m 0644 "$here/systemd/wheeltapper.service" /etc/systemd/system/wheeltapper.service
if [ -d /run/systemd/system ]; then
  systemctl daemon-reload
  systemctl try-restart wheeltapper.service
fi
echo "installed; edit /etc/wheeltapper/config.yaml, then: systemctl enable --now wheeltapper"
