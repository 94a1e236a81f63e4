"""Whatever is refused on the page is told in the reader's language, and to programs by a code."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import worded_rig
from replay_rig import Browser, Plant, Served
from starlette.requests import Request

import monitor.config
import monitor.replay.app  # noqa: F401 - every error of the page and of the daemon's commands is defined then
from engines.errors import CodedError
from monitor.errors import CommandError, StoreFullError, UntrustedError
from monitor.promotion.records import Ground
from monitor.promotion.sentences import worded_ground
from monitor.replay.api.actions import answer_with
from monitor.replay.pages.refused import ABOUT, NAMES, about, said_in
from monitor.replay.pages.words import LOCALE, Tongue
from monitor.worded import DETAIL, Worded, replaced, told_from, worded, worded_from, wording_of

Open = Callable[..., Browser]
GERMAN, ENGLISH = {"Accept-Language": "de"}, {"Accept-Language": "en"}
SAYS_WHY = {
    "CommandError",
    "ControlError",
    "FileGoneError",
    "HTTPException",
    "QueryError",
    "StillWaitingError",
    "UnknownIdError",
    "refusal",
}
"""What the page tells a person the text of, word for word."""
NEVER_ON_THE_PAGE = re.compile(
    "commands/|publish/sparkplug/|off/board.py|"  # the terminal and Sparkplug alone
    "keeper.py|turnover.py|desk/reload.py"  # a reload of the whole box, which the page does not ask for
)
TOLD_OTHERWISE = (
    *("error", "command", "catalogue", "publish", "sparkplug", "replay", "support", "off-signal"),
    "still-waiting",
)
"""Codes of errors that never come to the page by themselves, or never without words of their own."""


def plain_texts() -> Iterator[str]:
    """Yield where a refusal that can reach the page is raised with a text that has no other language."""
    for place, tree in worded_rig.sources():
        if NEVER_ON_THE_PAGE.match(place):
            continue
        for node in ast.walk(tree):
            if not (isinstance(node, ast.Call) and called(node) in SAYS_WHY):
                continue
            if any(is_plain(one) for one in (*node.args, *(each.value for each in node.keywords))):
                yield f"{place}:{node.lineno}"


def called(node: ast.Call) -> str:
    """Return the name of what is called, also of a module's."""
    if isinstance(node.func, ast.Name):
        return node.func.id
    return node.func.attr if isinstance(node.func, ast.Attribute) else ""


def is_plain(given: ast.expr) -> bool:
    """Say whether an argument is a text, or is or may be what forgets of what it was made."""
    if isinstance(given, ast.Constant):
        return isinstance(given.value, str)
    if isinstance(given, ast.IfExp):
        return is_plain(given.body) or is_plain(given.orelse)
    if isinstance(given, ast.BoolOp):
        return any(is_plain(one) for one in given.values)
    if isinstance(given, ast.Call):
        return called(given) == "str" or (
            isinstance(given.func, ast.Attribute) and hasattr(str, called(given))
        )
    return isinstance(given, ast.JoinedStr | ast.BinOp | ast.Subscript)


def errors_below(kind: type[CodedError]) -> Iterator[type[CodedError]]:
    """Yield every kind of error."""
    for one in kind.__subclasses__():
        yield one
        yield from errors_below(one)


def test_no_refusal_that_can_reach_the_page_is_a_text_in_english_alone() -> None:
    assert [] == list(plain_texts())


@pytest.mark.parametrize(
    ("given", "forgets"),
    [
        ("'no'", True),
        ("f'{error}'", True),
        ("str(error)", True),
        ("'no: ' + why", True),
        ("why[:80]", True),
        ("'; '.join(problems)", True),
        ("why or 'nobody knows'", True),
        ("why if why else str(error)", True),
        ("worded('no', 'no')", False),
        ("wording_of(error)", False),
        ("no_such('event', event_id)", False),
        ("self._unknown(source_id)", False),
        ("why", False),
        ("404", False),
    ],
)
def test_what_forgets_of_what_it_was_made_is_known(given: str, *, forgets: bool) -> None:
    assert is_plain(ast.parse(given, mode="eval").body) is forgets


def test_a_code_says_one_thing_and_everything_in_its_braces_is_given() -> None:
    texts: dict[str, str] = {}
    for call in worded_rig.calls():
        assert texts.setdefault(call.code, call.text) == call.text, call.place
        assert re.fullmatch(r"[a-z][a-z0-9-]*", call.code), call.place
        if None not in call.facts:
            assert set(re.findall(r"{(\w+)}", call.text)) == call.facts, call.place


