"""Which TensorRT and which GPU a box is taken to have, and what is kept of what TensorRT says."""

from __future__ import annotations

import sys

import pytest
from fixtures_tensorrt import Install

from engines.backend_tensorrt import find_box
from engines.errors import BackendUnavailableError
from engines.tensorrt.library import open_log
from monitor.testing.cuda_fake import FakeCuda
from monitor.testing.tensorrt_fake import FakeTensorRT


def test_where_tensorrt_and_that_for_rtx_are_installed_the_former_is_taken(
    install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(FakeTensorRT())
    rtx = FakeTensorRT("1.7.1.116", flavour="tensorrt_rtx")
    monkeypatch.setitem(sys.modules, "tensorrt_rtx", rtx.module())
    library = find_box().library
    assert ("tensorrt", "10.3.0") == (library.flavour, library.version)


def test_a_box_on_which_cuda_counts_no_gpu_has_none(install: Install) -> None:
    install(FakeTensorRT(cuda=FakeCuda(devices=0)))
    with pytest.raises(BackendUnavailableError, match="no NVIDIA GPU is here: CUDA counts 0 devices"):
        find_box()


def test_the_log_keeps_warnings_and_errors_of_both_kinds() -> None:
    trt = FakeTensorRT().module()
    log = open_log(trt)
    for severity in trt.ILogger.INTERNAL_ERROR.__class__:
        words = f" {severity.name} "
        log.log(severity, words)
    assert ["internal error: INTERNAL_ERROR", "error: ERROR", "warning: WARNING"] == list(log.kept)
