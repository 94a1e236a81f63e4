"""A configuration is read again whole: what needs a restart is refused by name, nothing changes by halves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from machine_rig import Audience, machine

from monitor.config import Config, MqttConfig, StoreConfig, parse_config
from monitor.desk.reload import Reloader, changes_between, live_parts
from monitor.errors import CommandError, ConfigError, SourceError
from monitor.keeper import Keeper
from monitor.logs import set_level
from monitor.messages import AlarmState
from monitor.operators import Origin
from monitor.pipeline import Pipeline
from monitor.prepared import Prepared
from monitor.privacy import guard
from monitor.privacy.speech import SpeechDetector
from monitor.roster import Roster
from monitor.store import AuditEntry, open_store
from monitor.testing import CapturedLog

SOURCES = "sources: [{id: pump, kind: simulated}, {id: fan.1, kind: simulated}]\n"


@pytest.fixture(autouse=True)
def level_as_before() -> Iterator[None]:
    yield
    set_level("info")


def config(text: str = "", sources: str = SOURCES) -> Config:
    return parse_config(sources + text, name="config.yaml")


def reloader(now: Config, new: Config, *parts: Callable[[Config], Prepared]) -> Reloader:
    return Reloader(now, lambda: new, parts)


@pytest.mark.parametrize(
    ("text", "sources", "sentence"),
    [
        ("mqtt: {port: 1884}", SOURCES, "mqtt.port is 1883, the file says 1884; restart the daemon"),
        ("site: mill", SOURCES, "site is 'plant', the file says 'mill'"),
        ("store: {pre_roll_s: 5}", SOURCES, "store.pre_roll_s is 3.0, the file says 5.0"),
        ("alarm: {warning_value: 0.5}\nbox: b2", SOURCES, "box is 'box1', the file says 'b2'"),
    ],
)
def test_what_needs_a_restart_is_refused_by_name_and_nothing_is_prepared(
    text: str, sources: str, sentence: str
) -> None:
    def touched(_config: Config) -> Prepared:
        raise AssertionError("a part was asked")

    with pytest.raises(CommandError) as refusal:
        reloader(config(), config(text, sources), touched).plan()
    assert str(refusal.value).startswith("nothing was changed: ")
    assert sentence in str(refusal.value)
    assert "alarm.warning_value" not in str(refusal.value), "only what is in the way is told"


@pytest.mark.parametrize(
    ("sources", "sentence"),
    [
        ("sources: [{id: pump, kind: simulated}]\n", "fan.1 leaves"),
        (
            SOURCES.replace("]", ", {id: new, kind: simulated}]"),
            "new joins",
        ),
        (SOURCES.replace("pump, kind", "pump, seed: 7, kind"), "sources.pump.seed: 1 -> 7"),
        (
            SOURCES.replace("pump, kind: simulated", "pump, kind: file, path: x.wav"),
            "sources.pump.kind: 'simulated' -> 'file'",
        ),
        (SOURCES + "engine: {bundle: b2}\n", "engine.bundle: none -> 'b2'"),
        (SOURCES + "learn: {epochs: 2}\n", "learn.epochs: none -> 2"),
    ],
)
def test_sources_and_their_bundles_change_live_and_are_told_by_name(sources: str, sentence: str) -> None:
    assert sentence == reloader(config(), config("", sources)).plan().detail


def test_what_is_refused_shows_no_password() -> None:
    streams = (
        "sources: [{{id: s, kind: stream, url: 'rtsp://eve:{word}@plant/a?token={word}'}}]\nbox: {word}1\n"
    )
    now, new = (config("", streams.format(word=word)) for word in ("swordfish", "opensesame"))

    def refuses(_config: Config) -> Prepared:
        raise SourceError(f"{new.sources[0].url}: nobody answers")  # type: ignore[union-attr]

    with pytest.raises(CommandError) as refusal:
        reloader(now, new.model_copy(update={"box": now.box}), refuses).plan()
    assert "nobody answers" in str(refusal.value)
    assert "swordfish" not in str(refusal.value)
    assert "opensesame" not in str(refusal.value)


@pytest.mark.parametrize(
    ("was", "will"),
    [
        ("rtsp://u:hun ter2@h/x", "rtsp://u:hun'ter2@h/x"),
        ("rtsp://10.0.0.3:554/user=admin_password=hunter2_channel=1", "srt://h:9000?passphrase=ter2"),
        ("http://hook.plant/live/hunter2", "http://hook.plant/live/ter2"),
    ],
)
def test_of_an_address_that_differs_no_letter_is_told(was: str, will: str) -> None:
    now, new = (config("", f'sources: [{{id: s, kind: stream, url: "{url}"}}]\n') for url in (was, will))
    assert "sources.s.url: one -> another" == reloader(now, new).plan().detail


def test_many_changes_are_told_briefly() -> None:
    many = "sources: [" + ", ".join(f"{{id: s{n}, kind: simulated}}" for n in range(500)) + "]\n"
    detail = reloader(config(), config("", many)).plan().detail
    assert detail.endswith("; and 494 more")
    assert len(detail) < 1000


def test_a_file_that_is_not_fit_shows_no_password_and_is_told_in_one_line() -> None:
    with pytest.raises(CommandError) as refusal:
        Reloader(
            config(),
            lambda: config(
                "", "sources: [{id: s, kind: stream, url: 'ftp://eve:swordfish@plant/a?token=opensesame'}]\n"
            ),
            (),
        ).plan()
    assert "sources.s.url" in str(refusal.value)
    assert "swordfish" not in str(refusal.value)
    assert "opensesame" not in str(refusal.value)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("error", [ConfigError("config.yaml: is not YAML"), CommandError("no")])
def test_a_file_that_is_not_fit_is_refused_with_its_own_words(error: Exception) -> None:
    def reread() -> Config:
        raise error

    with pytest.raises(CommandError, match=f"nothing was changed: {error}"):
        Reloader(config(), reread, ()).plan()


def test_without_a_file_there_is_nothing_to_reload() -> None:
    with pytest.raises(CommandError, match="without a configuration file"):
        Reloader(config(), None, ()).plan()


def test_no_part_changes_before_all_have_agreed() -> None:
    applied: list[str] = []

    def agrees(_config: Config) -> Prepared:
        return Prepared(
            lambda: applied.append("agrees"),
            follow=lambda: applied.append("follows"),
            drop=lambda: applied.append("drops"),
        )

    def refuses(_config: Config) -> Prepared:
        raise ConfigError("not with me")

    new = config("alarm: {warning_value: 0.5}")
    with pytest.raises(CommandError, match="nothing was changed: not with me"):
        reloader(config(), new, agrees, agrees, refuses).plan()
    assert ["drops", "drops"] == applied, "what was opened is let go of"
    applied.clear()
    plan = reloader(config(), new, agrees).plan()
    assert [] == applied, "a plan is only a plan"
    plan.apply()
    plan.follow()
    assert ["agrees", "follows"] == applied


def test_after_a_reload_the_next_one_compares_with_it() -> None:
    new = config("alarm: {warning_value: 0.5}")
    again = reloader(config(), new)
    plan = again.plan()
    assert "alarm.warning_value: 0.7 -> 0.5" == plan.detail
    plan.apply()
    assert "nothing differs" == again.plan().detail


def test_all_live_keys_reach_their_parts(tmp_path: Path) -> None:
    log = CapturedLog()
    told: list[tuple[str, float]] = []
    maps: list[str] = []

    class Announcer(Audience):
        def reconfigure(self, section: MqttConfig) -> None:
            maps.append(section.map_windows)

        def tell_present_alarm(self, one: object, _explanation: object) -> None:
            told.append((one.source_id, one.alarm.limits.warning_value))  # type: ignore[attr-defined]

    with closing(open_store(tmp_path)) as store:
        machines = [machine("pump", [0.9]), machine("fan.1", [0.9])]
        keeper, announcer = Keeper(machines, store, StoreConfig(), log), Announcer()
        roster = Roster(machines)
        pipeline = Pipeline(roster, store, announcer, keeper.keep_window, log, say=lambda _: None)
        parts = live_parts(roster, keeper, announcer, pipeline)  # type: ignore[arg-type]  # what is asked of it
        new = config(
            "alarm: {warning_value: 0.5, false_alarms_per_week: 0.1}\nlog: {level: error}\n"
            "mqtt: {map_windows: all}\nstore: {max_bytes: 2000000, audit_max_rows: 100}",
            SOURCES.replace("fan.1, kind", "fan.1, alarm: {warning_value: 0.3, shelve_max_s: 60}, kind"),
        )
        before = [one.scorer.limit_raw for one in machines]
        keeper.run_once(0.0)
        for number in range(120):
            store.add_audit(AuditEntry(1e9, Origin.MQTT, None, f"c{number}", None, None, {}, "refused", None))
        Reloader(config(), lambda: new, parts).plan().apply()
        keeper.run_once(0.0)
        assert 100 == len(store.audit(1000)), "the next turn prunes to the new bounds"
    assert [("pump", 0.5), ("fan.1", 0.3)] == told
    assert machines[0].scorer.limit_raw > before[0], "fewer false alarms need a higher limit"
    assert before[1] == machines[1].scorer.limit_raw, "its own section has the default budget"
    assert ["all"] == maps
    with pytest.raises(CommandError, match="at most 60"):
        machines[1].alarm.shelve("ada", 0.0, duration_s=61.0)
    assert AlarmState.NORMAL is machines[1].alarm.state


def test_a_stricter_rule_for_sound_holds_from_the_reload_on_and_not_without_its_check(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = SpeechDetector
    monkeypatch.setattr(guard, "SpeechDetector", lambda: opened(tmp_path / "none.onnx"))
    with closing(open_store(tmp_path / "state")) as store:
        machines, log = [machine("pump", [0.9])], CapturedLog()
        keeper, roster = Keeper(machines, store, StoreConfig(), log), Roster(machines)
        parts = live_parts(roster, keeper, Audience(), None)  # type: ignore[arg-type]  # not asked
        with pytest.raises(CommandError, match=r"nothing was changed: store\.speech: .* cannot be read"):
            Reloader(config(), lambda: config("store: {speech: blur}"), parts).plan()
        plan = Reloader(config(), lambda: config("store: {audio: never}"), parts[1:2]).plan()
        assert "store.audio: 'flagged' -> 'never'" == plan.detail
        plan.apply()
        assert "never" == keeper.rules.of("pump", 0.0).audio


@given(st.sampled_from(["alarm: {deadband: %g}", "store: {max_age_days: %g}"]), st.floats(0.2, 0.6))
def test_a_configuration_never_differs_from_itself(text: str, value: float) -> None:
    now = config(text % value)
    assert [] == list(changes_between(now, config(text % value)))
    assert 1 == len(list(changes_between(now, config())))
