from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.publish.sparkplug.history import History, Sample
from monitor.publish.sparkplug.tags import Reading


def sample(value: int, *, token: int | None = None, device_id: str = "pump") -> Sample:
    return Sample(device_id, {"n": Reading(value)}, value, token=token)


def waiting(history: History) -> list[int]:
    return [found.at_ms for _, found in history.due(10_000, lambda _: True)]


def test_what_is_taken_back_stands_where_it_was_given() -> None:
    history = History(tokened_max=10, loose_max=10)
    history.note_sent(sample(1), 1)
    history.keep(sample(2))
    history.note_sent(sample(3, token=3), 2)
    history.keep(sample(4))
    history.take_back()
    assert [1, 2, 3, 4] == waiting(history)
    assert 2 == history.counts.repeated


def test_only_what_failed_is_taken_back() -> None:
    history = History(tokened_max=10, loose_max=10)
    for number in (1, 2, 3):
        history.note_sent(sample(number, token=number), number)
    history.take_back(2)
    assert [2, 3] == waiting(history)
    history.note_arrived(9, 0.0)
    assert (1,) == history.settle(0.0)


def test_nothing_is_settled_before_its_grace_is_over() -> None:
    history = History(tokened_max=10, loose_max=10)
    history.note_sent(sample(1, token=1), 1)
    history.note_arrived(0, 5.0)
    assert () == history.settle(9.0)
    history.note_arrived(1, 5.0)
    assert () == history.settle(4.9)
    assert (1,) == history.settle(5.0)


def test_the_dead_keep_theirs_and_the_others_go_on() -> None:
    history = History(tokened_max=10, loose_max=10)
    history.keep(sample(1, device_id="pump"))
    history.keep(sample(2, device_id="fan"))
    assert [2] == [found.at_ms for _, found in history.due(5, lambda device_id: device_id == "fan")]


def test_what_waits_for_the_dead_takes_no_place_from_the_living() -> None:
    history = History(tokened_max=2, loose_max=10)
    history.keep(sample(1, token=1, device_id="pump"))
    history.note_sent(sample(2, token=2, device_id="pump"), 1)
    history.keep(sample(3, device_id="pump"))
    assert 0 == history.room
    assert () == history.give_back(lambda one: one != "pump"), "what is under way may have to wait before it"
    history.take_back()
    assert () == history.give_back(lambda _: True)
    assert [1, 2] == [given.token for given in history.give_back(lambda one: one != "pump")]
    assert (2, [3]) == (history.room, waiting(history))


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["keep", "send", "resend", "settle", "back"]), st.booleans(), st.integers(1, 3)
    ),
    max_size=60,
)


@given(steps=STEPS, tokened_max=st.integers(1, 5), loose_max=st.integers(0, 5))
@settings(max_examples=300, deadline=None)
def test_it_is_bounded_and_every_token_is_settled_once_or_still_held(
    steps: list[tuple[str, bool, int]], tokened_max: int, loose_max: int
) -> None:
    history = History(tokened_max=tokened_max, loose_max=loose_max)
    given_tokens: list[int] = []
    settled: list[int] = []
    number = 0
    for index, (step, has_token, count) in enumerate(steps):
        if step in {"keep", "send"} and not (has_token and history.room == 0):
            new = sample(index, token=index if has_token else None)
            given_tokens += [index] if has_token else []
            number += 1
            if step == "keep":
                history.keep(new)
            else:
                history.note_sent(new, number)
        elif step == "resend":
            for key, _ in history.due(count, lambda _: True):
                number += 1
                history.note_resent(key, number)
        elif step == "settle":
            history.note_arrived(number - count, float(index))
            settled += history.settle(float(index - count))
        elif step == "back":
            history.take_back(max(0, number - count))
        counts = history.counts
        assert counts.waiting + counts.under_way <= tokened_max + loose_max
        assert history.room >= 0
        assert waiting(history) == sorted(waiting(history))
    for key, _ in history.due(1_000, lambda _: True):
        number += 1
        history.note_resent(key, number)
    history.note_arrived(number, 99.0)
    settled += history.settle(99.0)
    assert given_tokens == sorted(settled)
    assert tokened_max == history.room
    assert (0, 0) == (history.counts.waiting, history.counts.under_way)
