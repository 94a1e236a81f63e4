"""What may go wrong with a plant as a whole, or stop one machine's task."""

from __future__ import annotations

from training.errors import TrainingError


class FleetError(TrainingError):
    """The plant's data, recipes or places cannot be used; nothing was begun."""

    code = "fleet"


class TimeLimitError(TrainingError):
    """A task took longer than it may; the others go on."""

    code = "fleet-time"


class NoBundleError(TrainingError):
    """A machine has no bundle to be judged or heard with."""

    code = "fleet-no-bundle"
