"""An open event behind a suppressed alarm is told with the reason: machine off, or nothing that judges."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from fixtures_mosquitto import eventually
from replay_rig import Browser, Plant

from monitor.messages import AlarmChange, MachineOff, OffCause

T0 = 1_790_000_000.0
Open = Callable[..., Browser]
Suppress = Callable[[Plant], Sequence[AlarmChange]]


def no_bundle(plant: Plant) -> Sequence[AlarmChange]:
    return plant.pump.alarm.take_bundle(is_live=False, at_utc_s=T0)


def off(*causes: OffCause) -> Suppress:
    return lambda plant: plant.pump.alarm.take_machine(MachineOff(causes, "in English", T0), T0)


@pytest.mark.parametrize(
    ("suppress", "english", "german"),
    [
        (
            off(OffCause.SCHEDULE),
            "Suppressed: machine off, by schedule",
            "Unterdrückt: Maschine aus, nach Zeitplan",
        ),
        (
            off(OffCause.LEVEL, OffCause.SIGNAL),
            "Suppressed: machine off, it is too quiet to be running, the plant&#39;s signal says so",
            "Unterdrückt: Maschine aus, zu leise für eine laufende Maschine, laut Signal der Anlage",
        ),
        (off(), "Suppressed: machine off", "Unterdrückt: Maschine aus"),
        (
            no_bundle,
            "Suppressed: no bundle is live yet",
            "Unterdrückt: noch urteilt kein Modell",
        ),
    ],
)
def test_an_event_says_why_its_alarm_is_suppressed(
    plant: Plant, open_browser: Open, suppress: Suppress, english: str, german: str
) -> None:
    plant.errands.ask(lambda: plant.pipeline.settle(plant.pump, suppress(plant)))
    vera = open_browser("vera")

    def told(path: str, language: str) -> str:
        text = vera.get(path, headers={"Accept-Language": language}).text
        return text.partition('<span class="badge aside">')[2].partition("</span>")[0]

    eventually(lambda: told("/events", "en") != "", 5.0, "the change, in the store")
    event = f"/events/{plant.event_id}"
    assert [english, english, german, german] == [
        told(path, language) for language in ("en", "de") for path in ("/events", event)
    ]


def test_a_suppressed_event_whose_reason_nobody_knows_is_not_said_to_be_off(
    plant: Plant, open_browser: Open
) -> None:
    with plant.store.database.transaction() as connection:
        connection.execute("UPDATE events SET state = 'suppressed'")
        connection.execute(
            """UPDATE alarms SET snapshot = '{"source_id": "pump", "of_a_later_version": 1}'"""
        )
    assert '<span class="badge aside">Suppressed by design</span>' in open_browser("vera").get("/events").text
