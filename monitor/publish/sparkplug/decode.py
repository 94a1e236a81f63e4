"""From bytes to payloads. Made for hostile bytes: whatever comes is a Payload or one PayloadError.

Time and memory are bounded by the limits below; the schema has nothing that nests.
"""

from __future__ import annotations

from typing import Any

from monitor.errors import PayloadError
from monitor.publish.sparkplug.datatypes import DataType, Value, value_from_wire
from monitor.publish.sparkplug.payload import QUALITY_KEY, Metric, Payload, Property, TagQuality
from monitor.publish.sparkplug.schema import PARSE_ERRORS, PayloadMessage

MAX_BYTES = 262_144
"""A longer payload is refused unread. The largest of ours, a device's birth, has some 10 kB."""
MAX_METRICS = 2_000
"""So many metrics may stand in one payload."""
MAX_PROPERTIES = 64
"""So many properties may a metric have."""


def decode_payload(data: bytes, *, max_bytes: int = MAX_BYTES) -> Payload:
    """Return what `data` says.

    Raises:
        PayloadError: It is too long, no payload, or holds what Sparkplug or we do not know; nothing of a
            payload is used that is not right as a whole.
    """
    if len(data) > max_bytes:
        raise PayloadError(f"the payload has {len(data)} bytes; at most {max_bytes} are read")
    try:
        message = PayloadMessage.FromString(data)
    except PARSE_ERRORS as error:
        raise PayloadError("the payload is not Sparkplug B (protobuf)") from error
    if len(message.metrics) > MAX_METRICS:
        raise PayloadError(f"the payload has {len(message.metrics)} metrics; at most {MAX_METRICS} are read")
    seq = _known(message, "seq")
    if seq is not None and seq > 255:
        raise PayloadError(f"seq {seq} must be 0 to 255")
    metrics = tuple(_read_metric(metric) for metric in message.metrics)
    return Payload(metrics, _known(message, "timestamp"), seq)


def _read_metric(message: Any) -> Metric:  # noqa: ANN401 - protobuf's
    name, alias = _text(message, "name"), _known(message, "alias")
    if name is None and alias is None:
        raise PayloadError("a metric has neither name nor alias")
    label = repr(name)[:80] if name is not None else f"alias {alias}"
    try:
        datatype = _datatype(_known(message, "datatype"))
        field_name, value = _read_value(message, datatype)
        properties, quality = _read_properties(message)
    except PayloadError as error:
        raise PayloadError(f"{label}: {error}") from error
    return Metric(
        name=name,
        datatype=datatype,
        value=value,
        timestamp_ms=_known(message, "timestamp"),
        alias=alias,
        is_historical=bool(message.is_historical),
        is_transient=bool(message.is_transient),
        quality=quality,
        properties=properties,
        wire_field=field_name,
    )


def _datatype(number: int | None) -> DataType | None:
    try:
        return None if number is None else DataType(number)
    except ValueError as error:
        raise PayloadError(f"datatype {number} is not known, or not read here") from error


def _read_value(message: Any, datatype: DataType | None) -> tuple[str, Value | None]:  # noqa: ANN401
    """Return the field and the value in it; without a datatype as it stands on the wire."""
    field_name = message.WhichOneof("value")
    if message.is_null:
        if field_name is not None:
            raise PayloadError("is null and has a value")
        return "", None
    if field_name is None:
        raise PayloadError("has no value that is read here, and is not null")
    wire = getattr(message, field_name)
    if field_name == "string_value":
        _check_text(wire)
    if datatype is None:
        return field_name, wire
    return field_name, value_from_wire(datatype, field_name, wire)


def _read_properties(message: Any) -> tuple[tuple[Property, ...], TagQuality | None]:  # noqa: ANN401
    if not message.HasField("properties"):
        return (), None
    keys, values = message.properties.keys, message.properties.values
    if len(keys) != len(values) or len(keys) > MAX_PROPERTIES:
        raise PayloadError(f"has {len(keys)} names and {len(values)} values of properties")
    properties: list[Property] = []
    quality = None
    for key, value in zip(keys, values, strict=True):
        datatype = _datatype(_known(value, "type"))
        if not isinstance(key, str) or datatype is None:
            raise PayloadError("a property has no readable name, or no type")
        read = _read_value(value, datatype)[1]
        if isinstance(read, tuple):
            raise PayloadError(f"property {key[:40]!r} is an array")
        told = Property(key, datatype, read)
        if key == QUALITY_KEY:
            quality = _quality(told)
        else:
            properties.append(told)
    return tuple(properties), quality


def _quality(told: Property) -> TagQuality:
    if told.datatype is not DataType.INT32 or told.value not in tuple(TagQuality):
        raise PayloadError("Quality must be an Int32 of 0, 192 or 500")
    return TagQuality(int(told.value))


def _known(message: Any, name: str) -> int | None:  # noqa: ANN401 - protobuf's
    return int(getattr(message, name)) if message.HasField(name) else None


def _text(message: Any, name: str) -> str | None:  # noqa: ANN401 - protobuf's
    return _check_text(getattr(message, name)) if message.HasField(name) else None


def _check_text(text: str | bytes) -> str:
    if not isinstance(text, str):  # protobuf's C code hands bytes that are no UTF-8 through as bytes
        raise PayloadError("holds text that is not UTF-8")
    return text
