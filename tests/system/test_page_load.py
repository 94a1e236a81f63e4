"""The daemon is never slowed by its page: whoever looks on costs it no sample and no late window."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from fixtures_daemon import DaemonProcess
from fixtures_mosquitto import free_port
from fixtures_time import stalls
from page_load import HOP_S, SOURCES, load_config, page_of, paths_of, strain, wrk_missing


@pytest.mark.slow
@pytest.mark.skipif(wrk_missing(), reason="wrk is not installed")
def test_fifty_impatient_browsers_cost_the_daemon_no_sample_and_no_late_window(
    make_daemon: Callable[..., DaemonProcess],
) -> None:
    port = free_port()
    daemon = make_daemon(**load_config(port))
    daemon.start()
    daemon.wait_listening()
    with page_of(daemon, port) as url, stalls() as worst_s:
        under = strain(daemon, url, paths_of(url), 6.0)
        box_s = 2 * worst_s()
    assert 0 == under.lost_samples
    assert 0 == under.dropped_windows
    assert under.lag_max_s <= HOP_S + box_s, under
    assert abs(under.windows - under.expected_windows) <= (2 + box_s / HOP_S) * len(SOURCES), under
    assert under.requests_per_s > 1, under
    assert 0 == under.refused, under
    assert 0 == daemon.stop()
