"""What is kept of a window holds nothing of its neighbours."""

from __future__ import annotations

import numpy as np

from engines.runtime import open_engine
from monitor.listening import DEMO_BUNDLE, inferences_from_logmels, open_checked_bundle
from monitor.messages import LogMel, Quality, Span, read_only

SPAN = Span("pump-3", 0, 0.0, 2.048, 1.7e9, Quality.OK, -30.0)


def test_the_maps_of_a_window_hold_no_memory_of_its_batch() -> None:
    """A view of a batch holds the engine's memory, which grows with how many are held: 40 MB in an hour."""
    engine = open_engine(open_checked_bundle(DEMO_BUNDLE.parent / "ae"))
    manifest = engine.bundle.manifest
    noise = np.random.default_rng(3).standard_normal((3, manifest.mel, manifest.frames))
    logmels = [LogMel(SPAN, read_only(values.astype(np.float32))) for values in noise]
    for inference in inferences_from_logmels(engine, logmels):
        for values in (inference.error_map, inference.reconstruction):
            assert values.flags.owndata
            assert not values.flags.writeable