def test_an_error_without_words_of_its_own_is_told_by_what_it_is_about() -> None:
    codes = {
        kind.code for kind in errors_below(CodedError) if kind.__module__.startswith(("monitor", "engines"))
    }
    assert {"bundle-damaged", "store-full", "query", "comparison"} <= codes
    unknown = {code for code in codes if about(code) is None}
    assert set() == {code for code in unknown if not code.startswith(TOLD_OTHERWISE)}
    assert set(ABOUT) <= codes | {"body", "no-command"}


@pytest.mark.parametrize("language", [path.name for path in sorted(LOCALE.iterdir())])
def test_a_refusal_in_a_refusal_is_said_whole(language: str) -> None:
    tongue = Tongue(language)
    inner = worded("locked-already", "event {event} is locked already, by {who}", event="e1", who="ada")
    for sentence in (
        worded("nothing-changed", "nothing was changed: {why}", why=inner),
        worded(
            "nothing-changed", "nothing was changed: {why}", why=wording_of(StoreFullError("/x: no space"))
        ),
        worded("verdict", "{outcome}: {reasons}", outcome=inner, reasons=[inner, inner]),
    ):
        said = said_in(tongue, sentence)
        assert (said == str(sentence)) is (language == "en")
        assert said_in(tongue, worded_from(sentence.tree) or "") == said
        assert "{" not in said


def test_german_says_it_in_german_and_numbers_as_germans_write_them() -> None:
    german = Tongue("de")
    room = worded(
        "learn-no-room",
        "{hours} h may need {needed} GB and {free} GB are to be had beside store.min_free_bytes: "
        "ask for fewer hours, free some space, or set sample_rate_hz lower",
        hours=0.5,
        needed=1.5,
        free=0.2,
    )
    assert said_in(german, room).startswith("0,5 h können 1,5 GB brauchen, und 0,2 GB sind")
    untrusted = wording_of(UntrustedError("manifest.json: strange"))
    assert "das Bundle hat keine Signatur, der hier vertraut wird: manifest.json: strange" == said_in(
        german, untrusted
    )


def test_a_name_that_looks_like_a_number_stays_a_name() -> None:
    german = Tongue("de")
    named = worded("not-shelved", "{source} is not shelved", source="2.1")
    assert "2.1 ist nicht zurückgestellt" == said_in(german, named)
    still = worded("samples-still", "the samples have stood still for {seconds} s", seconds="2.0")
    assert "2,0 s" in said_in(german, still)
    (text,) = {call.text for call in worded_rig.calls() if call.code == "drift-total-of-one-step"}
    total = worded("total", text, first="2026-01-31", present="1.10", proposed="1.25", expected="0.3")
    assert ["1,10", "1,25", "0,3"] == re.findall(r"\d,\d+", said_in(german, total))
    assert set() == NAMES - {
        name for call in worded_rig.calls() for name in re.findall(r"{(\w+)}", call.text)
    }


def test_a_figure_too_small_to_be_told_is_told_in_german_too() -> None:
    found = worded_ground(Ground("more_false", {"candidate": 9, "live": 0, "chance": 0.0004}))
    assert found.endswith("by chance so uneven in less than 0.001 % of cases")
    assert "in weniger als 0,001 % der Fälle" in said_in(Tongue("de"), found)


def test_a_path_that_nobody_else_can_look_at_is_taken_out_wherever_it_stands() -> None:
    inner = worded("file-gone", DETAIL, detail="/box/arriving/model.onnx: gone")
    said = worded("verdict", "{outcome}: {reasons}", outcome=inner, reasons=["/box/arriving/x", inner])
    clean = replaced(said, "/box/arriving/", "")
    assert "model.onnx: gone: x; model.onnx: gone" == clean == worded_from(clean.tree)
    assert "arriving" not in str(clean.tree)


def test_what_has_no_german_or_comes_from_other_software_is_told_in_english() -> None:
    german = Tongue("de")
    for sentence in (
        worded("new-thing", "something new about {it}", it="x"),
        "a plain text",
        wording_of(CommandError("plain")),
    ):
        assert str(sentence) == said_in(german, sentence)
    older = worded("locked-already", "event {event} is locked already, by {who}", event="e1", who="ada")
    older.facts = {"event": "e1"}
    assert str(older) == said_in(german, older)


@pytest.mark.parametrize(
    "tree",
    [
        None,
        "text",
        {},
        {"code": "c", "text": "{x}", "facts": {}},
        {"code": "c", "text": "x", "facts": {"x": None}},
        {"code": "c", "text": "x", "facts": {"x": {"code": 1}}},
        {"code": "c", "text": "{", "facts": {}},
    ],
)
def test_a_tree_that_is_none_makes_no_sentence(tree: Any) -> None:  # noqa: ANN401 - anything
    assert worded_from(tree) is None


