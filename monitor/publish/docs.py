"""Writes docs/mqtt.md and docs/schemas/ from the models: `python -m monitor.publish.docs`.

Every field of a document gets its line from the model's own description; the examples are made by the same
functions that make the real documents, so that a page that is current is a page that is right.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from monitor.publish.commands import Command, ReplyPayload
from monitor.publish.examples import EXAMPLES, action_documents
from monitor.publish.payloads import (
    AlarmPayload,
    EventPayload,
    HealthPayload,
    MapPayload,
    ScorePayload,
    StatusPayload,
)
from monitor.publish.topics import TOPICS, TopicRule

MODELS: dict[str, type[BaseModel]] = {
    "status": StatusPayload,
    "health": HealthPayload,
    "score": ScorePayload,
    "map": MapPayload,
    "alarm": AlarmPayload,
    "event": EventPayload,
    "command": Command,
    "reply": ReplyPayload,
}
"""Kind of topic -> model of its document, in the order of the page."""

DOCS = Path(__file__).resolve().parents[2] / "docs"

INTRODUCTION = """# MQTT

<!-- written by `python -m monitor.publish.docs` from monitor/publish; do not edit -->

What Wheeltapper says over MQTT 3.1.1 or 5 (`mqtt.version`), as plain JSON, and what it listens to. Every
topic begins with `mqtt.prefix`, by default `wheeltapper/{site}/{box}`; `{source}` is the id of a source from
config.yaml.

## Topics

"""

RULES = """
### Every document

- `schema` is its kind and version, as in `score/1`. New keys may be added within a version; a reader should
  ignore keys that it does not know. [schemas/](schemas) has a JSON Schema for each kind.
- Times are UTC, RFC 3339, in milliseconds. *Stream time* is seconds of sound since the source first opened.
- What is not known is `null`, never 0. A document always has all of its keys; commands may leave optional
  ones out.
- **Score: high means unusual, 1.0 is the alarm limit.** A window whose input is bad (`gap`, `silent`,
  `flat`, `clipped`, `absent`) has a `value` of null, and it never turns an alarm to normal. Nor does one that
  the box did not get to judge in time (`dropped`).

### Time

A box without a battery for its clock may begin in 1970. While `health` says `clock_set: false` no time of
its documents can be trusted, and a time before 2020 always means that. Order is that of `seq`, never of
times. What was sent is not sent again: later documents of the same event have the right `event_start`, its
`event_id` stays as it was made, and what still waited to be sent is sent with the right times.
`shelved_until` moves along when the clock is set: an hour is an hour.

### MQTT 5

Each message carries the content type `application/json` and the user properties `schema`, `source` and
`bundle`, so far as it has them. A live `score` or `map` expires after 60 s: whoever was away is not sent what
is old news. Events, replies, retained documents and historical scores never expire.

### Explanations

`alarm` and `event` say what the event sounded like: up to three findings, most telling first, and a sentence
made of them. The first `event` of an alarm says what is known of its first window; `alarm` grows with the
event, every few seconds; the `event` that clears it says the whole. Decibels are against what this machine
sounded like before. An explanation may be null, when software failed to find one: the alarm holds all the
same. Kinds, of which later versions may know more:

| kind | what a person would call it |
|---|---|
| `knock` | one or a few short broadband sounds |
| `rhythm` | sounds that repeat at even intervals: `period_s` |
| `tone` | a whine, whistle or hum: narrow in frequency, and lasting |
| `hiss` | a broadband rise that lasts: leaking air, friction, a rattle too fast to be told apart |
| `level_rise` | everything is louder |
| `level_drop` | everything is softer |
| `missing` | a part of the usual sound is gone |
| `dropout` | the sound breaks off and comes back |
| `clipping` | the input is overdriven |
| `other` | unusual, and none of these |

### Delivery

- `event` and `reply` are stored on the box before they are sent, sent in order one after the other, and kept
  until the broker has acknowledged them. They may come twice, after a broken connection: the same `seq` is
  the same event.
- While the broker is away, one score per source and `mqtt.offline_score_every_s` is kept, the highest, and
  sent later with `historical: true`, without profile, at QoS 1. Maps are not kept.
- Retained documents are sent when they say something new and again at every connect, so that a broker that
  lost its memory has them back. `alarm` is the state now; `event` is how it got there.
- `status` is `online` while connected, `stopped` after an orderly end, and `offline` when the connection was
  lost: the broker says so itself (last will), after 1.5 times `mqtt.keepalive_s` at the latest. A source is
  well when `status` is `online` **and** its `health` is `healthy`: read both.
- Commands go to `{source}/command`, or `command` for the whole box, and must not be retained: a retained one
  is ignored, since it would act again at every connect. A command sent while the box is away is not kept for
  it. No reply means: ask again. The same `id` is the same command: sent again it is answered again, and done
  once.
