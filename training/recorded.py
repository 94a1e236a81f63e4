"""What a bundle says of when its normal sound was recorded: events in it prove nothing of the bundle."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from monitor.promotion.learned import LABELS


def files_of_recorded(recorded: Sequence[tuple[float, float]]) -> Mapping[str, str]:
    """Return labels.json of a bundle without labels; none where nobody knows when its sound was recorded."""
    tree = {"schema": 1, "used": [], "recorded": recorded}
    return {LABELS: json.dumps(tree, indent=1) + "\n"} if recorded else {}
