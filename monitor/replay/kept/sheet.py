"""All pictures of a clip and their axes, made in one go from its sound and its windows' maps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from monitor.frontend import FrontendParameters, band_edges_hz
from monitor.messages import Float32, Quality
from monitor.publish.error_map import row_edges_hz
from monitor.publish.fields import rfc3339_from_utc_s
from monitor.replay.kept.axes import Axes, Note, PlacedWindow, Scales, Stretch
from monitor.replay.kept.clip_maps import ColumnMaps, WindowMaps, maps_of_clip
from monitor.replay.kept.clip_sound import Heard, heard_of_clip
from monitor.replay.kept.colours import Scale, png_of_map, png_of_wave
from monitor.replay.kept.columns import Columns, columns_of_clip
from monitor.store import StoredClip, StoredWindow
from monitor.store.protection import protection_from_text

AXES, WAVEFORM = "axes", "waveform"
MAPS = ("logmel", "reconstruction", "error_map", "difference")
PICTURES = (WAVEFORM, *MAPS)
USUAL_FRAME_S = 0.032
"""Where neither a window nor a front end says how long a frame is."""
USUAL_ROWS = 128
WAVE_ROWS = 128
LEAST_SD, LEAST_DB = 3.0, 3.0
"""Scales reach at least so far: noise must not look like a fault."""


@dataclass(frozen=True, slots=True)
class Material:
    """What the pictures of a clip are made from."""

    clip: StoredClip
    """Its row."""
    windows: Sequence[StoredWindow]
    """The event's windows that lie in the clip, those whose file is gone too."""
    found: Sequence[WindowMaps]
    """Those of one bundle whose maps were read."""
    parameters: FrontendParameters | None
    """Of that bundle; None: it is not known here."""
    has_other_bundle: bool
    """Whether there are windows of another bundle, left out of `found`."""


def sheet_of_clip(material: Material, sound: BinaryIO) -> dict[str, bytes]:
    """Return the axes as JSON and every picture as PNG, by name.

    Raises:
        StoreError: The clip cannot be decoded.
    """
    clip, parameters = material.clip, material.parameters
    columns = columns_of_clip(clip.duration_s, _frame_s(material))
    heard = heard_of_clip(sound, rate_hz=clip.sample_rate_hz, columns=columns, parameters=parameters)
    found = _found(material, heard, columns)
    maps = derived_maps(found)
    reach = max(float(np.max(np.abs([heard.low, heard.high]))), 1e-4)
    scales = {WAVEFORM: Scale(-reach, reach, "fs"), **scales_of_maps(maps)}
    axes = _axes(material, found.profile, scales, (len(found.logmel), columns.column_s))
    return {
        AXES: axes.model_dump_json().encode(),
        WAVEFORM: png_of_wave(heard.low, heard.high, height_px=WAVE_ROWS, reach=reach),
        **pngs_of_maps(maps, scales),
    }


def _frame_s(material: Material) -> float:
    if material.parameters is not None:
        return material.parameters.hop_s
    return material.found[0].frame_s if material.found else USUAL_FRAME_S


def _found(material: Material, heard: Heard, columns: Columns) -> ColumnMaps:
    """Return what is known of every column: the windows' maps, and log-mel from the sound between them."""
    logmel = heard.logmel
    if not material.found:
        rows = USUAL_ROWS if logmel is None else logmel.shape[0]
        blank = np.full((rows, columns.width_px), np.nan, np.float32)
        return ColumnMaps(blank, blank, blank if logmel is None else logmel, profile=blank[0])
    found = maps_of_clip(material.clip, material.found, columns)
    if logmel is not None and logmel.shape == found.logmel.shape:
        found = replace(found, logmel=np.where(np.isfinite(found.logmel), found.logmel, logmel))
    return found


def derived_maps(maps: ColumnMaps | WindowMaps) -> dict[str, Float32]:
    """Return the four maps, shape (bands, columns), in the units of their scales."""
    return {
        "logmel": 10.0 * maps.logmel,
        "reconstruction": 10.0 * maps.reconstruction,
        "error_map": np.sqrt(np.maximum(maps.error_map, 0.0)),
        "difference": 10.0 * (maps.logmel - maps.reconstruction),
    }


def pngs_of_maps(maps: Mapping[str, Float32], scales: Mapping[str, Scale | None]) -> dict[str, bytes]:
    """Return each map as PNG; one of which nothing is known is blank."""
    return {name: png_of_map(maps[name], scales[name] or Scale(0.0, 1.0, "dB")) for name in MAPS}


