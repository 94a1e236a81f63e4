"""Tags: what one is called and means, what it is now, and the metrics that tell a host so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from monitor.errors import PayloadError, SparkplugError
from monitor.publish.sparkplug.datatypes import DataType, Value, wire_from_value
from monitor.publish.sparkplug.payload import Metric, Property, TagQuality

BDSEQ = "bdSeq"
REBIRTH = "Node Control/Rebirth"


@dataclass(frozen=True, slots=True)
class Tag:
    """One row of the table of tags: what a birth tells a host, and the documentation a reader."""

    name: str
    """Slashes make folders at the host."""
    datatype: DataType
    """Never changes, and is told in births alone."""
    description: str
    """One sentence for a person."""
    unit: str = ""
    """As a host shows it; empty: none."""
    low: float | None = None
    """Where a scale begins; values may lie outside. None: nowhere in particular."""
    high: float | None = None
    """Where a scale ends; None: nowhere in particular."""
    documentation: str = ""
    """How to read it, where one sentence is not enough."""
    kept: bool = True
    """Whether it is part of history: what happened while nobody listened is told later."""
    aliased: bool = True
    """Whether it has an alias, where aliases are in use at all."""
    writable: bool = False
    """Whether a host may write it."""

    def properties(self) -> tuple[Property, ...]:
        """Return what a birth says beside the value; names as Ignition has them."""
        rows: tuple[tuple[str, DataType, str | float | None], ...] = (
            ("engUnit", DataType.STRING, self.unit or None),
            ("description", DataType.STRING, self.description or None),
            ("documentation", DataType.STRING, self.documentation or None),
            ("engLow", DataType.DOUBLE, self.low),
            ("engHigh", DataType.DOUBLE, self.high),
        )
        return tuple(Property(*row) for row in rows if row[2] is not None)


CONTROL_TAGS = (
    Tag(
        BDSEQ,
        DataType.INT64,
        "Number of this connection, 0 to 255; the same as in its death certificate.",
        kept=False,
        aliased=False,
    ),
    Tag(
        REBIRTH,
        DataType.BOOLEAN,
        "Write true to have all birth certificates sent again.",
        kept=False,
        aliased=False,
        writable=True,
    ),
)
"""What every edge node has by the specification; the session sets them itself."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a tag was found to be."""

    value: Value | None
    """None: not known."""
    quality: TagQuality = TagQuality.GOOD
    """BAD: there should be a value, and there is none to rely on."""


class TagSet:
    """The tags of the node or of one device, with what each is now. Unset tags are null."""

    def __init__(self, tags: Sequence[Tag], at_ms: int, aliases: Mapping[str, int]) -> None:
        """Take the table; `aliases` by name, those without have none.

        Raises:
            SparkplugError: Two names differ by letter case alone, which hosts do not tell apart.
        """
        self.tags = tuple(tags)
        self._by_name = {tag.name: tag for tag in tags}
        if len({tag.name.lower() for tag in tags}) < len(self.tags):
            raise SparkplugError("two tags have the same name but for letter case")
        self._aliases = aliases
        self._properties = {tag.name: tag.properties() for tag in tags}
        self._now = dict.fromkeys(self._by_name, (Reading(None), at_ms))
        self._as_of_ms: dict[str, int] = {}

    def name_of(self, alias: int) -> str | None:
        """Return the name that `alias` stands for; None: it stands for none of these."""
        return next((name for name, number in self._aliases.items() if number == alias), None)

    def check(self, readings: Mapping[str, Reading]) -> None:
        """Refuse readings that could not be sent, so that taking and sending them never fails.

        Raises:
            SparkplugError: There is no such tag, or the value is not of its type.
        """
        for name, reading in readings.items():
            tag = self._by_name.get(name)
            if tag is None:
                raise SparkplugError(f"no tag is named {name!r:.80}; the table of tags has them all")
            if reading.value is None:
                continue
            try:
                wire_from_value(tag.datatype, reading.value)
            except PayloadError as error:
                raise SparkplugError(f"tag {name}: {error}") from error

    def take(self, readings: Mapping[str, Reading], at_ms: int) -> tuple[Metric, ...]:
        """Remember what is now and return metrics for what differs from before, as data.

        The quality is told when it is not good, and when it is good again.
        """
        metrics = []
        self._as_of_ms |= dict.fromkeys(readings, at_ms)
        for name, reading in readings.items():
            before = self._now[name][0]
            if reading == before:
                continue
            self._now[name] = (reading, at_ms)
            tells = reading.quality is not TagQuality.GOOD or before.quality is not TagQuality.GOOD
            metrics.append(self._metric(name, reading, at_ms, quality=reading.quality if tells else None))
        return tuple(metrics)

    def is_past(self, readings: Mapping[str, Reading], at_ms: int) -> bool:
        """Whether any of these tags, of those with a history, has been taken as of a later moment."""
        return any(at_ms < self._as_of_ms.get(name, at_ms) for name in self.kept(readings))

    def past(self, readings: Mapping[str, Reading], at_ms: int) -> tuple[Metric, ...]:
        """Return metrics for what was, as historical data; what is now stays."""
        return tuple(
            self._metric(name, reading, at_ms, quality=_worse(reading.quality), historical=True)
            for name, reading in readings.items()
        )

    def kept(self, readings: Mapping[str, Reading]) -> dict[str, Reading]:
        """Return those readings that are part of history."""
        return {name: reading for name, reading in readings.items() if self._by_name[name].kept}

    def birth(self) -> tuple[Metric, ...]:
        """Return every tag as a birth tells it, with definition and value, oldest value first."""
        metrics = []
        # in this order by tck-id-operational-behavior-data-publish-nbirth-order
        for name, (reading, at_ms) in sorted(self._now.items(), key=lambda item: item[1][1]):
            tag = self._by_name[name]
            metrics.append(
                Metric(
                    name,
                    tag.datatype,
                    reading.value,
                    timestamp_ms=at_ms,
                    alias=self._aliases.get(name),
                    quality=_worse(reading.quality),
                    properties=self._properties[name],
                )
            )
        return tuple(metrics)

    def _metric(
        self,
        name: str,
        reading: Reading,
        at_ms: int,
        *,
        quality: TagQuality | None,
        historical: bool = False,
    ) -> Metric:
        alias = self._aliases.get(name)
        return Metric(
            name if alias is None else None,
            self._by_name[name].datatype,
            reading.value,
            timestamp_ms=at_ms,
            alias=alias,
            is_historical=historical,
            quality=quality,
        )


def _worse(quality: TagQuality) -> TagQuality | None:
    return None if quality is TagQuality.GOOD else quality
