# Run by boot.sh as root of a freshly booted box: installs, starts, breaks, upgrades and removes; prints what it finds.
# shellcheck shell=bash
set -uo pipefail
install() { bash "$(cat /trial/checkout)/systemd/install.sh" "$@" 2>&1; }
export PIP_NO_INDEX=1
tell() { echo "$1: $2"; }
of() { systemctl show -P "$2" "$1"; }
until_true() { for _ in $(seq 600); do "$@" && return; sleep 0.1; done; false; }
user_of() { ps -o user= -p "$(of "$1" MainPID)"; }
answers() { python3 -c 'import urllib.request as u; u.urlopen("http://127.0.0.1:8080/")' 2>/dev/null; }
listens() { [[ $(of wheeltapper StatusText) == *"listening to 1 of 1"* ]]; }

install --wheel /trial/wheeltapper-0.1.0-py3-none-any.whl --python /trial/python >/trial/1.log
tell installed $?
cp /trial/config.yaml /etc/wheeltapper/config.yaml
tell enabled "$(systemctl is-enabled wheeltapper wheeltapper-replay | xargs)"
tell running "$(systemctl is-active wheeltapper wheeltapper-replay | xargs)"
tell verified "$(systemd-analyze verify wheeltapper.service wheeltapper-replay.service 2>&1)"
mkdir /etc/systemd/system/wheeltapper.service.d
printf '[Service]\nWatchdogSec=3\nTimeoutAbortSec=1\nRestartSec=0.1\n' >/etc/systemd/system/wheeltapper.service.d/quick.conf
# within the fence, with the words of monitor/timedated.py
printf 'ExecStartPre=/bin/sh -c "timedatectl show --property=NTPSynchronized --value >$STATE_DIRECTORY/synchronised"\n' \
  >>/etc/systemd/system/wheeltapper.service.d/quick.conf

systemctl enable --now --quiet wheeltapper wheeltapper-replay
tell started "$(systemctl is-active wheeltapper wheeltapper-replay | xargs)"
until_true listens
tell status "$(of wheeltapper StatusText)"
tell synchronised "$(cat /var/lib/wheeltapper/synchronised)"
tell user "$(user_of wheeltapper)"
systemctl reload wheeltapper
tell reloaded "$? $(systemctl is-active wheeltapper)"
tell state "$(stat -c '%n %U:%G %a' /var/lib/wheeltapper /var/lib/wheeltapper/store.sqlite /var/lib/wheeltapper/control.sock | xargs)"
tell credential "$(stat -c '%a' /run/credentials/wheeltapper.service/mqtt-password)"
until_true answers
tell page $?
tell page_user "$(user_of wheeltapper-replay)"
tell page_writes "$(runuser -u wheeltapper-replay -- touch /var/lib/wheeltapper/x 2>&1)"
tell other_reads "$(runuser -u nobody -- ls /var/lib/wheeltapper 2>&1)"
tell as_daemon "$(runuser -u wheeltapper -- wheeltapper status --config /etc/wheeltapper/config.yaml | head -n 1)"

pid=$(of wheeltapper MainPID)
kill -STOP "$pid"   # as an engine that hangs would look to systemd
until_true test "$(of wheeltapper MainPID)" != "$pid"
again() { [ "$(of wheeltapper NRestarts)" = 1 ] && listens; }
until_true again
tell watchdog "$(of wheeltapper NRestarts) $(systemctl is-active wheeltapper)"

rm -r /etc/systemd/system/wheeltapper.service.d
systemctl stop wheeltapper-replay  # what does not run is not started by an upgrade
install --wheel /trial/wheeltapper-0.2.0-py3-none-any.whl --python /trial/python >/trial/2.log
tell upgraded "$? $(systemctl is-active wheeltapper wheeltapper-replay | xargs) $(/opt/wheeltapper/current/bin/python -c 'from importlib.metadata import version as v; print(v("wheeltapper"))')"
install --rollback >/trial/3.log
tell back "$? $(systemctl is-active wheeltapper wheeltapper-replay | xargs) $(basename "$(readlink /opt/wheeltapper/current)" | cut -d- -f1)"
install --uninstall --purge >/trial/4.log
tell removed "$? $(getent passwd wheeltapper wheeltapper-replay) $(ls -d /opt/wheeltapper /etc/wheeltapper /var/lib/wheeltapper 2>/dev/null)"
tell active "$(systemctl is-active wheeltapper wheeltapper-replay | xargs)"

left() { ls -d /opt/wheeltapper /etc/wheeltapper /var/lib/wheeltapper 2>/dev/null | xargs; getent passwd wheeltapper; }
dpkg --force-depends -i /trial/wheeltapper.deb >/trial/5.log 2>&1
tell package "$? $(systemctl is-enabled wheeltapper wheeltapper-replay | xargs) $(getent passwd wheeltapper wheeltapper-replay | cut -d: -f1 | xargs)"
tell package_configuration "$(stat -c '%U:%G %a' /etc/wheeltapper/config.yaml)"
dpkg -r wheeltapper >>/trial/5.log 2>&1
tell package_removed "$(left | head -n 1)"
dpkg -P wheeltapper >>/trial/5.log 2>&1
tell package_purged "$(left)"
