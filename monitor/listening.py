"""The first half of the path, assembled: sound -> window -> log-mel -> inference.

The daemon, the offline commands and training put the stages together here, so that a file is heard
exactly as a microphone is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from engines.bundle import Bundle, open_bundle
from engines.errors import BundleMismatchError
from engines.runtime import Engine
from monitor.config import InputQualityConfig, WindowConfig
from monitor.errors import ConfigError
from monitor.frontend import Frontend, FrontendParameters, parameters_from_tree
from monitor.messages import AudioBlock, Inference, LogMel, Window, read_only
from monitor.resample import Resampler
from monitor.window import Ledger, QualityLimits, Windower, WindowGrid

DEMO_BUNDLE = Path(__file__).resolve().parent.parent / "engines" / "demo" / "mae"


def open_checked_bundle(folder: Path | None) -> Bundle:
    """Open a bundle (default: the embedded demo) and check that this front end can feed it.

    Raises:
        BundleError: See engines.bundle.open_bundle.
        BundleMismatchError: The front end's digest differs.
        FrontendError: The manifest's front end is not one this software knows.
    """
    bundle = open_bundle(DEMO_BUNDLE if folder is None else folder)
    parameters = parameters_from_tree(bundle.manifest.frontend)
    if parameters.digest != bundle.manifest.frontend_digest:
        raise BundleMismatchError(
            f"{bundle.folder}: was made for front end {bundle.manifest.frontend_digest}, this software "
            f"computes {parameters.digest} from the same parameters; export the bundle with this version"
        )
    if parameters.mel_bands != bundle.manifest.mel:
        raise BundleMismatchError(
            f"{bundle.folder}: the model takes {bundle.manifest.mel} mel bands, its front end makes "
            f"{parameters.mel_bands}; export the bundle anew"
        )
    return bundle


def window_grid(parameters: FrontendParameters, *, frames: int, window: WindowConfig) -> WindowGrid:
    """Return where windows of `frames` frames lie.

    Raises:
        ConfigError: The hop is longer than the window, so that sound would never be looked at.
    """
    if window.hop_frames > frames:
        raise ConfigError(
            f"window.hop_frames {window.hop_frames} skips sound: a window of this bundle has {frames} "
            f"frames; set it to {frames} or less"
        )
    return WindowGrid(
        sample_rate_hz=parameters.sample_rate_hz,
        window_samples=parameters.samples_of_frames(frames),
        hop_samples=window.hop_frames * parameters.hop_samples,
        frame_samples=parameters.n_fft,
        frame_hop_samples=parameters.hop_samples,
    )


def quality_limits(config: InputQualityConfig, sample_rate_hz: int) -> QualityLimits:
    """Return the limits of input quality at the model's rate."""
    return QualityLimits(
        silent_below_dbfs=config.silent_below_dbfs,
        clipped_share=config.clipped_share,
        flat_samples=max(2, round(config.flat_s * sample_rate_hz)),
    )


@dataclass(frozen=True, slots=True)
class Ear:
    """How sound is prepared for one bundle: the same for every source that uses it."""

    bundle: Bundle
    """Opened, and its front end's digest compared with ours."""
    frontend: Frontend
    """Made from the bundle's parameters."""
    grid: WindowGrid
    """Windows as long as the model takes them, with the configuration's hop."""
    limits: QualityLimits
    """Those of the configuration, in samples at the model's rate."""

    @property
    def hop_s(self) -> float:
        """Seconds from one window to the next."""
        return self.grid.hop_samples / self.grid.sample_rate_hz


def open_ear(folder: Path | None, window: WindowConfig, input_quality: InputQualityConfig) -> Ear:
    """Open a bundle with its front end and window grid; raises what its parts raise."""
    bundle = open_checked_bundle(folder)
    parameters = parameters_from_tree(bundle.manifest.frontend)
    return Ear(
        bundle=bundle,
        frontend=Frontend(parameters),
        grid=window_grid(parameters, frames=bundle.manifest.frames, window=window),
        limits=quality_limits(input_quality, parameters.sample_rate_hz),
    )


