"""One machine's archive, scored with its bundle in pieces and joined: what `wheeltapper score` would write.

A piece is some whole files, or a stretch of a long one. Pieces give the same lines, to the byte, as the whole
in one go: see monitor.recordings.inferences_of_file.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import soundfile

from monitor.commands.score import line_of_score, score_of_answer
from monitor.errors import AudioFileError
from monitor.frontend import FrontendParameters
from monitor.recordings import BATCH, EVERYTHING, Stretch, inferences_of_file
from training.fleet.artefacts import Artefacts
from training.fleet.at_hand import bundle_at_hand, sound_at_hand, with_names
from training.fleet.choosing import Chosen
from training.fleet.hearing import Hearing
from training.fleet.machines import MISSING, Machine, SoundFile
from training.fleet.tasks import REPORT, Task, Terms, key_of

LINES, SCORES = "lines.jsonl", "scores.jsonl"
PIECES = "pieces"


@dataclass(frozen=True, slots=True)
class Part:
    """A file, or some of its windows."""

    file: SoundFile
    stretch: Stretch = EVERYTHING


@dataclass(slots=True)
class Tally:
    """What a row of the summary says of scores."""

    windows: int = 0
    judged: int = 0
    at_limit: int = 0
    """Windows with a value of 1 or more."""
    highest: float | None = None
    highest_at: str = ""
    """File and second of the highest value."""

    def add(self, line: Mapping[str, Any]) -> None:
        """Count one line of scores."""
        self.windows += 1
        value = line["value"]
        if value is None:
            return
        self.judged += 1
        self.at_limit += value >= 1.0
        if self.highest is None or value > self.highest:
            self.highest, self.highest_at = value, f"{line['file']} at {line['start_s']:g} s"

    def join(self, other: Mapping[str, Any]) -> None:
        """Count what was counted elsewhere, later in the archive."""
        self.windows += other["windows"]
        self.judged += other["judged"]
        self.at_limit += other["at_limit"]
        if other["highest"] is not None and (self.highest is None or other["highest"] > self.highest):
            self.highest, self.highest_at = other["highest"], other["highest_at"]


@dataclass(frozen=True, slots=True)
class PieceWork:
    """Scores some of a machine's sound."""

    data: str
    bundles: str
    chosen: Chosen
    hearing: Hearing
    parts: tuple[Part, ...]

    def do(self, place: str, out: Artefacts, terms: Terms, scratch: Path) -> Mapping[str, Any]:
        """Put the lines at `place` and return what they say; files that cannot be read are named."""
        bundle = bundle_at_hand(self.bundles, self.chosen.bundle, self.chosen.bundle_id, scratch)
        at_hand = sound_at_hand(self.data, [part.file for part in self.parts], scratch)
        ear, engine, scorer = self.hearing.opened(bundle, threads=terms.threads)
        tally, unreadable = Tally(), {}
        with (scratch / LINES).open("w", encoding="utf-8") as sink:
            for part in self.parts:
                path, channel = at_hand[part.file], self.hearing.channel
                try:
                    for span, answer in inferences_of_file(
                        path, ear, engine, channel=channel, stretch=part.stretch
                    ):
                        line = line_of_score(part.file.name, score_of_answer(scorer, span, answer))
                        sink.write(json.dumps(line) + "\n")
                        tally.add(line)
                except AudioFileError as error:
                    unreadable[part.file.name] = with_names(str(error), at_hand)
        engine.close()
        out.put(scratch / LINES, f"{place}/{LINES}")
        return {**asdict(tally), "not_usable": unreadable}


@dataclass(frozen=True, slots=True)
class JoinWork:
    """Makes one file of a machine's pieces."""

    bundle_id: str
    pieces: tuple[str, ...]
    """Their places, in order."""

    def do(self, place: str, out: Artefacts, terms: Terms, scratch: Path) -> Mapping[str, Any]:  # noqa: ARG002
        """Put scores.jsonl at `place` and return what all pieces say together."""
        tally = Tally()
        unreadable: dict[str, str] = {}
        reports = out.trees(f"{piece}/{REPORT}" for piece in self.pieces)
        with (scratch / SCORES).open("wb") as sink:
            for piece in self.pieces:
                sink.writelines(out.lines(f"{piece}/{LINES}"))
                result = reports[f"{piece}/{REPORT}"]["result"]
                tally.join(result)
                unreadable |= {k: v for k, v in result["not_usable"].items() if k not in unreadable}
        out.put(scratch / SCORES, f"{place}/{SCORES}")
        return {"bundle_id": self.bundle_id, **asdict(tally), "not_usable": unreadable}


def score_tasks(
    where: tuple[str, str], machine: Machine, chosen: Chosen, hearing: Hearing, *, piece_bytes: int
) -> tuple[list[Task], Task]:
    """Return the pieces of a machine's archive and the task that joins them; `where`: data, bundles."""
    tasks = []
    files = list({file.name: file for file in reversed(machine.files)}.values())[::-1]  # a file may have rows
    for number, parts in enumerate(_pieces(where[0], files, hearing, piece_bytes)):
        key = key_of(machine.name, chosen.bundle_id, repr(hearing), repr(parts))
        place = f"{machine.place}/{PIECES}/{number:06}"
        tasks.append(
            Task(machine.name, f"piece {number}", place, key, PieceWork(*where, chosen, hearing, parts))
        )
    joined = JoinWork(chosen.bundle_id, tuple(task.place for task in tasks))
    key = key_of(*(task.key for task in tasks))
    return tasks, Task(machine.name, "scores", f"{machine.place}/scores", key, joined)


def _pieces(
    data: str, files: Sequence[SoundFile], hearing: Hearing, piece_bytes: int
) -> Iterator[tuple[Part, ...]]:
    """Yield the files in order: small ones together up to `piece_bytes`, longer ones in stretches."""
    waiting: list[Part] = []
    weight = 0
    for file in files:
        parts = _parts(data, file, hearing, piece_bytes)
        if waiting and (len(parts) > 1 or weight + file.size_bytes > piece_bytes):
            yield tuple(waiting)
            waiting, weight = [], 0
        if len(parts) > 1:
            yield from ((part,) for part in parts)
        else:
            waiting, weight = [*waiting, *parts], weight + max(0, file.size_bytes)
    if waiting:
        yield tuple(waiting)


def _parts(data: str, file: SoundFile, hearing: Hearing, piece_bytes: int) -> list[Part]:
    count = max(1, file.size_bytes // piece_bytes)
    if file.size_bytes == MISSING or count == 1 or (duration_s := _duration_s(data, file)) is None:
        return [Part(file)]
    parameters = FrontendParameters()  # another bundle's makes pieces less even, and nothing worse
    windows = duration_s / (hearing.hop_frames * parameters.hop_s)
    size = max(1, round(windows / count / BATCH)) * BATCH
    starts = list(range(0, max(1, int(windows) - size // 2), size))
    ends: Iterable[int | None] = [*starts[1:], None]
    return [Part(file, Stretch(first, end)) for first, end in zip(starts, ends, strict=True)]


def _duration_s(data: str, file: SoundFile) -> float | None:
    """Return what a file's header says; None where it cannot be read, which the scoring will tell."""
    try:
        with Artefacts(data).open(file.name) as opened:
            return float(soundfile.info(opened).duration)
    except (OSError, soundfile.SoundFileError):
        return None
