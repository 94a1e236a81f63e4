"""Opens the bundles that a configuration names, each once, with the engine that answers for it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from engines.bundle import Bundle
from engines.golden import check_golden
from engines.runtime import Engine, PlanSettings, open_engine, say_nothing
from monitor.bundles.choice import chosen_bundles
from monitor.bundles.trust import trust_of
from monitor.config import Config, EngineConfig
from monitor.listening import DEMO_BUNDLE, Ear, open_ear


@dataclass(frozen=True, slots=True)
class Model:
    """An opened bundle. Every source that names its folder shares it."""

    ear: Ear
    """How sound is prepared for it."""
    engine: Engine
    """Has answered the bundle's golden windows, so that it is warm."""
    key: str | None = None
    """The id of the key that signed the bundle; None: no signature was asked for."""

    def serves(self, ear: Ear) -> bool:
        """Whether its engine answers for `ear` too: the same files, wherever they lie, and windows alike."""
        mine = self.ear
        return (mine.bundle.manifest, mine.grid, mine.limits) == (ear.bundle.manifest, ear.grid, ear.limits)

    def for_ear(self, ear: Ear) -> Model:
        """Return it for the bundle of `ear`, which may lie in another folder and have another calibration."""
        return self if self.ear.bundle.folder == ear.bundle.folder else Model(ear, self.engine)


def plans_folder(state_dir: Path) -> Path:
    """Return where the plans that were built on this box lie."""
    return state_dir / "engines"


def plan_settings(section: EngineConfig, folder: Path, say: Callable[[str], None]) -> PlanSettings:
    """Return how the daemon opens its plans when it is configured with `section`."""
    return PlanSettings(
        folder=folder,
        opt_batch=section.opt_batch,
        max_batch=section.max_batch,
        build=section.build_plans,
        say=say,
    )


def checked_engine(bundle: Bundle, section: EngineConfig, plans: PlanSettings) -> Engine:
    """Open a bundle with the engine that `section` asks for, and let it answer its own golden windows.

    Raises:
        CodedError: It cannot be opened, or answers otherwise than training saw.
    """
    engine = open_engine(
        bundle,
        backend=section.backend,
        precision=section.precision,
        threads=section.threads,
        plans=plans,
    )
    check_golden(engine)
    return engine


def open_models(
    config: Config,
    *,
    instead: Mapping[str, Path] | None = None,
    open_already: Iterable[Model] = (),
    say: Callable[[str], None] = say_nothing,
) -> Mapping[str, Model]:
    """Open each bundle that judges a source once, and return it by the source's id.

    Sources that wait for their first bundle are absent. `instead` names another folder for some sources. Of
    `open_already` those that have not changed are taken. `say` is told what is about to take long. What was
    opened before a refusal is closed again.

    Raises:
        CodedError: A bundle is not trusted, or it, its front end or its engine is refused; the text says
            what to do.
    """
    settings, known = config.engine, list(open_already)
    plans = plan_settings(settings, plans_folder(config.state_dir), say)
    chosen, trust = chosen_bundles(config, instead), trust_of(config.bundles)
    keys = {name: trust.check_bundle(folder or DEMO_BUNDLE, name) for name, folder in chosen.items()}
    models: dict[Path | None, Model] = {}
    with contextlib.ExitStack() as undo:
        for folder in dict.fromkeys(chosen.values()):
            ear = open_ear(folder, config.window, config.input_quality)
            model = next((one for one in known if one.serves(ear)), None)
            if model is None:
                model = Model(ear, checked_engine(ear.bundle, settings, plans))
                undo.callback(model.engine.close)
                known.append(model)
            models[folder] = model.for_ear(ear)
        undo.pop_all()
    return {name: replace(models[folder], key=keys[name]) for name, folder in chosen.items()}
