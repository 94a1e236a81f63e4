"""Whatever is heard: findings lie in the event's time and the front end's bands, and can be said."""

from __future__ import annotations

import json
import math

import numpy as np
from describe_rig import UTC_S, Machine, new_describer
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.describe import languages, sentence
from monitor.explanation import Explanation
from monitor.frontend import FrontendParameters
from monitor.messages import Inference, LogMel, read_only


def assert_sane(explanation: Explanation, parameters: FrontendParameters) -> None:
    assert 1 <= len(explanation.findings) <= 3
    assert explanation.start_utc_s <= explanation.end_utc_s
    for finding in explanation.findings:
        assert explanation.start_utc_s <= finding.start_utc_s <= finding.end_utc_s <= explanation.end_utc_s
        assert parameters.f_min_hz <= finding.low_hz < finding.high_hz <= parameters.f_max_hz
        assert math.isfinite(finding.change_db)
        assert finding.period_s is None or 0.0 < finding.period_s < 60.0
        numbers = (finding.low_hz, finding.high_hz, finding.change_db, finding.start_utc_s)
        assert all(type(number) is float for number in numbers)  # JSON takes no NumPy
    for one in explanation.findings:
        others = [other for other in explanation.findings if other is not one and other.kind is one.kind]
        assert not any(one.low_hz < other.high_hz and other.low_hz < one.high_hz for other in others)
    for language in languages():
        assert sentence(explanation, language).endswith(".")


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    mel=st.sampled_from([1, 5, 8, 17, 40, 64, 100, 128, 160]),
    frames=st.sampled_from([16, 32, 64]),
    overlaps=st.booleans(),
    heard=st.integers(0, 14),
    loud=st.floats(0.0, 60.0),
    density=st.floats(0.0, 1.0),
    model_known=st.booleans(),
)
def test_findings_lie_within_the_event_and_the_bands(  # noqa: PLR0917 - hypothesis hands over by name
    seed: int,
    mel: int,
    frames: int,
    overlaps: bool,  # noqa: FBT001
    heard: int,
    loud: float,
    density: float,
    model_known: bool,  # noqa: FBT001
) -> None:
    random = np.random.default_rng(seed)
    parameters = FrontendParameters(mel_bands=mel)
    machine = Machine(
        seed=seed % 1000, parameters=parameters, frames=frames, hop=frames // 2 if overlaps else frames
    )
    describer = new_describer(machine)
    for logmel, inference in machine.windows(0, heard):
        describer.hear(logmel, inference, normal=bool(random.random() < 0.8))
    for logmel, _ in machine.windows(heard * machine.hop, 5):
        chosen = (random.random((mel, 1)) < density) & (random.random((1, frames)) < density)
        values = (logmel.values + chosen * random.normal(0.0, loud / 10.0)).astype(np.float32)
        values = np.maximum(values, np.float32(-10.0))
        changed = LogMel(logmel.span, read_only(values))
        told = read_only(np.roll(values, 1, axis=0).copy())
        inference = Inference(logmel.span, 1.0, read_only((values - told) ** 2), told, "model")
        explanation = describer.describe("e", changed, inference if model_known else None)
        assert_sane(explanation, parameters)
    assert UTC_S <= explanation.start_utc_s
    text = json.dumps(describer.portrait_tree("e"), allow_nan=False)
    assert len(text) < 8000
    assert new_describer(machine).restore("e", json.loads(text))
