"""Labelled events as a folder of sound that `wheeltapper train` and `evaluate` read, in one zip.

    *.flac        the clips, as they were recorded; one label each
    index.csv     as `wheeltapper record` writes it, with onset_s and offset_s where an anomaly was flagged: a
                  row for each such stretch
    truth.csv     the same stretches for `wheeltapper evaluate --truth`
    labels.json   who said what and when, with every change of mind; what could not be exported; and out of
                  which clips speech or bands were taken before they were stored

The zip is made while it is sent: it needs no place on the disk and little memory.
"""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
from collections.abc import Collection, Generator, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timezone
from typing import Literal

from monitor.errors import FileGoneError
from monitor.publish.fields import rfc3339_from_utc_s
from monitor.recording.folder import COLUMNS, INDEX, LICENCE
from monitor.replay.kept.axes import Stretch
from monitor.replay.kept.event_query import PAGE_MAX, EventFilter, Order, places
from monitor.replay.kept.flagged import flagged_in_clip
from monitor.replay.kept.reading import StoreReader
from monitor.store import Event, Label, StoredClip
from monitor.store.protection import protection_from_text

ANOMALY = "anomaly"
LABELS: Mapping[str, str] = {ANOMALY: "anomaly", "no_anomaly": "normal", "unsure": "unsure"}
"""What a rating is called in an index. Training and evaluation leave `unsure` alone."""
Judgement = Literal["anomaly", "no_anomaly", "unsure"]
ROLE = "train"
"""One role for all: training takes the normal ones by it, evaluation takes all where none is `test`."""
NOWHERE = (
    "none of its windows at or above the limit was kept (store.maps_per_event): where in it the anomaly is, "
    "nobody knows"
)
"""Why a clip of an anomaly is left out: without times all of it would be learned from, its pre-roll too."""
FALSE_ALARM = "false_alarm"
"""Kind of a normal clip."""
INDEX_COLUMNS = (*COLUMNS, "onset_s", "offset_s", "event_id")
TRUTH_COLUMNS = ("file", "onset_s", "offset_s", "kind", "snr_db")
CHUNK_BYTES = 64 * 1024
FIRST_ZIP_UTC_S = 315_532_800.0
"""1980: zip knows no time before it."""


@dataclass(slots=True)
class _Written:
    """What an export holds so far."""

    rows: list[dict[str, str]] = field(default_factory=list)
    events: list[dict[str, object]] = field(default_factory=list)
    left_out: list[dict[str, str]] = field(default_factory=list)
    protected: list[dict[str, str]] = field(default_factory=list)


class _Pipe:
    """Takes what zipfile writes and gives it on: a file that cannot be wound back."""

    def __init__(self) -> None:
        self._held: list[bytes] = []

    def write(self, content: bytes, /) -> int:
        self._held.append(content)
        return len(content)

    def flush(self) -> None:
        pass

    def close(self) -> None:
        pass

    def taken(self) -> bytes:
        """Return what was written since the last call; one piece alone is not copied."""
        content = b"".join(self._held)
        self._held.clear()
        return content


def zip_of_labelled(
    reader: StoreReader, wanted: EventFilter, ratings: Collection[Judgement]
) -> Generator[bytes, None, None]:
    """Yield a zip of the clips of all events that fit and whose last label is one of `ratings`.

    Raises:
        StoreError: The store cannot be read; before the first byte, if it cannot be read at all.
    """
    pipe, written = _Pipe(), _Written()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_STORED) as archive:
        for event, label in _labelled(reader, wanted, ratings):
            labels = [_label_tree(given) for given in reader.store.labels(event.event_id)]
            written.events.append({"event_id": event.event_id, "labels": labels})
            windows = reader.store.windows(event.event_id) if label.rating == ANOMALY else ()
            for clip in reader.store.clips(event.event_id):
                stretches = flagged_in_clip(clip, windows)
                if label.rating == ANOMALY and not stretches:
                    written.left_out.append({"clip_id": clip.clip_id, "why": NOWHERE})
                    continue
                try:
                    yield from _clip_entry(reader, archive, pipe, clip)
                except FileGoneError as error:
                    written.left_out.append({"clip_id": clip.clip_id, "why": str(error)})
                    continue
                written.rows += _rows(event, label, clip, stretches)
                if words := protection_from_text(clip.protection).words:
                    written.protected.append({"file": _file_name(clip), "what": words})
        truth = [row for row in written.rows if row["onset_s"]]
        told = {"events": written.events, "left_out": written.left_out, "protected": written.protected}
        archive.writestr("labels.json", json.dumps(told, indent=1, ensure_ascii=False))
        archive.writestr("truth.csv", _csv(TRUTH_COLUMNS, truth))
        archive.writestr(INDEX, _csv(INDEX_COLUMNS, written.rows))
    yield pipe.taken()


