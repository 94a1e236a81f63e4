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
test -x /opt/wheeltapper/venv/bin/python || python3 -m venv /opt/wheeltapper/venv
/opt/wheeltapper/venv/bin/python -m pip install --quiet --disable-pip-version-check --upgrade "$here"
cp -r "$here/docs" /opt/wheeltapper/share/
test -e /etc/wheeltapper/config.yaml || install -m 0644 "$here/config.yaml" /etc/wheeltapper/config.yaml
install -m 0644 "$here/systemd/wheeltapper.service" /etc/systemd/system/wheeltapper.service
if [ -d /run/systemd/system ]; then
  systemctl daemon-reload
  systemctl try-restart wheeltapper.service
fi
echo "installed; edit /etc/wheeltapper/config.yaml, then: systemctl enable --now wheeltapper"
