#!/usr/bin/env bash
# Installs, upgrades, rolls back or removes Wheeltapper as services. May be run again at any time.
#
#   install.sh                       this checkout; nothing is enabled or started that was not before
#   install.sh --wheel FILE          a wheel in place of the checkout's Python
#   install.sh --wheelhouse DIR      without network: DIR holds the wheels of everything, ours too
#   install.sh --rollback            the version before this one, with its units; again: back again
#   install.sh --uninstall           removes programs and units; configuration and state stay
#   install.sh --uninstall --purge   removes those too, and the users
#
#   --python EXE   what the environment is made with; default: python3
#   --root DIR     everything below DIR, no users, no services: a look at what it would do
#
#   /opt/wheeltapper/versions/VERSION   an environment each; `current` and `previous` are links to two of them
#   /etc/wheeltapper                    config.yaml, and requirements.txt: packages that each version shall have too
#   /var/lib/wheeltapper                the state: never touched, but for the store's copy at a rollback
set -euo pipefail
shopt -s nullglob
here=$(cd "$(dirname "$0")/.." && pwd)
. "$here/systemd/people.sh"

UNITS=(wheeltapper.service wheeltapper-replay.service)
action=install wheel='' wheelhouse='' root='' purge='' python=python3
while [ $# -gt 0 ]; do
  case "$1" in
    --wheel) wheel=$(realpath "$2"); shift ;;
    --wheelhouse) wheelhouse=$(realpath "$2"); shift ;;
    --python) python=$2; shift ;;
    --root) root=$(realpath -m "$2"); shift ;;
    --rollback | --uninstall) action=${1#--} ;;
    --purge) purge=yes ;;
    --help) sed -n '2,/^set/s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) echo "wheeltapper: $1 is not known; see $0 --help" >&2; exit 2 ;;
  esac
  shift
done
opt=$root/opt/wheeltapper etc=$root/etc/wheeltapper units=$root/etc/systemd/system

say() { echo "wheeltapper: $*"; }
die() { echo "wheeltapper: $*" >&2; exit 1; }
on_this_box() { [ -z "$root" ]; }
with_systemd() { on_this_box && [ -d /run/systemd/system ]; }

refuse_what_cannot_be() {
  ! on_this_box || [ "$(id -u)" = 0 ] || die "run as root: sudo $0"
  if on_this_box && dpkg-query -W -f='${Status}' wheeltapper 2>/dev/null | grep -q ' installed$'; then
    die "the Debian package is installed; upgrade it with apt, or remove it first: apt remove wheeltapper"
  fi
  "$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))' \
    || die "$python is older than Python 3.10; name another: --python EXE"
}

