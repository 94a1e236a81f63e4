"""Pseudo anomalies are repeatable, physically right, say where they are, and are quick to make."""

from __future__ import annotations

import time

import numpy as np
import pytest
import torch
from torch import Tensor

from training.errors import TrainingError
from training.pseudo import KINDS, Pseudo, make_pseudo
from training.pseudo.additions import HARMONICS, SNR_DB, added, tones
from training.pseudo.draws import Draws
from training.pseudo.edits import AREA_SHARE

MEL, FRAMES = 32, 48
ADDITIONS = ("clicks", "tones", "hiss", "foreign", "bursts", "voices")


def windows(n: int = 40, mel: int = MEL, frames: int = FRAMES) -> Tensor:
    scatter = 0.2 * np.random.default_rng(0).standard_normal((n, mel, frames))
    return torch.from_numpy((scatter - 3 - np.linspace(0, 1, mel)[:, None]).astype(np.float32))


def pseudo(seed: int = 0, *kinds: str, x: Tensor | None = None) -> Pseudo:
    generator = torch.Generator().manual_seed(seed)
    return make_pseudo(windows() if x is None else x, generator, kinds=kinds or tuple(KINDS))


def draws(n: int, seed: int = 0) -> Draws:
    return Draws(torch.Generator().manual_seed(seed), n, torch.device("cpu"))


def test_a_seed_means_the_same_windows_and_another_seed_others() -> None:
    assert all(torch.equal(a, b) for a, b in zip(pseudo(1), pseudo(1), strict=True))
    assert not torch.equal(pseudo(1).windows, pseudo(2).windows)


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_changes_windows_says_where_and_leaves_what_was_given_alone(kind: str) -> None:
    x = windows()
    found = pseudo(0, kind, x=x)
    assert torch.equal(windows(), x)
    assert bool(found.windows.isfinite().all())
    torch.testing.assert_close(found.strength, (found.windows - x).abs())
    strongest = found.strength.flatten(1).amax(1)
    assert float(strongest.median()) > 0.3, "half of them by 3 dB somewhere"
    assert len({round(float(s), 4) for s in strongest}) > 30, "no two windows alike"


@pytest.mark.parametrize("kind", ADDITIONS)
def test_a_sound_that_is_added_makes_no_bin_quieter(kind: str) -> None:
    assert bool((pseudo(0, kind).windows >= windows() - 1e-6).all())


def test_powers_add_at_a_level_within_the_stated_range() -> None:
    """A constant sound in one band: what it adds can be read off there, against the whole window's power."""
    x = windows(200)
    power = torch.zeros_like(x)
    power[:, 3] = 7.0
    new = 10.0 ** added(x, power, draws(200)) - 10.0**x
    assert float(new[:, 4:].abs().max()) < 1e-6
    snr_db = 10 * torch.log10(new[:, 3].mean(1) / (10.0**x).sum(1).mean(1))
    assert SNR_DB[0] - 0.1 < float(snr_db.min()) < SNR_DB[0] + 2
    assert SNR_DB[1] - 2 < float(snr_db.max()) < SNR_DB[1] + 0.1


def test_a_short_sound_is_as_loud_while_it_sounds_as_a_long_one() -> None:
    x = windows(50)
    short, long = torch.zeros_like(x), torch.ones_like(x)
    short[:, :, 5:9] = 1.0
    torch.testing.assert_close(added(x, short, draws(50))[:, :, 5:9], added(x, long, draws(50))[:, :, 5:9])


def test_a_cut_changes_one_rectangle_of_the_papers_area() -> None:
    strength = pseudo(0, "cut_and_paste").strength
    shares = (strength > 0).float().mean((1, 2))
    assert AREA_SHARE[0] * 0.8 < float(shares.min())
    assert float(shares.max()) < AREA_SHARE[1] * 1.2
    for window in strength > 0:
        rows, columns = torch.nonzero(window.any(1)).flatten(), torch.nonzero(window.any(0)).flatten()
        box = (rows[-1] - rows[0] + 1) * (columns[-1] - columns[0] + 1)
        assert int(box) == int(window.sum())


