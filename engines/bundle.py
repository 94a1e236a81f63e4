"""A bundle: one model as a folder, with a manifest that says what it needs and what it is.

    manifest.json       this module's Manifest
    model.onnx          fp32; input `logmel`, outputs `score`, `error_map`, `reconstruction`
    model.fp16.onnx     the same in half precision, where the manifest names it; inputs and outputs are fp32
    golden.npz          a few windows with the outputs that training saw, for parity checks
    calibration.json    the alarm limit fitted on the training machine (read by the monitor)

A bundle is refused before anything else opens: a missing file, another sha256, an unknown schema.
This module knows nothing of sound: the front end's parameters are a mapping with a digest.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from engines.errors import BundleDamagedError, BundleError, BundleMismatchError

SCHEMA = 1
MANIFEST = "manifest.json"
MODEL = "model.onnx"
MODEL_FP16 = "model.fp16.onnx"
MODELS = {"fp32": MODEL, "fp16": MODEL_FP16}
"""Precision -> the file that has it: precision is a property of the file, never of who runs it."""
GOLDEN = "golden.npz"
CALIBRATION = "calibration.json"
WEIGHTS = "weights.safetensors"
"""The training framework's own weights, for explanations; optional, and never opened on the box."""
INPUT_NAME = "logmel"
OUTPUT_NAMES = ("score", "error_map", "reconstruction")


@dataclass(frozen=True, slots=True)
class FileEntry:
    """One file of the bundle."""

    sha256: str
    """Hexadecimal."""
    size_bytes: int
    """As it was when the manifest was written, for readers; not checked."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a bundle is, and what it needs of whoever runs it."""

    kind: str
    """Kind of model: `ae`, `mae`, ..."""
    frontend: Mapping[str, Any]
    """The front end's parameters, as monitor.frontend writes them."""
    frontend_digest: str
    """Digest of those parameters."""
    mel: int
    """Mel bands of a window."""
    frames: int
    """Frames of a window."""
    standardisation_mean: tuple[float, ...]
    """Shape (mel,), log10 units; already inside the graph, kept here for readers."""
    standardisation_std: tuple[float, ...]
    """Shape (mel,), log10 units; already inside the graph."""
    files: Mapping[str, FileEntry]
    """Every file but the manifest, by name."""
    training: Mapping[str, Any] = field(default_factory=dict)
    """Where the model comes from: run, seed, data, versions."""
    metrics: Mapping[str, Any] = field(default_factory=dict)
    """What was measured of it, and with which command."""
    parity: Mapping[str, float] = field(default_factory=dict)
    """Largest difference to the training framework on the golden windows, by output."""
    tolerance: Mapping[str, float] = field(default_factory=dict)
    """Largest relative difference that an engine may have on the golden windows, by precision; engines.golden
    has defaults for what is not named."""
    schema: int = SCHEMA
    """Version of this form; a bundle with another one is refused."""

    @property
    def bundle_id(self) -> str:
        """The kind and the first twelve digits of the model file's sha256."""
        return f"{self.kind}-{self.files[MODEL].sha256[:12]}"


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle on disk whose files were found to be what the manifest says."""

    folder: Path
    """Where the files lie; they were checked once, when it was opened."""
    manifest: Manifest
    """As read from the folder."""

    @property
    def bundle_id(self) -> str:
        """The manifest's bundle_id."""
        return self.manifest.bundle_id

    @property
    def model_path(self) -> Path:
        """The fp32 ONNX file."""
        return self.folder / MODEL

    def model_path_of(self, precision: str) -> Path:
        """Return the ONNX file of a precision, `fp32` or `fp16`.

        Raises:
            BundleError: The manifest names no file of that precision.
        """
        name = MODELS.get(precision, "")
        if name not in self.manifest.files:
            held = ", ".join(kind for kind, file in MODELS.items() if file in self.manifest.files)
            note = self.manifest.metrics.get(precision, {})
            why = f" ({note['refused']})" if "refused" in note else ""
            raise BundleError(
                f"{self.folder}: has no model in precision {precision!r}, only {held}{why}; "
                "export the bundle anew with it, or set engine.precision to one that it has"
            )
        return self.folder / name

    @property
    def calibration_path(self) -> Path:
        """The calibration that came with the bundle; may not exist."""
        return self.folder / CALIBRATION