def test_what_is_left_of_another_trouble_says_nothing_of_this_one() -> None:
    full = worded("overloaded", "the box cannot keep up with its sources, which come first")
    assert told_from(full.tree, str(full)) == full
    assert isinstance(told_from(full.tree, str(full)), Worded)
    for tree in (full.tree, None, {"code": "c"}):
        assert ("the disk is full", str) == (said := told_from(tree, "the disk is full"), type(said))


def test_a_sentence_is_a_text_like_any_other() -> None:
    said = worded("shelved", "{source} for {hours} h", source="pump", hours=0.25)
    assert ("pump for 0.25 h", str) == (str(said), type(str(said)))
    assert ("shelved", "{source} for {hours} h") == (said.code, said.text)
    again = worded_from(said.tree)
    assert isinstance(again, Worded)
    assert (said, said.facts) == (again, again.facts)
    assert DETAIL == wording_of(StoreFullError("full")).text


CHANGES: list[tuple[str, str, dict[str, object], str, str]] = [
    (
        "acknowledge",
        "/sources/pump/commands",
        {"action": "acknowledge"},
        "acknowledged-already",
        "ist schon quittiert",
    ),
    (
        "unshelve",
        "/sources/pump/commands",
        {"action": "unshelve"},
        "not-shelved",
        "pump ist nicht zurückgestellt",
    ),
    (
        "in_service",
        "/sources/pump/commands",
        {"action": "in_service"},
        "in-service-already",
        "nicht außer Betrieb",
    ),
    (
        "shelve",
        "/sources/pump/commands",
        {"action": "shelve", "duration_s": 1e9},
        "shelved-too-long",
        "muss über 0 und höchstens 28800 sein",
    ),
    ("compare", "/sources/pump/commands", {"action": "compare"}, "not-compared", "nicht verglichen"),
    ("unlock", "/events/{event}/unlock", {}, "not-locked", "ist nicht geschützt"),
    ("undo", "/events/{event}/labels/undo", {}, "no-label", "keine Beurteilung"),
    ("unknown event", "/events/none/lock", {}, "no-such-event", "im Speicher gibt es kein Ereignis"),
    (
        "unknown source",
        "/sources/none/commands",
        {"action": "unshelve"},
        "no-source",
        "hat keine Quelle 'none'",
    ),
    (
        "learn",
        "/sources/pump/learning/orders",
        {"learn": "pause"},
        "nothing-to-change",
        "wird nichts gelernt",
    ),
    (
        "too few hours",
        "/sources/pump/learning/orders",
        {"learn": "start", "hours": 0.1},
        "learn-hours",
        "0,1: 6,0 Minuten sind zu wenig",
    ),
    ("body", "/sources/pump/commands", {"action": "dance"}, "body", "was gesendet wurde, ergibt keinen Sinn"),
    ("query", "/labels", {"event_ids": []}, "body", "was gesendet wurde, ergibt keinen Sinn"),
]


@pytest.mark.parametrize(
    ("path", "document", "code", "german"), [one[1:] for one in CHANGES], ids=[one[0] for one in CHANGES]
)
def test_a_refused_change_is_told_in_the_readers_language_and_to_programs_in_english(
    open_browser: Open, plant: Plant, path: str, document: dict[str, object], code: str, german: str
) -> None:
    ada = open_browser("ada")
    ada.change("/api/v1/sources/pump/commands", {"action": "acknowledge"})
    address = f"/api/v1{path.format(event=plant.event_id)}"
    told = ada.change(address, document, **GERMAN).json()
    assert code == told["code"]
    assert german in told["told"]
    english = ada.change(address, document, **ENGLISH).json()
    assert english["error"] == english["told"] == told["error"] != told["told"]


def test_a_refusal_is_told_again_in_the_language_of_whoever_asks_again(open_browser: Open) -> None:
    ada = open_browser("ada")
    document = {"action": "unshelve", "id": "once"}
    told = [
        ada.change("/api/v1/sources/pump/commands", document, **language).json()["told"]
        for language in (ENGLISH, GERMAN)
    ]
    assert ["pump is not shelved", "pump ist nicht zurückgestellt"] == told


OLDER: dict[str, object] = {"schema": "reply/1", "result": "refused", "reason": "pump is no pump"}


