"""What docs/fleet.md tells people to type is understood, and its recipes are accepted."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from monitor.__main__ import build_parser
from training.fleet.recipes import recipes_of_file

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "fleet.md").read_text(encoding="utf-8")


def test_every_command_on_the_page_is_understood() -> None:
    lines = re.findall(r"^    wheeltapper (fleet .*)$", PAGE, re.MULTILINE)
    parser, _ = build_parser("fleet")
    assert ["train", "evaluate", "score"] == [parser.parse_args(line.split()).fleet_verb for line in lines]


def test_the_recipes_on_the_page_are_accepted(tmp_path: Path) -> None:
    (example,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    (tmp_path / "recipes.yaml").write_text(example)
    recipes = recipes_of_file(tmp_path / "recipes.yaml")
    assert ["mdae", "long", "ae-widths-16,32,64"] == [recipe.name for recipe in recipes[:3]]
    assert 6 == len(recipes)


def test_every_option_and_every_file_that_the_page_names_exists(capsys: pytest.CaptureFixture[str]) -> None:
    parser, _ = build_parser("fleet")
    for verb in ("train", "evaluate", "score"):
        with pytest.raises(SystemExit):
            parser.parse_args(["fleet", verb, "--help"])
    known = set(re.findall(r"--[a-z][a-z-]+", capsys.readouterr().out))
    assert {"--device"} == set(re.findall(r"`(--[a-z-]+)", PAGE)) - known, "that one is `wheeltapper train`'s"
    for path in re.findall(r"`(?:python )?(tests/[\w/]+\.py)", PAGE):
        assert (ROOT / path).is_file(), path
