"""Another limit by command: who may ask for it, and who may decline it."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import pytest
from machine_rig import machine

from monitor.bundles.roles import By
from monitor.config import Config, parse_config
from monitor.desk.decline import Decline
from monitor.desk.recalibrate import Recalibration
from monitor.desk.reload import Reloader
from monitor.errors import CommandError
from monitor.operators import Origin
from monitor.publish.commands import parse_command
from monitor.roster import Roster
from monitor.store import open_store

PROPOSAL = "399cda1670da"


def refusal_of(tmp_path: Path, origin: Origin, drift: str, *, declines: bool) -> str:
    """Accept or decline a limit that nobody proposed, by one way, and return why it was refused."""
    text = f"state_dir: {tmp_path}\nsources: [{{id: pump, kind: simulated}}]\ndrift: {drift}\n"
    config: Config = parse_config(text, name="config.yaml")
    with closing(open_store(tmp_path)) as store:
        by, roster = By("eve", origin.value, 1.8e9, "eve-1"), Roster([machine("pump", [0.2])])
        accept = Recalibration(
            "pump", PROPOSAL, by, roster, store, record=lambda _library: None, complain=lambda _what: None
        )
        decline = Decline(
            "pump", PROPOSAL, "it is worn", by, roster, store, look_again=lambda _source_id: None
        )
        plan = decline.plan if declines else accept.plan
        with pytest.raises(CommandError) as refusal:
            plan(Reloader(config, lambda: config, ()))
    return str(refusal.value)


@pytest.mark.parametrize("declines", [False, True])
@pytest.mark.parametrize("origin", [Origin.MQTT, Origin.SPARKPLUG])
def test_from_afar_no_limit_is_accepted_or_declined_where_the_box_is_set_up_so(
    tmp_path: Path, origin: Origin, *, declines: bool
) -> None:
    refused = refusal_of(tmp_path, origin, "{by_mqtt: false}", declines=declines)
    assert "drift.by_mqtt" in refused
    assert refused.startswith("decline" if declines else "recalibrate")
    otherwise = refusal_of(tmp_path, origin, "{}", declines=declines)
    assert "nothing is proposed" in otherwise, "it gets as far as the proposal"


@pytest.mark.parametrize("declines", [False, True])
@pytest.mark.parametrize("origin", [Origin.PAGE, Origin.TERMINAL])
def test_on_the_box_a_limit_may_always_be_accepted_or_declined(
    tmp_path: Path, origin: Origin, *, declines: bool
) -> None:
    refused = refusal_of(tmp_path, origin, "{by_mqtt: false}", declines=declines)
    assert "nothing is proposed" in refused


@pytest.mark.parametrize("note", [None, "", "  ", " x "])
def test_nobody_declines_without_a_reason(note: str | None) -> None:
    document = {"id": "c1", "action": "decline", "actor": "anna", "proposal": PROPOSAL, "note": note}
    with pytest.raises(CommandError, match="decline needs note: why"):
        parse_command(json.dumps(document).encode())


def test_nobody_declines_what_is_not_named() -> None:
    with pytest.raises(CommandError, match="decline needs proposal"):
        parse_command(b'{"id": "c1", "action": "decline", "actor": "anna", "note": "it is worn"}')
