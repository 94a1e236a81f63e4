"""The API against its own description, with whatever an independent tool can think of."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from learn_rig import waiting_to_be_heard
from past import Past, noise
from replay_rig import Plant, Served, browser_at

from monitor.replay.api.routes import CHANGES, ENDPOINTS

EXAMPLES = 5
"""For each address, besides the corner cases that the tool goes through anyway."""
# what one parameter may be beside another cannot be said in a description: that is refused with 400; and
# methods that are not there are refused with 403 or 415 already, for they bring no token
SETTINGS = """
[parameters]
event_id = "{event_id}"
clip_id = "{clip_id}"
window_id = "{window_id}"

source_id = "pump"
number = "0"

[checks]
unsupported_method.enabled = false

[headers]
Origin = "{origin}"
X-CSRF-Token = "{token}"

[[operations]]
include-operation-id = ["clip_audio", "events"]
checks.positive_data_acceptance.expected-statuses = ["2xx", "304", "400"]

[[operations]]
include-operation-id = "install_bundle"
enabled = false

[[operations]]
include-method = "POST"
checks.positive_data_acceptance.expected-statuses = ["2xx", "404", "409"]
"""


def run_schemathesis(page: Served, folder: Path, **ids: str) -> subprocess.CompletedProcess[str]:
    """Let the tool ask for all that is described, of things that are there, with a visitor's token."""
    with browser_at(page.url) as browser:
        settings = SETTINGS.format(origin=page.url, token=browser.token("/events"), **ids)
    (folder / "schemathesis.toml").write_text(settings)
    tool = Path(sys.executable).with_name("schemathesis")
    command = [tool, "--config-file", folder / "schemathesis.toml", "run", f"{page.url}/api/v1/openapi.json"]
    limits = ["--max-examples", EXAMPLES, "--seed", 1, "--phases", "examples,coverage,fuzzing"]
    return subprocess.run(
        [str(word) for word in (*command, *limits, "--generation-database", "none")],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
    )


@pytest.mark.slow
def test_whatever_is_asked_the_answer_is_one_that_is_described(
    plant: Plant, local_page: Served, tmp_path: Path
) -> None:
    past = Past(plant.config.state_dir, plant.store)
    past.add_event("e1", start_s=3.0)
    clip_id = past.add_clip("e1", noise(3.0), start_s=0.0)
    window_id = past.add_window("e1", start_s=0.5)
    past.add_label("e1", "anomaly", "bearing")
    waiting_to_be_heard(plant.config.state_dir)
    told = run_schemathesis(local_page, tmp_path, event_id="e1", clip_id=clip_id, window_id=window_id)
    past.library.close()
    assert 0 == told.returncode, told.stdout + told.stderr
    described = len(ENDPOINTS) + len(CHANGES) - 1  # it leaves the description itself out
    # nor does it know how to make a tar: tests/replay/test_bundle_upload.py
    assert f"Selected: {described - 1}/{described}" in told.stdout
    assert len(past.store.labels("e1")) > 1  # the tool's were taken
