from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, get_args

import jsonschema
import pytest

from monitor.describe import sentence
from monitor.explanation import SoundKind
from monitor.publish.commands import Action, parse_command
from monitor.publish.docs import DOCS, MODELS, page, schema, schemas
from monitor.publish.examples import EXAMPLES, EXPLANATION, action_documents
from monitor.publish.topics import TOPICS

REMEDY = "run `python -m monitor.publish.docs`"


def kept_schema(kind: str) -> dict[str, Any]:
    return dict(json.loads((DOCS / "schemas" / f"{kind}.json").read_text(encoding="utf-8")))


def test_the_page_is_current() -> None:
    assert page() == (DOCS / "mqtt.md").read_text(encoding="utf-8"), REMEDY


def test_the_schemas_are_current_and_there_are_no_others() -> None:
    kept = {path.name: path.read_text(encoding="utf-8") for path in Path(DOCS / "schemas").iterdir()}
    assert schemas() == kept, REMEDY


def test_every_topic_has_a_model_an_example_a_section_and_a_line_in_the_table() -> None:
    assert set(TOPICS) == set(MODELS) == set(EXAMPLES)
    text = page()
    for kind, rule in TOPICS.items():
        assert f"\n## {kind}\n" in text
        for suffix in {rule.suffix, rule.box_suffix} - {None}:
            assert f"[`{suffix}`](#{kind})" in text


def fields_of(tree: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Fields of a document and of the parts inside it."""
    models = [tree, *(model for model in tree.get("$defs", {}).values() if "properties" in model)]
    return [field for model in models for field in model["properties"].items()]


def test_what_an_alarm_sounded_like_is_explained_field_by_field() -> None:
    section = page().split("\n## alarm\n")[1].split("\n## ")[0]
    for name in ("text", "findings[].kind", "findings[].change_db", "windows"):
        assert f"| `explanation.{name}` |" in section


def test_the_examples_sentence_is_what_the_english_catalogue_says() -> None:
    assert sentence(EXPLANATION, "en") == EXAMPLES["event"]()["explanation"]["text"]


def test_every_kind_of_sound_is_told_on_the_page() -> None:
    section = page().split("\n### Explanations\n")[1].split("\n## ")[0]
    assert [kind.value for kind in SoundKind] == re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)


@pytest.mark.parametrize("kind", list(TOPICS))
def test_every_field_has_a_unit_and_a_description_and_stands_on_the_page(kind: str) -> None:
    section = page().split(f"\n## {kind}\n")[1].split("\n## ")[0]
    for name, field in fields_of(schema(kind)):
        assert field["unit"]
        assert field["description"].endswith((".", ":"))
        assert re.search(rf"\| `([\w.\[\]]+\.)?{name}` \|", section)


@pytest.mark.parametrize("kind", list(TOPICS))
def test_the_schema_is_one_and_the_example_fits_it(kind: str) -> None:
    jsonschema.Draft202012Validator.check_schema(kept_schema(kind))
    jsonschema.validate(EXAMPLES[kind](), kept_schema(kind))


@pytest.mark.parametrize("kind", [kind for kind, rule in TOPICS.items() if rule.direction == "out"])
def test_what_the_box_sends_always_has_every_key(kind: str) -> None:
    tree = kept_schema(kind)
    assert set(tree["properties"]) == set(tree["required"]) == set(EXAMPLES[kind]())
    for key in tree["required"]:
        without = {name: value for name, value in EXAMPLES[kind]().items() if name != key}
        with pytest.raises(jsonschema.ValidationError, match=f"'{key}' is a required property"):
            jsonschema.validate(without, tree)


@pytest.mark.parametrize("action", ["ack", "acknowledge", "unshelve", "out_of_service", "in_service"])
def test_what_the_command_schema_allows_the_box_understands(action: str) -> None:
    command = {**EXAMPLES["command"](), "action": action}
    jsonschema.validate(command, kept_schema("command"))
    parse_command(json.dumps(command).encode())


def test_an_unknown_key_is_allowed_from_the_box_and_refused_to_it() -> None:
    jsonschema.validate({**EXAMPLES["score"](), "new": 1}, kept_schema("score"))
    event = EXAMPLES["event"]()
    event["explanation"] |= {"new": 1}
    event["explanation"]["findings"][0] |= {"new": 1}
    jsonschema.validate(event, kept_schema("event"))
    with pytest.raises(jsonschema.ValidationError, match="Additional properties"):
        jsonschema.validate({**EXAMPLES["command"](), "new": 1}, kept_schema("command"))


def test_every_action_has_an_example_that_is_a_command() -> None:
    shown = [parse_command(json.dumps(document).encode()) for document, _ in action_documents()]
    assert set(get_args(Action)) == {command.action for command in shown}
    for document, meaning in action_documents():
        assert f"| `{json.dumps(document)}` | {meaning} |" in page()
