"""Pictures of a clip share one time axis with its sound, and leave blank what nobody knows."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from past import BUNDLE_ID, FRONTEND, HOP_S, PARAMETERS, T0, WINDOW_S, Past, noise, past_in
from PIL import Image

from monitor.errors import FileGoneError, StoreError, UnknownIdError
from monitor.frontend import band_edges_hz
from monitor.replay.kept.axes import Axes, Note
from monitor.replay.kept.clip_maps import maps_of_clip, maps_of_window, windows_in_clip
from monitor.replay.kept.clip_sound import heard_of_clip
from monitor.replay.kept.columns import MOST_COLUMNS, Columns
from monitor.replay.kept.media import Piece
from monitor.replay.kept.sheet import MAPS, PICTURES
from monitor.store.clip_files import flac_from_samples

CLICK_S = 5.0


@pytest.fixture
def past(tmp_path: Path) -> Iterator[Past]:
    with past_in(tmp_path / "state") as past:
        past.add_event("e", start_s=3.0)
        yield past


def axes_of(past: Past, clip_id: str) -> Axes:
    with past.media.axes(clip_id).open() as file:
        return Axes.model_validate_json(file.read())


def picture_of(past: Past, clip_id: str, name: str) -> NDArray[np.uint8]:
    """Shape (rows, columns, 4), row 0 at the top."""
    with past.media.picture(clip_id, name).open() as file:
        return np.asarray(Image.open(io.BytesIO(file.read())).convert("RGBA"))


def clicked(seconds: float, at_s: float, rate_hz: int) -> NDArray[np.float32]:
    samples = noise(seconds, rate_hz=rate_hz, level=0.001)
    samples[round(at_s * rate_hz) : round(at_s * rate_hz) + rate_hz // 100] += 0.5
    return samples


@pytest.mark.parametrize("rate_hz", [16_000, 44_100, 48_000])
def test_a_click_stands_at_its_second_in_the_wave_and_in_the_log_mel(past: Past, rate_hz: int) -> None:
    clip_id = past.add_clip("e", clicked(8.0, CLICK_S, rate_hz), start_s=0.0, rate_hz=rate_hz)
    axes = axes_of(past, clip_id)
    column = int((CLICK_S + 0.005) / axes.seconds_per_px)
    wave = picture_of(past, clip_id, "waveform")[:, :, 3] > 0
    assert column == int(wave.sum(axis=0).argmax())
    logmel = picture_of(past, clip_id, "logmel")[:, :, :3].astype(int).sum(axis=(0, 2))
    assert abs(int(logmel.argmax()) - column) <= 1  # a frame reaches into its neighbours


def test_every_picture_has_the_size_that_the_axes_say(past: Past) -> None:
    clip_id = past.add_clip("e", noise(7.9), start_s=0.0)
    past.add_window("e", start_s=3.0)
    axes = axes_of(past, clip_id)
    assert (247, 128, HOP_S) == (axes.width_px, axes.height_px, axes.seconds_per_px)
    assert [(128, 247)] * 5 == [picture_of(past, clip_id, name).shape[:2] for name in PICTURES]
    assert axes.row_edges_hz is not None
    assert 129 == len(axes.row_edges_hz)
    assert list(axes.row_edges_hz) == sorted(axes.row_edges_hz)
    peaks_hz = band_edges_hz(PARAMETERS)[1:-1]
    assert all(
        low < peak < high
        for low, peak, high in zip(axes.row_edges_hz, peaks_hz, axes.row_edges_hz[1:], strict=False)
    )


def test_a_windows_maps_stand_where_the_window_was_and_the_rest_is_blank(past: Past) -> None:
    clip_id = past.add_clip("e", noise(8.0), start_s=0.0)
    error = np.ones((128, 64), np.float32)
    error[:, 10] = 100.0
    start_s = 3.0 + 0.3 * HOP_S  # windows lie on the stream's grid, clips anywhere
    past.add_window("e", start_s=start_s, error=error)
    axes = axes_of(past, clip_id)
    shown = picture_of(past, clip_id, "error_map")
    known = np.flatnonzero(shown[0, :, 3])
    first = round(start_s / HOP_S)
    assert (first, first + 63, 64) == (known.min(), known.max(), len(known))
    assert first + 10 == int(np.nanargmax(np.array(axes.profile, float)))
    assert 100.0 == axes.profile[first + 10]
    middle_s = start_s + 10.5 * HOP_S  # of that frame
    assert (first + 10) * HOP_S <= middle_s + HOP_S / 2
    assert abs((first + 10.5) * HOP_S - middle_s) <= HOP_S / 2
    assert [(0.0, first * HOP_S), ((first + 64) * HOP_S, 8.0)] == [
        pytest.approx((stretch.start_s, stretch.end_s), abs=1e-3) for stretch in axes.uncovered
    ]
    assert (Note.PARTLY_COVERED,) == axes.notes
    assert (shown[:, :, 3] == picture_of(past, clip_id, "difference")[:, :, 3]).all()
    assert (picture_of(past, clip_id, "logmel")[:, :, 3] == 255).all()  # computed where no window lies


def test_where_windows_overlap_a_column_is_their_mean(past: Past) -> None:
    clip_id = past.add_clip("e", noise(8.0), start_s=0.0)
    past.add_window("e", start_s=2.048, error=1.0)
    past.add_window("e", start_s=2.048 + 32 * HOP_S, error=4.0)
    profile = axes_of(past, clip_id).profile
    assert [None, 1.0, 1.0, 2.5, 2.5, 4.0, 4.0, None] == [
        profile[64 + offset] for offset in (-1, 0, 31, 32, 63, 64, 95, 96)
    ]


def test_the_log_mel_of_a_clip_is_the_front_ends_own() -> None:
    samples = noise(3.0)
    sound = io.BytesIO(flac_from_samples(samples, 16_000))
    heard = heard_of_clip(sound, rate_hz=16_000, columns=Columns(94, HOP_S, 1), parameters=PARAMETERS)
    margin = (PARAMETERS.n_fft - PARAMETERS.hop_samples) // 2
    direct = FRONTEND.logmel_from_samples(np.concatenate([np.zeros(margin, np.float32), samples]))
    assert heard.logmel is not None
    assert (128, 94) == heard.logmel.shape
    assert np.array_equal(direct, heard.logmel[:, : direct.shape[1]])


def test_a_long_clips_columns_are_the_means_of_their_frames() -> None:
    samples = noise(13.0)
    one, five = (
        heard_of_clip(
            io.BytesIO(flac_from_samples(samples, 16_000)),
            rate_hz=16_000,
            columns=Columns(407, HOP_S, together),
            parameters=PARAMETERS,
        )
        for together in (1, 5)
    )
    assert one.logmel is not None
    assert five.logmel is not None
    assert (128, 82) == five.logmel.shape
    assert np.allclose(one.logmel[:, :405].reshape(128, 81, 5).mean(axis=2), five.logmel[:, :81], atol=1e-5)
    last = one.logmel[:, 405:]  # of two frames
    assert (five.logmel[:, 81] >= last.min(axis=1) - 1e-5).all()
    assert (five.logmel[:, 81] <= last.max(axis=1) + 1e-5).all()
    assert np.array_equal(one.high[:405].reshape(81, 5).max(axis=1), five.high[:81])
    assert np.array_equal(one.low[:405].reshape(81, 5).min(axis=1), five.low[:81])


def test_windows_of_another_stream_time_are_not_taken_for_this_clips(past: Past) -> None:
    """After a restart stream time begins at 0 again: the same seconds are other sound."""
    clip_id = past.add_clip("e", noise(8.0), start_s=0.0)
    past.add_window("e", start_s=2.0)
    past.add_window("e", start_s=3.0, restarted_s=60.0)
    assert 1 == len(axes_of(past, clip_id).windows)


def test_without_its_bundle_a_clip_has_times_but_no_frequencies(past: Past) -> None:
    clip_id = past.add_clip("e", noise(8.0), start_s=0.0)
    past.add_window("e", start_s=2.0, bundle_id="mae-gone")
    axes = axes_of(past, clip_id)
    assert None is axes.row_edges_hz
    assert {Note.BUNDLE_UNKNOWN, Note.PARTLY_COVERED} == set(axes.notes)
    assert pytest.approx(HOP_S) == axes.seconds_per_px
    for name in MAPS:
        assert 64 == int((picture_of(past, clip_id, name)[0, :, 3] > 0).sum())


def test_windows_of_a_second_bundle_are_left_out_and_told(past: Past) -> None:
    clip_id = past.add_clip("e", noise(8.0), start_s=0.0)
    past.add_window("e", start_s=1.0)
    past.add_window("e", start_s=2.0)
    past.add_window("e", start_s=5.0, bundle_id="ae-other")
    axes = axes_of(past, clip_id)
    assert Note.OTHER_BUNDLE in axes.notes
    assert [True, True, False] == [window.has_maps for window in axes.windows]


def test_a_clip_without_any_window_still_has_its_sound_and_log_mel(past: Past) -> None:
    clip_id = past.add_clip("e", noise(4.0), start_s=0.0)
    axes = axes_of(past, clip_id)
    assert (Note.NO_MAPS,) == axes.notes
    assert [(0.0, 4.0)] == [(stretch.start_s, stretch.end_s) for stretch in axes.uncovered]
    assert (None, None) == (axes.scales.error_map, axes.scales.reconstruction)
    assert not picture_of(past, clip_id, "error_map")[:, :, 3].any()
    assert picture_of(past, clip_id, "logmel")[:, :, 3].all()


def test_a_new_window_makes_new_pictures_and_the_old_ones_are_never_shown_for_it(past: Past) -> None:
    clip_id = past.add_clip("e", noise(8.0), start_s=0.0)
    past.add_window("e", start_s=1.0)
    before = past.media.picture(clip_id, "error_map").etag
    assert before == past.media.picture(clip_id, "error_map").etag
    assert 64 == int((picture_of(past, clip_id, "error_map")[0, :, 3] > 0).sum())
    past.add_window("e", start_s=5.0)
    assert before != past.media.picture(clip_id, "error_map").etag
    assert 128 == int((picture_of(past, clip_id, "error_map")[0, :, 3] > 0).sum())


def test_pictures_are_drawn_once(past: Past, monkeypatch: pytest.MonkeyPatch) -> None:
    clip_id = past.add_clip("e", noise(4.0), start_s=0.0)
    axes_of(past, clip_id)

    def fail(*_: object) -> None:
        raise AssertionError("drawn again")

    monkeypatch.setattr("monitor.replay.kept.media.sheet_of_clip", fail)
    for name in PICTURES:
        picture_of(past, clip_id, name)


def test_a_long_clip_keeps_its_highest_errors_in_fewer_columns(past: Past) -> None:
    clip_id = past.add_clip("e", noise(300.0, rate_hz=8000), start_s=0.0, rate_hz=8000)
    error = np.ones((128, 64), np.float32)
    error[:, 31] = 50.0
    past.add_window("e", start_s=200.0, error=error)
    axes = axes_of(past, clip_id)
    assert axes.width_px <= MOST_COLUMNS
    assert pytest.approx(300.0, abs=axes.seconds_per_px) == axes.width_px * axes.seconds_per_px
    peak = int(np.nanargmax(np.array(axes.profile, float)))
    assert 50.0 == axes.profile[peak]
    assert axes.scales.error_map is not None
    assert pytest.approx(50.0**0.5, abs=0.01) == axes.scales.error_map.high
    assert (
        pytest.approx(200.0 + 31.5 * HOP_S, abs=2 * axes.seconds_per_px) == (peak + 0.5) * axes.seconds_per_px
    )
    assert {(128, axes.width_px)} == {picture_of(past, clip_id, name).shape[:2] for name in PICTURES}


def test_a_window_has_pictures_of_its_own(past: Past) -> None:
    window_id = past.add_window("e", start_s=1.0)
    for name in MAPS:
        with past.media.window_picture(window_id, name).open() as file:
            assert (64, 128) == Image.open(io.BytesIO(file.read())).size


def test_a_thumbnail_is_of_the_worst_window(past: Past) -> None:
    loud = np.ones((128, 64), np.float32)
    loud[:64] = 100.0
    past.add_window("e", start_s=1.0, value=1.1)
    past.add_window("e", start_s=2.0, value=3.0, error=loud)
    past.add_window("e", start_s=3.0, value=1.2)
    with past.media.thumbnail("e").open() as file:
        shown = np.asarray(Image.open(io.BytesIO(file.read())).convert("L"))
    assert (48, 64) == shown.shape
    assert shown[24:].min() > shown[:24].max()  # low frequencies are below


def test_what_was_pruned_is_told_and_not_an_accident(past: Past) -> None:
    clip_id = past.add_clip("e", noise(2.0), start_s=0.0)
    window_id = past.add_window("e", start_s=0.0)
    for table in ("clips", "windows"):
        with past.store.database.transaction() as connection:
            connection.execute(f"UPDATE {table} SET gone = 'age'")  # noqa: S608 - ours
    asked: list[Callable[[], Piece]] = [
        lambda: past.media.axes(clip_id),
        lambda: past.media.picture(clip_id, "logmel"),
        lambda: past.media.window_picture(window_id, "logmel"),
        lambda: past.media.thumbnail("e"),
    ]
    for ask in asked:
        with pytest.raises(FileGoneError, match=r"max_age_days|pruned"):
            ask()


def test_a_file_that_vanished_is_gone_and_its_clip_is_shown_without_it(past: Past) -> None:
    clip_id = past.add_clip("e", noise(4.0), start_s=0.0)
    window_id = past.add_window("e", start_s=1.0)
    (past.store.state_dir / past.media.window(window_id).path).unlink()
    with pytest.raises(FileGoneError, match="somebody else removed it"):
        past.media.window_picture(window_id, "logmel").open()
    assert [False] == [window.has_maps for window in axes_of(past, clip_id).windows]


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 half", b"\x93NUMPY", bytes(1000)])
def test_damaged_files_are_told(past: Past, content: bytes) -> None:
    clip_id = past.add_clip("e", noise(4.0), start_s=0.0)
    window_id = past.add_window("e", start_s=1.0)
    (past.store.state_dir / past.media.window(window_id).path).write_bytes(content)
    with pytest.raises(StoreError, match="cannot be read"):
        past.media.window_picture(window_id, "logmel").open()
    (past.store.state_dir / past.media.clip(clip_id).path).write_bytes(content)
    with pytest.raises(StoreError, match=r"cannot be (decoded|read)"):
        past.media.axes(clip_id).open()


def test_a_window_with_a_pickle_in_it_is_refused(past: Past) -> None:
    window_id = past.add_window("e", start_s=1.0)
    path = past.store.state_dir / past.media.window(window_id).path
    hostile = np.array([print], object)
    np.savez(path, error_map=hostile, reconstruction=hostile, logmel=hostile)
    with pytest.raises(StoreError, match="cannot be read"):
        past.media.window_picture(window_id, "logmel").open()


@pytest.mark.parametrize("path", ["../../etc/passwd", "/etc/passwd", "clips/../../x", "store.sqlite", ""])
def test_a_path_that_leaves_the_store_is_not_opened(past: Past, path: str) -> None:
    clip_id = past.add_clip("e", noise(2.0), start_s=0.0)
    with past.store.database.transaction() as connection:
        connection.execute("UPDATE clips SET path = ?", (path,))
    with pytest.raises(StoreError, match="tampered"):
        past.media.axes(clip_id).open()


def test_a_link_in_the_place_of_a_clip_is_not_followed(past: Past, tmp_path: Path) -> None:
    clip_id = past.add_clip("e", noise(2.0), start_s=0.0)
    path = past.store.state_dir / past.media.clip(clip_id).path
    path.rename(tmp_path / "elsewhere.flac")
    path.symlink_to(tmp_path / "elsewhere.flac")
    with pytest.raises(StoreError, match="cannot be read"):
        past.media.axes(clip_id).open()


@pytest.mark.parametrize("wanted", ["", "..", "../x", "x' OR 1=1 --", "\x00", "e" * 5000])
def test_an_id_is_only_ever_looked_up(past: Past, wanted: str) -> None:
    asked: list[Callable[[str], object]] = [past.media.axes, past.media.thumbnail, past.library.event]
    for ask in asked:
        with pytest.raises(UnknownIdError):
            ask(wanted)
    with pytest.raises(UnknownIdError):
        past.media.window_picture(wanted, "logmel")


def test_a_frame_goes_to_the_column_that_holds_its_middle(past: Past) -> None:
    clip_id = past.add_clip("e", noise(8.0), start_s=0.0)
    window_id = past.add_window("e", start_s=1.0)
    window = past.media.window(window_id)
    with past.store.state_dir.joinpath(window.path).open("rb") as file:
        maps = maps_of_window(window, file)
    for offset in np.linspace(0, 2, 41):
        clip = replace(
            past.media.clip(clip_id), start_s=1.0 - offset * HOP_S, start_utc_s=T0 + 1.0 - offset * HOP_S
        )
        assert [window] == windows_in_clip(clip, [window])
        known = np.flatnonzero(np.isfinite(maps_of_clip(clip, [maps], Columns(250, HOP_S, 1)).profile))
        middle = offset + 0.5  # of the first frame, in columns
        assert abs(known[0] + 0.5 - middle) <= 0.5 + 1e-9
        assert 64 == len(known)
    assert pytest.approx(HOP_S) == maps.frame_s
    assert BUNDLE_ID == window.bundle_id
    assert pytest.approx(WINDOW_S) == window.end_s - window.start_s
