"""The part of the Sparkplug B payload that we speak, as messages of protobuf.

The descriptors are built here, from the field numbers of the specification (Sparkplug 3.0, 6.4), and not by
protoc: a generated module is bound to a range of protobuf versions, this one needs no more than 4.25. They
live in a pool of their own, so that another package that brings the same names does not clash with us.

Data sets, templates, nested property sets and extensions are left out: protobuf skips what it does not know,
and without them nothing can nest, however hostile the bytes.
"""

from __future__ import annotations

from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError

PACKAGE = "org.eclipse.tahu.protobuf"
ROOT = "Payload"

_Field = descriptor_pb2.FieldDescriptorProto
_UINT32, _UINT64 = _Field.TYPE_UINT32, _Field.TYPE_UINT64
_FLOAT, _DOUBLE, _BOOL = _Field.TYPE_FLOAT, _Field.TYPE_DOUBLE, _Field.TYPE_BOOL
_STRING, _BYTES = _Field.TYPE_STRING, _Field.TYPE_BYTES

_VALUE_OF_PROPERTY = (
    ("int_value", 3, _UINT32),
    ("long_value", 4, _UINT64),
    ("float_value", 5, _FLOAT),
    ("double_value", 6, _DOUBLE),
    ("boolean_value", 7, _BOOL),
    ("string_value", 8, _STRING),
)
_VALUE_OF_METRIC = (
    ("int_value", 10, _UINT32),
    ("long_value", 11, _UINT64),
    ("float_value", 12, _FLOAT),
    ("double_value", 13, _DOUBLE),
    ("boolean_value", 14, _BOOL),
    ("string_value", 15, _STRING),
    ("bytes_value", 16, _BYTES),
)
VALUE_FIELDS = tuple(name for name, _, _ in _VALUE_OF_METRIC)
"""The members of a metric's `value`."""

_ROWS: dict[str, tuple[tuple[str, int, int | str, str], ...]] = {
    "Payload.PropertyValue": (
        ("type", 1, _UINT32, ""),
        ("is_null", 2, _BOOL, ""),
        *((name, number, kind, "value") for name, number, kind in _VALUE_OF_PROPERTY),
    ),
    "Payload.PropertySet": (
        ("keys", 1, _STRING, "repeated"),
        ("values", 2, "Payload.PropertyValue", "repeated"),
    ),
    "Payload.Metric": (
        ("name", 1, _STRING, ""),
        ("alias", 2, _UINT64, ""),
        ("timestamp", 3, _UINT64, ""),
        ("datatype", 4, _UINT32, ""),
        ("is_historical", 5, _BOOL, ""),
        ("is_transient", 6, _BOOL, ""),
        ("is_null", 7, _BOOL, ""),
        ("properties", 9, "Payload.PropertySet", ""),
        *((name, number, kind, "value") for name, number, kind in _VALUE_OF_METRIC),
    ),
    "Payload": (
        ("timestamp", 1, _UINT64, ""),
        ("metrics", 2, "Payload.Metric", "repeated"),
        ("seq", 3, _UINT64, ""),
    ),
}
"""Message -> (field, number, type, `repeated` or the oneof that it belongs to)."""


def _file() -> descriptor_pb2.FileDescriptorProto:
    file = descriptor_pb2.FileDescriptorProto(name="sparkplug_b.proto", package=PACKAGE, syntax="proto2")
    root = file.message_type.add(name=ROOT)
    for path, rows in _ROWS.items():
        nested = path.partition(".")[2]
        message = root.nested_type.add(name=nested) if nested else root
        if any(oneof == "value" for *_, oneof in rows):
            message.oneof_decl.add(name="value")
        for name, number, kind, group in rows:
            label = _Field.LABEL_REPEATED if group == "repeated" else _Field.LABEL_OPTIONAL
            field = message.field.add(name=name, number=number, label=label)
            if isinstance(kind, str):
                field.type, field.type_name = _Field.TYPE_MESSAGE, f".{PACKAGE}.{kind}"
            else:
                field.type = kind
            if group == "value":
                field.oneof_index = 0
    return file


def _payload_class() -> Any:  # noqa: ANN401 - protobuf makes the class at run time
    pool = descriptor_pool.DescriptorPool()
    pool.Add(_file())
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{PACKAGE}.{ROOT}"))


PayloadMessage: Any = _payload_class()
"""The class of the message; `Any` ends in payload.py."""

PARSE_ERRORS = (DecodeError, ValueError, RecursionError)
"""What parsing raises for bytes that are no payload: ValueError and RecursionError from the pure-Python
protobuf, at text that is no UTF-8 and at nested groups."""
