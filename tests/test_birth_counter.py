from __future__ import annotations

from pathlib import Path

import pytest

from monitor.birth_counter import FILE, BirthCounterFile
from monitor.errors import StoreFullError
from monitor.testing import CapturedLog


def test_it_begins_at_0_goes_on_in_another_process_and_wraps(tmp_path: Path) -> None:
    assert [0, 1] == [counter.next() for counter in [BirthCounterFile(tmp_path, CapturedLog())] * 2]
    assert 2 == BirthCounterFile(tmp_path, CapturedLog()).next()
    (tmp_path / FILE).write_text("255\n")
    assert 0 == BirthCounterFile(tmp_path, CapturedLog()).next()


def test_the_number_is_on_disk_before_it_is_used(tmp_path: Path) -> None:
    counter = BirthCounterFile(tmp_path, CapturedLog())
    for expected in range(3):
        assert expected == counter.next() == int((tmp_path / FILE).read_text())


@pytest.mark.parametrize("text", ["", "seven", "\x00\x00"])
def test_a_file_that_says_nothing_is_told_of_and_the_count_begins_anew(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE).write_text(text)
    log = CapturedLog()
    assert 0 == BirthCounterFile(tmp_path, log).next()
    assert 1 == len(log.lines)


def test_a_full_disk_is_told_of_once_and_does_not_silence_the_node(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = CapturedLog()
    counter = BirthCounterFile(tmp_path, log)
    assert 0 == counter.next()

    def full(*_arguments: object, **_keywords: object) -> None:
        raise StoreFullError("no space")

    with monkeypatch.context() as broken:
        broken.setattr("monitor.birth_counter.write_whole", full)
        assert [1, 2] == [counter.next(), counter.next()]
    assert 1 == len(log.lines)
    assert 3 == counter.next()
    assert 4 == BirthCounterFile(tmp_path, CapturedLog()).next()
