"""Entry of `python -m training.explain.study`."""

from __future__ import annotations

import os
import sys

# as `wheeltapper` does: must stand before NumPy is imported
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from training.explain.study.command import main

sys.exit(main())
