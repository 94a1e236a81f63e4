"""Another limit by command: who may ask for it."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest
from machine_rig import machine

from monitor.bundles.roles import By
from monitor.config import Config, parse_config
from monitor.desk.recalibrate import Recalibration
from monitor.desk.reload import Reloader
from monitor.errors import CommandError
from monitor.operators import Origin
from monitor.roster import Roster
from monitor.store import open_store


def refusal_of(tmp_path: Path, origin: Origin, drift: str) -> str:
    """Ask for a limit that nobody proposed, by one way, and return why it was refused."""
    text = f"state_dir: {tmp_path}\nsources: [{{id: pump, kind: simulated}}]\ndrift: {drift}\n"
    config: Config = parse_config(text, name="config.yaml")
    with closing(open_store(tmp_path)) as store:
        asked = Recalibration(
            "pump",
            "399cda1670da",
            By("eve", origin.value, 1.8e9, "eve-1"),
            Roster([machine("pump", [0.2])]),
            store,
            record=lambda _library: None,
            complain=lambda _what: None,
        )
        with pytest.raises(CommandError) as refusal:
            asked.plan(Reloader(config, lambda: config, ()))
    return str(refusal.value)


@pytest.mark.parametrize("origin", [Origin.MQTT, Origin.SPARKPLUG])
def test_from_afar_no_limit_is_accepted_where_the_box_is_set_up_so(tmp_path: Path, origin: Origin) -> None:
    assert "drift.by_mqtt" in refusal_of(tmp_path, origin, "{by_mqtt: false}")
    assert "nothing is proposed" in refusal_of(tmp_path, origin, "{}"), "it gets as far as the proposal"


@pytest.mark.parametrize("origin", [Origin.PAGE, Origin.TERMINAL])
def test_on_the_box_a_limit_may_always_be_accepted(tmp_path: Path, origin: Origin) -> None:
    assert "nothing is proposed" in refusal_of(tmp_path, origin, "{by_mqtt: false}")
