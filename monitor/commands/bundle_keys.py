"""`wheeltapper bundle keygen | sign | verify | show`: who vouches for a bundle or a calibration."""

from __future__ import annotations

import argparse
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING

from engines.bundle import CALIBRATION, MANIFEST, Bundle, open_bundle
from monitor.bundles.keys import key_id, make_keys, public_path, public_text
from monitor.bundles.signature import Of, read_signature, sign_file, signature_path
from monitor.bundles.trust import trust_of
from monitor.calibration import load_calibration
from monitor.config import load_config
from monitor.config.section import NAME
from monitor.config.shapes import IN_WORDS
from monitor.errors import ConfigError

if TYPE_CHECKING:
    Verbs = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 - argparse names it nowhere else


def add_verbs(verbs: Verbs) -> None:
    """Declare the four verbs."""
    keygen = verbs.add_parser("keygen", help="make a key pair to sign with")
    keygen.add_argument("key", type=Path, help="file for the private key; the public one goes beside it")
    keygen.set_defaults(run_bundle_verb=_keygen)

    sign = verbs.add_parser("sign", help="vouch for a bundle, or for a calibration")
    sign.add_argument("path", type=Path, help="folder of a bundle, or a calibration's file")
    sign.add_argument("--key", type=Path, required=True, help="file of the private key")
    sign.add_argument("--source", help="only for this source; default: for any")
    sign.set_defaults(run_bundle_verb=_sign)

    verify = verbs.add_parser("verify", help="check a bundle as the daemon of a configuration would")
    verify.add_argument("folder", type=Path, help="of the bundle")
    verify.add_argument("--config", type=Path, default=Path("config.yaml"), help="default: ./config.yaml")
    verify.add_argument("--source", default="", help="for this source; default: only if signed for any")
    verify.set_defaults(run_bundle_verb=_verify)

    show = verbs.add_parser("show", help="show what a bundle says of itself, and who says to have signed it")
    show.add_argument("folder", type=Path, help="of the bundle")
    show.set_defaults(run_bundle_verb=_show)


def _keygen(arguments: argparse.Namespace) -> int:
    """Write the keys, and say what goes into the configuration; never the private one."""
    public = make_keys(arguments.key)
    print(f"private key  {arguments.key}  (mode 0600: keep it off the boxes, and keep a copy of it)")
    print(f"public key   {public_path(arguments.key)}  (id {key_id(public)})")
    print("To have boxes trust it, in their configuration:\n")
    print("bundles:\n  trusted_keys:")
    print(f"    - {{name: {arguments.key.stem}, public_key: {public_text(public)}}}")
    return 0


def _sign(arguments: argparse.Namespace) -> int:
    """Sign what is whole: a bundle's manifest, and its calibration where that is not one of its files."""
    path: Path = arguments.path
    if arguments.source is not None and re.match(NAME, arguments.source) is None:
        raise ConfigError(f"--source {arguments.source!r} {IN_WORDS[NAME]}: it is the id of a source")
    todo: list[tuple[Path, Of]] = [(path, "calibration")]
    if path.is_dir():
        bundle = open_bundle(path)
        todo = [(path / MANIFEST, "manifest")]
        if CALIBRATION not in bundle.manifest.files and bundle.calibration_path.is_file():
            load_calibration(bundle.calibration_path, bundle_id=bundle.bundle_id)
            todo.append((bundle.calibration_path, "calibration"))
    now_utc_s = time.time()
    for file, of in todo:
        said = sign_file(
            file, of, key=arguments.key, source_id=arguments.source, now_utc_s=now_utc_s
        ).statement
        print(f"{signature_path(file)}  key {said.key}, for {said.source or 'any source'}, {said.time}")
    return 0


def _verify(arguments: argparse.Namespace) -> int:
    """Check signatures and digests."""
    trust = trust_of(load_config(arguments.config).bundles)
    if not trust.asks:
        raise ConfigError(
            f"{arguments.config}: bundles.trusted_keys names no key, so nothing can be verified"
        )
    key = trust.check_bundle(arguments.folder, arguments.source)
    bundle = open_bundle(arguments.folder)
    print(f"ok    {bundle.bundle_id}: {len(bundle.manifest.files)} files, signed by key {key}")
    if not bundle.calibration_path.is_file():
        print(f"note  no {CALIBRATION}: `bundle install` takes it only with one (--calibration FILE)")
        return 0
    load_calibration(bundle.calibration_path, bundle_id=bundle.bundle_id)
    key = trust.check_calibration(bundle.calibration_path, bundle, arguments.source)
    print(f"ok    {CALIBRATION}: signed by key {key}")
    return 0


def _show(arguments: argparse.Namespace) -> int:
    """Print what can be read without trusting anybody."""
    bundle = open_bundle(arguments.folder)
    print(f"bundle       {bundle.bundle_id}, front end {bundle.manifest.frontend_digest}")
    for name, entry in sorted(bundle.manifest.files.items()):
        print(f"file         {name}  {entry.size_bytes} bytes  sha256 {entry.sha256[:12]}...")
    print(f"signature    {_signer(bundle.folder / MANIFEST)}")
    print(f"calibration  {_calibration(bundle)}")
    return 0


def _calibration(bundle: Bundle) -> str:
    if not bundle.calibration_path.is_file():
        return "none; make one with `wheeltapper calibrate`"
    found = load_calibration(bundle.calibration_path, bundle_id=bundle.bundle_id)
    sealed = CALIBRATION in bundle.manifest.files
    signer = "one of the bundle's files" if sealed else _signer(bundle.calibration_path)
    return f"from {found.exposure_h:.1f} h of {found.source}; {signer}"


def _signer(path: Path) -> str:
    signature = read_signature(path)
    if signature is None:
        return "not signed"
    said = signature.statement
    return (
        f"key {said.key}, for {said.source or 'any source'}, {said.time} (not checked: `bundle verify` does)"
    )
