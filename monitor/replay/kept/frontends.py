"""Where the axes of a picture come from: the front end of the bundle that heard the sound.

A bundle that is no longer on the box leaves only the shape of its maps: steps in time, but no frequencies
and no log-mel of sound that no window covers. That is then told, and left blank.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from engines import bundle
from engines.errors import BundleError
from monitor.bundles.choice import folder_of, is_managed
from monitor.bundles.library import Library
from monitor.config import Config
from monitor.errors import FrontendError
from monitor.frontend import FrontendParameters, parameters_from_tree

DEMO_BUNDLES = Path(bundle.__file__).parent / "demo"


def bundle_folders(config: Config) -> list[Path]:
    """Return the folders of all bundles that a configuration names; the embedded ones are known anyway.

    Of a source whose bundles are managed it is the folder of its versions, whatever lies in it later.
    """
    named = [config.engine.bundle]
    for source in config.sources:
        managed = is_managed(source)
        named.append(Library(config.state_dir, source.id).versions if managed else folder_of(source, config))
    return [folder for folder in dict.fromkeys(named) if folder is not None]


class Frontends:
    """The front-end parameters of every bundle on the box, by its id. Thread-safe."""

    def __init__(self, folders: Iterable[Path]) -> None:
        """Read the manifests in `folders` and of the embedded bundles; the models themselves stay closed."""
        self._known: dict[str, FrontendParameters] = {}
        self.look_in(folders)
        self._read()

    def look_in(self, folders: Iterable[Path]) -> None:
        """Look for bundles that are not known yet in these folders, in place of those before."""
        self._folders = (*folders, *sorted(DEMO_BUNDLES.glob("*")))

    def of(self, bundle_id: str) -> FrontendParameters | None:
        """Return a bundle's parameters; None: it is not on the box any more."""
        if bundle_id not in self._known:
            self._read()  # a bundle may have been put in its place since
        return self._known.get(bundle_id)

    def _read(self) -> None:
        for folder in _with_versions(self._folders):
            try:
                manifest = bundle.read_manifest(folder)
                self._known[manifest.bundle_id] = parameters_from_tree(manifest.frontend)
            except (BundleError, FrontendError, TypeError):
                continue  # the daemon says what is wrong with it; here its pictures lack their axes


def _with_versions(folders: Iterable[Path]) -> Iterator[Path]:
    for folder in folders:
        yield folder
        yield from (inner for inner in sorted(folder.glob("*")) if inner.is_dir())
