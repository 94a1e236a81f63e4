"""What comes of a bundle's tar: nothing stays of it, and the thread that judges removes nothing."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path

import pytest
from fixtures_live import DEMO

from monitor.bundles.library import Library
from monitor.bundles.roles import By
from monitor.config import Config, parse_config
from monitor.desk.arrivals import FOLDER, Arrivals, answer_of
from monitor.errors import CommandError
from monitor.store import open_store
from monitor.testing import CapturedLog


@pytest.mark.parametrize("kind", ["ae", "none"])
def test_nothing_is_left_when_the_answer_is_told_nor_of_a_daemon_that_was_killed(
    tmp_path: Path, kind: str
) -> None:
    config = parse_config(
        f"state_dir: {tmp_path}\nsources: [{{id: pump, kind: simulated, bundle: managed}}]", name="test"
    )
    place, there, told = tmp_path / FOLDER, list[bool](), list[Mapping[str, object]]()
    (place / "bundle").mkdir(parents=True)

    def at_once(job: Callable[[Config], str], tell: Callable[[Mapping[str, object]], None]) -> None:
        try:
            answer = answer_of(job(config))
        except CommandError as error:
            answer = answer_of(error)
        there.append(place.exists())
        tell(answer)

    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as tar:
        tar.add(DEMO / kind if kind == "ae" else DEMO / "ae" / "model.onnx", arcname=".")
    with closing(open_store(tmp_path)) as store:
        arrivals = Arrivals(config, store, at_once, CapturedLog())
        assert not place.exists()
        arrival = arrivals.begin("pump", len(content.getvalue()), By("ada", "page", 1.8e9, "c-1"))
        arrival.write(content.getvalue())
        arrivals.finish(arrival, told.append)
    assert ([False], kind == "ae") == (there, Library(tmp_path, "pump").roles().candidate is not None)
    assert ["done" if kind == "ae" else "refused"] == [one["result"] for one in told]
