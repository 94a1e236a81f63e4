"""Opens a candidate as a promotion would: trusted, whole, warm, with its own limit."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from engines.runtime import say_nothing
from monitor.bundles.library import Library, check_version
from monitor.bundles.trust import trust_of
from monitor.config import Config, SourceConfig
from monitor.listening import Ear, open_ear
from monitor.machine import calibration_of
from monitor.models import Model, checked_engine, plan_settings, plans_folder
from monitor.score import Scorer


@dataclass(frozen=True, slots=True)
class Candidate:
    """A version that is ready to judge beside the live bundle. Belongs to the shadow thread."""

    version: str
    """Its name in the library."""
    model: Model
    """Its engine may serve other sources' candidates too, never a live bundle."""
    scorer: Scorer
    """With its own calibration and the source's budget of false alarms."""

    @property
    def ear(self) -> Ear:
        """How its sound is prepared."""
        return self.model.ear

    def hears_as(self, ear: Ear) -> bool:
        """Whether its windows lie and are made into log-mel as those of `ear`: then they serve both."""
        return self.ear.grid == ear.grid and self.ear.frontend.parameters == ear.frontend.parameters


def open_candidate(
    config: Config, source: SourceConfig, version: str, open_already: Collection[Model]
) -> Candidate | None:
    """Check and open a version; of `open_already` one that serves is taken.

    None: it needs an engine of its own, and there are shadow.max_engines already.

    Raises:
        CodedError: It is not trusted, damaged, or does not fit; the text says what to do.
    """
    folder = Library(config.state_dir, source.id).version_folder(version)
    check_version(folder)
    key = trust_of(config.bundles).check_version(folder, source.id)
    ear = open_ear(folder, config.window, config.input_quality)
    calibration = calibration_of(source, ear, config)
    model = next((one for one in open_already if one.serves(ear)), None)
    if model is None and len(open_already) >= config.shadow.max_engines:
        return None
    if model is None:
        section = config.engine.model_copy(update={"threads": 1})  # shadow.cpu_share is of one core
        plans = plan_settings(section, plans_folder(config.state_dir), say_nothing)
        model = Model(ear, checked_engine(ear.bundle, section, plans), key)
    budget = config.alarm_for(source).false_alarms_per_week
    return Candidate(version, model.for_ear(ear), Scorer(calibration, false_alarms_per_week=budget))
