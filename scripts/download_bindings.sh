#!/usr/bin/env bash
# Downloads NVIDIA's Python bindings of several versions of TensorRT into a folder, without installing them:
# tests/engines/test_tensorrt_api.py looks into them. Usage: download_bindings.sh PYTHON FOLDER
set -euo pipefail
for wheel in tensorrt-bindings==8.6.1 tensorrt-cu12-bindings=={10.3.0,10.13.3.9,11.4.0.106}; do
    "$1" -m pip download -qq --disable-pip-version-check --no-deps --only-binary :all: -d "$2" "$wheel" ||
        echo "$wheel: not for this Python or system; its test says that it is skipped" >&2
done
