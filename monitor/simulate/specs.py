"""The machines there are: what turns how fast, which tones it makes, how loud everything is.

Levels are RMS in dBFS at the microphone. The motors are four- and six-pole induction motors on a 50 Hz
grid, which turn 2 % slower than the field: 25 Hz * 0.98 = 24.5 Hz and 16.7 Hz * 0.98 = 16.3 Hz.
"""

from __future__ import annotations

from dataclasses import dataclass

from monitor.errors import SourceError
from monitor.simulate.noise import Spectrum
from monitor.simulate.tones import Line, side_bands


@dataclass(frozen=True, slots=True)
class Tones:
    """A group of tones that wander together."""

    name: str
    """Names the group's own stream of chance; each once in a machine."""
    lines: tuple[Line, ...]
    """Orders of this group's shaft, with their levels at usual load."""
    ratio: float = 1.0
    """Revolutions of this group's shaft per revolution of the main shaft."""
    load_db: float = 1.5
    """Louder by this at full load, softer by this at none."""
    drift_db: float = 1.0
    """Bound of the group's own wandering."""


@dataclass(frozen=True, slots=True)
class Noise:
    """Broadband noise of the machine itself."""

    name: str
    """Names the noise's own stream of chance; each once in a machine."""
    spectrum: Spectrum
    """At usual load."""
    load_db: float
    """Louder by this at full load, softer by this at none."""
    drift_db: float
    """Bound of its own wandering."""
    swell: float
    """Share of the amplitude by which it swells at the machine's swell_order."""


@dataclass(frozen=True, slots=True)
class MachineSpec:
    """One machine, running normally."""

    shaft_hz: float
    """Of the main shaft at usual load."""
    tones: tuple[Tones, ...]
    """One group for each shaft, or each part that wanders by itself."""
    hum: tuple[Line, ...]
    """Orders of the 50 Hz grid; magnetic forces pull twice per cycle, so that 100 Hz is strongest."""
    noises: tuple[Noise, ...]
    """Those that follow the load, unlike the ventilation."""
    swell_order: int
    """Order of the main shaft at which the noises swell: vanes, blades or teeth."""
    ventilation: Spectrum
    """Of the hall; reaches the microphone from everywhere."""
    rotor_level_dbfs: float
    """Of the tone at shaft rate, which imbalance raises."""
    room_seed: int
    """Which hall it stands in."""

    @property
    def spectra(self) -> tuple[Spectrum, ...]:
        """Every noise that normal sound holds, before the microphone."""
        return (*(noise.spectrum for noise in self.noises), self.ventilation)


def rush(level_dbfs: float, peak_hz: float) -> Spectrum:
    """Return the noise of a fast, thin flow, broadest about a peak: a seal, an inlet, a spray."""
    return Spectrum(
        level_dbfs, ((20, -60), (peak_hz / 4, -14), (peak_hz, 0), (2 * peak_hz, -4), (24000, -22))
    )


HUM: tuple[Line, ...] = ((1, -54.0), (2, -46.0), (4, -54.0), (6, -60.0))
VENTILATION = Spectrum(-45.0, ((20, 0), (100, 0), (500, -12), (2000, -27), (8000, -48), (24000, -70)))

PUMP = MachineSpec(
    shaft_hz=24.5,
    tones=(
        Tones("shaft", ((1, -43.0), (2, -45.0), (3, -52.0), (4, -55.0), (5, -58.0)), load_db=0.5),
        # six vanes pass the volute's tongue each turn
        Tones(
            "vanes",
            side_bands(6, -32.0, (12.0, 20.0))
            + side_bands(12, -38.0, (12.0,))
            + side_bands(18, -43.0, (12.0,))
            + ((24, -49.0), (30, -54.0), (36, -58.0)),
        ),
    ),
    hum=HUM,
    noises=(
        Noise(
            "flow",
            Spectrum(
                -28.0, ((20, -6), (60, 0), (250, 0), (1000, -8), (2500, -17), (8000, -34), (24000, -52))
            ),
            load_db=1.0,
            drift_db=1.0,
            swell=0.2,
        ),
        Noise("seals", rush(-41.0, 3000), load_db=-0.5, drift_db=1.5, swell=0.1),
    ),
    swell_order=6,
    ventilation=VENTILATION,
    rotor_level_dbfs=-43.0,
    room_seed=11,
)

FAN = MachineSpec(
    shaft_hz=16.3,
    tones=(
        Tones("shaft", ((1, -42.0), (2, -47.0), (3, -52.0), (4, -56.0)), load_db=0.5),
        # nine blades pass the cut-off each turn
        Tones(
            "blades",
            side_bands(9, -34.0, (13.0, 21.0)) + side_bands(18, -41.0, (13.0,)) + ((27, -47.0), (36, -53.0)),
        ),
    ),
    hum=HUM,
    noises=(
        Noise(
            "flow",
            Spectrum(
                -27.0, ((20, -6), (80, 3), (200, 0), (800, -10), (2000, -20), (8000, -42), (24000, -60))
            ),
            load_db=1.0,
            drift_db=1.0,
            swell=0.12,
        ),
        Noise("inlet", rush(-44.0, 2200), load_db=1.0, drift_db=1.5, swell=0.05),
    ),
    swell_order=9,
    ventilation=VENTILATION,
    rotor_level_dbfs=-42.0,
    room_seed=12,
)

GEARBOX = MachineSpec(
    shaft_hz=24.5,
    tones=(
        # 23 teeth on the motor's shaft drive 61: mesh at 23 * 24.5 = 564 Hz, seen from both shafts
        Tones(
            "motor shaft",
            (
                *((1, -43.0), (2, -47.0), (3, -53.0), (92, -52.0), (115, -57.0)),
                *side_bands(23, -34.0, (14.0, 22.0)),
                *side_bands(46, -39.0, (13.0, 20.0)),
                *side_bands(69, -45.0, (13.0,)),
            ),
        ),
        Tones(
            "output shaft",
            (
                (1, -50.0),
                (2, -54.0),
                (60, -49.0),
                (62, -50.0),
                (59, -56.0),
                (63, -57.0),
                (121, -53.0),
                (123, -54.0),
            ),
            ratio=23 / 61,
        ),
    ),
    hum=HUM,
    noises=(
        Noise(
            "teeth",
            Spectrum(
                -30.0, ((20, -8), (100, -2), (500, 0), (1200, -3), (2500, -11), (8000, -32), (24000, -50))
            ),
            load_db=1.0,
            drift_db=1.0,
            swell=0.15,
        ),
        Noise("oil spray", rush(-43.0, 3500), load_db=-0.5, drift_db=1.5, swell=0.0),
    ),
    swell_order=23,
    ventilation=VENTILATION,
    rotor_level_dbfs=-43.0,
    room_seed=13,
)

MACHINES = {"pump": PUMP, "fan": FAN, "gearbox": GEARBOX}


def spec_of(machine: str) -> MachineSpec:
    """Return the named machine.

    Raises:
        SourceError: There is no such machine.
    """
    if machine not in MACHINES:
        raise SourceError(
            f"simulated machine {machine!r} is not known; known are {', '.join(sorted(MACHINES))}"
        )
    return MACHINES[machine]
