"""Sparkplug's data types: which field of the payload carries each, and what may stand in it.

Signed numbers travel as their two's complement in an unsigned field, arrays as little-endian bytes
(Sparkplug 3.0, 6.4.16). Data sets, templates, and arrays of booleans and text are refused: nothing of ours
is one.
"""

from __future__ import annotations

import enum
import struct
from typing import TypeVar

from monitor.errors import PayloadError

Scalar = bool | int | float | str | bytes
Value = Scalar | tuple[int, ...] | tuple[float, ...]
Kind = TypeVar("Kind", bool, int, str, bytes)


class DataType(enum.IntEnum):
    """A metric's type, by its number on the wire."""

    INT8 = 1
    INT16 = 2
    INT32 = 3
    INT64 = 4
    UINT8 = 5
    UINT16 = 6
    UINT32 = 7
    UINT64 = 8
    FLOAT = 9
    DOUBLE = 10
    BOOLEAN = 11
    STRING = 12
    DATETIME = 13
    """Milliseconds since 1970 UTC."""
    TEXT = 14
    UUID = 15
    BYTES = 17
    FILE = 18
    INT8_ARRAY = 22
    INT16_ARRAY = 23
    INT32_ARRAY = 24
    INT64_ARRAY = 25
    UINT8_ARRAY = 26
    UINT16_ARRAY = 27
    UINT32_ARRAY = 28
    UINT64_ARRAY = 29
    FLOAT_ARRAY = 30
    DOUBLE_ARRAY = 31
    DATETIME_ARRAY = 34

    @property
    def label(self) -> str:
        """The name as the specification writes it: `Int32`, `FloatArray`."""
        words = self.name.title().replace("_", "").replace("Uint", "UInt")
        return {"Uuid": "UUID", "Datetime": "DateTime", "DatetimeArray": "DateTimeArray"}.get(words, words)


SIGNED_BITS = {DataType.INT8: 8, DataType.INT16: 16, DataType.INT32: 32, DataType.INT64: 64}
UNSIGNED_BITS = {
    DataType.UINT8: 8,
    DataType.UINT16: 16,
    DataType.UINT32: 32,
    DataType.UINT64: 64,
    DataType.DATETIME: 64,
}
ARRAY_CODES = {
    DataType.INT8_ARRAY: "b",
    DataType.INT16_ARRAY: "h",
    DataType.INT32_ARRAY: "i",
    DataType.INT64_ARRAY: "q",
    DataType.UINT8_ARRAY: "B",
    DataType.UINT16_ARRAY: "H",
    DataType.UINT32_ARRAY: "I",
    DataType.UINT64_ARRAY: "Q",
    DataType.FLOAT_ARRAY: "f",
    DataType.DOUBLE_ARRAY: "d",
    DataType.DATETIME_ARRAY: "Q",
}
"""Array type -> code of one element in `struct`."""
TEXTS = frozenset({DataType.STRING, DataType.TEXT, DataType.UUID})
BLOBS = frozenset({DataType.BYTES, DataType.FILE})


def _field(datatype: DataType) -> str:
    """Return the field that carries a type.

    UInt32 goes into long_value: the specification names int_value in one place and the TCK checks for
    long_value. We read both, and have no tag of that type.
    """
    if datatype in TEXTS:
        return "string_value"
    if datatype in BLOBS or datatype in ARRAY_CODES:
        return "bytes_value"
    if datatype in {DataType.INT64, DataType.UINT64, DataType.UINT32, DataType.DATETIME}:
        return "long_value"
    named = {
        DataType.FLOAT: "float_value",
        DataType.DOUBLE: "double_value",
        DataType.BOOLEAN: "boolean_value",
    }
    return named.get(datatype, "int_value")


FIELDS = {datatype: _field(datatype) for datatype in DataType}
"""Type -> the field of a metric's or property's `value` that carries it."""


def wire_from_value(datatype: DataType, value: Value) -> Scalar:
    """Return `value` as it stands in the field of its type.

    Raises:
        PayloadError: It is of another kind, or does not fit into the type.
    """
    if datatype in SIGNED_BITS or datatype in UNSIGNED_BITS:
        return _wire_from_integer(datatype, value)
    if datatype in ARRAY_CODES:
        return _bytes_from_array(datatype, value)
    if datatype in {DataType.FLOAT, DataType.DOUBLE}:
        return _wire_from_float(datatype, value)
    if datatype is DataType.BOOLEAN:
        return _of_kind(datatype, value, bool)
    if datatype in TEXTS:
        return _checked_text(datatype, value)
    return _of_kind(datatype, value, bytes)


