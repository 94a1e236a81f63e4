"""Why learning stands still is told in the reader's language, wherever it began: daemon, child or disk."""

from __future__ import annotations

import pytest

from monitor.errors import RecordFullError
from monitor.learning.documents import Progress
from monitor.learning.foreman import FAILED, NOT_HERE, OVERLOADED
from monitor.learning.plan import Plan, Step
from monitor.learning.plan_book import no_room, trouble_of
from monitor.learning.pupil import News
from monitor.replay.gate.access import Role, Visit
from monitor.replay.kept.learning import Learning
from monitor.replay.pages.learn_shown import Standing, learn_shown
from monitor.replay.pages.words import Tongue
from monitor.worded import DETAIL, Worded, worded, worded_from, wording_of

ADMIN = Visit(user="ada", role=Role.ADMIN, csrf_token="t", is_local=False)  # noqa: S106 - of a test
USELESS = worded(
    "microphone-useless",
    "{reasons}. Mend it, then resume, which checks again; go_on records all the same",
    reasons=[
        worded("advice-too-quiet", DETAIL, detail="too quiet: -80 dBFS"),
        worded("advice-new", DETAIL, detail="x"),
    ],
)
NO_ROOM = no_room(519_000_000, 700_000_000)


def plan_in(trouble: Worded | None) -> Plan:
    """A plan as the daemon writes it, and everybody else reads it."""
    said = {} if trouble is None else {"trouble": str(trouble), "trouble_said": trouble.tree}
    plan = Plan(source="pump", step=Step.LEARN, hours=2.0, by="ada", started_utc_s=0.0, **said)  # type: ignore[arg-type]  # by name
    return Plan.model_validate_json(plan.model_dump_json())


def why(plan: Plan, language: str, progress: Progress | None = None) -> str:
    """What the page says under the headline."""
    found = Learning("pump", plan, progress, None, None, None, has_sound=True)
    return learn_shown(found, Tongue(language), ADMIN, Standing(None)).why


@pytest.mark.parametrize(
    ("trouble", "german"),
    [
        (FAILED, "der Dienst ist daran gescheitert"),
        (NO_ROOM, "0,51 GB frei, und das Lernen braucht 0,70 GB"),
        (wording_of(RecordFullError(NO_ROOM)), "Platz schaffen, dann fortsetzen"),
        (
            wording_of(RecordFullError("/x: no space left")),
            "es lässt sich nicht aufzeichnen: /x: no space left",
        ),
        (USELESS, "Zu leise: Verstärkung erhöhen oder näher an die Maschine gehen; x. Beheben"),
    ],
)
def test_trouble_is_told_in_german_and_in_english_as_it_was(trouble: Worded, german: str) -> None:
    plan = plan_in(trouble)
    assert german in why(plan, "de")
    assert str(trouble) == why(plan, "en") == trouble_of(plan)


def test_what_an_earlier_trouble_was_said_from_is_not_told_of_another() -> None:
    plan = plan_in(FAILED).model_copy(update={"trouble": "another one"})
    assert "another one" == why(plan, "de") == trouble_of(plan)
    assert "" == why(plan.model_copy(update={"trouble": None}), "de")


def test_why_it_waits_is_told_in_german() -> None:
    for waits, german in (
        (OVERLOADED, "kommt mit seinen Quellen nicht nach"),
        (NOT_HERE, "nicht mehr in der"),
    ):
        told = {"waits": str(waits), "waits_said": waits.tree}
        progress = Progress(step=Step.LEARN, at_utc_s=0.0, **told)  # type: ignore[arg-type]  # by name
        assert german in why(plan_in(None), "de", progress)
        assert str(waits) == why(plan_in(None), "en", progress)


def test_what_the_child_refuses_comes_over_its_pipe_whole() -> None:
    news = News.model_validate_json(News(refused=NO_ROOM.tree).model_dump_json())
    assert NO_ROOM == worded_from(news.refused)
