"""A machine that does not exist but could: a pump, a fan or a gearbox in a hall, with faults to order.

    drift, turns -> tones + flow noise + faults -> room -> microphone -> samples

The sound is made in chunks of half a second from (seed, chunk index) and carried state, so that it is
the same however it is cut into calls. The seed is another day of the same machine: drifts and noise
differ, tones, room and levels do not. A fault is added to the normal sound and changes nothing else of
it, so that the same seed with and without faults may be subtracted. This package knows nothing of
sources, clocks or pace.
"""

from __future__ import annotations

from monitor.simulate.machine import SimulatedMachine
from monitor.simulate.schedule import Fault, Truth

__all__ = ["Fault", "SimulatedMachine", "Truth"]
