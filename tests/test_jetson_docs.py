"""What docs/jetson.md tells people to type and to write exists."""

from __future__ import annotations

import re
from pathlib import Path

from monitor.__main__ import COMMANDS
from monitor.commands.engine import VERBS
from monitor.config import Config

PAGE = (Path(__file__).resolve().parents[1] / "docs" / "jetson.md").read_text(encoding="utf-8")


def test_every_verb_of_ours_on_the_page_exists() -> None:
    said = re.findall(r"(?:\bwt|bin/wheeltapper) (\w+)(?: (\w+))?", PAGE)
    assert {"check", "devices", "engine", "status"} <= {verb for verb, _ in said} <= set(COMMANDS)
    assert {"build", "parity", "bench"} == {second for verb, second in said if verb == "engine"}
    assert {"build", "parity", "bench"} <= set(VERBS)


def test_every_key_of_the_engine_section_on_the_page_exists() -> None:
    section = Config.model_fields["engine"].annotation
    assert section is not None
    assert {"backend", "bundle"} <= set(re.findall(r"engine\.(\w+)", PAGE)) <= set(section.model_fields)


def test_the_page_says_at_its_top_that_nobody_has_run_it() -> None:
    assert "We have not run this on a Jetson." in PAGE[:400]
