"""What the pages say of sources and events, before any markup."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from monitor.control.documents import AlarmNow, BoxNow, Now, OffNow, SourceNow, Trend
from monitor.errors import QueryError
from monitor.explanation import Finding, SoundKind
from monitor.messages import AlarmState, CaptureState, OffCause, Quality, SignalState
from monitor.publish.drift import DriftDocument
from monitor.replay.gate.access import Role, Visit
from monitor.replay.kept.event_query import Labelled, Order
from monitor.replay.pages import awaited, shown
from monitor.replay.pages.asked import Asked, asked_from
from monitor.replay.pages.cards import Card, cards_from_now, news_of
from monitor.replay.pages.words import Tongue, clock, day, local
from monitor.store import Event, StoredClip, StoredWindow
from monitor.store.files import full_error
from monitor.worded import Worded, worded, wording_of

ENGLISH = Tongue("en")
ALARM: dict[str, Any] = dict.fromkeys(AlarmNow.model_fields) | {
    "state": AlarmState.NORMAL,
    "active": False,
    "limit": 1.0,
    "warning_value": 0.7,
    "warning": False,
    "uncertain": False,
    "shelved_one_shot": False,
    "acknowledged": True,
}
SOURCE: dict[str, Any] = dict.fromkeys(SourceNow.model_fields) | {
    "source": "pump",
    "device": "usb",
    "capture": CaptureState.HEALTHY,
    "reason": "",
    "quality": Quality.OK,
    "level_dbfs": -30.0,
    "value": 0.4,
    "bundle": "b",
    "backend": "onnxruntime",
    "fallback": "",
    "keeps_up": True,
    "dropped_windows": 0,
    "dropped_share": 0.0,
    "received_samples": 1,
    "lost_samples": 0,
}
BOX: dict[str, Any] = dict.fromkeys(BoxNow.model_fields, "") | {
    "started": "2026-01-31T12:00:00.000Z",
    "clock_set": True,
    "waiting_records": 0,
    "losses": {},
    "said": {},
}


def card_of(
    role: Role = Role.ADMIN,
    alarm: dict[str, Any] | None = None,
    *,
    tongue: Tongue = ENGLISH,
    **source: object,
) -> Card:
    """Return the card of a source that is well but for what is given."""
    tree = SourceNow(**{**SOURCE, **source, "alarm": AlarmNow(**{**ALARM, **(alarm or {})})})
    now = Now(time="2026-01-31T12:00:00.000Z", box=BoxNow(**BOX), sources=[tree])
    (card,) = cards_from_now(now, tongue, Visit("anna", role, "token", is_local=False), lambda _: 3600.0)
    return card


@pytest.mark.parametrize("capture", [CaptureState.ALARMED, CaptureState.RECOVERING, CaptureState.FAILED])
def test_a_source_without_sound_looks_deaf_and_shows_no_old_score(capture: CaptureState) -> None:
    card = card_of(capture=capture, reason="no device", quality=Quality.ABSENT, value=0.4)
    assert ("deaf", True, None, None) == (card.style, card.deaf, card.value, card.level_dbfs)
    assert "no device" in card.why
    assert "before: Normal" == card.state
    assert "" == card.state_style


def test_why_a_source_is_deaf_is_told_in_german_where_the_daemon_has_words_for_it() -> None:
    for why, german in (
        (worded("no-more-sound", "no sound for {seconds} s", seconds=2.5), "seit 2,5 s kein Klang"),
        ("Errno 19", "Errno 19"),
    ):
        said = why.tree if isinstance(why, Worded) else None
        facts = {"capture": CaptureState.FAILED, "reason": str(why), "reason_said": said}
        told = {language: card_of(tongue=Tongue(language), **facts).why for language in ("en", "de")}
        assert f"({why})" in told["en"]
        assert f"Kein Ton, und ein Neustart hat nicht geholfen. ({german})" == told["de"]


@pytest.mark.parametrize("quality", [Quality.SILENT, Quality.FLAT, Quality.ABSENT])
def test_a_microphone_that_hears_nothing_looks_deaf_though_its_capture_is_healthy(quality: Quality) -> None:
    card = card_of(quality=quality, value=None)
    assert card.deaf
    assert card.why


@pytest.mark.parametrize(
    ("started", "since"),
    [
        ("2026-01-31T11:30:00.000Z", 1769859000.0),
        ("2026-01-31T10:59:00.000Z", None),
        ("2026-01-31T12:05:00.000Z", None),  # the clock was set since
    ],
)
def test_an_hour_that_began_before_the_daemon_says_from_when_on_it_is_known(
    started: str, since: float | None
) -> None:
    box = BoxNow(**{**BOX, "started": started})
    tree = SourceNow(**{**SOURCE, "alarm": AlarmNow(**ALARM)})
    now = Now(time="2026-01-31T12:00:00.000Z", box=box, sources=[tree])
    visit = Visit("anna", Role.VIEWER, "token", is_local=False)
    (card,) = cards_from_now(now, ENGLISH, visit, lambda _: 3600.0)
    told = "" if since is None else f"Known since {clock(since)}, when the daemon was started."
    assert told == card.trend_since


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"broker": "connected"}, []),
        ({"broker": "off"}, []),
        ({"broker": "away"}, ["The broker cannot be reached"]),
        ({"broker": "stalled", "store_error": "disk full"}, ["The broker cannot", "stored: disk full"]),
        ({"broker": "off", "clips_error": "no room"}, ["No sound is stored: no room"]),
    ],
)
def test_what_is_wrong_with_the_box_as_a_whole_is_told_above_its_sources(
    facts: dict[str, str], words: list[str]
) -> None:
    told = news_of(BoxNow(**{**BOX, **facts}), ENGLISH)
    assert [True] * len(words) == [word in sentence for word, sentence in zip(words, told, strict=True)]


def test_a_source_without_a_bundle_is_led_to_its_candidate_or_to_where_one_comes_from() -> None:
    tree = SourceNow(**{**SOURCE, "bundle": None, "backend": None, "alarm": AlarmNow(**ALARM)})
    now = Now(time="2026-01-31T12:00:00.000Z", box=BoxNow(**BOX), sources=[tree])
    visit = Visit("anna", Role.VIEWER, "token", is_local=False)
    why = [
        cards_from_now(now, ENGLISH, visit, lambda _: 3600.0, candidates)[0].why
        for candidates in ((), ("pump",))
    ]
    assert ["under Learn record", "a candidate waits"] == [
        words
        for words, sentence in zip(("under Learn record", "a candidate waits"), why, strict=True)
        if words in sentence
    ]


def test_a_limit_that_waits_for_a_decision_is_named_on_the_card() -> None:
    drift: dict[str, Any] = dict.fromkeys(DriftDocument.model_fields) | {
        "state": "drifting",
        "words": "",
        "limit_old": False,
        "limit_hours": 1.0,
        "limit_steps": 0,
    }
    cards = [card_of(drift=DriftDocument(**{**drift, "proposal": one})) for one in (None, "399cda1670da")]
    assert ["days", "a limit is proposed"] == [card.normal_link for card in cards]


def test_a_file_that_has_ended_is_not_deaf() -> None:
    card = card_of(capture=CaptureState.ENDED, quality=Quality.OK)
    assert (False, "The file has been read to its end.") == (card.deaf, card.why)


@pytest.mark.parametrize(
    ("alarm", "source", "style"),
    [
        ({}, {}, "good"),
        ({"warning": True}, {}, "warn"),
        ({}, {"quality": Quality.CLIPPED}, "warn"),
        ({}, {"keeps_up": False}, "warn"),
        ({"state": AlarmState.RETURNED}, {}, "warn"),
        ({"state": AlarmState.SHELVED, "active": True}, {}, "aside"),
        ({"state": AlarmState.SUPPRESSED, "active": True}, {"quality": Quality.OFF}, "aside"),
        ({}, {"quality": Quality.OFF}, "good"),
        ({"uncertain": True}, {}, "warn"),
        ({"uncertain": True}, {"quality": Quality.OFF}, "warn"),
        ({"uncertain": True, "state": AlarmState.SUPPRESSED}, {"quality": Quality.OFF}, "aside"),
        ({}, {"off_signal": SignalState.MISSING}, "warn"),
        ({"state": AlarmState.ACKNOWLEDGED, "active": True}, {"quality": Quality.GAP}, "alarm"),
        ({"state": AlarmState.UNACKNOWLEDGED, "active": True}, {}, "alarm"),
    ],
)
def test_the_worst_news_decides_how_a_card_looks(
    alarm: dict[str, Any], source: dict[str, Any], style: str
) -> None:
    assert style == card_of(alarm=alarm, **source).style


@pytest.mark.parametrize(
    ("language", "state", "quality", "why"),
    [
        (
            "en",
            "Suppressed: machine off",
            "not judged: the machine is off",
            "it is too quiet to be running, the plant's signal says so",
        ),
        (
            "de",
            "Unterdrückt: Maschine aus",
            "nicht bewertet: die Maschine ist aus",
            "zu leise für eine laufende Maschine, laut Signal der Anlage",
        ),
    ],
)
def test_a_machine_that_is_off_is_told_with_its_reasons(
    language: str, state: str, quality: str, why: str
) -> None:
    off = OffNow(
        since="2026-01-31T11:00:00.000Z", causes=[OffCause.LEVEL, OffCause.SIGNAL], reason="in English"
    )
    alarm = {"state": AlarmState.SUPPRESSED, "active": True, "event_id": "pump-1"}
    card = card_of(alarm=alarm, tongue=Tongue(language), quality=Quality.OFF, value=None, off=off)
    assert (state, quality, False) == (card.state, card.quality, card.deaf)
    since = f"{day(1769857200.0)} {clock(1769857200.0)}"
    assert f"{since}{' aus' if language == 'de' else ''}: {why}." in card.why
    assert "pump-1" == card.event_id


def test_a_machine_that_is_too_quiet_and_not_off_is_told() -> None:
    card = card_of(quality=Quality.OFF, value=None)
    assert "not judged: too quiet" == card.quality
    assert "The machine is too quiet to be judged, and does not count as off." == card.why
    heard = card_of(alarm={"uncertain": True})
    assert "Too little of its sound was judged lately: whether all is well is uncertain." == heard.why


def test_a_missing_signal_is_told_and_the_machine_is_judged() -> None:
    card = card_of(off_signal=SignalState.MISSING)
    assert "The plant's signal whether it runs is missing; it counts as running." == card.why


@pytest.mark.parametrize(
    ("role", "state", "acknowledged", "actions"),
    [
        (Role.VIEWER, AlarmState.UNACKNOWLEDGED, False, []),
        (Role.TECHNICIAN, AlarmState.UNACKNOWLEDGED, False, ["acknowledge", "shelve"]),
        (Role.TECHNICIAN, AlarmState.RETURNED, False, ["acknowledge", "shelve"]),
        (Role.TECHNICIAN, AlarmState.ACKNOWLEDGED, True, ["shelve"]),
        (Role.ADMIN, AlarmState.NORMAL, True, ["shelve", "out_of_service"]),
        (Role.ADMIN, AlarmState.SHELVED, True, ["unshelve", "out_of_service"]),
        (Role.TECHNICIAN, AlarmState.SHELVED, False, ["acknowledge", "unshelve"]),
        (Role.ADMIN, AlarmState.OUT_OF_SERVICE, True, ["in_service"]),
        (Role.TECHNICIAN, AlarmState.OUT_OF_SERVICE, False, ["acknowledge"]),
        (Role.ADMIN, AlarmState.SUPPRESSED, True, ["shelve", "out_of_service"]),
        (Role.TECHNICIAN, AlarmState.SUPPRESSED, False, ["acknowledge", "shelve"]),
    ],
)
def test_a_card_offers_what_its_reader_may_do_now(
    role: Role, state: AlarmState, actions: list[str], *, acknowledged: bool
) -> None:
    alarm = {"state": state, "acknowledged": acknowledged}
    assert actions == [action for action, _ in card_of(role, alarm=alarm).actions]


def test_a_trend_is_told_in_words_against_the_limit_that_holds() -> None:
    trend = Trend(
        step_s=10.0,
        end="2026-01-31T12:00:00.000Z",
        value=[0.5, 2.5, None, 1.5],
        level_dbfs=[None] * 4,
        quality=[Quality.OK, Quality.OK, Quality.SILENT, Quality.OK],
    )
    card = card_of(alarm={"limit": 2.0}, trend=trend)
    assert "Score in the last hour: highest 2.50, above the limit 33 % of the time" == card.trend_words
    assert [True, True, False, True] == card.trend["judged"]


def test_a_filter_survives_its_way_through_an_address() -> None:
    said = {"source": "a&b", "label": "none", "kind": "tone", "state": "shelved", "from": "2026-01-31"}
    asked = asked_from(said)
    wanted = asked.wanted()
    assert ("a&b", Labelled.NONE, SoundKind.TONE, AlarmState.SHELVED) == (
        wanted.source_id,
        wanted.labelled,
        wanted.kind,
        wanted.state,
    )
    assert "source=a%26b&label=none&kind=tone&state=shelved&from=2026-01-31" == asked.query
    assert Order.UNREVIEWED_FIRST is asked.chosen_order
    assert "" == Asked().query


def test_the_last_day_is_included_in_the_zone_of_the_box() -> None:
    wanted = Asked(from_day="2026-01-31", to_day="2026-01-31").wanted()
    assert wanted.from_utc_s is not None
    assert wanted.to_utc_s is not None
    assert ("31 00:00", "01 00:00") == (
        f"{local(wanted.from_utc_s):%d %H:%M}",
        f"{local(wanted.to_utc_s):%d %H:%M}",
    )


@pytest.mark.parametrize(
    "said",
    [
        {"kind": "loud"},
        {"from": "31.1."},
        {"to": "9999-12-31"},
        {"from": "1969-01-01"},
        {"state": "NORMAL"},
        {"label": "x" * 99},
    ],
)
def test_what_a_filter_cannot_mean_is_refused_in_words(said: dict[str, str]) -> None:
    with pytest.raises(QueryError, match=next(iter(said))):
        asked_from(said).wanted()


CLIP = StoredClip("c1", "e1", "pump", 0.0, 1000.0, 10.0, 16000, 0, "clips/c1.flac", 1, None)
WINDOW = StoredWindow("w1", "e1", "pump", 3.0, 5.0, 1003.0, 2.0, 0.1, "ok", "b", "maps/w1.npz", 1, None)


def test_the_clip_of_the_worst_window_that_can_be_heard_is_shown_first() -> None:
    later = replace(CLIP, clip_id="c2", start_utc_s=2000.0)
    gone = replace(CLIP, clip_id="c0", start_utc_s=3000.0, gone="space")
    windows = [
        WINDOW,
        replace(WINDOW, start_utc_s=2004.0, value=3.0),
        replace(WINDOW, start_utc_s=3004.0, value=9.0),
    ]
    clips = [gone, CLIP, later]
    assert later == shown.chosen_clip(clips, windows, None)
    assert CLIP == shown.chosen_clip(clips, windows, "c1")
    assert CLIP == shown.chosen_clip(clips, [], None)
    assert gone == shown.chosen_clip([gone], windows, None)
    assert None is shown.chosen_clip([], windows, "c1")


def test_a_worst_moment_that_no_recording_holds_is_told() -> None:
    late = replace(WINDOW, start_utc_s=1049.0, value=8.0)
    assert late == shown.unheard_worst([WINDOW, late], [CLIP])
    assert None is shown.unheard_worst([WINDOW], [CLIP]), "it can be heard"
    assert None is shown.unheard_worst([WINDOW, late], [replace(CLIP, gone="age")]), (
        "no sound is there at all"
    )
    assert [True, False] == [row.heard for row in shown.shown_windows([WINDOW, late], [CLIP], CLIP, "")]


def test_a_finding_is_cut_to_its_clip_and_left_out_of_others() -> None:
    finding = Finding(SoundKind.TONE, 100.0, 200.0, 995.0, 1004.0, 12.0)
    found = shown.finding_in_clip(finding, CLIP, [])
    assert {"fromS": 0.0, "toS": 4.0, "lowHz": 100.0, "highHz": 200.0} == found
    assert None is shown.finding_in_clip(finding, replace(CLIP, start_utc_s=1004.0), [])
    assert None is shown.finding_in_clip(None, CLIP, [])


def test_of_a_finding_in_several_alarms_the_worst_stretch_of_the_clip_is_framed() -> None:
    finding = Finding(SoundKind.TONE, 100.0, 200.0, 900.0, 1100.0, 12.0)  # before this clip, and after it
    again = replace(WINDOW, start_s=7.0, end_s=9.0, start_utc_s=1007.0, value=3.0)
    for windows, framed in (([WINDOW], (3.0, 5.0)), ([WINDOW, again], (7.0, 9.0))):
        found = shown.finding_in_clip(finding, CLIP, windows)
        assert found is not None
        assert framed == (found["fromS"], found["toS"])


def test_a_window_leads_to_the_clip_that_holds_it() -> None:
    later = replace(CLIP, clip_id="c 2", start_utc_s=2000.0)
    elsewhere = replace(WINDOW, start_utc_s=2003.0)
    nowhere = replace(WINDOW, start_utc_s=5000.0)
    rows = shown.shown_windows([WINDOW, elsewhere, nowhere], [CLIP, later], CLIP, "kind=tone")
    assert [(True, None), (False, "/events/e1?kind=tone&clip=c+2"), (False, None)] == [
        (row.in_clip, row.address) for row in rows
    ]
    assert (3.0, 5.0) == (rows[0].from_s, rows[0].to_s)


@pytest.mark.parametrize(
    ("state", "end_utc_s", "is_expected"),
    [
        (AlarmState.UNACKNOWLEDGED, None, True),
        (AlarmState.NORMAL, None, True),
        (AlarmState.RETURNED, 1000.0, True),
        (AlarmState.NORMAL, 1990.0, True),
        (AlarmState.NORMAL, 1000.0, False),
    ],
)
def test_more_of_an_event_is_awaited_until_it_is_over_and_its_sound_is_written(
    state: AlarmState, end_utc_s: float | None, *, is_expected: bool
) -> None:
    event = Event(1, "e1", "pump", 990.0, end_utc_s, 2.0, state, None, None, None)
    assert is_expected is awaited.is_awaited(event, post_roll_s=3.0, now_utc_s=2000.0)


def test_why_the_disk_takes_nothing_is_told_in_german() -> None:
    full = wording_of(full_error(Path("/x")))
    box = BoxNow(**{**BOX, "broker": "off", "store_error": str(full), "said": {"store_error": full.tree}})
    assert "Alarme können nicht gespeichert werden: /x: kein Platz mehr" in news_of(box, Tongue("de"))[0]
    assert f"Alarms cannot be stored: {full}" == news_of(box, ENGLISH)[0]
    bare = box.model_copy(update={"store_error": None, "clips_error": "something", "said": {}})
    assert ["Es wird kein Klang gespeichert: something"] == news_of(bare, Tongue("de"))
