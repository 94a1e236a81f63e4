"""What is exported is what training and evaluation read, label for label and second for second."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import soundfile
from past import WINDOW_S, Past, noise, past_in

from monitor.__main__ import main
from monitor.explanation import SoundKind
from monitor.listening import DEMO_BUNDLE
from monitor.replay.kept.event_query import EventFilter
from monitor.replay.kept.export import INDEX_COLUMNS, Judgement
from training.anomalies import gather_anomalies, refuse_shared
from training.evaluation.truth import events_of_files, events_of_truth, labelled_files
from training.gather import gather

FLAGGED = pytest.approx((3.0, 3.0 + WINDOW_S), abs=0.001)
BOTH: tuple[Judgement, ...] = ("anomaly", "no_anomaly")


@pytest.fixture
def past(tmp_path: Path) -> Iterator[Past]:
    """Two anomalies, a false alarm with two clips, one unsure, one withdrawn, one unlabelled."""
    with past_in(tmp_path / "state") as past:
        for number, (event_id, rating, code) in enumerate(
            [
                ("bad", "anomaly", "bearing"),
                ("worse", "anomaly", None),
                ("fine", "no_anomaly", "bearing"),
                ("odd", "unsure", None),
                ("taken-back", "anomaly", None),
                ("new", None, None),
            ]
        ):
            start_s = 100.0 * number + 3.0
            past.add_event(event_id, start_s=start_s, kind=SoundKind.TONE)
            past.add_clip(event_id, noise(12.0, seed=number), start_s=start_s - 3.0)
            past.add_window(event_id, start_s=start_s)
            past.end_event(event_id, at_s=start_s + 8.0)
            if rating is not None:
                past.add_label(event_id, rating, code)  # type: ignore[arg-type]
        past.add_clip("fine", noise(5.0, rate_hz=44_100, seed=9), start_s=240.0, rate_hz=44_100)
        past.add_label("taken-back", "none")
        yield past


def exported(past: Past, folder: Path, *ratings: Judgement) -> Path:
    content = b"".join(past.library.export(EventFilter(), ratings or BOTH))
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert None is archive.testzip()
        archive.extractall(folder)
    return folder


def index_of(folder: Path) -> dict[str, list[dict[str, str]]]:
    """Return the rows by event."""
    with (folder / "index.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    return {
        row["event_id"]: [other for other in rows if other["event_id"] == row["event_id"]] for row in rows
    }


def test_every_clip_is_there_to_the_bit_with_the_label_that_counts(past: Past, tmp_path: Path) -> None:
    folder = exported(past, tmp_path / "out")
    index = index_of(folder)
    assert {"bad": 1, "worse": 1, "fine": 2} == {event_id: len(rows) for event_id, rows in index.items()}
    for event_id, rows in index.items():
        clips = past.library.event(event_id).clips
        for row, clip in zip(rows, clips, strict=True):
            assert (past.store.state_dir / clip.path).read_bytes() == (folder / row["file"]).read_bytes()
            info = soundfile.info(str(folder / row["file"]))
            assert (str(info.samplerate), f"{info.duration:.3f}") == (row["rate_hz"], row["seconds"])
    assert list(INDEX_COLUMNS) == list(index["bad"][0])
    told = [
        (index[one][0]["label"], index[one][0]["kind"], index[one][0]["set"])
        for one in ("bad", "worse", "fine")
    ]
    assert [
        ("anomaly", "bearing", "pump"),
        ("anomaly", "tone", "pump"),
        ("normal", "false_alarm", "pump"),
    ] == told


def test_training_gathers_the_false_alarms_as_normal_sound_and_the_anomalies_by_their_seconds(
    past: Past, tmp_path: Path
) -> None:
    folder = exported(past, tmp_path / "out")
    gathered = gather([folder])
    assert {"fine"} == {
        event_id
        for event_id, rows in index_of(folder).items()
        for row in rows
        if (folder / row["file"]).resolve() in gathered.train
    }
    assert 2 == len(gathered.train)
    assert {"with label anomaly": 2} == dict(gathered.left_out)
    stretches = gather_anomalies([folder])
    assert [FLAGGED, FLAGGED] == [(stretch.onset_s, stretch.offset_s) for stretch in stretches]
    refuse_shared(stretches, set(gathered.train))


def test_evaluation_finds_the_labels_and_the_stretches(past: Past, tmp_path: Path) -> None:
    folder = exported(past, tmp_path / "out")
    files = labelled_files(folder, relative_to=folder)
    assert [False, False, True, True] == sorted(file.anomaly for file in files)
    events = events_of_files(files, events_of_truth(folder / "truth.csv"))
    stretches = {event.kind: (event.onset_s, event.offset_s) for found in events.values() for event in found}
    assert {"bearing": FLAGGED, "tone": FLAGGED} == stretches


def test_each_alarm_of_one_event_is_an_anomaly_of_its_own_and_what_is_between_is_not(tmp_path: Path) -> None:
    """Three alarms that nobody acknowledged are one event; the last clip holds two of their sounds."""
    with past_in(tmp_path / "state") as past:
        past.add_event("again", start_s=4.0, kind=SoundKind.TONE)
        for number, starts in enumerate([(4.0,), (4.0, 4.5), (4.0, 12.0)]):
            past.add_clip("again", noise(20.0, seed=number), start_s=60.0 * number)
            for start_s in starts:
                past.add_window("again", start_s=60.0 * number + start_s)
        past.end_event("again", at_s=150.0)
        past.add_label("again", "anomaly", "belt")
        folder = exported(past, tmp_path / "out")
    one, two = (4.0, 4.0 + WINDOW_S), (4.0, 4.5 + WINDOW_S)
    expected = [one, two, one, (12.0, 12.0 + WINDOW_S)]
    found = [(stretch.onset_s, stretch.offset_s) for stretch in gather_anomalies([folder])]
    assert [pytest.approx(stretch, abs=0.001) for stretch in expected] == found
    files = labelled_files(folder, relative_to=folder)
    assert 3 == len(files), "each file is judged once"
    events = events_of_files(files, events_of_truth(folder / "truth.csv"))
    assert sorted(found) == sorted((e.onset_s, e.offset_s) for told in events.values() for e in told)


def test_a_clip_of_an_anomaly_of_which_no_window_was_kept_is_named_and_not_listed(
    past: Past, tmp_path: Path
) -> None:
    late = past.add_clip("bad", noise(5.0, seed=7), start_s=900.0)
    folder = exported(past, tmp_path / "out")
    assert 1 == len(index_of(folder)["bad"])
    (left_out,) = json.loads((folder / "labels.json").read_text())["left_out"]
    assert late == left_out["clip_id"]
    assert "store.maps_per_event" in left_out["why"]


def test_unsure_is_exported_when_asked_for_and_serves_nobody(past: Past, tmp_path: Path) -> None:
    folder = exported(past, tmp_path / "out", "unsure", "no_anomaly")
    assert "unsure" == index_of(folder)["odd"][0]["label"]
    assert 2 == len(gather([folder]).train)
    assert 2 == len(labelled_files(folder))


def test_labels_json_tells_every_change_of_mind(past: Past, tmp_path: Path) -> None:
    past.add_label("bad", "no_anomaly")
    past.add_label("bad", "anomaly", "seal")
    told = json.loads((exported(past, tmp_path / "out") / "labels.json").read_text())
    (bad,) = (event for event in told["events"] if event["event_id"] == "bad")
    said = [(label["rating"], label["fault_code"], label["who"]) for label in bad["labels"]]
    assert [("anomaly", "bearing", "ann"), ("no_anomaly", None, "ann"), ("anomaly", "seal", "ann")] == said
    assert "2025-10-09T08:53:20.000Z" == bad["labels"][0]["at"]


def test_a_clip_that_is_gone_is_named_and_not_listed(past: Past, tmp_path: Path) -> None:
    (clip,) = past.library.event("bad").clips
    (past.store.state_dir / clip.path).unlink()
    folder = exported(past, tmp_path / "out")
    assert "bad" not in index_of(folder)
    left_out = json.loads((folder / "labels.json").read_text())["left_out"]
    assert [clip.clip_id] == [item["clip_id"] for item in left_out]
    assert 1 == len(gather_anomalies([folder]))


def test_filters_narrow_an_export(past: Past, tmp_path: Path) -> None:
    only: tuple[Judgement, ...] = ("anomaly",)
    content = b"".join(past.library.export(EventFilter(fault_code="bearing"), only))
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        archive.extractall(tmp_path / "out")
    assert {"bad"} == set(index_of(tmp_path / "out"))


def test_words_of_people_are_no_formulas_in_a_table(past: Past, tmp_path: Path) -> None:
    past.add_label("bad", "anomaly", "=HYPERLINK(1)")
    assert "'=HYPERLINK(1)" == index_of(exported(past, tmp_path / "out"))["bad"][0]["kind"]


def test_nothing_labelled_is_an_empty_index(tmp_path: Path) -> None:
    with past_in(tmp_path / "state") as past:
        folder = exported(past, tmp_path / "out")
    assert ",".join(INDEX_COLUMNS) + "\n" == (folder / "index.csv").read_text()


def test_a_box_whose_clock_stood_in_1970_can_export(tmp_path: Path) -> None:
    with past_in(tmp_path / "state") as past:
        past.add_event("e", start_s=-1_759_999_900.0)
        past.add_clip("e", noise(2.0), start_s=-1_759_999_900.0)
        past.add_label("e", "no_anomaly")
        assert 1 == len(gather([exported(past, tmp_path / "out")]).train)


def test_an_export_needs_little_memory_at_a_time(past: Past) -> None:
    largest = 0
    for chunk in past.library.export(EventFilter(), BOTH):
        largest = max(largest, len(chunk))
    assert largest < 70_000


@pytest.mark.slow
def test_an_export_can_be_trained_on_and_evaluated(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An evening's false alarms and one fault: the fault is learned from, and found where it was."""
    with past_in(tmp_path / "state") as past:
        for number in range(5):
            past.add_event(f"e{number}", start_s=1000.0 * number + 3.0)
            samples = noise(24.0, level=0.02, seed=number)
            if number == 4:
                samples[3 * 16_000 : 6 * 16_000] += noise(3.0, level=0.2, seed=99)
            past.add_clip(f"e{number}", samples, start_s=1000.0 * number)
            for start_s in (3.0, 4.0):
                past.add_window(f"e{number}", start_s=1000.0 * number + start_s)
            past.add_label(f"e{number}", "anomaly" if number == 4 else "no_anomaly")
        folder = exported(past, tmp_path / "out")
    bundle, report = tmp_path / "bundle", tmp_path / "report"
    train = f"train dra --data {folder} --anomalies {folder} --out {bundle} --no-calibration --threads 1"
    assert 0 == main([*train.split(), "--epochs", "1", "--widths", "8,8"]), capsys.readouterr().err
    assert "1 learned from" in capsys.readouterr().out
    evaluate = f"evaluate {DEMO_BUNDLE} --data {folder} --truth {folder / 'truth.csv'} --out {report}"
    assert 0 == main(evaluate.split()), capsys.readouterr().err
    judged = json.loads((report / "report.json").read_text())
    assert (5, 1) == (judged["data"]["files"], judged["data"]["events"])
    assert 1.0 == judged["detectors"]["level"]["window_auc"]  # the loud seconds are those that were labelled
