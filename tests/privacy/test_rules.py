"""Of two rules for sound the stricter one counts, before a reload is answered and for what was heard."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest
from machine_rig import UTC_S, machine
from test_guard import EVENT, raise_alarm, talk
from voices import RATE_HZ

from monitor.config import Config, SourceConfig, StoreConfig
from monitor.errors import CommandError
from monitor.keeper import Keeper
from monitor.messages import AudioBlock
from monitor.privacy.guard import SoundGuard
from monitor.privacy.rules import REMEMBERED, SoundRules, stricter
from monitor.store import Store, open_store
from monitor.store.protection import protection_from_text
from monitor.testing import CapturedLog


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(open_store(tmp_path)) as opened:
        yield opened


def config(*sources: dict[str, str], **keys: object) -> Config:
    described = [{"kind": "simulated", "id": "pump", **source} for source in sources or ({},)]
    return Config.model_validate({"sources": described, "store": {"min_free_bytes": 0, **keys}})


def rules(*sources: dict[str, str], **keys: object) -> SoundRules:
    made = config(*sources, **keys)
    return SoundRules(made.store, made.sources)


def sources(*ids: str) -> Sequence[SourceConfig]:
    return config(*({"id": one} for one in ids)).sources


def test_what_either_rule_takes_out_is_taken_out() -> None:
    one = StoreConfig(speech="blur", speech_threshold=0.5, clip_stop_hz=(100.0, 1000.0), maps_per_event=7)
    other = StoreConfig(
        audio="never", speech="withhold", clip_stop_hz=(2000.0, 4000.0), clip_band_hz=(50.0, 9000.0)
    )
    both = stricter(one, other)
    assert ("never", "withhold", 0.5) == (both.audio, both.speech, both.speech_threshold)
    assert ((50.0, 9000.0), (100.0, 4000.0), 7) == (both.clip_band_hz, both.clip_stop_hz, both.maps_per_event)


@pytest.mark.parametrize(("low_hz", "audio"), [(1000.0, "flagged"), (3000.0, "never")])
def test_bands_that_have_nothing_in_common_store_nothing(low_hz: float, audio: str) -> None:
    both = stricter(StoreConfig(clip_band_hz=(500.0, 2000.0)), StoreConfig(clip_band_hz=(low_hz, 8000.0)))
    assert audio == both.audio
    assert "never" == both.audio or (1000.0, 2000.0) == both.clip_band_hz


def test_a_source_that_is_not_known_may_store_the_least() -> None:
    found = rules().of("fan", 0.0)
    assert ("never", "withhold") == (found.audio, found.speech)


def test_what_was_heard_under_a_stricter_rule_keeps_it_and_what_is_heard_later_does_not() -> None:
    kept = rules(speech="blur")
    lax = config()
    kept.reconfigure(lax.store, lax.sources, {"pump": 100.0})
    assert ("blur", "keep") == (kept.of("pump", 99.0).speech, kept.of("pump", 103.0).speech)


def test_a_source_that_leaves_keeps_its_rule_for_its_last_clips_and_begins_anew_when_it_is_back() -> None:
    kept = rules({"audio": "never"}, {"id": "fan"})
    for ids, audio in ((("fan",), "never"), (("fan", "pump"), "flagged")):
        kept.reconfigure(StoreConfig(), sources(*ids), {"pump": 500.0})
        assert audio == kept.of("pump", 1.0).audio
    kept = rules({"speech": "blur", "audio": "flagged"}, {"id": "fan"})
    for _ in range(2):
        kept.reconfigure(StoreConfig(), sources("fan"), {})
    assert "never" == kept.of("pump", 1.0).audio, "after two changes nobody knows it any more"


def test_however_often_rules_change_the_strict_one_counts_for_what_it_heard() -> None:
    kept = rules(audio="never")
    for number in range(3 * REMEMBERED):
        threshold = StoreConfig(speech_threshold=0.5 + number / 100)
        kept.reconfigure(threshold, sources("pump"), {"pump": 10.0 * number})
    assert "never" == kept.of("pump", 0.0).audio
    assert "flagged" == kept.of("pump", 1000.0).audio
    assert REMEMBERED == len(kept._earlier["pump"])


@pytest.mark.parametrize(("before", "after"), [("keep", "blur"), ("blur", "keep")])
def test_a_clip_that_was_begun_under_one_rule_and_ends_under_another_gets_the_stricter(
    store: Store, before: str, after: str
) -> None:
    pump, sound = machine("pump", []), talk()
    keeper = Keeper([pump], store, config(speech=before).store, CapturedLog())
    raise_alarm(store)
    half = 6 * RATE_HZ
    pump.clips.add_block(AudioBlock("pump", sound[:half], RATE_HZ, 0, 0, UTC_S))
    pump.clips.flag(EVENT, 3.0, 5.0)
    keeper.expect(config(speech=after))
    keeper.reconfigure(config(speech=after))
    pump.clips.add_block(AudioBlock("pump", sound[half:], RATE_HZ, half, 0, UTC_S + 6.0))
    keeper.finish()
    (clip,) = store.clips(EVENT)
    said = protection_from_text(clip.protection)
    assert ("blur", True) == (said.speech, bool(said.spoken))


def test_a_stricter_rule_counts_before_its_reload_is_answered_and_no_more_when_it_is_dropped() -> None:
    kept, strict = rules({"speech": "blur"}), config({"audio": "never"})
    kept.expect(strict.store, strict.sources)
    found = kept.of("pump", 0.0)
    assert ("never", "blur") == (found.audio, found.speech)
    kept.forget()
    assert "flagged" == kept.of("pump", 0.0).audio


def test_a_reload_waits_for_the_file_that_is_being_written_and_is_refused_where_that_does_not_end(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    pump = machine("pump", [])
    keeper = Keeper([pump], store, config().store, CapturedLog())
    raise_alarm(store)
    writing, written = threading.Event(), threading.Event()

    def slowly(*_: object) -> None:
        writing.set()
        assert written.wait(60.0)

    monkeypatch.setattr(SoundGuard, "keep_clip", slowly)
    pump.clips.add_block(AudioBlock("pump", talk(), RATE_HZ, 0, 0, UTC_S))
    pump.clips.flag(EVENT, 3.0, 5.0)
    keep = threading.Thread(target=keeper.finish)
    keep.start()
    assert writing.wait(60.0)
    monkeypatch.setattr("monitor.keeper.WRITTEN_WITHIN_S", 0.05)
    with pytest.raises(CommandError, match="nothing was changed: a file"):
        keeper.expect(config(audio="never"))
    assert "flagged" == keeper.rules.of("pump", 0.0).audio
    written.set()
    keep.join(60.0)
    keeper.expect(config(audio="never"))
    assert "never" == keeper.rules.of("pump", 0.0).audio
