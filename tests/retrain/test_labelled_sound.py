"""Of an anomaly its flagged windows serve, of what is none the whole clip; nothing that was made less."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from past import T0, WINDOW_S, Past, noise, past_in

from monitor.recording.given import GivenFile, given_files
from monitor.recording.learn_folder import LearnFolder
from monitor.recording.spans import began
from monitor.replay.kept.reading import StoreReader
from monitor.store import Label
from monitor.store.protection import Protection, Spoken
from training.retrain.dealing import dealt
from training.retrain.material import LABELLED, gather_labelled, gathered_at, key_of_labels
from training.retrain.removed import LabelledStretch, stretches_of
from training.retrain.said import SaidEvent, said_of_source
from training.retrain.stretches import (
    AROUND_S,
    BANDS,
    DISTURBED,
    NOT_FLAGGED,
    SPEECH,
    LeftOut,
    Piece,
    pieces_of_event,
)

BAD, FINE = SaidEvent("bad", "anomaly", "bearing"), SaidEvent("fine", "no_anomaly")


@pytest.fixture
def past(tmp_path: Path) -> Iterator[Past]:
    with past_in(tmp_path / "state") as past:
        yield past


def add(past: Past, event_id: str, at_s: float, *, flagged: bool = True) -> None:
    """An event with 12 s of sound, flagged 3 s after its clip begins."""
    past.add_event(event_id, start_s=at_s + 3.0)
    past.add_clip(event_id, noise(12.0, seed=int(at_s)), start_s=at_s)
    if flagged:
        past.add_window(event_id, start_s=at_s + 3.0)
    past.end_event(event_id, at_s=at_s + 8.0)


def protect(past: Past, event_id: str, protection: Protection) -> None:
    clip = past.store.clips(event_id)[0]
    with past.store.database.transaction() as connection:
        connection.execute(
            "UPDATE clips SET protection = ? WHERE clip_id = ?", (protection.text, clip.clip_id)
        )


def served(past: Past, event: SaidEvent) -> list[Piece | LeftOut]:
    reader = StoreReader(past.store.state_dir)
    try:
        return list(pieces_of_event(reader, event))
    finally:
        reader.close()


def why(past: Past, event: SaidEvent) -> list[str]:
    return [one.why for one in served(past, event) if isinstance(one, LeftOut)]


def test_of_an_anomaly_only_the_flagged_windows_serve_and_a_quarter_second_around(past: Past) -> None:
    add(past, "bad", 0.0)
    (piece,) = served(past, BAD)
    assert isinstance(piece, Piece)
    assert WINDOW_S + 2 * AROUND_S == pytest.approx(piece.seconds, abs=0.001)
    first = round((3.0 - AROUND_S) * 16_000)
    np.testing.assert_array_equal(noise(12.0)[first : first + len(piece.samples)], piece.samples)


def test_an_anomaly_whose_flagged_windows_were_not_kept_teaches_nothing(past: Past) -> None:
    add(past, "bad", 0.0, flagged=False)
    assert [NOT_FLAGGED] == why(past, BAD)


def test_of_no_anomaly_the_whole_clip_serves_unless_something_else_lies_in_it(past: Past) -> None:
    add(past, "fine", 0.0)
    (piece,) = served(past, FINE)
    assert isinstance(piece, Piece)
    assert 12.0 == piece.seconds
    add(past, "other", 6.0)
    assert [DISTURBED] == why(past, FINE)
    past.add_label("other", "no_anomaly")
    assert [] == why(past, FINE)
    past.store.add_label(Label("other", "anomaly", "bob", T0))
    past.store.add_label(Label("other", "no_anomaly", "cy", T0))
    assert [DISTURBED] == why(past, FINE), "whoever speaks last does not outvote"


def test_sound_out_of_which_bands_or_speech_were_taken_does_not_serve(past: Past) -> None:
    add(past, "fine", 0.0)
    add(past, "bad", 100.0)
    protect(past, "fine", Protection(speech="blur", spoken=(Spoken(10.0, 11.0),)))
    protect(past, "bad", Protection(speech="blur", spoken=(Spoken(10.0, 11.0),)))
    assert [SPEECH] == why(past, FINE)
    assert [] == why(past, BAD), "nobody spoke in its flagged windows"
    protect(past, "bad", Protection(speech="blur", spoken=(Spoken(4.0, 5.0),)))
    assert [SPEECH] == why(past, BAD)
    protect(past, "bad", Protection(band_hz=(0.0, 4000.0)))
    assert [BANDS] == why(past, BAD)


def test_a_clip_that_was_pruned_is_left_out_with_the_reason(past: Past) -> None:
    add(past, "bad", 0.0)
    (past.store.state_dir / past.store.clips("bad")[0].path).unlink()
    assert ["this was not kept: somebody else removed it"] == why(past, BAD)
    assert ["no sound of it was kept"] == why(past, SaidEvent("none", "anomaly"))


def test_a_recording_tells_by_its_name_when_it_began_and_where_a_part_of_it_lay(tmp_path: Path) -> None:
    (tmp_path / "odd").mkdir()
    (tmp_path / "odd" / "odd.csv").write_text(
        "file,of,start_s,end_s,strangeness,reason\n"
        "a,/x/pump-20251009T085320Z.flac,10,14,5,x\nb,/x/pump-20251009T085320Z.flac,15,20,5,x\n"
    )
    start = 1_760_000_000.0
    assert start == began(Path("pump-20251009T085320Z.flac"))
    assert start == began(tmp_path / "00003-pump-20251009T085320Z.flac")
    assert start == began(tmp_path / "00003-00-pump-20251009T085320Z.flac")
    assert start + 20.0 == began(tmp_path / "00003-01-pump-20251009T085320Z.flac"), "1 s is no part"
    assert None is began(Path("flight-7.flac"))


def test_sound_that_somebody_called_an_anomaly_is_found_in_the_recordings(past: Past, tmp_path: Path) -> None:
    add(past, "bad", 30.0)
    files = [GivenFile(tmp_path / "pump-20251009T085320Z.flac", "train", 60.0)]
    (one,) = stretches_of(past.store, "pump", ["bad"], files)
    assert pytest.approx((31.0, 40.0), abs=0.01) == (one.start_s, one.end_s)
    assert [] == stretches_of(past.store, "fan", ["bad"], files)
    assert "event bad" in LabelledStretch(one.file, 0.0, 1.0, "bad").reason


def test_a_long_anomaly_is_taken_out_whole_though_few_of_its_windows_were_kept(
    past: Past, tmp_path: Path
) -> None:
    past.add_event("bad", start_s=100.0)
    past.add_window("bad", start_s=101.0)
    files = [GivenFile(tmp_path / "pump-20251009T085320Z.flac", "train", 600.0)]
    (goes_on,) = stretches_of(past.store, "pump", ["bad"], files)
    assert pytest.approx((98.0, 600.0), abs=0.01) == (goes_on.start_s, goes_on.end_s)
    past.end_event("bad", at_s=400.0)
    (one,) = stretches_of(past.store, "pump", ["bad"], files)
    assert pytest.approx((98.0, 402.0), abs=0.01) == (one.start_s, one.end_s)


def test_what_is_learned_from_is_made_once_and_holds_each_event_for_one_purpose(
    past: Past, tmp_path: Path
) -> None:
    for number in range(3):
        add(past, f"bad-{number}", 100.0 * number)
        past.add_label(f"bad-{number}", "anomaly", "bearing")
    for number in range(3):
        add(past, f"fine-{number}", 400.0 + 100.0 * number)
        past.add_label(f"fine-{number}", "no_anomaly")
    name = tmp_path / "pump-20251009T085320Z.flac"
    soundfile.write(name, noise(700.0), 16_000)
    files = given_files([name])
    files = [replace(files[0], role="train"), *files[1:]]
    reader = StoreReader(past.store.state_dir)
    said = said_of_source(past.store, "pump")
    deal = dealt(said.events)
    with LearnFolder(tmp_path / "work") as work:
        made = gather_labelled(work, reader, "pump", files, said, deal)
        assert made == gathered_at(work.place, key_of_labels(files, deal, said))
        assert None is gathered_at(work.place, "other")
        labelled = work.place / LABELLED
    reader.close()
    assert 4 == len(made.used)
    assert ["bad", "fine"] == [one.event_id[:-2] for one in made.held]
    assert made.anomalies is not None
    with made.anomalies.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [("anomaly", "bearing")] * 2 == [(row["label"], row["kind"]) for row in rows]
    repeated = list((labelled / "normal").glob("*.flac"))
    assert [12.0, 12.0] == [soundfile.info(str(one)).duration for one in repeated], "3 % is near enough"
    assert json.loads((labelled / "gathered.json").read_text())["normal_s"] == made.normal_s
    assert made.normal.odd_s == pytest.approx(4 * (5.0 + 4.0), abs=2.1), "anomalies, and what it is judged by"
