"""Colours keep the order of the values for every eye, and pictures are what their axes say."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from monitor.replay.kept.colours import STEPS, Scale, palette, png_of_map, png_of_wave

# Viénot, Brettel, Mollon 1999: what somebody without a kind of cone sees of linear red, green and blue
DEUTERANOPE = np.array([[0.29275, 0.70725, 0.0], [0.29275, 0.70725, 0.0], [-0.02234, 0.02234, 1.0]])
PROTANOPE = np.array([[0.11238, 0.88762, 0.0], [0.11238, 0.88762, 0.0], [0.00401, -0.00401, 1.0]])
LUMINANCE = np.array([0.2126, 0.7152, 0.0722])


def linear(colours: NDArray[np.uint8]) -> NDArray[np.float64]:
    share = colours / 255.0
    return np.asarray(np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4))


def pixels(png: bytes) -> NDArray[np.uint8]:
    """Shape (rows, columns, 4), row 0 at the top."""
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGBA"))


def test_brighter_always_means_more_in_colour_in_grey_and_to_colour_blind_eyes() -> None:
    colours = linear(palette()[:STEPS])
    for eye in (np.eye(3), DEUTERANOPE, PROTANOPE):
        brightness = colours @ eye.T @ LUMINANCE
        assert (np.diff(brightness) > -2e-4).all()  # rounding to whole steps
        assert (brightness[16:] > brightness[:-16]).all()


def test_the_ends_of_the_scale_are_the_ends_of_the_colours_and_the_lowest_band_is_lowest() -> None:
    values = np.array([[0.0, 5.0], [10.0, 99.0], [-3.0, np.nan]], np.float32)
    shown = pixels(png_of_map(values, Scale(0.0, 10.0, "dB")))
    dark, bright = palette()[0], palette()[STEPS - 1]
    assert (3, 2, 4) == shown.shape
    assert (shown[2, 0, :3] == dark).all()  # the lowest band is the last row
    assert (shown[1, 0, :3] == bright).all()
    assert (shown[1, 1, :3] == bright).all()  # above the scale
    assert (shown[0, 0, :3] == dark).all()  # below it
    assert (shown[2, 1, :3] == palette()[127]).all()


def test_what_is_not_known_is_transparent_and_nothing_else_is() -> None:
    values = np.array([[np.nan, 1.0, np.inf, 99.0]], np.float32)
    assert [0, 255, 0, 255] == pixels(png_of_map(values, Scale(0.0, 10.0, "dB")))[0, :, 3].tolist()


def test_a_wave_is_drawn_where_it_is_on_a_transparent_ground() -> None:
    low, high = np.array([-1.0, 0.0, -0.5], np.float32), np.array([1.0, 0.0, 0.0], np.float32)
    drawn = pixels(png_of_wave(low, high, height_px=101, reach=1.0))[:, :, 3] > 0
    assert drawn[:, 0].all()
    assert [50] == np.flatnonzero(drawn[:, 1]).tolist()  # silence is a line in the middle
    assert (50, 75) == (np.flatnonzero(drawn[:, 2]).min(), np.flatnonzero(drawn[:, 2]).max())
