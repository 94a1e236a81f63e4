"""Work of a fleet that does what real work should not. In a module of its own, for workers to import."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training.fleet.artefacts import Artefacts
from training.fleet.tasks import Terms


@dataclass(frozen=True)
class Misbehaving:
    """Work that does what real work should not."""

    how: str

    def do(self, place: str, out: Artefacts, terms: Terms, scratch: Path) -> Mapping[str, Any]:  # noqa: ARG002
        if self.how == "hang":
            while True:
                time.sleep(0.01)
        if self.how == "grow":
            return {"size": len(bytearray(4_000_000_000))}
        if self.how == "die":
            os.abort()
        if self.how == "die once":
            marker = Path(terms.out) / "died"
            if not marker.exists():
                marker.touch()
                os.abort()
        if self.how == "raise":
            raise ZeroDivisionError("by nothing")
        return {"well": True}
