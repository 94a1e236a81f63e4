"""The cache of plans trusts only its own user's folder."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from engines.errors import PlanCacheError
from engines.plans import PlanCache


def test_a_folder_of_another_user_is_refused_with_both_users_and_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "engines"
    PlanCache(folder)
    owner = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    with pytest.raises(PlanCacheError, match=rf"user {owner}, this is user {owner + 1}.* sudo -u '#{owner}'"):
        PlanCache(folder)
