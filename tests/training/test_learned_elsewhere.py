"""A bundle that was learned elsewhere says when its sound was recorded, as the box's own do."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pytest

from monitor.promotion.learned import LABELS, learned_from, recorded_in
from monitor.recording.spans import RECORDED, text_of_spans
from training import train_command
from training.making import Terms
from training.train_arguments import add_arguments

SPANS = [(1.7e9, 1.7e9 + 80.0), (1.7e9 + 90.0, 1.7e9 + 120.0)]


class AskedError(Exception):
    """Raised in the place of a training, with its terms."""


def asked(data: Path, out: Path, monkeypatch: pytest.MonkeyPatch) -> Terms:
    """Return the terms under which `wheeltapper train` would have made a bundle of this."""

    def train(*given: object) -> None:
        raise AskedError(given[-1])

    monkeypatch.setattr(train_command, "make_bundle", train)
    monkeypatch.setattr(train_command, "_material", lambda _: None)
    monkeypatch.setattr(train_command, "_stretches", lambda *_: [])
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    with pytest.raises(AskedError) as raised:
        train_command.run(parser.parse_args(["ae", "--data", str(data), "--out", str(out)]))
    terms = raised.value.args[0]
    assert isinstance(terms, Terms)
    return terms


def test_what_a_package_says_of_its_sound_stands_in_the_bundle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "pump"
    package.mkdir()
    assert {} == asked(package, tmp_path / "plain", monkeypatch).files
    (package / RECORDED).write_text(text_of_spans(SPANS))
    files = asked(package, tmp_path / "out", monkeypatch).files
    assert [LABELS] == list(files)
    assert 1 == json.loads(files[LABELS])["schema"]
    (tmp_path / LABELS).write_text(files[LABELS])
    assert tuple(SPANS) == recorded_in(tmp_path)
    assert frozenset() == learned_from(tmp_path)