def _labelled(
    reader: StoreReader, wanted: EventFilter, ratings: Collection[Judgement]
) -> Iterator[tuple[Event, Label]]:
    cursor: str | None = None
    while True:
        found = places(reader.store.database, wanted, Order.NEWEST, cursor=cursor, limit=PAGE_MAX)
        for place in found:
            if place.label is not None and place.label.rating in ratings:
                event = reader.store.event(place.event_id)
                if event is not None:
                    yield event, place.label
        if len(found) < PAGE_MAX:
            return
        cursor = found[-1].cursor


def _clip_entry(
    reader: StoreReader, archive: zipfile.ZipFile, pipe: _Pipe, clip: StoredClip
) -> Iterator[bytes]:
    start = datetime.fromtimestamp(max(clip.start_utc_s, FIRST_ZIP_UTC_S), tz=timezone.utc)
    with reader.open_file(clip) as sound:
        entry = zipfile.ZipInfo(_file_name(clip), start.timetuple()[:6])
        entry.external_attr = 0o644 << 16
        with archive.open(entry, "w", force_zip64=clip.size_bytes > zipfile.ZIP64_LIMIT) as file:
            while chunk := sound.read(CHUNK_BYTES):
                file.write(chunk)
                yield pipe.taken()


def _file_name(clip: StoredClip) -> str:
    """Return a name that is safe in any folder: ids are made of such characters, whatever a row says."""
    start = datetime.fromtimestamp(clip.start_utc_s, tz=timezone.utc)
    return (
        re.sub(r"[^\w.-]", "_", f"{clip.source_id}-{start:%Y%m%d}T{clip.clip_id}", flags=re.ASCII) + ".flac"
    )


def _rows(
    event: Event, label: Label, clip: StoredClip, stretches: Sequence[Stretch]
) -> Iterator[dict[str, str]]:
    """Yield a row for each stretch of an anomaly, one without times for anything else."""
    values = (
        _file_name(clip),
        clip.source_id,
        LABELS[label.rating],
        _plain(_kind(event, label)),
        ROLE,
        str(clip.sample_rate_hz),
        f"{clip.duration_s:.3f}",
        LICENCE,
    )
    times = [(f"{stretch.start_s:.3f}", f"{stretch.end_s:.3f}") for stretch in stretches]
    for onset_s, offset_s in times or [("", "")]:
        yield dict(zip(INDEX_COLUMNS, (*values, onset_s, offset_s, event.event_id), strict=True))


def _kind(event: Event, label: Label) -> str:
    if label.rating == "no_anomaly":
        return FALSE_ALARM
    if label.fault_code is not None:
        return label.fault_code
    return "" if event.explanation is None else event.explanation.findings[0].kind.value


def _plain(text: str) -> str:
    """Keep a table program from taking somebody's words for a formula."""
    return "'" + text if text[:1] in {"=", "+", "-", "@", "\t", "\r"} else text


def _label_tree(label: Label) -> dict[str, object]:
    return {**asdict(label), "at": rfc3339_from_utc_s(label.at_utc_s)}


def _csv(columns: Sequence[str], rows: Sequence[Mapping[str, str]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
