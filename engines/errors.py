"""Errors of bundles and engines, and the base of every error a user may meet.

An error is named for the stage that found it, carries a stable `code` for machines and logs, and
its text says what was found and what to do about it.
"""

from __future__ import annotations

from typing import ClassVar


class CodedError(Exception):
    """An error with a stable code and a remedy in its text."""

    code: ClassVar[str] = "error"


class BundleError(CodedError):
    """A bundle is incomplete, damaged, or made for other software than this."""

    code = "bundle"


class BundleDamagedError(BundleError):
    """A file of the bundle is missing or its sha256 differs from the manifest."""

    code = "bundle-damaged"


class BundleMismatchError(BundleError):
    """The bundle is whole but was made for another front end, shape or schema."""

    code = "bundle-mismatch"


class EngineError(CodedError):
    """A model could not be opened or run."""

    code = "engine"


class EngineInputError(EngineError):
    """A batch has the wrong dtype or shape for the opened engine."""

    code = "engine-input"


class BackendUnavailableError(EngineError):
    """The configured backend cannot run on this machine."""

    code = "engine-backend"


class EngineParityError(EngineError):
    """An engine's answers stray from those that training saw; the text has the numbers."""

    code = "engine-parity"


class EngineBuildError(EngineError):
    """TensorRT would not make a plan of the model; the text has its own log."""

    code = "engine-build"


class PlanRefusedError(EngineError):
    """TensorRT cannot use this plan, or it is not one of a bundle's model: it must be built anew."""

    code = "engine-plan-refused"


class PlanMissingError(EngineError):
    """There is no usable plan and none may be built now."""

    code = "engine-plan-missing"


class PlanQuarantinedError(EngineError):
    """The plan that belongs here was set aside, for its answers strayed; the text has the numbers."""

    code = "engine-quarantined"


class PlanCacheError(EngineError):
    """The folder of the plans cannot be used, or another process holds it for too long."""

    code = "engine-plans"
