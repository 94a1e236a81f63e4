#!/usr/bin/env bash
# Installs the Debian/Ubuntu packages that Wheeltapper needs and lacks:
#
#   install_system.sh venv    what Python environments are made with
#   install_system.sh run     also PortAudio, for microphones
#   install_system.sh test    also a broker, a sound server, ffmpeg, a browser, wrk and systemd, for the tests
#
# As root it installs them; otherwise it prints the one line to run, and goes on: only
# microphones (run) or some tests (test, which then skip and say so) need them.
set -euo pipefail

needed() { # program-or-library package
  case "$1" in
    lib*.so*) ldconfig -p | grep -q "$1" || echo "$2" ;;
    *) command -v "$1" >/dev/null || echo "$2" ;;
  esac
}

packages=$(
  command -v python3 >/dev/null && python3 -c 'import venv, ensurepip' 2>/dev/null || echo python3-venv
  [ "${1:-run}" = venv ] || needed libportaudio.so.2 libportaudio2
  if [ "${1:-run}" = test ]; then
    needed mosquitto mosquitto
    needed mosquitto_sub mosquitto-clients
    needed pulseaudio pulseaudio
    needed pactl pulseaudio-utils
    ls /usr/lib/*/alsa-lib/libasound_module_pcm_pulse.so >/dev/null 2>&1 || echo libasound2-plugins
    needed ffmpeg ffmpeg
    needed chromium chromium
    needed wrk wrk
    needed systemd-analyze systemd
    needed systemd-nspawn systemd-container
  fi
)
packages=$(echo "$packages" | xargs)
[ -z "$packages" ] && exit 0

if ! command -v apt-get >/dev/null; then
  echo "wheeltapper: install the equivalents of: $packages" >&2
elif [ "$(id -u)" = 0 ]; then
  echo "installing: $packages"
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq
  # shellcheck disable=SC2086 # a list of packages
  apt-get install -y -qq --no-install-recommends $packages >/dev/null
else
  echo "wheeltapper: system packages are missing; run this once:" >&2
  echo "  sudo apt-get update && sudo apt-get install -y --no-install-recommends $packages" >&2
fi
