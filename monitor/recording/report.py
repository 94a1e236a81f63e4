"""What a recording has become: where every sample went, how much is for what, and how good the sound is."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from monitor.recording.sound_meter import SoundMeasures
from monitor.recording.sound_report import lines_of_measures, verdicts_of_sound


@dataclass(frozen=True, slots=True)
class RecordLedger:
    """Where every sample went, at the device's rate: received == written + left_out + pending."""

    received: int
    """Arrived from the source."""
    lost: int
    """Never arrived; not among `received`."""
    written: int
    """In files that the index lists."""
    short: int
    """Left out: their run, between gaps or before the end, was no longer than a window."""
    surplus: int
    """Left out: they came after the time that was asked for."""
    unwritten: int
    """Left out: the disk did not take them."""
    pending: int
    """In memory, until their file is complete."""

    @property
    def left_out(self) -> int:
        """Arrived, and never will be in a file."""
        return self.short + self.surplus + self.unwritten

    @property
    def balances(self) -> bool:
        """Whether no sample is unaccounted for."""
        return self.received == self.written + self.left_out + self.pending


@dataclass(frozen=True, slots=True)
class RecordReport:
    """What a recording has become."""

    source_id: str
    """The source's id, as in the configuration."""
    ended: str
    """Why it ended, for a person."""
    files: tuple[str, ...]
    """Written by this run, in order; relative to the folder."""
    train_s: float
    """Seconds in files with role `train`."""
    calibrate_s: float
    """Seconds in files with role `calibrate`."""
    ledger: RecordLedger
    """In samples."""
    sound: SoundMeasures
    """Of all that was received in time, whether written or left out."""

    @property
    def written_s(self) -> float:
        """Seconds in files."""
        return self.train_s + self.calibrate_s

    def tree(self) -> dict[str, object]:
        """Return all of it, verdicts included, as JSON takes it."""
        verdicts = [asdict(verdict) for verdict in verdicts_of_sound(self.sound)]
        return {**asdict(self), "minutes_written": self.written_s / 60, "verdicts": verdicts}

    def lines(self) -> list[str]:
        """Return it for a person."""
        ledger = self.ledger
        roles = f"train {self.train_s / 60:.2f} min, calibrate {self.calibrate_s / 60:.2f} min"
        left_out = (
            f"{ledger.left_out} left out ({ledger.short} in runs too short, {ledger.surplus} after the end, "
            f"{ledger.unwritten} not taken by the disk)"
        )
        lines = [
            f"{'ended':10} {self.ended}",
            f"{'written':10} {self.written_s / 60:.2f} min in {len(self.files)} files ({roles})",
            f"{'samples':10} {ledger.received} received = {ledger.written} written + {left_out}",
            f"{'lost':10} {ledger.lost} samples, before they arrived",
            *lines_of_measures(self.sound),
        ]
        if self.files and not self.calibrate_s:
            lines.append(
                "  - no file is for calibration: record more, or a second time with --role calibrate"
            )
        return lines
