"""The doctor says what is stored of every source's sound, and finds a speech check that does not work."""

from __future__ import annotations

from pathlib import Path

import pytest
from doctor_patients import SIMULATED, patient_of, status_of

from monitor.doctor import privacy
from monitor.doctor.finding import Verdict
from monitor.doctor.privacy import UNCHECKED, check_privacy
from monitor.privacy.speech import SpeechDetector


def test_what_is_stored_of_each_source_is_said(tmp_path: Path) -> None:
    sources = [SIMULATED, {**SIMULATED, "id": "p2", "audio": "never", "speech": "blur"}]
    store = {"clip_stop_hz": [100, 4000]}
    found = list(check_privacy(patient_of(tmp_path, sources=sources, store=store)))
    assert {Verdict.OK} == {one.verdict for one in found}
    assert [
        "sound around flagged windows is stored, speech is not looked for, without (100.0, 4000.0) Hz",
        "no sound is stored, speech is blurred",
        "the network is the one that was measured",
    ] == [one.said for one in found]


def test_maps_from_which_speech_could_be_made_are_warned_of(tmp_path: Path) -> None:
    (found,) = check_privacy(patient_of(tmp_path, store={"audio": "never"}))
    assert (Verdict.WARNING, True) == (found.verdict, "store.speech: blur" in found.remedy)


def test_a_speech_check_that_is_missing_is_a_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(privacy, "SpeechDetector", lambda: SpeechDetector(tmp_path / "none.onnx"))
    _, found = check_privacy(patient_of(tmp_path, store={"speech": "blur"}))
    assert (Verdict.FAULT, True) == (found.verdict, "speech-check" in found.said)
    assert "install wheeltapper again" in found.remedy


def test_what_could_not_be_checked_is_warned_of(tmp_path: Path) -> None:
    status = status_of(box={"counts": {UNCHECKED: 3}})
    _, found = check_privacy(patient_of(tmp_path, status=status, store={"speech": "withhold"}))
    assert (Verdict.WARNING, True) == (found.verdict, "3 clips" in found.said)
