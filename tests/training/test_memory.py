from __future__ import annotations

import subprocess
import sys

import pytest

STEPS = 20
FREED_AGAIN_AND_AGAIN = f"""
import resource, sys
import torch
from training.memory import keep_freed_memory
if sys.argv[1] == "kept" and not keep_freed_memory():
    sys.exit("this C library cannot be told")
torch.ones(16_000_000)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range({STEPS}):
    torch.ones(16_000_000)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""
PAGES = 16_000_000 * 4 // 4096


def faults(how: str) -> int:
    command = [sys.executable, "-c", FREED_AGAIN_AND_AGAIN, how]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


@pytest.mark.slow
def test_the_kernel_fills_the_pages_of_a_freed_tensor_anew_at_every_step_unless_memory_is_kept() -> None:
    given_back = faults("given back")
    assert given_back > 0.9 * STEPS * PAGES
    assert faults("kept") < given_back / 2
