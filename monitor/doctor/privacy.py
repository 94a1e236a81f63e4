"""What of the sound is stored, and whether the check for speech that was asked for works."""

from __future__ import annotations

from collections.abc import Iterator

from engines.errors import CodedError
from monitor.config import SourceConfig, StoreConfig
from monitor.doctor.finding import Finding, Patient, fault_from_error, ok, warning
from monitor.privacy.speech import SpeechDetector

UNCHECKED = "clips_and_maps_unchecked_for_speech"
"""What was not stored as it was heard, because nobody could say whether it holds speech."""


def check_privacy(patient: Patient) -> Iterator[Finding]:
    """Say of every source what is stored of its sound, and open the speech check where one is asked for."""
    config = patient.config
    for source in config.sources:
        yield _of_source(source, config.store.for_source(source.audio, source.speech))
    if config.looks_for_speech:
        yield _check_of_speech(patient)


def _of_source(source: SourceConfig, own: StoreConfig) -> Finding:
    name = f"privacy of {source.id}"
    if own.audio == "never" and own.speech == "keep":
        return warning(
            name,
            "no sound is stored, but the log-mel of flagged windows is: speech can be partly made from it",
            "set store.speech: blur (docs/privacy.md)",
        )
    sound = "no sound is stored" if own.audio == "never" else "sound around flagged windows is stored"
    kept = {"keep": "speech is not looked for", "blur": "speech is blurred", "withhold": "speech is withheld"}
    said = [sound, kept[own.speech]]
    if own.audio == "flagged":
        said += [f"only {own.clip_band_hz} Hz"] if own.clip_band_hz else []
        said += [f"without {own.clip_stop_hz} Hz"] if own.clip_stop_hz else []
    return ok(name, ", ".join(said))


def _check_of_speech(patient: Patient) -> Finding:
    name = "speech check"
    try:
        SpeechDetector()
    except CodedError as error:
        return fault_from_error(name, error)
    box = {} if patient.status is None else patient.status.get("box", {})
    unchecked = box.get("counts", {}).get(UNCHECKED, 0)
    if unchecked:
        return warning(
            name,
            f"it failed on {unchecked} clips and windows, which were not stored as they were heard",
            "look for `cannot be checked for speech` in the log: journalctl -u wheeltapper",
        )
    return ok(name, "the network is the one that was measured")
