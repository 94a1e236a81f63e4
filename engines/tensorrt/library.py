"""Finds TensorRT, whichever flavour of it this machine has, and keeps what it says."""

from __future__ import annotations

import importlib
from collections import deque
from dataclasses import dataclass
from typing import Any

from engines.errors import BackendUnavailableError
from engines.tensorrt.cuda import UNUSABLE

FLAVOURS = {
    "tensorrt": "tensorrt",
    "tensorrt_rtx": "tensorrt-rtx",
    # what the wheels hold when their small packages of those names were not installed
    "tensorrt_bindings": "tensorrt",
    "tensorrt_rtx_bindings": "tensorrt-rtx",
}
"""Import name -> flavour, in the order in which they are tried."""
KEPT_LINES = 40
"""The last lines of TensorRT's log that an error carries."""
KEPT_LINE_CHARACTERS = 500


@dataclass(frozen=True, slots=True)
class Library:
    """TensorRT as it was found."""

    trt: Any
    """The module; it has no types."""
    flavour: str
    """`tensorrt` or `tensorrt-rtx`."""
    version: str
    """As the library says it."""


def find_library() -> Library:
    """Import TensorRT.

    Raises:
        BackendUnavailableError: None of its names can be imported; the text has the reason of each.
    """
    reasons = []
    for name, flavour in FLAVOURS.items():
        try:
            trt = importlib.import_module(name)
            return Library(trt, flavour, str(trt.__version__))
        except UNUSABLE as error:
            reasons.append(f"{name}: {error}")
    raise BackendUnavailableError(
        f"TensorRT is not installed ({'; '.join(reasons)}); on a Jetson it comes with JetPack and the "
        "virtual environment needs --system-site-packages (docs/jetson.md)"
    )


def open_log(trt: Any) -> Any:  # noqa: ANN401 - a subclass of trt.ILogger
    """Return a logger for TensorRT that keeps the last KEPT_LINES warnings and errors and prints nothing.

    It must live as long as whatever it was given to. `kept` has the lines, oldest first.
    """
    wanted = {
        trt.ILogger.INTERNAL_ERROR: "internal error",
        trt.ILogger.ERROR: "error",
        trt.ILogger.WARNING: "warning",
    }

    class KeptLog(trt.ILogger):  # type: ignore[misc] # the library has no types
        def __init__(self) -> None:
            trt.ILogger.__init__(self)  # what pybind11 wants instead of super()
            self.kept: deque[str] = deque(maxlen=KEPT_LINES)

        def log(self, severity: Any, msg: str) -> None:  # noqa: ANN401 - the library has no types
            if severity in wanted:
                self.kept.append(f"{wanted[severity]}: {msg.strip()[:KEPT_LINE_CHARACTERS]}")

    return KeptLog()


def text_of_log(log: Any) -> str:  # noqa: ANN401 - what open_log returned
    """Return what TensorRT said, for the end of an error's text."""
    if not log.kept:
        return "TensorRT's log is empty"
    return "TensorRT's log: " + " | ".join(log.kept)
