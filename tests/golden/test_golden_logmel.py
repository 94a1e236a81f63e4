"""The front end gives today what it gave when the bundles were made."""

from __future__ import annotations

import numpy as np
import pytest
from make_golden import GOLDEN, SCALES, golden_logmel

from engines.bundle import open_bundle
from monitor.frontend import FrontendParameters
from monitor.listening import DEMO_BUNDLE


@pytest.mark.parametrize("scale", SCALES)
def test_the_log_mel_of_the_golden_sound_is_unchanged(scale: str) -> None:
    with np.load(GOLDEN) as golden:
        np.testing.assert_allclose(golden_logmel(scale), golden[scale], rtol=0, atol=2e-5)


def test_the_default_front_end_is_the_one_the_demo_was_made_with() -> None:
    assert FrontendParameters().digest == open_bundle(DEMO_BUNDLE).manifest.frontend_digest
    assert "7a3d4c1c2b2adb3d" == FrontendParameters().digest, "a new digest refuses every older bundle"
