"""A machine's sound and bundle on the disk of whoever works on it: in their place, or copied to scratch."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from engines.bundle import Bundle, open_bundle
from training.fleet.artefacts import Artefacts
from training.fleet.errors import NoBundleError
from training.fleet.machines import MISSING, SoundFile


def sound_at_hand(data: str, files: Iterable[SoundFile], scratch: Path) -> dict[SoundFile, Path]:
    """Return where each file can be opened; one that is missing is at a path where nothing is."""
    store = Artefacts(data)
    found = {}
    for number, file in enumerate(files):
        if store.is_local:
            found[file] = store.local_path(file.name)
            continue
        # an index from elsewhere decides no path on this disk
        found[file] = scratch / "sound" / f"{number:06}{PurePosixPath(file.name).suffix}"
        if file.size_bytes != MISSING:
            store.fetch(file.name, found[file])
    return found


def with_names(text: str, at_hand: dict[SoundFile, Path]) -> str:
    """Return a sentence that names files as the data do, not as this disk does."""
    for file, path in at_hand.items():
        text = text.replace(str(path), file.name)
    return text


def bundle_at_hand(bundles: str, place: str, bundle_id: str, scratch: Path) -> Bundle:
    """Return a machine's bundle, checked, and that it is the one that was asked for.

    Raises:
        BundleError: It is damaged.
        NoBundleError: Another one lies there.
    """
    bundle = open_bundle(Artefacts(bundles).fetched_folder(place, scratch / "bundle"))
    if bundle.bundle_id != bundle_id:
        raise NoBundleError(
            f"{bundles}/{place}: is {bundle.bundle_id}, {bundle_id} was chosen; let "
            "`wheeltapper fleet train` end first"
        )
    return bundle
