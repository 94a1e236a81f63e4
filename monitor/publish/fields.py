"""What fields of documents are made of: times as text, and the unit that stands beside each field."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Annotated

from pydantic import Field
from pydantic.config import JsonDict

TIME_PATTERN = r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$"

Time = Annotated[str, Field(pattern=TIME_PATTERN, json_schema_extra={"format": "date-time"})]
"""RFC 3339, UTC, milliseconds, `Z`."""

TEXT: JsonDict = {"unit": "text"}
BOOLEAN: JsonDict = {"unit": "boolean"}
COUNT: JsonDict = {"unit": "count"}
DOCUMENT: JsonDict = {"unit": "document"}
UTC: JsonDict = {"unit": "UTC"}
STREAM_S: JsonDict = {"unit": "s, stream time"}
SECONDS: JsonDict = {"unit": "s"}
HOURS: JsonDict = {"unit": "h"}
HERTZ: JsonDict = {"unit": "Hz"}
DECIBELS: JsonDict = {"unit": "dB"}
LIMITS: JsonDict = {"unit": "alarm limits"}
SQUARED: JsonDict = {"unit": "squared error, standardised"}


def rfc3339_from_utc_s(utc_s: float) -> str:
    """Return seconds since 1970 as `2026-01-31T12:00:00.000Z`, rounded to the millisecond."""
    seconds, ms = divmod(round(utc_s * 1000), 1000)
    # not strftime: three of them, in every score, cost as much as checking the whole document
    return f"{datetime.fromtimestamp(seconds, tz=timezone.utc).isoformat()[:19]}.{ms:03d}Z"


def ms_from_rfc3339(time: str) -> int:
    """Return a time that `rfc3339_from_utc_s` wrote as milliseconds since 1970."""
    whole = datetime.strptime(time[:-5], "%Y-%m-%dT%H:%M:%S").replace(tzinfo=timezone.utc)
    return int(whole.timestamp()) * 1000 + int(time[-4:-1])
