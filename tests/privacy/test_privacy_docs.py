"""docs/privacy.md promises nothing that has no key and no test."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

import pytest

from monitor.config import parse_config
from monitor.config.docs import config_markdown
from monitor.privacy.blur import HIGH_HZ, LOW_HZ
from monitor.privacy.speech import MARGIN_S

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "privacy.md").read_text(encoding="utf-8")
CLAIMS = re.findall(r"^\| .* \| (.*) \| `(tests/\S+)::(\w+)` \|$", PAGE, re.MULTILINE)
KEYS = sorted(set(re.findall(r"`((?:store|sources|mqtt|replay)\.\w+)", PAGE)))


@pytest.mark.parametrize(("file", "test"), [(file, test) for _, file, test in CLAIMS])
def test_a_claims_test_is_there(file: str, test: str) -> None:
    assert f"def {test}(" in (ROOT / file).read_text(encoding="utf-8")


def test_every_row_of_claims_was_read() -> None:
    assert len(re.findall(r"^\| .*`tests/\S+::", PAGE, re.MULTILINE)) == len(CLAIMS) > 12


@pytest.mark.parametrize("key", KEYS)
def test_a_key_on_the_page_is_one_of_the_configuration(key: str) -> None:
    if key not in {"store.schema", "store.sqlite"}:  # files
        assert f"| `{key.partition('.')[2]}` |" in config_markdown()


def test_what_is_recommended_is_taken_by_the_configuration() -> None:
    (block,) = re.findall(r"^    store:\n(?:      .*\n)+", PAGE, re.MULTILINE)
    config = parse_config(f"sources: [{{id: a, kind: simulated}}]\n{textwrap.dedent(block)}", name="")
    assert ("blur", (100.0, 4000.0), 30.0) == (
        config.store.speech,
        config.store.clip_stop_hz,
        config.store.max_age_days,
    )


def test_the_numbers_of_the_treatment_are_those_of_the_code() -> None:
    assert f"from {LOW_HZ:g} Hz to {HIGH_HZ / 1000:g} kHz" in PAGE
    assert f"has {MARGIN_S} s before and after" in PAGE
    threshold = parse_config("sources: [{id: a, kind: simulated}]", name="").store.speech_threshold
    assert f"threshold {threshold} (`store.speech_threshold`)" in PAGE.replace("\n", " ")