def value_from_wire(datatype: DataType, field: str, wire: Scalar) -> Value:
    """Return the value that stands as `wire` in `field` of a metric of this type.

    Raises:
        PayloadError: The field is not that of the type, or what it holds does not fit into the type.
    """
    if field != FIELDS[datatype] and not (datatype is DataType.UINT32 and field == "int_value"):
        raise PayloadError(f"{datatype.label} must come as {FIELDS[datatype]}, not as {field}")
    if datatype in SIGNED_BITS:
        return _integer_from_wire(datatype, int(wire), SIGNED_BITS[datatype])
    if datatype in UNSIGNED_BITS:
        return _fitting(datatype, int(wire), 0, 2 ** UNSIGNED_BITS[datatype] - 1)
    if datatype in ARRAY_CODES and isinstance(wire, bytes):
        return _array_from_bytes(datatype, wire)
    return wire


def _of_kind(datatype: DataType, value: Value, kind: type[Kind]) -> Kind:
    # type(), not isinstance(): True is an int to Python and none to Sparkplug
    if type(value) is not kind:
        raise PayloadError(f"{datatype.label} cannot hold {value!r:.80}")
    return value


def _checked_text(datatype: DataType, value: Value) -> str:
    text = _of_kind(datatype, value, str)
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise PayloadError(f"{datatype.label} holds what UTF-8 cannot: {error.reason}") from error
    return text


def _wire_from_integer(datatype: DataType, value: Value) -> int:
    number = _of_kind(datatype, value, int)
    if datatype in UNSIGNED_BITS:
        return _fitting(datatype, number, 0, 2 ** UNSIGNED_BITS[datatype] - 1)
    bits = SIGNED_BITS[datatype]
    # the field is 32 or 64 bits wide, whatever the type: Int8 -1 travels as 2^32 - 1
    width = 64 if bits == 64 else 32
    return _fitting(datatype, number, -(2 ** (bits - 1)), 2 ** (bits - 1) - 1) & ((1 << width) - 1)


def _integer_from_wire(datatype: DataType, wire: int, bits: int) -> int:
    # some senders sign-extend to the field's width, some only to the type's: both mean the same
    width = 64 if bits == 64 else 32
    if wire >= 2 ** (width - 1):
        wire -= 2**width
    elif 2 ** (bits - 1) <= wire < 2**bits:
        wire -= 2**bits
    return _fitting(datatype, wire, -(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


def _fitting(datatype: DataType, number: int, lowest: int, highest: int) -> int:
    if not lowest <= number <= highest:
        raise PayloadError(f"{datatype.label} cannot hold {number}: {lowest} to {highest} is its range")
    return number


def _wire_from_float(datatype: DataType, value: Value) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise PayloadError(f"{datatype.label} cannot hold {value!r:.80}")
    try:
        number = float(value)
        struct.pack("<f" if datatype is DataType.FLOAT else "<d", number)
    except OverflowError as error:
        raise PayloadError(f"{datatype.label} cannot hold {value!r:.80}: it is too large") from error
    return number


def _bytes_from_array(datatype: DataType, value: Value) -> bytes:
    if not isinstance(value, tuple) or bool in map(type, value):
        raise PayloadError(f"{datatype.label} needs a tuple of numbers, not {value!r:.80}")
    try:
        return struct.pack(f"<{len(value)}{ARRAY_CODES[datatype]}", *value)
    except (struct.error, OverflowError) as error:
        raise PayloadError(f"{datatype.label} cannot hold its elements: {error}") from error


def _array_from_bytes(datatype: DataType, wire: bytes) -> tuple[int, ...] | tuple[float, ...]:
    code = ARRAY_CODES[datatype]
    count, rest = divmod(len(wire), struct.calcsize(f"<{code}"))
    if rest:
        raise PayloadError(f"{datatype.label} of {len(wire)} bytes is cut off inside an element")
    return struct.unpack(f"<{count}{code}", wire)
