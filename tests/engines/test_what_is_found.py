"""Which TensorRT and which GPU a box is taken to have, and what is kept of what TensorRT says."""

from __future__ import annotations

import sys

import pytest
from fixtures_tensorrt import Install

from engines.backend_tensorrt import find_box
from engines.errors import BackendUnavailableError
from engines.tensorrt.library import open_log
from monitor.testing.cuda_fake import CudaError, FakeCuda
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


@pytest.mark.parametrize(
    ("missing", "words"),
    [
        (
            CudaError.cudaErrorInsufficientDriver,
            "(CUDA error 35: CUDA driver version is insufficient for CUDA runtime version)",
        ),
        (
            CudaError.cudaErrorNoDevice,
            "(CUDA error 100: no CUDA-capable device is detected)",
        ),
    ],
)
def test_a_box_without_a_gpu_or_its_driver_is_told_of_as_it_is_and_not_as_a_defect(
    install: Install, missing: CudaError, words: str
) -> None:
    install(FakeTensorRT(cuda=FakeCuda(missing=missing)))
    with pytest.raises(BackendUnavailableError) as told:
        find_box()
    assert f"no NVIDIA GPU or driver is here {words}" == str(told.value)


def test_a_gpu_that_answers_with_another_error_is_to_be_looked_at(install: Install) -> None:
    install(FakeTensorRT(cuda=FakeCuda(missing=CudaError.cudaErrorIllegalAddress)))
    with pytest.raises(BackendUnavailableError, match=r"no NVIDIA GPU can be used here: .*dmesg"):
        find_box()


def test_the_log_keeps_warnings_and_errors_of_both_kinds() -> None:
    trt = FakeTensorRT().module()
    log = open_log(trt)
    for severity in trt.ILogger.INTERNAL_ERROR.__class__:
        words = f" {severity.name} "
        log.log(severity, words)
    assert ["internal error: INTERNAL_ERROR", "error: ERROR", "warning: WARNING"] == list(log.kept)
