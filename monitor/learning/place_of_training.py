"""Whether a model is trained on this box: learning asks, and the page, which loads nothing of it."""

from __future__ import annotations

import importlib.util


def can_learn_here() -> bool:
    """Say whether torch is there; looking for it does not load it."""
    return importlib.util.find_spec("torch") is not None


def learns_here(where: str) -> bool:
    """Say whether a model is trained on this box, by `learn.where`; else the sound is packed."""
    return where == "here" or (where == "auto" and can_learn_here())