"""


def page() -> str:
    """Return docs/mqtt.md."""
    rows = "".join(_topic_row(kind, rule) for kind, rule in TOPICS.items())
    table = f"| topic | direction | QoS | retained | when |\n|---|---|---|---|---|\n{rows}"
    return INTRODUCTION + table + RULES + "".join(_section(kind) for kind in TOPICS)


def schemas() -> dict[str, str]:
    """Return file name -> JSON Schema (draft 2020-12) of each kind."""
    return {f"{kind}.json": json.dumps(schema(kind), indent=2) + "\n" for kind in MODELS}


def schema(kind: str) -> dict[str, Any]:
    """Return the JSON Schema of one kind; every key that is always sent is required.

    What the box sends may get further keys within a version; what it is sent may have none but these.
    """
    incoming = TOPICS[kind].direction == "in"
    tree = MODELS[kind].model_json_schema(mode="validation" if incoming else "serialization")
    if not incoming:
        for model in (tree, *tree.get("$defs", {}).values()):
            model.pop("additionalProperties", None)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": kind, **_untitled(tree)}


def _untitled(tree: Any) -> Any:  # noqa: ANN401 - any JSON
    """Return `tree` without the titles that pydantic makes of the names."""
    if isinstance(tree, dict):
        return {
            key: _untitled(value)
            for key, value in tree.items()
            if not (key == "title" and isinstance(value, str))
        }
    return [_untitled(item) for item in tree] if isinstance(tree, list) else tree


def _topic_row(kind: str, rule: TopicRule) -> str:
    direction = "from the box" if rule.direction == "out" else "to the box"
    retained = "yes" if rule.retain else "no"
    topics = [rule.suffix, *([] if rule.box_suffix is None else [rule.box_suffix])]
    named = ", ".join(f"[`{topic}`](#{kind})" for topic in topics)
    return f"| {named} | {direction} | {rule.qos} | {retained} | {rule.when} |\n"


def _section(kind: str) -> str:
    tree = schema(kind)
    rows = "".join(_rows(tree, tree, ""))
    example = json.dumps(EXAMPLES[kind](), indent=2, ensure_ascii=False)
    first_sentence = str(MODELS[kind].__doc__).strip()
    return (
        f"\n## {kind}\n\n`{TOPICS[kind].suffix}` - {first_sentence}\n\n"
        "| key | type | unit | meaning |\n|---|---|---|---|\n"
        f"{rows}\n```json\n{_compact(example)}\n```\n"
        f"{_actions() if kind == 'command' else ''}"
    )


def _actions() -> str:
    rows = "".join(f"| `{json.dumps(document)}` | {meaning} |\n" for document, meaning in action_documents())
    return (
        "\nWhat can be asked, each with an example; [commands.md](commands.md) says more:\n\n"
        f"| document | what it does |\n|---|---|\n{rows}"
    )


def _rows(model: Mapping[str, Any], tree: Mapping[str, Any], prefix: str) -> Iterator[str]:
    """Yield a line for each field of `model`, and behind it those of the model that it holds, if any."""
    required = set(model.get("required", ()))
    for name, field in model["properties"].items():
        meaning = _meaning(name, field, required)
        yield f"| `{prefix}{name}` | {_type(field, tree)} | {field['unit']} | {meaning} |\n"
        part, many = _part(field, tree)
        if part is not None:
            yield from _rows(part, tree, f"{prefix}{name}{'[]' if many else ''}.")


def _part(field: Mapping[str, Any], tree: Mapping[str, Any]) -> tuple[Mapping[str, Any] | None, bool]:
    """Return the model inside a field, None when it holds none, and whether it is a list of them."""
    if "$ref" in field:
        model = tree["$defs"][field["$ref"].rsplit("/", 1)[1]]
        return (model if "properties" in model else None), False
    if field.get("type") == "array" and "items" in field:
        return _part(field["items"], tree)[0], True
    parts = (_part(branch, tree) for branch in field.get("anyOf", ()))
    return next((found for found in parts if found[0] is not None), (None, False))


def _meaning(name: str, field: Mapping[str, Any], required: set[str]) -> str:
    optional = "" if name in required else " Optional."
    return f"{field['description']}{optional}"


def _type(field: Mapping[str, Any], tree: Mapping[str, Any]) -> str:
    if "$ref" in field:
        return _type(tree["$defs"][field["$ref"].rsplit("/", 1)[1]], tree)
    if "anyOf" in field:
        return " or ".join(_type(branch, tree) for branch in field["anyOf"])
    if "const" in field:
        return f'`"{field["const"]}"`'
    if "enum" in field:
        return ", ".join(f'`"{value}"`' for value in field["enum"])
    if field["type"] == "array":
        return _array_type(field, tree)
    return "time" if field.get("format") == "date-time" else str(field["type"])


def _array_type(field: Mapping[str, Any], tree: Mapping[str, Any]) -> str:
    if "prefixItems" in field:
        return "[" + ", ".join(_type(item, tree) for item in field["prefixItems"]) + "]"
    items = _type(field["items"], tree)
    return f"array of ({items})" if " or " in items else f"array of {items}"


def _compact(example: str) -> str:
    """Return JSON with its lists of numbers on one line and long ones cut, for a reader."""
    lines: list[str] = []
    inside: list[str] | None = None
    for line in example.splitlines():
        if inside is None and line.endswith("["):
            inside = [line]
        elif inside is not None and line.strip() in {"]", "],"}:
            lines.append(inside[0] + " ".join(item.strip() for item in inside[1:]) + line.strip())
            inside = None
        elif inside is not None:
            inside.append(line)
        else:
            lines.append(line)
    return "\n".join(lines)


def write(folder: Path) -> None:
    """Write mqtt.md and schemas/ below `folder`."""
    (folder / "schemas").mkdir(parents=True, exist_ok=True)
    (folder / "mqtt.md").write_text(page(), encoding="utf-8")
    for name, text in schemas().items():
        (folder / "schemas" / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]) if len(sys.argv) > 1 else DOCS)
