"""The filter of the list of events as it stands in an address: read, refused in words, written again."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import TypeVar
from urllib.parse import urlencode

from monitor.errors import QueryError
from monitor.explanation import SoundKind
from monitor.messages import AlarmState
from monitor.publish.fields import rfc3339_from_utc_s
from monitor.replay.kept.event_query import EventFilter, Labelled, Order
from monitor.worded import worded

Value = TypeVar("Value", bound=enum.Enum)
YEARS = range(1970, 3000)
"""In which there may have been a day."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What the form of the list says; empty: does not narrow."""

    source: str = ""
    """Id of a source."""
    label: str = ""
    """A value of Labelled."""
    kind: str = ""
    """A value of SoundKind."""
    state: str = ""
    """A value of AlarmState."""
    from_day: str = ""
    """First day, as 2026-01-31 in the zone of this box."""
    to_day: str = ""
    """Last day, included."""
    order: str = ""
    """A value of Order; empty: what nobody has reviewed comes first."""

    @property
    def query(self) -> str:
        """The same as part of an address; what does not narrow is left out."""
        said = {("from" if key == "from_day" else "to" if key == "to_day" else key): value
                for key, value in asdict(self).items()}  # fmt: skip
        return urlencode({key: value for key, value in said.items() if value})

    @property
    def chosen_order(self) -> Order:
        """In which order the list stands.

        Raises:
            QueryError: There is no such order.
        """
        return _member(Order, self.order, "order") or Order.UNREVIEWED_FIRST

    def wanted(self) -> EventFilter:
        """Return the filter for the library.

        Raises:
            QueryError: A value is none of those that there are, or no day.
        """
        to_day = _day(self.to_day, "to")
        return EventFilter(
            source_id=self.source or None,
            state=_member(AlarmState, self.state, "state"),
            labelled=_member(Labelled, self.label, "label"),
            kind=_member(SoundKind, self.kind, "kind"),
            from_utc_s=_utc_s(_day(self.from_day, "from")),
            to_utc_s=_utc_s(None if to_day is None else to_day + timedelta(days=1)),
        )

    @property
    def export_query(self) -> str:
        """The same as the JSON API takes it: days as UTC, and no order.

        Raises:
            QueryError: A day is none.
        """
        wanted = self.wanted()
        said = {"source": self.source, "label": self.label, "kind": self.kind, "state": self.state}
        if wanted.from_utc_s is not None:
            said["from"] = rfc3339_from_utc_s(wanted.from_utc_s)
        if wanted.to_utc_s is not None:
            said["to"] = rfc3339_from_utc_s(wanted.to_utc_s)
        return urlencode({key: value for key, value in said.items() if value})


def asked_from(parameters: Mapping[str, str]) -> Asked:
    """Return what an address asks for; keys that are not known are left out."""
    return Asked(
        source=parameters.get("source", ""),
        label=parameters.get("label", ""),
        kind=parameters.get("kind", ""),
        state=parameters.get("state", ""),
        from_day=parameters.get("from", ""),
        to_day=parameters.get("to", ""),
        order=parameters.get("order", ""),
    )


def _member(kind: type[Value], value: str, key: str) -> Value | None:
    if not value:
        return None
    for member in kind:
        if member.value == value:
            return member
    raise QueryError(
        worded(
            "not-one-of",
            "{key}: {value} is not one of {known}",
            key=key,
            value=repr(value[:40]),
            known=", ".join(str(one.value) for one in kind),
        )
    )


def _day(text: str, key: str) -> datetime | None:
    if not text:
        return None
    try:
        moment = datetime.strptime(text, "%Y-%m-%d").astimezone()
    except (ValueError, OverflowError) as error:
        raise QueryError(
            worded("no-day", "{key}: {value} is no day such as 2026-01-31", key=key, value=repr(text[:40]))
        ) from error
    if moment.year not in YEARS:
        raise QueryError(
            worded(
                "year-out-of-range",
                "{key}: the year of {value} is not within {first} to {last}",
                key=key,
                value=text,
                first=YEARS.start,
                last=YEARS.stop - 1,
            )
        )
    return moment


def _utc_s(moment: datetime | None) -> float | None:
    return None if moment is None else moment.timestamp()