def scales_of_maps(maps: Mapping[str, Float32]) -> dict[str, Scale | None]:
    """Return what the colours of each map mean; None: nothing in it is known."""
    sound = np.concatenate([_known(maps["logmel"]), _known(maps["reconstruction"])])
    error, difference = _known(maps["error_map"]), np.abs(_known(maps["difference"]))
    level = None
    if len(sound):
        low, high = (float(np.percentile(sound, share)) for share in (1.0, 99.7))
        level = Scale(round(low, 1), round(max(high, low + 20.0), 1), "dB")
    reach = max(float(np.percentile(difference, 99.7)), LEAST_DB) if len(difference) else None
    return {
        "logmel": level if np.isfinite(maps["logmel"]).any() else None,
        "reconstruction": level if np.isfinite(maps["reconstruction"]).any() else None,
        "error_map": Scale(0.0, round(max(float(np.percentile(error, 99.7)), LEAST_SD), 2), "sd")
        if len(error)
        else None,
        "difference": None if reach is None else Scale(-round(reach, 1), round(reach, 1), "dB"),
    }


def _known(values: Float32) -> Float32:
    return values[np.isfinite(values)]


def _axes(
    material: Material, profile: Float32, scales: Mapping[str, Scale | None], shape: tuple[int, float]
) -> Axes:
    clip, parameters = material.clip, material.parameters
    rows, seconds_per_px = shape
    covered = np.isfinite(profile)
    edges = None if parameters is None else row_edges_hz(band_edges_hz(parameters), rows)
    return Axes(
        clip_id=clip.clip_id,
        event_id=clip.event_id,
        source_id=clip.source_id,
        start=rfc3339_from_utc_s(clip.start_utc_s),
        duration_s=clip.duration_s,
        sample_rate_hz=clip.sample_rate_hz,
        lost_samples=clip.lost_samples,
        seconds_per_px=seconds_per_px,
        width_px=len(profile),
        height_px=rows,
        row_edges_hz=None if edges is None else tuple(round(hz, 2) for hz in edges),
        windows=_placed(material),
        profile=tuple(
            round(float(value), 4) if known else None for value, known in zip(profile, covered, strict=True)
        ),
        uncovered=_uncovered(covered, seconds_per_px, clip.duration_s),
        scales=_scales(scales),
        notes=_notes(material, all_covered=bool(covered.all())),
    )


def _scales(scales: Mapping[str, Scale | None]) -> Scales:
    told = {name: None if scale is None else asdict(scale) for name, scale in scales.items()}
    return Scales.model_validate(told)


def _placed(material: Material) -> tuple[PlacedWindow, ...]:
    shown = {item.window.window_id for item in material.found}
    start_s = material.clip.start_s
    return tuple(
        PlacedWindow(
            window_id=window.window_id,
            start_s=round(window.start_s - start_s, 4),
            end_s=round(window.end_s - start_s, 4),
            value=window.value,
            quality=Quality(window.quality),
            has_maps=window.window_id in shown,
        )
        for window in material.windows
    )


def _uncovered(covered: NDArray[np.bool_], seconds_per_px: float, duration_s: float) -> tuple[Stretch, ...]:
    edges = np.flatnonzero(np.diff(np.concatenate([[True], covered, [True]]).astype(np.int8)))
    return tuple(
        Stretch(
            start_s=round(float(first * seconds_per_px), 4),
            end_s=round(float(min(last * seconds_per_px, duration_s)), 4),
        )
        for first, last in edges.reshape(-1, 2)
    )


def _notes(material: Material, *, all_covered: bool) -> tuple[Note, ...]:
    protection = protection_from_text(material.clip.protection)
    speech = protection.speech if protection.spoken else None
    said = {
        Note.NO_MAPS: not material.found,
        Note.PARTLY_COVERED: bool(material.found) and not all_covered,
        Note.BUNDLE_UNKNOWN: material.parameters is None,
        Note.OTHER_BUNDLE: material.has_other_bundle,
        Note.LOST_SAMPLES: material.clip.lost_samples > 0,
        Note.SPEECH_BLURRED: speech == "blur",
        Note.SPEECH_WITHHELD: speech == "withhold",
        Note.BAND_LIMITED: protection.band_hz is not None or protection.stop_hz is not None,
    }
    return tuple(note for note, holds in said.items() if holds)
