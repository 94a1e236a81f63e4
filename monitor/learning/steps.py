"""The steps from recordings to a candidate, for the terminal's `learn` and for the daemon's child process.

    files -> found (looked through) -> material (without what is odd, unless kept) -> bundle -> candidate

Each is done once: whoever comes again with the same sound finds what was made.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engines.bundle import Bundle
from monitor.calibration import Calibration
from monitor.errors import RecordError
from monitor.learning.alarms import NO_ALARMS, AlarmSound
from monitor.learning.documents import FOUND, Advice, Found, FoundStretch, read_found
from monitor.listening import Ear
from monitor.recording.given import GivenFile
from monitor.recording.heard import Told, heard_files, measures_of_heard
from monitor.recording.learn_folder import LearnFolder
from monitor.recording.material import ODD, Material, key_of_files, make_material, material_at
from monitor.recording.odd import OddStretch, odd_in_heard
from monitor.recording.sound_report import lines_of_measures, verdicts_of_sound
from monitor.store.files import write_whole
from monitor.worded import worded

TEACHING = "training.learn.teaching"
MOST_ODD = 0.2
"""Above it nobody can say which part is the normal one."""
LEAST_CALIBRATE_S = 330.0
"""300 windows, the least that a limit is fitted to, and a little more."""

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class How:
    """How much is spent on a model."""

    epochs: int | None = None
    """Passes; None: as the sound needs."""
    threads: int | None = None
    """CPU threads; None: as many as there are cores."""
    widths: str | None = None
    """Channels, as `wheeltapper train --widths` takes them; None: the recipe's."""

    @property
    def key(self) -> str:
        """What of it decides the weights."""
        return f"{self.epochs} {self.widths}"


def refuse_too_little(calibrate_s: float) -> None:
    """Refuse sound from which no honest limit can be fitted.

    Raises:
        RecordError: It is too little.
    """
    if calibrate_s < LEAST_CALIBRATE_S:
        raise RecordError(
            worded(
                "too-little-for-a-limit",
                "{minutes} min of sound for the alarm limit are too little, {least} are needed: 20 min in "
                "all suffice, and hours make a limit to trust: --hours with a larger number goes on with the "
                "recording",
                minutes=f"{calibrate_s / 60:.1f}",
                least=f"{LEAST_CALIBRATE_S / 60:.1f}",
            )
        )


def look_through(
    files: Sequence[GivenFile],
    ear: Ear,
    work: LearnFolder,
    *,
    say: Say,
    told: Told | None = None,
    alarms: AlarmSound = NO_ALARMS,
) -> Found:
    """Return what was found in these files, now or before.

    What was heard of a file before a stop is not heard again; `told` is given how many more seconds are.
    `alarms` is what was recorded during alarms: as good as odd.

    Raises:
        AudioFileError: A file cannot be read.
        StoreError: The disk refuses.
    """
    key = key_of_files(files, "looked through, alarms and what is odd in them as one")
    found = read_found(work.place)
    if found is not None and found.key == key:
        return found
    total_s = sum(file.seconds for file in files)
    say(f"looking through {total_s / 3600:.2f} h in {len(files)} files")
    heard = heard_files([file.path for file in files], ear, work.heard, told)
    measures, odd = measures_of_heard(heard, ear), odd_in_heard(heard, ear)
    found = Found(
        key=key,
        total_s=total_s,
        looked=odd.looked,
        lines=tuple(lines_of_measures(measures, [one.text for one in alarms.advice])),
        advice=(
            *(Advice(code=one.code, text=one.text) for one in verdicts_of_sound(measures)),
            *alarms.advice,
        ),
        speech_share=measures.speech_share,
        states=None if measures.variety is None else measures.variety.states,
        stretches=as_one([*map(_document, odd.stretches), *alarms.stretches], files),
    )
    write_whole(work.place / FOUND, found.model_dump_json().encode(), below=work.place)
    return found


