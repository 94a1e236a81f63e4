"""Which of a machine's bundles is its own: the one that best tells pseudo anomalies from normal sound.

By the partial AUC of its scoring head on validation recordings and pseudo anomalies made of them
(training.heads.choice), which all recipes of a machine share. No label and no test recording is looked at.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from training.fleet.artefacts import Artefacts
from training.fleet.machines import Machine
from training.fleet.tasks import Report
from training.fleet.train_work import BUNDLE

CHOSEN = "chosen.json"


@dataclass(frozen=True, slots=True)
class Chosen:
    """A machine's bundle."""

    recipe: str
    """Its name."""
    bundle: str
    """Place of the bundle below the folder of results."""
    bundle_id: str
    """As its manifest says."""
    merits: Mapping[str, float]
    """Of each recipe that was done: partial AUC on pseudo anomalies; chance is .5."""


def choose(machine: Machine, reports: Sequence[Report]) -> Chosen | None:
    """Return the best of a machine's bundles, of equals the first; None where no recipe was done."""
    merits = {report.name: float(report.result["merit"]) for report in reports if report.done}
    if not merits:
        return None
    best = max(merits, key=merits.__getitem__)
    (report,) = (report for report in reports if report.name == best)
    place = f"{machine.place}/models/{best}/{BUNDLE}"
    return Chosen(best, place, str(report.result["bundle_id"]), merits)


def keep_chosen(out: Artefacts, machine: Machine, chosen: Chosen) -> None:
    """Write down the choice where evaluate and score look for it."""
    out.write_tree(f"{machine.place}/{CHOSEN}", {"machine": machine.name, **asdict(chosen)})


def chosen_of(bundles: Artefacts, machines: Iterable[Machine]) -> dict[str, Chosen]:
    """Return the kept choices by the machine's name; machines without one are left out."""
    places = {f"{machine.place}/{CHOSEN}": machine.name for machine in machines}
    return {places[place]: _chosen(tree) for place, tree in bundles.trees(places).items()}


def _chosen(tree: Mapping[str, Any]) -> Chosen:
    return Chosen(tree["recipe"], tree["bundle"], tree["bundle_id"], tree["merits"])
