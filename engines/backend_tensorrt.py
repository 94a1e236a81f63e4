"""Runs a bundle with TensorRT: a plan built on this box from the bundle's ONNX, kept, and proven.

A plan is proven whenever it is opened: it answers the bundle's golden windows within the manifest's
tolerance, or it goes into quarantine with the numbers. Who asked for `auto` then gets the next backend.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from engines.bundle import MODELS, Bundle
from engines.errors import (
    BackendUnavailableError,
    EngineParityError,
    PlanCacheError,
    PlanMissingError,
    PlanRefusedError,
)
from engines.golden import GoldenWindows, OutputParity, limits_of, read_golden, require_parity
from engines.plan_lock import build_lock
from engines.plan_owner import build_command
from engines.plan_record import PlanKey, PlanRecord
from engines.plans import PlanCache
from engines.proof import REPEATS, proven_parity
from engines.runtime import Engine, EngineOutput, Float32, PlanSettings, join_outputs
from engines.tensorrt.cuda import Cuda, Gpu, find_cuda
from engines.tensorrt.library import Library, find_library
from engines.tensorrt.plan import RECIPE, PlanRequest, plan_from_onnx, read_onnx
from engines.tensorrt.session import Session


@dataclass(frozen=True, slots=True)
class Box:
    """What compiles and what runs: the TensorRT and the GPU of this box."""

    library: Library
    """Which TensorRT."""
    cuda: Cuda
    """Its memory and streams."""
    gpu: Gpu
    """Device 0."""


class TensorRTEngine(Engine):
    """A plan with its buffers on the GPU."""

    def __init__(self, bundle: Bundle, box: Box, session: Session, key: PlanKey) -> None:
        super().__init__(bundle, "", key.precision)
        self._session = session
        self.key = key
        """Which plan this is."""
        self.parity: tuple[OutputParity, ...] = ()
        """How far it strayed on the golden windows when it was opened."""
        self.allowed: Mapping[str, float] = {}
        """How far it was allowed to, by output."""
        self.unkept = ""
        """Why the plan could not be written and must be built again at the next start; empty: it is kept."""
        self._name = f"{box.library.flavour} {box.library.version} {box.gpu.name} {key.precision}"
        self.backend = self._name

    def warm(self) -> None:
        """Run single windows until a CUDA graph is captured or refused, and say which in `backend`."""
        mel, frames = self.bundle.manifest.mel, self.bundle.manifest.frames
        for _ in range(REPEATS):
            self._session.infer(np.zeros((1, mel, frames), np.float32))
        captured = self._session.graph_batch is not None
        self.backend = self._name if captured else f"{self._name} without CUDA graph"

    def _infer(self, batch: Float32) -> EngineOutput:
        limit = self.key.max_batch
        parts = [self._session.infer(batch[first : first + limit]) for first in range(0, len(batch), limit)]
        return join_outputs(parts)

    def prove(self, golden: GoldenWindows, limits: Mapping[str, float]) -> None:
        """Answer golden windows, plain and through CUDA graphs, and note in `parity` how far off.

        Raises:
            EngineParityError: An output is further off than its limit, relative, or is not a number.
        """
        self.allowed = limits
        # _infer, not infer: a plan that answers no number strays, and is to be set aside as one
        self.parity = proven_parity(golden, self._infer)
        require_parity(self.parity, limits, f"{self.backend} on {self.bundle.bundle_id}")

    def close(self) -> None:
        """Free the GPU's memory."""
        self._session.close()


def find_box() -> Box:
    """Return the TensorRT and the GPU of this box.

    Raises:
        BackendUnavailableError: One of TensorRT, cuda-python, the driver and the GPU is missing.
    """
    library, cuda = find_library(), find_cuda()
    return Box(library, cuda, cuda.gpu())


def plan_key(bundle: Bundle, precision: str, plans: PlanSettings, box: Box) -> PlanKey:
    """Return what the plan of a bundle depends on here.

    Raises:
        BundleError: The bundle has no file of this precision.
    """
    bundle.model_path_of(precision)
    return PlanKey(
        onnx_sha256=bundle.manifest.files[MODELS[precision]].sha256,
        flavour=box.library.flavour,
        version=box.library.version,
        gpu_name=box.gpu.name,
        compute_capability=box.gpu.compute_capability,
        precision=precision,
        min_batch=1,
        opt_batch=min(plans.opt_batch, plans.max_batch),
        max_batch=plans.max_batch,
        recipe=RECIPE,
    )


def open_engine(
    bundle: Bundle,
    *,
    precision: str = "fp32",
    threads: int = 1,  # noqa: ARG001 - every backend is opened alike; the GPU does the work here
    plans: PlanSettings | None = None,
) -> TensorRTEngine:
    """Open the bundle's plan, building it first if there is none that can be used.

    Of several processes one builds; the others wait for its plan.

    Raises:
        BackendUnavailableError: TensorRT or a GPU is missing, or the one does not support the other.
        BundleError: The bundle has no file of this precision or no golden windows, or was replaced meanwhile.
        EngineBuildError: TensorRT makes no plan of it.
        EngineParityError: The plan strays; it was put into quarantine.
        PlanQuarantinedError: It was there already.
        PlanMissingError: There is none and plans.build is false.
        PlanCacheError: The cache's folder cannot be used.
        EngineError: CUDA or TensorRT failed otherwise; the text has their words.
    """
    settings = plans or PlanSettings()
    box = find_box()
    return _Opener(bundle, box, plan_key(bundle, precision, settings, box), settings).open()


