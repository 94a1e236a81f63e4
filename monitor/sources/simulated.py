"""Sound from a machine that does not exist but could, through the same contract as a microphone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from monitor.config import SimulatedSource as SimulatedConfig
from monitor.config import SourceConfig
from monitor.messages import Float32
from monitor.simulate import Fault, SimulatedMachine
from monitor.sources import Source
from monitor.sources.paced import PacedSource


class SimulatedSound:
    """The sound of a simulated machine, for ever or for `duration_s`."""

    def __init__(self, config: SimulatedConfig) -> None:
        self.device = f"simulated {config.machine}, seed {config.seed}"
        self.sample_rate_hz = config.sample_rate_hz
        self._machine = SimulatedMachine(
            config.machine,
            seed=config.seed,
            sample_rate_hz=config.sample_rate_hz,
            faults=[Fault(f.kind, f.start_s, f.duration_s, f.severity) for f in config.faults],
            repeat_every_s=config.repeat_every_s,
        )
        self._left = None if config.duration_s is None else round(config.duration_s * config.sample_rate_hz)

    def next_samples(self, count: int) -> Float32:
        """Return the next `count` samples, shape (count,); fewer only at the end of `duration_s`."""
        if self._left is not None:
            count = min(count, self._left)
            self._left -= count
        return self._machine.next_samples(count) if count else np.zeros(0, np.float32)

    def close(self) -> None:
        """Do nothing: there is nothing to release."""


def open_sources(configs: Sequence[SourceConfig]) -> list[Source]:
    """Start every simulated machine of `configs`, each at its own stream time 0."""
    return [
        PacedSource(config.id, SimulatedSound(config), config.pace)
        for config in configs
        if isinstance(config, SimulatedConfig)
    ]
