"""Makes every engine of a Python process take SLOW_ENGINE_S longer for each window, as on too small a box.

Python imports this by itself when its folder is on PYTHONPATH. The model is real and answers as it would.
"""

from __future__ import annotations

import os
import time

from engines.runtime import Engine, EngineOutput
from monitor.messages import Float32

_quick = Engine.infer
_delay_s = float(os.environ["SLOW_ENGINE_S"])


def _slow(self: Engine, batch: Float32) -> EngineOutput:
    time.sleep(_delay_s * len(batch))
    return _quick(self, batch)


Engine.infer = _slow  # type: ignore[method-assign]
