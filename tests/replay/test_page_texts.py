"""The page speaks whole languages: every text has its translation, and none is left over."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import pytest
import worded_rig
from starlette.requests import Request

import monitor.replay.pages.words
from monitor.describe.catalogue import languages, read_catalogue
from monitor.promotion.sentences import OUTCOMES, SENTENCES
from monitor.replay.pages import words
from monitor.replay.pages.words import LOCALE, SCRIPT_TEXT, STATIC, Tongue

PACKAGE = Path(monitor.replay.pages.words.__file__).parent
TEMPLATE_TEXT = re.compile(r"\b_\(\s*(\"(?:[^\"\\]|\\.)*\")")
CALLS = {"tongue", "marked", "self"}
"""What says or marks a text in our Python."""


def texts() -> set[str]:
    """Return every text of templates, scripts and code that a person may read."""
    found = {
        text
        for pattern, folder, ending in (
            (TEMPLATE_TEXT, PACKAGE / "templates", "*.html"),
            (SCRIPT_TEXT, STATIC, "*.js"),
        )
        for path in folder.glob(ending)
        for text in map(json.loads, pattern.findall(path.read_text(encoding="utf-8")))
    }
    for path in PACKAGE.parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in CALLS:
                found |= {one.value for one in node.args[:1] if isinstance(one, ast.Constant)}
    found |= {call.text for call in worded_rig.calls()}
    return found | set(SENTENCES.values()) | set(OUTCOMES.values())


@pytest.mark.parametrize("language", ["de", "en"])
def test_a_language_has_every_text_of_the_page_and_no_other(language: str) -> None:
    messages = read_catalogue(LOCALE / language / "LC_MESSAGES" / "wheeltapper.po")
    said = {message.text for message in messages if message.text and all(message.translations)}
    assert texts() == said


@pytest.mark.parametrize("language", ["de", "en"])
def test_a_translation_says_every_number_and_name_of_its_text(language: str) -> None:
    for message in read_catalogue(LOCALE / language / "LC_MESSAGES" / "wheeltapper.po"):
        if message.text:
            assert sorted(re.findall(r"{\w+}", message.text)) == sorted(
                re.findall(r"{\w+}", message.translations[0])
            )


def test_english_is_the_text_itself() -> None:
    messages = read_catalogue(LOCALE / "en" / "LC_MESSAGES" / "wheeltapper.po")
    assert all(message.text == message.translations[0] for message in messages if message.text)
    assert {} == words.script_texts("en")


def test_scripts_are_told_their_texts_in_the_readers_language() -> None:
    assert "Anhalten" == words.script_texts("de")["Pause"]


@pytest.mark.parametrize(
    ("asked", "spoken"),
    [
        ("de-AT,de;q=0.9,en;q=0.5", "de"),
        ("fr,en;q=0.3,de;q=0.4", "de"),
        ("en-GB", "en"),
        ("fr", "en"),
        ("de;q=0", "en"),
        ("de;q=much", "en"),
        ("", "en"),
        ("*," * 400, "en"),
    ],
)
def test_the_language_is_the_first_that_the_browser_asks_for_and_we_have(asked: str, spoken: str) -> None:
    headers = [(b"accept-language", asked.encode())]
    request = Request({"type": "http", "scheme": "http", "headers": headers})
    assert spoken == words.tongue_of(request, "auto").language
    assert "de" == words.tongue_of(request, "de").language


def test_numbers_durations_and_rates_are_written_for_people() -> None:
    english, german = Tongue("en"), Tongue("de")
    assert ("1.50", "1,50") == (english.number(1.5, 2), german.number(1.5, 2))
    assert "\N{MINUS SIGN}3" == english.number(-3.2)
    assert "\N{EN DASH}" == english.number(None, 2)
    seconds = (4.25, 42.0, 60.0, 191.0, 3600.0, 5400.0, None)
    assert ["4,2 s", "42 s", "1 min", "3 min 11 s", "1 h", "1 h 30 min", "hält an"] == [
        german.duration(one) for one in seconds
    ]
    rates = (0.0, 0.0042, 12.34, None)
    assert ["< 0.001", "0.004", "12.3", "\N{EN DASH}"] == [english.rare(one) for one in rates]


def test_every_language_of_the_page_has_sentences_too() -> None:
    assert set(languages(LOCALE)) <= set(languages())
