#!/usr/bin/env bash
# boot.sh FOLDER PROGRAM: boots the systemd of this machine in a container on a copy-on-write view of the root file
# system, runs PROGRAM in it as the only service of its own, and ends. FOLDER is /trial there; nothing else is kept.
# Needs root, systemd-nspawn and overlayfs; called by `unshare --mount`, so that no mount outlives it.
set -euo pipefail
folder=$1 program=$2
work=$(mktemp -d)
mount --make-rprivate /
trap 'umount -R "$work" || true; rmdir "$work"' EXIT
mount -t tmpfs tmpfs "$work"
mkdir "$work/upper" "$work/work" "$work/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$work/upper,workdir=$work/work" "$work/root"
# systemd wants the unified hierarchy, whatever this machine has
umount -R /sys/fs/cgroup
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mkdir "$work/root/trial"
echo 00000000000000000000000000000001 >"$work/root/etc/machine-id"
# what this machine would start at boot is not wanted
rm -rf "$work/root"/etc/systemd/system/*.wants "$work/root"/etc/systemd/system/wheeltapper*
cat >"$work/root/etc/systemd/system/trial.service" <<UNIT
[Unit]
Requires=basic.target
After=basic.target
SuccessAction=exit-force
FailureAction=exit-force
[Service]
Type=oneshot
ExecStart=/bin/bash $program
StandardOutput=file:/trial/output
StandardError=inherit
UNIT
systemd-nspawn --quiet --directory="$work/root" --bind="$folder:/trial" --register=no --keep-unit --private-network \
  --console=pipe --boot -- --unit=trial.service --log-target=null --show-status=no </dev/null >"$folder/console" 2>&1