# What is installed: a wheel, or the checkout. Sets `version`, which names its folder: two builds of one version differ,
# and so do environments of another Python or with other packages of the box's own.
choose_version() {
  local number sources
  if [ -z "$wheel" ] && [ -n "$wheelhouse" ]; then
    wheel=$(printf '%s\n' "$wheelhouse"/wheeltapper-*.whl | sort -V | tail -n 1)
  fi
  site_packages=()
  if "$python" -c 'import tensorrt' 2>/dev/null; then
    site_packages=(--system-site-packages)
    say "the box's own TensorRT is used: the environment sees the packages of $python"
  fi
  if [ -n "$wheel" ]; then
    [ -f "$wheel" ] || die "$wheel: not there"
    number=${wheel##*/wheeltapper-} number=${number%%-*}
    sources=("$wheel")
  else
    number=$(sed -n 's/^version = "\(.*\)"$/\1/p' "$here/pyproject.toml")
    mapfile -d '' sources < <(find "$here"/{pyproject.toml,monitor,engines,training} -type f \
      ! -name '*.pyc' ! -path '*/.mypy_cache/*' -print0 | sort -z)
  fi
  [ ! -e "$etc/requirements.txt" ] || sources+=("$etc/requirements.txt")
  version=$number-$({ cat "${sources[@]}" "$here"/systemd/*.service; "$python" -VV; echo "${site_packages[@]}"; } \
    | sha256sum | cut -c1-8)
}

# Makes the environment of `version` at its final place, since scripts name it; a half one is begun anew.
make_version() {
  local to=$opt/versions/$version source=$wheel pip
  if [ -e "$to/complete" ]; then
    say "version $version is there"
    return
  fi
  rm -rf "$to"
  install -d -m 0755 "$to"
  say "making version $version: this takes some minutes"
  "$python" -m venv "${site_packages[@]}" "$to"
  pip=("$to/bin/python" -m pip install --quiet --disable-pip-version-check)
  [ -z "$wheelhouse" ] || pip+=(--no-index --find-links "$wheelhouse")
  if [ -z "$source" ]; then
    # from a copy: root's build folders in the checkout would stop its owner's next `make`, and old ones
    # would bring deleted modules back
    build=$(mktemp -d)
    trap 'rm -rf "$build"' EXIT
    cp -r "$here"/{pyproject.toml,README.md,LICENSE,monitor,engines,training} "$build"
    source=$build
  fi
  # `demo` holds the broker that the shipped configuration names
  "${pip[@]}" "${source}[demo]"
  [ ! -e "$etc/requirements.txt" ] || "${pip[@]}" --requirement "$etc/requirements.txt"
  install -d "$to/share/doc" "$to/share/wheeltapper"
  cp -r "$here/docs" "$to/share/doc/wheeltapper"
  cp "$here"/systemd/*.service "$here/systemd/gpu.conf" "$to/share/wheeltapper"
  chmod -R a+rX,go-w "$to"
  touch "$to/complete"
}

ask_version() { # folder, Python, arguments; prints what it prints, as the daemon's user
  local as=()
  ! on_this_box || as=(runuser -u wheeltapper --)
  (cd / && STATE_DIRECTORY=$root/var/lib/wheeltapper "${as[@]}" "$1/bin/python" -B -c "$2" "${@:3}")
}

# An upgrade that refuses the configuration in use would be a box that is silent from now on.
try_configuration() {
  [ -e "$etc/config.yaml" ] || return 0
  ask_version "$opt/versions/$version" \
    'import sys, pathlib, monitor.config as c; c.load_config(pathlib.Path(sys.argv[1]))' "$etc/config.yaml" 2>"$opt/refused" \
    || die "version $version refuses $etc/config.yaml, so nothing was changed: $(tail -n 5 "$opt/refused")"
  rm -f "$opt/refused"
}

point() { # link, folder: in one step, so that there is always a whole version to start
  ln -sfn "$2" "$1.new"
  mv -T "$1.new" "$1"
}

switch_to() { # version
  local old
  old=$(readlink "$opt/current" || true)
  if [ "$old" = "versions/$1" ]; then
    return
  fi
  point "$opt/current" "versions/$1"
  [ -z "$old" ] || point "$opt/previous" "$old"
  say "current version: $1${old:+, before: ${old#versions/}}"
}

place_units() {
  local unit from=$opt/current/share/wheeltapper
  install -d -m 0755 "$units" "$root/usr/local/bin"
  for unit in "${UNITS[@]}"; do
    if [ -e "$from/$unit" ]; then
      cmp -s "$from/$unit" "$units/$unit" || { install -m 0644 "$from/$unit" "$units/$unit"; say "unit: $units/$unit"; }
    else
      rm -f "${units:?}/$unit"  # a version that did not have it
    fi
  done
  cmp -s "$here/systemd/wheeltapper.sh" "$root/usr/local/bin/wheeltapper" \
    || install -m 0755 "$here/systemd/wheeltapper.sh" "$root/usr/local/bin/wheeltapper"
}

restart() {
  with_systemd || return 0
  systemctl daemon-reload
  systemctl try-restart "${UNITS[@]}" \
    || die "version $(readlink "$opt/current") does not start (journalctl -u wheeltapper); back again: sudo $0 --rollback"
}

configure() {
  install -d -m 0750 "$etc"
  if on_this_box; then
    make_people
    allow_gpu "$units" "$here/systemd/gpu.conf"
    chgrp wheeltapper "$etc"
    install -d -m 0750 -o wheeltapper -g wheeltapper /var/lib/wheeltapper
  fi
  if [ ! -e "$etc/config.yaml" ]; then
    # a stream's address may hold a password
    install -m 0640 "$here/config.yaml" "$etc/config.yaml"
    say "configuration: $etc/config.yaml, to be edited"
  fi
  ! on_this_box || chgrp wheeltapper "$etc/config.yaml"
}

forget_old_versions() {
  local folder
  for folder in "$opt"/versions/*; do
    if [ "$folder" -ef "$opt/current" ] || [ "$folder" -ef "$opt/previous" ]; then
      continue
    fi
    rm -rf "$folder"
    say "removed version ${folder##*/}"
  done
}

install_version() {
  refuse_what_cannot_be
  if on_this_box; then
    bash "$here/scripts/install_system.sh" run \
      || say "some system packages could not be installed; microphones need libportaudio2"
  fi
  configure
  choose_version
  make_version
  try_configuration
  switch_to "$version"
  place_units
  restart
  forget_old_versions
  say "installed; edit $etc/config.yaml, then: systemctl enable --now wheeltapper wheeltapper-replay"
}

# Older software refuses a store that newer software has converted. The newer one kept a copy from before; what was
# stored since stays in the file that is moved aside.
put_store_back() {
  local old=$opt/previous new=$opt/current state_dir known
  state_dir=$(ask_version "$new" \
    'import sys, pathlib, monitor.config as c; print(c.load_config(pathlib.Path(sys.argv[1])).state_dir)' "$etc/config.yaml")
  known=$(ask_version "$old" 'from monitor.store.schema import NEWEST; print(NEWEST)')
  ask_version "$new" \
    'import sys, pathlib, monitor.store.conversion as c; print(c.put_back(pathlib.Path(sys.argv[1]), int(sys.argv[2])) or "")' \
    "$state_dir" "$known"
}

roll_back() {
  local running='' aside
  [ -e "$opt/previous" ] || die "there is no previous version below $opt"
  if with_systemd; then
    running=$(for unit in "${UNITS[@]}"; do systemctl is-active --quiet "$unit" && echo "$unit" || true; done)
    systemctl stop "${UNITS[@]}"
  fi
  aside=$(put_store_back) || die "the store could not be put back for $(readlink "$opt/previous"); nothing was changed"
  [ -z "$aside" ] || say "the store is as it was before the upgrade; what was stored since is in $aside"
  switch_to "$(basename "$(readlink "$opt/previous")")"
  place_units
  if with_systemd; then
    systemctl daemon-reload
    # shellcheck disable=SC2086 # a list of units
    [ -z "$running" ] || systemctl start $running
  fi
}

uninstall() {
  refuse_what_cannot_be
  if with_systemd; then
    systemctl disable --now --quiet "${UNITS[@]}" 2>/dev/null || true
  fi
  rm -rf "$opt" "$units"/wheeltapper{,-replay}.service "$root/usr/local/bin/wheeltapper"
  if [ -n "$purge" ]; then
    rm -rf "$units"/wheeltapper{,-replay}.service.d "$etc" \
      "$root"/var/{lib/wheeltapper,cache/wheeltapper-replay,log/wheeltapper-replay}
    ! on_this_box || remove_people
    say "removed, with configuration, state and users"
  else
    say "removed; $etc and $root/var/lib/wheeltapper stay (--purge removes them)"
  fi
  ! with_systemd || systemctl daemon-reload
}

case $action in
  install) install_version ;;
  rollback) refuse_what_cannot_be; roll_back ;;
  uninstall) uninstall ;;
esac
