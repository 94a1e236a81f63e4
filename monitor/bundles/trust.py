"""Whose bundles are used: with keys configured, those that one of the keys has signed; without, any.

An unsigned, foreign or changed bundle is refused before its model is opened, at the start and at a reload;
a calibration likewise, for whoever can set a machine's limit can silence it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from engines.bundle import CALIBRATION, MANIFEST, Bundle, open_bundle, read_manifest
from monitor.bundles.keys import cipher, key_id, public_from_file, public_from_text
from monitor.bundles.signature import Of, Signature, Statement, read_signature, signature_path
from monitor.config.bundles import BundlesConfig, TrustedKeyConfig
from monitor.errors import ConfigError, SigningKeyError, UntrustedError
from monitor.worded import Worded, worded


@dataclass(frozen=True, slots=True)
class TrustedKey:
    """A public key whose owner is trusted."""

    name: str
    """For people."""
    public: bytes
    """32 bytes."""
    signs: Literal["everything", "calibrations"]
    """What its owner may vouch for."""

    @property
    def id(self) -> str:
        """By what signatures call it."""
        return key_id(self.public)


class Trust:
    """Decides what may be used; asks for nothing when there are no keys."""

    def __init__(self, keys: Mapping[str, TrustedKey]) -> None:
        """`keys` by their ids."""
        self._keys = keys

    @property
    def asks(self) -> bool:
        """Whether anything is asked for."""
        return bool(self._keys)

    def check_bundle(self, folder: Path, source_id: str) -> str | None:
        """Return the id of the key that signed a bundle that is about to be opened; None: none is asked for.

        The signature covers the manifest; opening the bundle then holds each file against the manifest.

        Raises:
            UntrustedError: It is unsigned, signed by a stranger, for another source, changed since, or has
                files beside it that nobody vouches for.
            BundleError: The manifest cannot be read.
        """
        if not self.asks:
            return None
        manifest = read_manifest(folder)
        files = {MANIFEST, *manifest.files, CALIBRATION}
        known = files | {signature_path(Path(name)).name for name in (MANIFEST, CALIBRATION)}
        strays = sorted(path.name for path in folder.iterdir() if path.name not in known)
        if strays:
            raise UntrustedError(
                worded(
                    "stray-files",
                    "{folder}: holds {files}, which its manifest does not name, so that nobody vouches for "
                    "it; take it away",
                    folder=str(folder),
                    files=", ".join(strays[:5]),
                )
            )
        return self._check(folder / MANIFEST, "manifest", source_id)

    def check_calibration(self, path: Path, bundle: Bundle, source_id: str) -> str | None:
        """Return the id of the key that signed a calibration; None: none is asked for.

        Raises:
            UntrustedError: As for a bundle.
        """
        if not self.asks:
            return None
        if path == bundle.calibration_path and CALIBRATION in bundle.manifest.files:
            return self._check(bundle.folder / MANIFEST, "manifest", source_id)
        return self._check(path, "calibration", source_id)

    def check_version(self, folder: Path, source_id: str) -> str | None:
        """Return the id of the key that signed a bundle whose calibration is trusted, too.

        Raises:
            UntrustedError: As for a bundle, or its calibration.
            BundleError: It cannot be opened.
        """
        key = self.check_bundle(folder, source_id)
        bundle = open_bundle(folder)
        self.check_calibration(bundle.calibration_path, bundle, source_id)
        return key

    def check_arrival(self, copy: Path, given: Path, *, source_id: str) -> str | None:
        """Return the id of the key that signed a bundle that is taken in; raises as check_version.

        `copy` is what will judge. `given`, which it was made of, is held to what `bundle verify` asks for: a
        file that nobody vouches for is not copied, and whoever sent it is told all the same.
        """
        self.check_bundle(given, source_id)
        return self.check_version(copy, source_id)

    def _check(self, path: Path, of: Of, source_id: str) -> str:
        signature = read_signature(path)
        if signature is None:
            raise UntrustedError(
                worded(
                    "no-signature",
                    "{path}: has no signature ({file} is missing), and bundles.trusted_keys asks for one by "
                    "{keys}; {remedy}",
                    path=str(path),
                    file=signature_path(path).name,
                    keys=self._names(of),
                    remedy=_remedy(path, of),
                )
            )
        said, key = signature.statement, self._keys.get(signature.statement.key)
        if key is None:
            raise UntrustedError(
                worded(
                    "key-not-trusted",
                    "{path}: was signed by key {key}, which is none of bundles.trusted_keys ({keys}); "
                    "{remedy}, or add its public key if you trust its owner",
                    path=str(path),
                    key=said.key,
                    keys=self._names(of),
                    remedy=_remedy(path, of),
                )
            )
        self._check_statement(path, of, signature, key, source_id)
        return key.id

    def _check_statement(
        self, path: Path, of: Of, signature: Signature, key: TrustedKey, source_id: str
    ) -> None:
        said, who, remedy = signature.statement, f"{key.name} ({key.id})", _remedy(path, of)
        if not cipher().is_signed(key.public, signature.proof, said.message):
            raise UntrustedError(
                worded(
                    "signature-forged",
                    "{file}: says that {who} signed it, who did not: it is forged or damaged; {remedy}",
                    file=str(signature_path(path)),
                    who=who,
                    remedy=remedy,
                )
            )
        if said.of != of:
            raise UntrustedError(
                worded(
                    "signed-something-else",
                    "{file}: {who} signed a {signed}, this is a {found}; {remedy}",
                    file=str(signature_path(path)),
                    who=who,
                    signed=said.of,
                    found=of,
                    remedy=remedy,
                )
            )
        found = hashlib.sha256(path.read_bytes()).hexdigest()
        if said.sha256 != found:
            raise UntrustedError(
                worded(
                    "changed-since-signed",
                    "{path}: was changed since {who} signed it: its sha256 is {found}..., the signature is "
                    "for {signed}...; copy it again, or {remedy}",
                    path=str(path),
                    who=who,
                    found=found[:12],
                    signed=said.sha256[:12],
                    remedy=remedy,
                )
            )
        self._check_reach(path, of, said, key, source_id)

    def _check_reach(self, path: Path, of: Of, said: Statement, key: TrustedKey, source_id: str) -> None:
        """Refuse a signature that is right, by a key or for a source that does not reach so far.

        Raises:
            UntrustedError: It is.
        """
        who, remedy = f"{key.name} ({key.id})", _remedy(path, of)
        if of == "manifest" and key.signs == "calibrations":
            raise UntrustedError(
                worded(
                    "signs-calibrations-alone",
                    "{path}: was signed by {who}, trusted for calibrations alone (bundles.trusted_keys, "
                    "signs); {remedy}",
                    path=str(path),
                    who=who,
                    remedy=remedy,
                )
            )
        if said.source not in {None, source_id}:
            raise UntrustedError(
                worded(
                    "signed-for-another-source",
                    "{path}: was signed by {who} for source {named}, not for {source}; take the one of "
                    "{source}, or {remedy}",
                    path=str(path),
                    who=who,
                    named=str(said.source),
                    source=source_id,
                    remedy=remedy,
                )
            )

    def _names(self, of: Of) -> str:
        fit = [key for key in self._keys.values() if of == "calibration" or key.signs == "everything"]
        return ", ".join(f"{key.name} {key.id}" for key in fit) or "no key that may sign bundles"


def trust_of(config: BundlesConfig) -> Trust:
    """Return what the configuration trusts; keys in files are read now.

    Raises:
        ConfigError: A key cannot be read.
        ExtraMissingError: There are keys, and the package to check signatures is missing.
    """
    if not config.trusted_keys:
        return Trust({})
    cipher()
    keys = [TrustedKey(one.name, _public(one), one.signs) for one in config.trusted_keys]
    return Trust({key.id: key for key in keys})


def _public(key: TrustedKeyConfig) -> bytes:
    try:
        return public_from_text(key.public_key or "") if key.file is None else public_from_file(key.file)
    except (SigningKeyError, ValueError) as error:
        raise ConfigError(f"bundles.trusted_keys {key.name}: {error}") from error


def _remedy(path: Path, of: Of) -> Worded:
    what = path.parent if of == "manifest" else path
    return worded(
        "have-it-signed", "have it signed: `wheeltapper bundle sign {what} --key FILE`", what=str(what)
    )