class _Opener:
    """Opens one plan: kept, else built."""

    def __init__(self, bundle: Bundle, box: Box, key: PlanKey, settings: PlanSettings) -> None:
        self._bundle, self._box, self._key, self._settings = bundle, box, key, settings
        self._cache = PlanCache(settings.folder)
        self._golden = read_golden(bundle)
        self._limits = limits_of(bundle, key.precision, self._golden)
        self._why = ""

    def open(self) -> TensorRTEngine:
        engine = self._open_kept()
        if engine is not None:
            return engine
        if not self._settings.build:
            folder, bundle = self._settings.folder, self._bundle.folder.absolute()
            command = build_command(folder, bundle, self._key.precision)
            raise PlanMissingError(
                f"no TensorRT plan of {self._bundle.bundle_id} can be used here ({self._why}); make one, "
                f"with the daemon's configuration as FILE: `{command}`, or set engine.build_plans to true"
            )
        with build_lock(self._cache.path(self._key, ".lock"), say=self._settings.say):
            engine = self._open_kept()  # another process may have built it while we waited
            return self._build() if engine is None else engine

    def _open_kept(self) -> TensorRTEngine | None:
        kept = self._cache.load(self._key)
        if kept.record is None:
            self._why = kept.why
            return None
        try:
            engine = self._engine_of(kept.plan)
        except PlanRefusedError as error:
            self._why = str(error)
            return None
        self._prove(engine, kept.record)
        return engine

    def _build(self) -> TensorRTEngine:
        key, bundle = self._key, self._bundle
        self._settings.say(
            f"building the TensorRT plan of {bundle.bundle_id} in {key.precision} for {key.gpu_name} "
            f"({self._why}); it may take minutes, once"
        )
        started_s = time.monotonic()
        built = plan_from_onnx(
            self._box.library,
            PlanRequest(
                onnx=read_onnx(bundle.model_path_of(key.precision), key.onnx_sha256),
                precision=key.precision,
                window=(bundle.manifest.mel, bundle.manifest.frames),
                batches=(key.min_batch, key.opt_batch, key.max_batch),
                timing=self._cache.read_timing(key),
            ),
        )
        build_s = time.monotonic() - started_s
        self._keep_timing(built.timing)
        engine = self._engine_of_built(built.plan)
        record = PlanRecord.of_plan(
            key, built.plan, bundle_id=bundle.bundle_id, build_s=build_s, tolerance=self._limits
        )
        proven = self._prove(engine, record)
        try:
            self._cache.keep(proven, built.plan)
        except PlanCacheError as error:  # a plan that answers is worth more than its file
            engine.unkept = str(error)
            self._settings.say(f"using the plan of {bundle.bundle_id}, which could not be kept: {error}")
        return engine

    def _keep_timing(self, timing: bytes) -> None:
        """Write what the compiler measured; where that fails, say so: only the next build takes longer."""
        try:
            if timing:
                self._cache.write_timing(self._key, timing)
        except PlanCacheError as error:
            self._settings.say(f"the next build will take as long again, its timings were not kept: {error}")

    def _engine_of_built(self, plan: bytes) -> TensorRTEngine:
        """Open what was built here a moment ago: TensorRT for RTX builds for GPUs that it cannot run on."""
        library, gpu = self._box.library, self._box.gpu
        try:
            session = Session(library, self._box.cuda, plan)
        except PlanRefusedError as error:
            raise BackendUnavailableError(
                f"{library.flavour} {library.version} cannot be used with {gpu.name} (compute capability "
                f"{gpu.compute_capability}): {error}; install another TensorRT, or set engine.backend to "
                "onnxruntime"
            ) from error
        return self._ready(session)

    def _engine_of(self, plan: bytes) -> TensorRTEngine:
        return self._ready(Session(self._box.library, self._box.cuda, plan))

    def _ready(self, session: Session) -> TensorRTEngine:
        manifest = self._bundle.manifest
        engine = TensorRTEngine(self._bundle, self._box, session, self._key)
        try:
            session.allocate(self._key.max_batch, (manifest.mel, manifest.frames))
            engine.warm()
        except BaseException:
            engine.close()
            raise
        return engine

    def _prove(self, engine: TensorRTEngine, record: PlanRecord) -> PlanRecord:
        """Return the record with how far the engine strays; quarantine the plan if that is too far."""
        try:
            engine.prove(self._golden, self._limits)
        except EngineParityError as error:
            engine.close()
            try:
                self._cache.quarantine(record.with_parity(engine.parity), str(error))
            except PlanCacheError as unnoted:
                raise EngineParityError(f"{error}; this could not be noted: {unnoted}") from error
            raise
        except BaseException:
            engine.close()
            raise
        return record.with_parity(engine.parity)
