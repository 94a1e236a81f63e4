#!/bin/sh
# Makes engines/demo/ae and engines/demo/mae from nothing but the simulated pump, and judges them.
# Some minutes on two cores; no download. The numbers it prints are those in each manifest.
set -eu
cd "$(dirname "$0")/../.."
exec "${PYTHON:-.venv/bin/python}" -m training.demo "$@"