def test_a_cut_comes_from_the_window_itself_3_to_6_db_louder_or_softer() -> None:
    """In a window of one level the pasted rectangle shows its gain alone."""
    found = pseudo(0, "cut_and_paste", x=torch.full((40, MEL, FRAMES), -3.0))
    gains_db = 10 * torch.stack([window[window > 0].mean() for window in found.strength])
    assert float(gains_db.min()) > 2.99
    assert float(gains_db.max()) < 6.01
    louder = (found.windows + 3).sum((1, 2)) > 0
    assert 8 < int(louder.sum()) < 32


def test_a_shifted_patch_is_what_lay_2_to_8_bands_away() -> None:
    """Where a bin's value is its band, a shift is read off the difference."""
    ramp = torch.arange(MEL, dtype=torch.float32).reshape(1, -1, 1).expand(60, -1, FRAMES)
    strength = pseudo(0, "shift_patch", x=ramp).strength
    shifts = [set(window[window > 0].tolist()) for window in strength]
    assert all(len(shift) == 1 for shift in shifts)
    assert {2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0} == set().union(*shifts)


def test_a_single_tone_is_a_line_and_a_harmonic_stack_has_more_of_them() -> None:
    x = windows(300, mel=128)
    power = tones(x, draws(300))
    frame = power.sum(1).argmax(1)
    spectra = torch.stack([window[:, i] for window, i in zip(power, frame, strict=True)])
    peaks = ((spectra[:, 1:-1] > spectra[:, :-2]) & (spectra[:, 1:-1] >= spectra[:, 2:])).sum(1)
    assert int(peaks.max()) <= HARMONICS
    assert 0.3 < float((peaks <= 1).float().mean()) < 0.7
    assert 0.2 < float((peaks >= 3).float().mean())


def test_the_other_window_is_never_the_window_itself_even_where_a_kind_is_drawn_once() -> None:
    """A tone and a flat window, each the other's neighbour: the flat one gets a tone, in one band only."""
    tone_and_flat = torch.full((2, MEL, FRAMES), -12.0)
    tone_and_flat[0, 10] = 0.0
    raised = [
        int((pseudo(seed, "clicks", "foreign", x=tone_and_flat).strength[1].amax(1) > 0.2).sum())
        for seed in seeds_where_only_the_second_is("foreign", 1)
    ]
    assert [1] * len(raised) == raised


def seeds_where_only_the_second_is(kind: str, index: int) -> list[int]:
    flat = torch.full((2, MEL, FRAMES), -12.0)
    found = [s for s in range(60) if [0, index] == pseudo(s, "clicks", kind, x=flat).kind.tolist()]
    assert len(found) > 5
    return found


def test_all_kinds_are_drawn_and_the_kind_of_each_window_is_named() -> None:
    found = pseudo(0, x=windows(200))
    assert set(range(len(KINDS))) == set(found.kind.tolist())
    edits_only = pseudo(0, "cut_and_paste", "hiss")
    assert {0, 1} == set(edits_only.kind.tolist())


def test_small_windows_and_an_empty_batch_are_no_trouble() -> None:
    assert bool(pseudo(0, x=windows(60, mel=16, frames=8)).windows.isfinite().all())
    assert (0, MEL, FRAMES) == tuple(pseudo(0, x=windows(0)).windows.shape)


def test_a_kind_that_is_not_known_is_refused() -> None:
    with pytest.raises(TrainingError, match="pseudo anomalies knock are not known; known are cut_and_paste"):
        pseudo(0, "knock")


def test_64_windows_take_a_few_hundredths_of_a_second() -> None:
    """Below 60 ms on one free core; processor time with room for a slow machine."""
    x, generator = windows(64, 128, 64), torch.Generator().manual_seed(0)
    make_pseudo(x, generator)
    taken = []
    for _ in range(5):
        started_s = time.thread_time()
        make_pseudo(x, generator)
        taken.append(time.thread_time() - started_s)
    assert min(taken) < 0.12
