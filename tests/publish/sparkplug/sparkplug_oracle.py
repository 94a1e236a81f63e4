"""An implementation of Sparkplug B that is not ours, to hold ours against.

pysparkplug brings Eclipse Tahu's generated schema, and decoders of its own for every type, arrays included,
that find name and type of data in the birth before it. As an edge node it would not do: docs/decisions/0009.
"""

from __future__ import annotations

from typing import Any

import pytest

pysparkplug = pytest.importorskip("pysparkplug", reason="pip install --no-deps pysparkplug, as `make` does")

from pysparkplug._protobuf import Payload as _Payload  # noqa: E402 - after the skip

OraclePayload: Any = _Payload
"""Tahu's own generated message: the whole schema, properties included."""
