"""Sound that is still being recorded is said to come, and the page puts it in when it is there."""

from __future__ import annotations

import time
from collections.abc import Callable

from fixtures_live import DEMO
from past import T0, Past, noise
from playwright.sync_api import BrowserContext, Page, expect
from replay_rig import Plant, Served
from technician import started, watch

from engines.bundle import open_bundle
from monitor.bundles.library import Library
from monitor.bundles.roles import By
from monitor.store import ClipJob
from monitor.store.shadow import RunKey, ShadowTally, add_shadow
from monitor.store.shadow_clips import Dispute, add_dispute, write_dispute_clip

RATE_HZ = 16_000


def page_at(served: Served, new_context: Callable[..., BrowserContext]) -> tuple[Page, list[str]]:
    """Return a page, and what it complains of."""
    page = new_context(base_url=served.url).new_page()
    return page, watch(page)


def test_the_sound_of_an_event_is_put_in_when_it_has_come(
    plant: Plant, local_page: Served, new_context: Callable[..., BrowserContext]
) -> None:
    past, began_s = Past(plant.config.state_dir, plant.store), time.time() - T0
    past.add_event("late", start_s=began_s)
    past.add_window("late", start_s=began_s)
    page, complaints = page_at(local_page, new_context)
    page.goto("/events/late")
    started(page, "event")
    expect(page.locator("[data-part=why]")).to_contain_text("still being recorded: it is to be here by ")
    expect(page.get_by_text("comes by ")).to_have_count(1)
    past.add_clip("late", noise(6.0), start_s=began_s - 1.0)
    page.locator(".listening[data-ready]").wait_for(state="attached")
    expect(page.get_by_text("comes by ")).to_have_count(0)
    expect(page.get_by_role("button", name="Go there")).to_have_count(1)
    past.library.close()
    assert [] == complaints


def test_the_sound_of_a_disagreement_is_put_in_when_it_has_come(
    plant: Plant, local_page: Served, new_context: Callable[..., BrowserContext]
) -> None:
    (pump,) = plant.config.sources
    settings = local_page.app.state.settings
    managed = pump.model_copy(update={"bundle": "managed"})
    local_page.app.state.settings = settings.model_copy(update={"sources": (managed,)})
    library, by = Library(plant.config.state_dir, "pump"), By("ann", "terminal", T0, "c1")
    library.install(DEMO / "mae", by)
    library.promote(by)
    version, began_utc_s = library.install(DEMO / "ae", by).name, time.time()
    key = RunKey("pump", open_bundle(DEMO / "mae").bundle_id, version)
    add_shadow(plant.store.database, {key: ShadowTally(began_utc_s, 1.0, [])})
    dispute = Dispute("candidate", 100.0, began_utc_s, 101.0, 0.4, 1.4, None)
    number = add_dispute(plant.store.database, key, dispute)
    assert number is not None
    page, complaints = page_at(local_page, new_context)
    page.goto("/compare/pump")
    started(page, "compare")
    expect(page.locator("[data-due]")).to_contain_text("comes by ")
    page.keyboard.press("Space")
    expect(page.locator("#said")).to_have_text("Its sound is still being recorded.")
    job = ClipJob("pump", f"dispute-{number}", noise(6.0), RATE_HZ, 99.0, began_utc_s - 1.0, 0)
    write_dispute_clip(plant.store.database, plant.config.state_dir, number, job)
    expect(page.locator(".disputes [data-play]")).to_have_count(1)
    expect(page.locator("[data-due]")).to_have_count(0)
    page.keyboard.press("Space")
    page.wait_for_function("() => document.getElementById('sound').currentTime > 0.1")
    assert [] == complaints