def material_of(
    files: Sequence[GivenFile], found: Found, kept: Collection[str], work: LearnFolder, source_id: str
) -> Material:
    """Return what is learned from: these files without the odd stretches that nobody keeps.

    Raises:
        StoreError: The disk refuses.
        RecordError: A file cannot be read.
    """
    aside = [one for one in found.stretches if one.id not in kept]
    key = key_of_files(files, f"without {[one.id for one in aside]}")
    made = material_at(work.material, key)
    if made is None:
        stretches = [stretch_of(one) for one in aside]
        made = make_material(work.material, files, stretches, source_id=source_id, key=key)
    return made


def refuse_too_odd(material: Material, remedy: str) -> None:
    """Refuse sound of which so much is set aside that nobody knows which part is the normal one.

    Raises:
        RecordError: It is; the text ends with `remedy`.
    """
    odd = material.odd_s / max(material.train_s + material.calibrate_s + material.odd_s, 1e-9)
    if odd > MOST_ODD:
        raise RecordError(
            worded(
                "too-odd",
                "{percent}% of the sound is unlike the rest, too much to set aside: listen to {folder}; if "
                "all of it is normal, {remedy}, else record while the machine surely runs normally",
                percent=f"{100 * odd:.0f}",
                folder=str(material.folder / ODD),
                remedy=remedy,
            )
        )


def learn(material: Material, work: LearnFolder, how: How, say: Say) -> tuple[Bundle, Calibration]:
    """Return the bundle of this material with its limit, made now or found whole.

    Raises:
        TrainingError: The sound does not allow it, or the disk refuses.
        CalibrationError: No honest limit can be fitted; the training is kept.
    """
    teaching: Any = importlib.import_module(TEACHING)
    goes_on = work.begin_learning(f"{material.key} {how.key}")
    if work.bundle.exists():
        say("this sound was learned before; nothing is made anew")
    lesson = teaching.Lesson(
        material=material.folder,
        learn_s=material.train_s,
        out=work.bundle,
        goes_on=goes_on,
        epochs=how.epochs,
        threads=how.threads,
        widths=how.widths,
    )
    bundle, calibration = teaching.teach(lesson, say)
    return bundle, calibration


def as_one(stretches: Iterable[FoundStretch], files: Sequence[GivenFile]) -> tuple[FoundStretch, ...]:
    """Return them in the order of files and times, overlapping ones as one.

    No sound is heard or counted twice. Of what is unlike the rest the worst is told, of events the first.
    """
    places = {str(file.path): place for place, file in enumerate(files)}
    joined: list[FoundStretch] = []
    for one in sorted(stretches, key=lambda one: (places[one.file], one.start_s)):
        last = joined[-1] if joined else None
        if last is not None and last.file == one.file and one.start_s < last.end_s:
            worst = max(last, one, key=lambda stretch: stretch.strangeness)
            spans = {"id": last.id, "start_s": last.start_s, "end_s": max(last.end_s, one.end_s)}
            joined[-1] = worst.model_copy(update={**spans, "event": last.event or one.event})
        else:
            joined.append(one)
    return tuple(joined)


def _document(one: OddStretch) -> FoundStretch:
    return FoundStretch(
        id=f"{one.file.name}@{one.start_s:.2f}",
        file=str(one.file),
        start_s=one.start_s,
        end_s=one.end_s,
        strangeness=one.strangeness,
        apart_db=one.apart_db,
        low_hz=one.low_hz,
        high_hz=one.high_hz,
    )


def stretch_of(one: FoundStretch) -> OddStretch:
    """Return what a document says of a stretch."""
    return OddStretch(
        file=Path(one.file),
        start_s=one.start_s,
        end_s=one.end_s,
        strangeness=one.strangeness,
        apart_db=one.apart_db,
        low_hz=one.low_hz,
        high_hz=one.high_hz,
        event_id=one.event,
    )