def ear_without_bundle(input_quality: InputQualityConfig) -> Ear:
    """Return how sound is looked at where no bundle says it: with the front end of the embedded one.

    Its window and hop are the defaults, which fit; raises what its parts raise.
    """
    return open_ear(None, WindowConfig(), input_quality)


SETTLE_S = 0.05
"""A resampler that begins in the middle of a sound needs less than this before its output is right."""


class BlockWindows:
    """Windows from a source's blocks at whatever rate it has: resampling and cutting, for one thread."""

    def __init__(
        self,
        source_id: str,
        ear: Ear,
        *,
        machine: int = 0,
        resampler: Resampler | None = None,
        before: Ledger | None = None,
    ) -> None:
        """Begin with the stream; `resampler` and `before` are those of one that is gone on with.

        `machine` is the number of the one that windows are cut for.
        """
        self._source_id = source_id
        self._ear = ear
        settle = 0 if before is None else round(SETTLE_S * ear.grid.sample_rate_hz)
        self._windower = Windower(
            source_id, ear.grid, ear.limits, machine=machine, before=before, settle_samples=settle
        )
        self._resampler = resampler

    @property
    def ledger(self) -> Ledger:
        """Where every sample went, at the model's rate."""
        return self._windower.ledger

    @property
    def next_s(self) -> float:
        """Where in the stream the next window will start, in seconds."""
        return self._windower.next_sample / self._ear.grid.sample_rate_hz

    @property
    def can_hand_over(self) -> bool:
        """Whether all loss so far is in the ledger, so that another may go on from here."""
        return self._resampler is None or not self._resampler.owes_gap

    def cut_for(self, machine: int) -> None:
        """Have the windows to come be those of the machine of this number, of the same ear."""
        self._windower.machine = machine

    def handed_over(self, ear: Ear, machine: int) -> BlockWindows:
        """Return what cuts the rest of this stream for another model, whose windows may lie otherwise.

        It is to be given every block from now on. Its ledger goes on from this one's, at the new rate. Its
        first window starts a little later: up to there the windows of this one are wanted.
        """
        if self._resampler is None:
            return BlockWindows(self._source_id, ear, machine=machine)
        resampler = self._resampler.for_model(ear.grid.sample_rate_hz)
        before = _scaled(self.ledger, resampler.begin)
        return BlockWindows(self._source_id, ear, machine=machine, resampler=resampler, before=before)

    def add(self, block: AudioBlock) -> list[Window]:
        """Take the next block and return the windows it completes."""
        if self._resampler is None:
            self._resampler = Resampler(block.sample_rate_hz, self._ear.grid.sample_rate_hz)
        return self._cut(self._resampler.add(block))

    def finish(self) -> list[Window]:
        """Return the windows of the stream's tail."""
        tail = [] if self._resampler is None else self._resampler.flush()
        return self._cut(tail) + self._windower.finish()

    def _cut(self, blocks: Sequence[AudioBlock]) -> list[Window]:
        return [window for block in blocks for window in self._windower.add(block)]


def _scaled(ledger: Ledger, end_sample: int) -> Ledger:
    """Return a ledger as it reads at another rate, at which the stream so far ends at `end_sample`."""
    scale = end_sample / max(1, ledger.end_sample)
    lost = min(end_sample, round(ledger.lost * scale))
    skipped = min(lost, round(ledger.skipped * scale))
    return Ledger(end_sample - lost, lost, windowed=end_sample - skipped, skipped=skipped, pending=0)


def inferences_from_logmels(engine: Engine, logmels: Sequence[LogMel]) -> list[Inference]:
    """Run all windows, of whatever sources, in one call of the engine.

    Each gets maps of its own: a part of the batch would hold all of it, in memory of the engine's that
    grows with how many batches are held and is never given back. More than `engine.call_windows` cost more.
    """
    output = engine.infer(np.stack([logmel.values for logmel in logmels]))
    return [
        Inference(
            span=logmel.span,
            raw=float(output.score[i]),
            error_map=read_only(output.error_map[i].copy()),
            reconstruction=read_only(output.reconstruction[i].copy()),
            bundle_id=engine.bundle.bundle_id,
            engine=engine.backend,
        )
        for i, logmel in enumerate(logmels)
    ]
