"""Sparkplug B payloads as values; encode.py makes bytes of them, decode.py reads them."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field, replace

from monitor.errors import PayloadError
from monitor.publish.sparkplug.datatypes import DataType, Scalar, Value, value_from_wire

QUALITY_KEY = "Quality"


class TagQuality(enum.IntEnum):
    """Sparkplug's quality codes (6.4.11): how much a value can be relied on."""

    BAD = 0
    """The value is not known or not to be used."""
    GOOD = 192
    STALE = 500
    """It was right once."""


@dataclass(frozen=True, slots=True)
class Property:
    """One property of a metric, as a host shows it beside the tag."""

    name: str
    """As hosts know it, such as engUnit."""
    datatype: DataType
    """No array and no bytes: the wire has no field for them here."""
    value: Scalar | None
    """None: null."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric of one payload."""

    name: str | None
    """None where the alias stands for it."""
    datatype: DataType | None
    """None as it was read: the sender did not say, and `as_type` tells what `value` means."""
    value: Value | None
    """None: null. Without a datatype, what stands on the wire: signed numbers and arrays are not undone."""
    timestamp_ms: int | None = None
    """When the value was true, since 1970 UTC; None: not said, as in commands."""
    alias: int | None = None
    """Number that stands for the name within one edge node; None: has none."""
    is_historical: bool = False
    """It tells of the past, and must not become the tag's present value."""
    is_transient: bool = False
    """Not to be kept by historians."""
    quality: TagQuality | None = None
    """None: not said, which means good."""
    properties: tuple[Property, ...] = ()
    """Without Quality."""
    wire_field: str = field(default="", compare=False)
    """The field that it was read from; for `as_type`."""

    def as_type(self, datatype: DataType) -> Metric:
        """Return the metric with its value read as `datatype`, which its birth told.

        Raises:
            PayloadError: It says itself that it is another type, or its value does not fit.
        """
        if self.datatype is not None:
            if self.datatype is not datatype:
                raise PayloadError(f"{self.label}: comes as {self.datatype.label}, not as {datatype.label}")
            return self
        value = self.value
        if value is not None and not isinstance(value, tuple):
            value = value_from_wire(datatype, self.wire_field, value)
        return replace(self, datatype=datatype, value=value)

    @property
    def label(self) -> str:
        """How errors name it."""
        return repr(self.name)[:80] if self.name is not None else f"alias {self.alias}"


@dataclass(frozen=True, slots=True)
class Payload:
    """What one message says."""

    metrics: tuple[Metric, ...]
    """In the order of the wire."""
    timestamp_ms: int | None
    """When it was sent, since 1970 UTC; None: not said."""
    seq: int | None
    """0 to 255; None in NDEATH and commands."""
