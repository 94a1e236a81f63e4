#!/usr/bin/env bash
# `make run`: the daemon on its embedded defaults, and beside it what the broker carries.
#
#   run.sh simulated | microphone      WHEELTAPPER_SECONDS=90 stops it by itself (for tests)
set -euo pipefail
cd "$(dirname "$0")/.."
exec .venv/bin/wheeltapper run --demo "${1:-simulated}" ${WHEELTAPPER_SECONDS:+--seconds "$WHEELTAPPER_SECONDS"}
