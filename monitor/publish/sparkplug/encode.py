"""From payloads to bytes. A value outside its type is refused, and a metric that nobody could name."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from monitor.errors import PayloadError
from monitor.publish.sparkplug.datatypes import FIELDS, DataType, Value, wire_from_value
from monitor.publish.sparkplug.payload import QUALITY_KEY, Metric, Payload, Property, TagQuality
from monitor.publish.sparkplug.schema import PayloadMessage

MAX_NUMBER = 2**64 - 1


def encode_payload(payload: Payload, *, states_datatypes: bool) -> bytes:
    """Return the bytes of a payload; births and deaths say the types, data and commands leave them out.

    Raises:
        PayloadError: A metric has neither name nor alias, no type, or a value outside its type.
    """
    message = PayloadMessage()
    if payload.timestamp_ms is not None:
        message.timestamp = _counting(payload.timestamp_ms, "timestamp")
    if payload.seq is not None:
        if not 0 <= payload.seq <= 255:
            raise PayloadError(f"seq {payload.seq} must be 0 to 255")
        message.seq = payload.seq
    for metric in payload.metrics:
        _write_metric(message.metrics.add(), metric, states_datatype=states_datatypes)
    return bytes(message.SerializeToString())


def _write_metric(message: Any, metric: Metric, *, states_datatype: bool) -> None:  # noqa: ANN401 - protobuf's
    datatype = _sendable_datatype(metric)
    if metric.name is not None:
        message.name = wire_from_value(DataType.STRING, metric.name)
    if metric.alias is not None:
        message.alias = _counting(metric.alias, "alias")
    if metric.timestamp_ms is not None:
        message.timestamp = _counting(metric.timestamp_ms, "timestamp")
    if states_datatype:
        message.datatype = datatype
    for flag in ("is_historical", "is_transient"):
        if getattr(metric, flag):
            setattr(message, flag, True)
    _write_value(message, datatype, metric.value, metric.label)
    if metric.properties or metric.quality is not None:
        message.properties.CopyFrom(_property_set(metric.properties, metric.quality))


def _sendable_datatype(metric: Metric) -> DataType:
    if metric.name is None and metric.alias is None:
        raise PayloadError("a metric needs a name or an alias")
    if metric.datatype is None:
        raise PayloadError(f"{metric.label}: a metric that is sent needs a datatype")
    return metric.datatype


def _write_value(message: Any, datatype: DataType, value: Value | None, label: str) -> None:  # noqa: ANN401
    if value is None:
        message.is_null = True
        return
    try:
        setattr(message, FIELDS[datatype], wire_from_value(datatype, value))
    except PayloadError as error:
        raise PayloadError(f"{label}: {error}") from error


@lru_cache(maxsize=512)
def _property_set(properties: tuple[Property, ...], quality: TagQuality | None) -> Any:  # noqa: ANN401
    """Return the message of these properties; cached, since births tell the same ones again and again."""
    message = PayloadMessage.Metric().properties
    for told in properties:
        _write_property(message, told)
    if quality is not None:
        _write_property(message, Property(QUALITY_KEY, DataType.INT32, int(quality)))
    return message


def _write_property(message: Any, told: Property) -> None:  # noqa: ANN401 - protobuf's
    label = f"property {told.name!r}"
    if FIELDS[told.datatype] == "bytes_value":
        raise PayloadError(f"{label}: cannot be of type {told.datatype.label}")
    message.keys.append(wire_from_value(DataType.STRING, told.name))
    value = message.values.add()
    value.type = told.datatype
    _write_value(value, told.datatype, told.value, label)


def _counting(number: int, what: str) -> int:
    if not 0 <= number <= MAX_NUMBER:
        raise PayloadError(f"{what} {number} must be 0 to 2^64 - 1")
    return number
