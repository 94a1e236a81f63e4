"""A source as guided commissioning leaves it: minutes recorded before, and what was found in them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile

from monitor.learning.documents import FOUND, Advice, Found, FoundStretch
from monitor.learning.plan import Plan, Step, learn_place, write_plan
from monitor.messages import Float32
from monitor.recording.folder import RecordFolder
from monitor.recording.pieces import Piece

RATE_HZ = 16_000
LOUD_S = (20, 25)
"""Where a minute has a tone that is unlike the rest."""


def minute(seed: int, *, odd: bool = False) -> Float32:
    """Return a minute of a hiss whose level wanders; an odd one has a loud tone in it."""
    draws = np.random.default_rng(seed)
    level = np.repeat(np.exp(0.2 * draws.standard_normal(240)), RATE_HZ // 4)
    samples = 0.05 * level * draws.standard_normal(60 * RATE_HZ)
    if odd:
        t = np.arange((LOUD_S[1] - LOUD_S[0]) * RATE_HZ) / RATE_HZ
        samples[LOUD_S[0] * RATE_HZ : LOUD_S[1] * RATE_HZ] += 0.2 * np.sin(2 * np.pi * 3000 * t)
    return np.asarray(np.clip(samples, -1, 1), np.float32)


def record_before(state_dir: Path, source_id: str, minutes: list[Float32], rate_hz: int = RATE_HZ) -> Path:
    """Put minutes where the daemon records to, as if it had; return the folder of the source."""
    place = learn_place(state_dir, source_id)
    folder = RecordFolder(place / "recordings", source_id=source_id, kind="pump", continues=True)
    for number, samples in enumerate(minutes):
        folder.add(Piece(samples, rate_hz, 1.7e9 + 60 * number))
    folder.close()
    return place


def waiting_to_be_heard(state_dir: Path, source_id: str = "pump", minutes: int = 1) -> Found:
    """Let a source wait for somebody to hear one odd stretch a minute; return what was found."""
    sounds = [minute(number, odd=True) for number in range(minutes)]
    place = record_before(state_dir, source_id, sounds)
    recordings = sorted((place / "recordings").glob("*.flac"))
    found = Found(
        key="k",
        total_s=sum(soundfile.info(recording).duration for recording in recordings),
        looked=True,
        lines=("level -26 dBFS",),
        advice=(Advice(code="hum", text="a line at 50 Hz"),),
        speech_share=0.01,
        states=1,
        stretches=tuple(
            FoundStretch(
                id=f"{recording.name}@{LOUD_S[0]:.2f}",
                file=str(recording),
                start_s=LOUD_S[0],
                end_s=LOUD_S[1],
                strangeness=9.0,
                apart_db=12.0 - number,
                low_hz=2800.0,
                high_hz=3200.0,
            )
            for number, recording in enumerate(recordings)
        ),
    )
    (place / FOUND).write_text(found.model_dump_json())
    write_plan(place, Plan(source=source_id, step=Step.LISTEN, hours=1.0, by="ada", started_utc_s=1.7e9))
    return found
