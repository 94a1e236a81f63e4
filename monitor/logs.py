"""One log event per fact: JSON lines under systemd, coloured lines on a terminal."""

from __future__ import annotations

import logging
import sys
from typing import Any, ClassVar, Protocol

import structlog
from structlog.typing import EventDict

from monitor.config import LogConfig

LEVELS = ("debug", "info", "warning", "error")
"""As log.level has them, least first."""


class Log(Protocol):
    """What the daemon needs of a logger; structlog's bound loggers are one."""

    def debug(self, event: str, **facts: Any) -> Any: ...  # noqa: ANN401, D102 - structlog's signature
    def info(self, event: str, **facts: Any) -> Any: ...  # noqa: ANN401, D102
    def warning(self, event: str, **facts: Any) -> Any: ...  # noqa: ANN401, D102
    def error(self, event: str, **facts: Any) -> Any: ...  # noqa: ANN401, D102
    def exception(self, event: str, **facts: Any) -> Any: ...  # noqa: ANN401, D102


class _Threshold:
    """Drops what lies below a level. structlog is set up once; this is what may change while it runs."""

    METHODS: ClassVar = {"exception": "error", "critical": "error", "warn": "warning"}

    def __init__(self) -> None:
        self.level = "info"

    def __call__(self, _logger: object, method: str, event: EventDict) -> EventDict:
        if LEVELS.index(self.METHODS.get(method, method)) < LEVELS.index(self.level):
            raise structlog.DropEvent
        return event


_THRESHOLD = _Threshold()


def set_level(level: str) -> None:
    """Write nothing below `level`, one of LEVELS, from now on. From any thread."""
    _THRESHOLD.level = level


def open_log(config: LogConfig) -> Log:
    """Return the log that the configuration asks for, on standard error."""
    terminal = sys.stderr.isatty()
    console = config.format == "console" or (config.format == "auto" and terminal)
    set_level(config.level)
    # tracebacks go without local variables: the address of a stream, with its password, may be among them
    plain = structlog.dev.plain_traceback
    renderer: Any = (
        structlog.dev.ConsoleRenderer(colors=terminal, exception_formatter=plain)
        if console
        else structlog.processors.JSONRenderer()
    )
    processors: list[Any] = [
        _THRESHOLD,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
    ]
    if not console:
        tracebacks = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
        processors.append(structlog.processors.ExceptionRenderer(tracebacks))
    structlog.configure(
        processors=[*processors, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(logging.NOTSET),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    log: Log = structlog.get_logger()
    return log
