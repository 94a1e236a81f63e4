"""What is logged is for people who may read logs, and not for people who may log in."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Literal

import pytest
import structlog

from monitor.config import LogConfig
from monitor.logs import open_log, set_level


@pytest.fixture(autouse=True)
def structlog_as_before() -> Iterator[None]:
    yield
    structlog.reset_defaults()


@pytest.mark.parametrize("form", ["json", "console"])
def test_a_traceback_names_the_place_and_shows_no_variable(
    form: Literal["json", "console"], capsys: pytest.CaptureFixture[str]
) -> None:
    log = open_log(LogConfig(format=form))

    def connect() -> None:
        address = "rtsp://camera:" + "hunter" + "2@plant"
        raise ValueError(len(address))

    try:
        connect()
    except ValueError:
        log.exception("thread failed", thread="capture")
    told = capsys.readouterr().err
    assert "hunter" + "2" not in told
    assert "ValueError" in told
    assert "connect" in told


def test_what_is_below_the_level_is_not_written_and_the_level_may_change(
    capsys: pytest.CaptureFixture[str],
) -> None:
    log = open_log(LogConfig(format="json", level="warning"))
    log.info("one")
    log.warning("two")
    set_level("debug")
    log.debug("three")
    set_level("error")
    log.warning("four")
    log.error("five")
    told = capsys.readouterr().err
    assert ["two", "three", "five"] == [json.loads(line)["event"] for line in told.splitlines()]
    set_level("info")