@pytest.mark.parametrize(
    ("reply", "code", "told"),
    [
        (OLDER, None, "pump is no pump"),
        ({**OLDER, "code": "no-pump", "worded": None}, "no-pump", "pump is no pump"),
        (
            {
                **OLDER,
                "code": "no-pump",
                "worded": {"code": "no-pump", "text": "{it}", "facts": {"it": None}},
            },
            "no-pump",
            "pump is no pump",
        ),
        (
            {**OLDER, "code": "no-pump", "worded": worded("no-pump", "{it} is no pump", it="fan").tree},
            "no-pump",
            "fan is no pump",
        ),
    ],
    ids=["older", "code alone", "unreadable", "unknown here"],
)
def test_a_refusal_of_older_or_newer_software_keeps_what_it_has(
    page: Served, reply: dict[str, object], code: str | None, told: str
) -> None:
    request = Request(
        {"type": "http", "scheme": "http", "app": page.app, "headers": [(b"accept-language", b"de")]}
    )
    answer = answer_with(request, reply)
    document = json.loads(bytes(answer.body))
    assert (409, code, told, told) == (
        answer.status_code,
        document["code"],
        document["told"],
        document["error"],
    )
    assert "worded" not in document


def test_each_of_several_events_that_are_refused_says_why(open_browser: Open, plant: Plant) -> None:
    said = {"event_ids": [plant.event_id, "none"], "rating": "unsure"}
    done, refused = open_browser("anna").change("/api/v1/labels", said, **GERMAN).json()["results"]
    assert {"event_id": plant.event_id, "result": "done", "reason": None} == done
    assert ("there is no event 'none' in the store", "no-such-event") == (refused["reason"], refused["code"])
    assert {"id": "'none'"} == refused["facts"]
    assert "im Speicher gibt es kein Ereignis 'none'" == refused["told"]


def test_who_may_not_is_told_so_in_german(open_browser: Open) -> None:
    vera, anna = open_browser("vera"), open_browser("anna")
    told = vera.change("/api/v1/sources/pump/commands", {"action": "unshelve"}, **GERMAN).json()
    assert ("lacks-role", {"needed": "technician", "who": "vera", "role": "viewer"}) == (
        told["code"],
        told["facts"],
    )
    assert "das verlangt die Rolle technician; vera ist viewer" == told["told"]
    told = anna.change("/api/v1/sources/pump/commands", {"action": "promote"}, **GERMAN).json()
    assert "promote verlangt die Rolle admin; anna hat eine geringere" == told["told"]


def test_a_daemon_that_does_not_answer_is_told_in_german(open_browser: Open, plant: Plant) -> None:
    ada = open_browser("ada")
    plant.end()
    answer = ada.change("/api/v1/sources/pump/commands", {"action": "unshelve"}, **GERMAN)
    assert (503, "daemon-not-there") == (answer.status_code, answer.json()["code"])
    assert answer.json()["told"].startswith("der Dienst ist nicht da (")


def test_pages_that_refuse_are_in_german_whole(open_browser: Open) -> None:
    anna = open_browser("anna")
    for path, said in {
        "/events/none": "Im Speicher gibt es kein Ereignis mit dieser Kennung.",
        "/nothing": "Unter dieser Adresse gibt es nichts.",
        "/events?kind=loud": "kind: &#39;loud&#39; ist keines von",
        "/events?from=soon": "ist kein Tag wie 2026-01-31",
    }.items():
        assert said in anna.get(path, headers=GERMAN).text, path
    elsewhere = open_browser().client.post("/logout", headers={**GERMAN, "Content-Type": "application/json"})
    assert "bitte zuerst anmelden\n" == elsewhere.text


def test_what_no_address_of_ours_takes_is_refused_in_german_and_by_a_code(open_browser: Open) -> None:
    anna, nobody = open_browser("anna"), open_browser()
    told = anna.get("/api/v1/nothing", headers=GERMAN).json()
    assert ("no-such-address", "Unter dieser Adresse gibt es nichts.") == (told["code"], told["told"])
    answer = anna.change("/api/v1/events", {}, **GERMAN)
    assert (405, "not-taken-here") == (answer.status_code, answer.json()["code"])
    assert "GET" in answer.headers["allow"]
    answer = nobody.get("/language/fr", headers=GERMAN)
    assert (404, "Unter dieser Adresse gibt es nichts.\n") == (answer.status_code, answer.text)


def test_the_choice_of_a_language_holds_for_refusals_too(open_browser: Open) -> None:
    anna = open_browser("anna")
    anna.get("/language/de")
    answer = anna.change("/api/v1/sources/pump/commands", {"action": "unshelve"}, **ENGLISH)
    assert "pump ist nicht zurückgestellt" == answer.json()["told"]
    assert "Accept-Language, Cookie" == answer.headers["vary"]
    assert "no-store" == answer.headers["cache-control"]
