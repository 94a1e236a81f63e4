"""A plant's key: bundles are signed with its private half, and a configuration trusts its public one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fixtures_verbs import ran


def trusting_plant(folder: Path) -> Mapping[str, Any]:
    """Make the key `plant` in `folder`; return the sections of a configuration that trusts it."""
    ran("bundle", "keygen", folder / "plant")
    public = folder / "plant.pub"
    return {
        "bundles": {"trusted_keys": [{"name": "plant", "file": str(public)}]},
        "replay": {"enabled": True},
    }