def sha256_of_file(path: Path) -> str:
    """Return the hexadecimal sha256 of a file."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def entry_of_file(path: Path) -> FileEntry:
    """Return the manifest's entry for a file."""
    return FileEntry(sha256=sha256_of_file(path), size_bytes=path.stat().st_size)


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write manifest.json, last of all files and in one step, so that half a bundle never opens."""
    part = folder / (MANIFEST + ".part")
    part.write_text(json.dumps(asdict(manifest), indent=1, sort_keys=True) + "\n", encoding="utf-8")
    part.replace(folder / MANIFEST)


def open_bundle(folder: Path) -> Bundle:
    """Read a bundle and check every file against the manifest.

    Raises:
        BundleError: The folder or its manifest is missing or not readable.
        BundleMismatchError: The manifest has another schema than this software knows.
        BundleDamagedError: A file is missing or differs from the manifest.
    """
    manifest = read_manifest(folder)
    for name, entry in manifest.files.items():
        path = folder / name
        if not path.is_file():
            raise BundleDamagedError(f"{path}: missing; copy the whole bundle again")
        found = sha256_of_file(path)
        if found != entry.sha256:
            raise BundleDamagedError(
                f"{path}: sha256 is {found[:12]}..., the manifest says {entry.sha256[:12]}...; "
                "the file was changed or cut short: copy the bundle again or export it anew"
            )
    return Bundle(folder=folder, manifest=manifest)


def read_manifest(folder: Path) -> Manifest:
    """Read what a bundle says of itself; its other files stay closed and may be missing.

    Raises:
        BundleError: The folder or its manifest is missing or not readable.
        BundleMismatchError: The manifest has another schema than this software knows.
    """
    path = folder / MANIFEST
    try:
        tree = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BundleError(
            f"{folder}: no bundle here ({MANIFEST} is missing); name the folder of a bundle"
        ) from None
    except (OSError, ValueError) as error:
        raise BundleError(f"{path}: cannot be read: {error}; export the bundle anew") from error
    if not isinstance(tree, dict) or tree.get("schema") != SCHEMA:
        found = tree.get("schema") if isinstance(tree, dict) else None
        raise BundleMismatchError(
            f"{path}: has schema {found!r}, this software reads {SCHEMA}; "
            "export the bundle with this version, or install the version that made it"
        )
    return _manifest_from_tree(tree, path)


def _manifest_from_tree(tree: dict[str, Any], path: Path) -> Manifest:
    try:
        files = {
            _plain_name(name): FileEntry(str(entry["sha256"]), int(entry["size_bytes"]))
            for name, entry in tree["files"].items()
        }
        files[MODEL]  # a bundle without a model is no bundle
        return Manifest(
            kind=str(tree["kind"]),
            frontend=dict(tree["frontend"]),
            frontend_digest=str(tree["frontend_digest"]),
            mel=int(tree["mel"]),
            frames=int(tree["frames"]),
            standardisation_mean=tuple(float(x) for x in tree["standardisation_mean"]),
            standardisation_std=tuple(float(x) for x in tree["standardisation_std"]),
            files=files,
            training=dict(tree.get("training", {})),
            metrics=dict(tree.get("metrics", {})),
            parity={str(k): float(v) for k, v in tree.get("parity", {}).items()},
            tolerance={str(k): float(v) for k, v in tree.get("tolerance", {}).items()},
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BundleError(f"{path}: is not a manifest ({error!r}); export the bundle anew") from error


def _plain_name(name: str) -> str:
    """Refuse a file name that leaves the bundle's folder."""
    if "/" in name or "\\" in name or name in {"", ".", ".."}:
        raise ValueError(f"file name {name!r} leaves the folder")
    return name
